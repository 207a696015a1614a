"""Each of Spark's workers starts executors, whose tasks read the database."""

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.spark import Spark


def test_an_application_has_an_executor_there(process: Entry, spark: Spark) -> None:
    assert process.address in {place.rpartition(":")[0] for place in spark.executors}


def test_every_task_reads_the_database(process: Entry, deployed: Deployed, spark: Spark) -> None:
    assert [task.get("documents") for task in spark.tasks] == [spark.documents] * len(spark.tasks)


def test_its_executors_work_in_the_directory_of_the_stack(process: Entry, deployed: Deployed, spark: Spark) -> None:
    scratch = f"{deployed.inventory.hosts[process.host].stack_dir}/scratch/spark/"
    assert all(task["directory"].startswith(scratch) for task in spark.tasks)
