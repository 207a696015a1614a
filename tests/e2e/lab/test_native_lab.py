"""A lab whose hosts have SSH and a Python, and nothing else that we need: no Docker, no root."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mspass_stack.polling import wait_until
from mspass_stack.verify.strangers import can_connect
from tests.e2e.clients import documents, expect_line, expect_running, expect_whole, mongo, write_documents
from tests.e2e.spark import (
    CACHED,
    COUNT,
    HELD,
    READ,
    alive,
    ends_with,
    expect_said,
    has_begun,
    javas,
    let_go,
    master,
    secrets,
)
from tests.e2e.staged import Seen, seen, stage
from tests.harness.connected import LABELS, connected
from tests.harness.lab import Lab
from tests.harness.lab.capture import capture, told
from tests.harness.lab.command import LabError
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project

DOCUMENTS = 300
WORKERS = ("lab3", "lab4")


@pytest.fixture(scope="module")
def native() -> tuple[str, ...]:
    return ("lab1", "lab2", "lab3", "lab4", "lab5")


@pytest.fixture(scope="module")
def stack(project: Project, lab: Lab) -> Iterator[LabStack]:
    stack = LabStack(project, lab, "no/such:image", "lab-sim", "native")
    yield stack
    stack.close()


def test_it_comes_up_verifies_heals_and_goes_down(stack: LabStack, lab: Lab) -> None:
    stack.up()
    stack.expect_unchanged()
    write_documents(stack, DOCUMENTS)
    expect_whole(stack, DOCUMENTS)
    host, pid = stack.pid("shard-a-lab2")
    lab.execute(host, "kill", "-KILL", pid)
    stack.up()
    expect_running(stack, DOCUMENTS)


def test_connect_opens_its_pages_on_this_machine_alone_until_an_interrupt(stack: LabStack, lab: Lab) -> None:
    host, _ = stack.pid("frontend")
    with connected(stack, "--all") as ways:
        url = str(stack.outputs()["jupyterUrl"])
        assert urlsplit(url).query == urlsplit(ways.url("Jupyter")).query
        assert "mongosh and Compass" in ways.output
        for label in ("Jupyter", "Dask's pages"):
            assert httpx.get(ways.url(label), timeout=10, follow_redirects=True).is_success
        with mongo(ways.url("Database")) as client:
            assert client["mspass"]["arrival"].count_documents({}) == DOCUMENTS
        places = {ways.place(label) for label in LABELS}
        assert {place.partition(":")[0] for place in places} == {"127.0.0.1"}
        assert ways.listens_on() == {("127.0.0.1", int(place.partition(":")[2])) for place in places}
        assert not can_connect(lab.address(host), stack.cluster["frontend"].get("port", 8888))
        _cut_off(lab)
        assert wait_until(lambda: _opens(ways.url("Jupyter")), 30)
    assert ways.status == 0
    assert ways.output.endswith("Closed.\n")


def test_a_program_goes_on_while_its_host_is_cut_off(stack: LabStack, lab: Lab, tmp_path: Path) -> None:
    host, _ = stack.pid("frontend")
    script, go = tmp_path / "slow.py", f"{stack.directory}/scratch/go"
    script.write_text(
        f"import pathlib, time\nprint('ready', flush=True)\nwhile not pathlib.Path({go!r}).exists():\n"
        "    time.sleep(0.1)\nprint('to its end')\nraise SystemExit(7)\n"
    )
    with stack.asked("run", str(script)) as running:
        expect_line(running, "ready")
        _cut_off(lab)
        expect_line(running, "there again")
        lab.execute(host, "touch", go)
        rest, _ = running.communicate(timeout=60)
    lab.execute(host, "rm", go)
    assert (running.returncode, "to its end" in rest) == (7, True), rest


def _cut_off(lab: Lab) -> None:
    """Break every connection of the user to the hosts."""
    for name in lab.names:
        lab.execute(name, "sh", "-c", f"pkill -KILL -u {lab.user} sshd; true")


def _opens(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=10, follow_redirects=True).is_success
    return False


def test_jupyter_is_for_everybody_by_https_where_that_is_asked_for(stack: LabStack, lab: Lab) -> None:
    stack.cluster["frontend"]["expose"] = "tls"
    stack.write()
    stack.up()
    expect_whole(stack, DOCUMENTS)
    outputs = stack.outputs()
    url, trust = str(outputs["jupyterUrl"]), ssl.create_default_context(cadata=outputs["jupyterAuthority"])
    assert urlsplit(url).hostname == lab.address(stack.pid("frontend")[0])
    assert httpx.get(url, timeout=10, follow_redirects=True, verify=trust).is_success
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(url, timeout=10)
    shown = stack.project.command(sys.executable, "-m", "mspass_stack", "status", "--stack", stack.name).stdout
    assert f"Jupyter: {url}\n" in shown
    assert outputs["jupyterAuthority"].strip() in shown
    del stack.cluster["frontend"]["expose"]
    stack.write()
    stack.up()
    expect_whole(stack, DOCUMENTS)


def test_daemons_have_the_environment_of_a_login_there_and_not_that_of_the_control_node(
    stack: LabStack, lab: Lab
) -> None:
    host, pid = stack.pid("worker-lab4")
    environment = lab.execute(host, "cat", f"/proc/{pid}/environ").split("\0")
    assert "LOGIN_SHELL_SAYS=hello" in environment
    assert f"HOME=/home/{lab.user}" in environment
    assert not [line for line in environment if line.startswith(("PULUMI_", "VIRTUAL_ENV="))]


def test_a_power_cut_is_healed_and_the_line_of_the_docs_starts_it_at_boot(stack: LabStack, lab: Lab) -> None:
    line = stack.outputs()["startAtBoot"]
    lab.power_off("lab2")
    lab.power_on("lab2")
    assert "shard-a-lab2" not in stack.running()
    command = line.removeprefix("@reboot ")
    assert command != line
    lab.ssh("lab2", command)
    assert wait_until(lambda: "shard-a-lab2" in stack.running(), 30)
    stack.up()
    expect_running(stack, DOCUMENTS)


def _results(lab: Lab) -> dict[str, str]:
    """What the hosts of workers have in their place for results, by its path there."""
    line = "cd /var/tmp/results 2>/dev/null && for file in $(find . -type f); do echo $file $(cat $file); done; true"
    texts = [lab.execute(host, "sh", "-c", line) for host in WORKERS]
    return dict(line.split() for text in texts for line in text.splitlines())


def test_hosts_of_workers_have_on_their_own_disk_what_is_brought_and_results_come_back(
    stack: LabStack, lab: Lab, tmp_path: Path
) -> None:
    for host in WORKERS:
        lab.execute(host, "sh", "-c", "mkdir /waveforms && printf one > /waveforms/a")
        lab.execute(host, "install", "-d", "-o", lab.user, "/var/tmp/results")
    stack.cluster["stage"] = stage("/waveforms", "/var/tmp/results")
    stack.cluster["stage"]["in"].append({"from": "/no/such"})
    stack.write()
    said = stack.refused_up()
    assert "host 'lab3': mspass:cluster.stage.in[1]: /no/such: is not there" in said
    del stack.cluster["stage"]["in"][1]
    stack.write()
    stack.up()
    assert seen(stack, tmp_path, "one") == [Seen({"a": "one"}, False, "/waveforms")] * 2
    assert f"{stack.counted()} unchanged" in stack.up()
    lab.execute("lab3", "sh", "-c", "printf two > /waveforms/b")
    assert "1 updated" in stack.up()
    found = sorted(len(one.texts) for one in seen(stack, tmp_path, "two"))
    assert found == [1, 2]
    ran = stack.ask("stage", "out")
    assert ran.returncode == 0, ran.stderr
    assert _results(lab) == {"./lab3/seen": "onetwo", "./lab4/seen": "onetwo"}
    seen(stack, tmp_path, "three")
    del stack.cluster["stage"]
    stack.write()
    stack.up()
    assert _results(lab) == {"./lab3/seen": "onetwothree", "./lab4/seen": "onetwothree"}
    for host in WORKERS:
        assert not lab.execute(host, "sh", "-c", f"ls -d /tmp/waveforms /tmp/results {stack.directory}/stage; true")


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture(scope="module")
def spark(stack: LabStack) -> LabStack:
    """The same stack with Spark in the place of Dask, until it is destroyed."""
    stack.cluster["pool"]["scheduler"] = "spark"
    stack.write()
    stack.up()
    return stack


def test_spark_takes_dasks_place_and_the_database_goes_on(stack: LabStack, request: pytest.FixtureRequest) -> None:
    before = stack.runs()
    request.getfixturevalue("spark")
    pools = {f"{name}-{host}" for name in ("worker", "spark-worker") for host in ("lab3", "lab4")}
    assert _changed(before, stack.runs()) == {"scheduler", "spark-master", "frontend", *pools}
    stack.expect_unchanged()
    ran = stack.ask("verify", "-q", "-k", "spark or frontend")
    assert ran.returncode == 0, ran.stdout
    assert documents(stack) == DOCUMENTS


def test_a_program_on_the_control_node_works_on_the_labs_spark(spark: LabStack) -> None:
    line = f'set -a; . "{spark.outputs()["clientProfile"]}"; exec "$@"'
    ran = subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=120
    )
    found = f"sum 499500 {spark.outputs()['schedulerAddress']}"
    expect_said(ran.returncode, ran.stdout, found)


def test_spark_listens_where_it_is_declared_and_shows_no_secret_while_an_application_runs(
    spark: LabStack, lab: Lab, tmp_path: Path
) -> None:
    script, go = tmp_path / "held.py", f"{spark.directory}/scratch/seen"
    script.write_text(HELD)
    idle = {host: javas(lab, host) for host in lab.names}
    declared = {"lab1": {(7077, 8080)}, "lab3": {(7078, 8081)}, "lab4": {(7078, 8081)}}
    assert idle == {
        host: {
            place for own, page in declared.get(host, ()) for place in ((lab.address(host), own), ("127.0.0.1", page))
        }
        for host in lab.names
    }
    with spark.asked("run", str(script), go) as running:
        assert wait_until(lambda: has_begun(spark, "lab3", go) and has_begun(spark, "lab4", go), 120)
        busy = {host: javas(lab, host) for host in lab.names}
        shown = "".join(lab.execute(host, "ps", "-eo", "args") for host in lab.names)
        let_go(spark, go)
        ends_with(running, "sum 780")
    for host in lab.names:
        assert {address for address, _ in busy[host]} <= {lab.address(host), "127.0.0.1"}
    for host in ("lab3", "lab4"):
        assert {address for address, _ in busy[host] - idle[host]} == {lab.address(host)}
    assert "CoarseGrainedExecutorBackend" in shown
    assert not [secret for secret in secrets(spark) if secret in shown]


def test_nobody_at_the_switch_reads_what_a_driver_of_spark_and_its_executors_say(
    spark: LabStack, tmp_path: Path
) -> None:
    text = "a-document-that-nobody-else-reads"
    with mongo(spark.outputs()["databaseUri"]) as client:
        client["mspass"]["told"].insert_one({"text": text})
    script = tmp_path / "read.py"
    script.write_text(READ)
    with capture(tmp_path / "wire") as packets:
        ran = spark.ask("run", str(script))
    expect_said(ran.returncode, ran.stdout, f"found 6 {text}")
    # The first words of Spark's handshake are all that is said in clear.
    heard = "sparkSaslUser"
    assert told(packets, {heard, text, *secrets(spark)}) == {heard}


def test_sparks_worker_and_master_are_killed_and_back_while_an_application_goes_on(
    spark: LabStack, lab: Lab, tmp_path: Path
) -> None:
    script, go, address = tmp_path / "held.py", f"{spark.directory}/scratch/killed", lab.address("lab4")
    script.write_text(HELD)
    with spark.asked("run", str(script), go) as running:
        assert wait_until(lambda: has_begun(spark, "lab4", go), 120)
        before = alive(master(spark))
        spark.harm("spark-worker-lab4", "kill")
        assert wait_until(lambda: alive(master(spark)).get(address, before[address]) != before[address], 60)
        known, killed = alive(master(spark)), spark.pid("spark-master")
        spark.harm("spark-master", "kill")

        def is_back() -> bool:
            with suppress(LabError, LookupError):
                return spark.pid("spark-master") != killed and alive(master(spark)) == known
            return False

        assert wait_until(is_back, 60)
        let_go(spark, go)
        ends_with(running, "sum 780")
    spark.up()
    assert set(alive(master(spark))) == {lab.address("lab3"), address}
    spark.expect_unchanged()


def test_a_spark_worker_comes_and_one_goes_under_an_application_that_computes_nothing_twice(
    spark: LabStack, lab: Lab, tmp_path: Path
) -> None:
    script, go, before = tmp_path / "cached.py", f"{spark.directory}/scratch/moved", spark.runs()
    script.write_text(CACHED)
    with spark.asked("run", str(script), go) as running:
        expect_line(running, "ready lab3 lab4")
        workers = spark.cluster["pool"]["workers"]
        del workers["lab3"]
        workers["lab2"] = {"processes": 1, "memory": "512MiB"}
        spark.write()
        spark.up()
        assert set(alive(master(spark))) == {lab.address("lab2"), lab.address("lab4")}
        lab.execute("lab1", "touch", go)
        ends_with(running, "sum 276 computed 24")
    assert _changed(before, spark.runs()) == {"spark-worker-lab2", "spark-worker-lab3"}


def test_destroy_ends_all_of_spark(spark: LabStack, lab: Lab) -> None:
    spark.destroy()
    assert spark.running() == {}
    assert not "".join(lab.execute(host, "sh", "-c", "pgrep -l -f [/]opt/mspass; true") for host in lab.names)
    kept = "find . -type f ! -path './log/*' ! -path './scratch/*'; find scratch -name spark"
    assert not lab.execute("lab4", "sh", "-c", f"cd {spark.directory} && {kept}")
    del spark.cluster["pool"]["scheduler"], spark.cluster["pool"]["workers"]["lab2"]
    spark.cluster["pool"]["workers"]["lab3"] = {"processes": 1, "memory": "512MiB"}
    spark.write()


def test_another_distributed_on_one_host_is_refused_before_the_pool_starts(stack: LabStack, lab: Lab) -> None:
    stack.destroy()
    good = stack.cluster["hosts"]["lab4"]["python"]
    stack.cluster["hosts"]["lab4"]["python"] = lab.other_python
    stack.write()
    output = stack.refused_up()
    assert "distributed: " in output
    assert "on 'lab4'" in output
    assert not {"scheduler", "worker-lab3", "worker-lab4", "frontend"} & set(stack.running())
    stack.cluster["hosts"]["lab4"]["python"] = good
    stack.write()


def test_a_host_without_what_its_roles_need_is_named_with_its_path(stack: LabStack) -> None:
    stack.destroy()
    good = stack.cluster["hosts"]["lab2"]["python"]
    stack.cluster["hosts"]["lab2"]["python"] = "/usr/bin/python3"
    stack.write()
    output = stack.refused_up()
    assert "host 'lab2': 'mongod' is neither beside /usr/bin/python3 nor on PATH" in output
    assert "host 'lab2': mspass:cluster.hosts.lab2.python: /usr/bin/python3 lacks pymongo" in output
    assert stack.running() == {}
    stack.cluster["hosts"]["lab2"]["python"] = good
    stack.write()


def test_hosts_that_share_their_directory_are_refused_before_anything_is_touched(stack: LabStack, lab: Lab) -> None:
    """As in an NFS home: run directory, socket and data of both would be one."""
    stack.destroy()
    lab.share("lab2", "lab3")
    output = stack.refused_up()
    assert "host 'lab2': mspass:cluster.datadir: /srv/mspass" in output
    assert "is one directory for 'lab3' too (a shared file system)" in output
    assert stack.running() == {}
