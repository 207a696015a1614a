"""Spark's master has its workers, shows its pages to its own host alone, and lets nobody do anything there."""

import httpx

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import ANSWER, Deployed
from mspass_stack.verify.spark import Spark


def test_it_is_where_the_outputs_say(process: Entry, deployed: Deployed) -> None:
    assert deployed.outputs["schedulerAddress"] == process.endpoint
    assert httpx.get(deployed.pages(process), trust_env=False, timeout=ANSWER, follow_redirects=True).is_success


def test_it_has_the_workers_declared_and_no_others(process: Entry, deployed: Deployed) -> None:
    seen = httpx.get(f"{deployed.pages(process)}/json/", trust_env=False, timeout=ANSWER).json()
    alive = {f"{one['host']}:{one['port']}": one["cores"] for one in seen["workers"] if one["state"] == "ALIVE"}
    declared = [entry for entry in deployed.inventory.processes if entry.kind == "spark-worker"]
    assert alive == {f"{entry.address}:{entry.ports[0]}": entry.threads for entry in declared}


def test_its_pages_end_no_application_and_decommission_no_worker(process: Entry, deployed: Deployed) -> None:
    page = deployed.pages(process)
    refused = httpx.post(f"{page}/workers/kill/", data={"host": process.address}, trust_env=False, timeout=ANSWER)
    assert refused.status_code == httpx.codes.METHOD_NOT_ALLOWED
    shown = httpx.get(page, trust_env=False, timeout=ANSWER, follow_redirects=True).text
    assert "app/kill" not in shown


def test_an_application_finds_it_by_the_environment_of_clients(
    process: Entry, deployed: Deployed, spark: Spark
) -> None:
    workers = [entry for entry in deployed.inventory.processes if entry.kind == "spark-worker"]
    assert len(spark.executors) == len(workers) + 1
    assert len(spark.tasks) == sum(entry.threads for entry in workers)


def test_a_frame_comes_back_as_it_was_written_where_there_is_the_connector(process: Entry, spark: Spark) -> None:
    assert spark.frame in (None, [1, 2, 3])


def test_driver_and_executors_have_one_python(process: Entry, spark: Spark) -> None:
    assert {task["python"] for task in spark.tasks} == {spark.python}
