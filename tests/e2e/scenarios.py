"""What holds on every target alike: natively and under Docker, on a desktop and in a lab.

Each target's `test_scenarios.py` takes them in, and its fixture `target` says where they run; a scenario that harms the
stack brings it up again.
"""

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import cloudpickle
import pytest
from nbformat import v4
from pymongo.errors import OperationFailure

from mspass_stack.polling import wait_until
from tests.e2e.clients import (
    dask,
    declared_workers,
    documents,
    expect_line,
    expect_running,
    expect_whole,
    mongo,
    workers,
    write_documents,
)
from tests.e2e.target import Target
from tests.harness.lab.command import LabError

HARMS = ("kill", "stop", "rm")

# Lambdas that are sent to workers go with all that they use of this module: where they run there are no tests.
cast("Any", cloudpickle).register_pickle_by_value(sys.modules[__name__])


def test_every_process_of_the_inventory_runs_and_no_other(target: Target) -> None:
    assert target.running() == set(target.stack.runs())


def test_a_second_up_changes_nothing(target: Target) -> None:
    stack, before = target.stack, target.stack.runs()
    stack.expect_unchanged()
    assert stack.runs() == before


def test_the_verification_suite_passes_without_a_skip(target: Target) -> None:
    write_documents(target.stack, 300)
    expect_whole(target.stack, 300)


def test_each_worker_opens_the_very_address_that_a_client_outside_has(target: Target) -> None:
    """As MsPASS's `Client()` does, which hands its own to every worker; and as every released one writes it."""
    uri = target.stack.outputs()["databaseUri"]
    addresses = [uri, f"{uri}:{urlsplit(uri).port}"]
    with dask(target.stack) as client:
        known = list(cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"]))
        tasks = [client.submit(lambda: _opened(addresses), workers=[worker], pure=False) for worker in known]
        opened = [task.result(timeout=30) for task in tasks]
    assert opened == [["mspass"] * len(addresses)] * declared_workers(target.stack)
    for address in addresses:
        assert _opened([address]) == ["mspass"]


def _opened(addresses: list[str]) -> list[str]:
    """Return the users that the addresses log in as."""
    from pymongo import MongoClient

    found: list[str] = []
    for address in addresses:
        with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=5000) as client:
            users = client.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"]
            found += [user["user"] for user in users]
    return found


def test_the_example_does_real_work(target: Target) -> None:
    ran = target.stack.ask("run", "examples/waveforms.py")
    assert ran.returncode == 0, ran.stdout
    shards = target.stack.cluster["database"].get("shards", {})
    count = 2940 if shards else 294
    assert f"{count} documents and {count} GridFS files" in ran.stdout
    shown = {line.split()[1] for line in ran.stdout.splitlines() if line.startswith("shard ")}
    assert shown == {f"{shard}:" for shard in shards}


def test_a_program_is_run_with_its_arguments_and_ends_with_its_own_status(target: Target, tmp_path: Path) -> None:
    script = tmp_path / "its own.py"
    script.write_text("import os, sys\nprint(sys.argv[1:], os.environ['MSPASS_DB_ADDRESS'])\nsys.exit(3)\n")
    ran = target.stack.ask("run", str(script), "--days", "a b")
    assert ran.returncode == 3, ran.stdout
    assert f"['--days', 'a b'] {target.stack.outputs()['databaseUri']}" in ran.stdout


def test_a_notebook_that_fails_is_saved_with_its_results_and_its_error(target: Target, tmp_path: Path) -> None:
    notebook = v4.new_notebook(cells=[v4.new_code_cell(text) for text in ("print(6 * 7)", "1 / 0", "print('never')")])
    (tmp_path / "fails.ipynb").write_text(v4.writes(notebook))
    ran = target.stack.ask("run", str(tmp_path / "fails.ipynb"))
    assert ran.returncode == 1, ran.stdout
    assert "fails.ipynb: a cell has failed: ZeroDivisionError: division by zero" in ran.stdout
    show = tmp_path / "show.py"
    show.write_text("import glob\nprint(open(max(glob.glob('runs/*/fails.ipynb'))).read())\n")
    shown = target.stack.ask("run", str(show)).stdout
    saved = v4.reads(shown[shown.index("{") :])
    assert [[output.get("text") or output["ename"] for output in cell.outputs] for cell in saved.cells] == [
        ["42\n"],
        ["ZeroDivisionError"],
        [],
    ]


SLOW = """\
import os, sys, time
print("ready", os.getpid())
try:
    time.sleep(float(sys.argv[1]))
except KeyboardInterrupt:
    print("told to end")
    raise
print("to its end")
"""


def test_a_program_ends_by_ctrl_c_and_outlives_a_lost_terminal(target: Target, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    with target.stack.asked("run", str(script), "600") as running:
        expect_line(running, "ready")
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said
    after = target.stack.ask("run", "--attach")
    assert (after.returncode, "told to end" in after.stdout) == (130, True), after.stdout
    with target.stack.asked("run", str(script), "5") as running:
        expect_line(running, "ready")
        running.kill()
    found = target.stack.ask("run", "--attach")
    assert (found.returncode, "to its end" in found.stdout) == (0, True), found.stdout


def test_a_program_ends_with_the_process_beside_which_it_runs_and_says_so(target: Target, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    name = target.stack.ask("run", "--detach", str(script), "600").stdout.strip()
    with target.stack.asked("run", "--attach", name) as running:
        expect_line(running, "ready")
        target.harm("frontend", "kill")
        target.stack.up()
        output, _ = running.communicate(timeout=90)
    assert f"{name} was ended: " in output, output
    assert running.returncode != 0


def test_verification_and_status_name_what_is_down(target: Target) -> None:
    stack = target.stack
    for process in target.victims:
        target.suspend(process)
        assert wait_until(lambda process=process: process not in target.running(), 30)
    ran = stack.verify()
    status = stack.ask("status")
    stack.up()
    assert ran.returncode == 1, ran.stdout
    assert status.returncode == 1
    failed = "".join(line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR")))
    for process in target.victims:
        assert f"[{process}]" in failed
        assert any(line.startswith(process) and "  no: " in line for line in status.stdout.splitlines()), status.stdout


def test_each_process_killed_is_back_and_the_next_up_agrees(target: Target) -> None:
    stack = target.stack
    write_documents(stack, 100)
    entries: list[dict[str, str]] = stack.outputs()["inventory"]["processes"]
    # One of each kind under each runtime; all of them are harmed in the next scenario.
    alike = {(entry["kind"], entry["runtime"]): entry["name"] for entry in entries}
    for process in sorted(alike.values()):
        before = stack.runs()
        target.harm(process, "kill")
        stack.up()
        assert stack.runs()[process] != before[process], process
        assert documents(stack) == 100
        assert len(workers(stack)) == declared_workers(stack), "when up returns, not some time later"


@pytest.mark.parametrize("turn", range(len(HARMS)))
def test_everything_harmed_at_once_is_healed_by_one_up(target: Target, turn: int) -> None:
    """Each process meets each harm once."""
    stack, before = target.stack, target.stack.runs()
    write_documents(stack, 200)
    for number, process in enumerate(sorted(target.running())):
        with suppress(LookupError, LabError):  # a worker whose scheduler was harmed may just have gone by itself
            target.harm(process, HARMS[(turn + number) % len(HARMS)])
    stack.up()
    expect_running(stack, 200)
    assert not set(before.values()) & set(stack.runs().values())


def test_a_change_of_the_workers_replaces_their_processes_only(target: Target) -> None:
    stack, before = target.stack, target.stack.runs()
    pool = stack.cluster["pool"]["workers"]
    good = json.loads(json.dumps(pool))
    _, process = target.victims
    host = process.removeprefix("worker-")
    pool[host] = {"processes": 1, "memory": "600MiB"}
    stack.write()
    stack.up()
    after = stack.runs()
    assert {name for name in before if before[name] != after[name]} == {process}
    limits = [worker["memory_limit"] for worker in workers(stack) if str(worker["name"]).startswith(process)]
    assert limits == [600 * 1024**2]
    stack.cluster["pool"]["workers"] = good
    stack.write()
    stack.up()


def test_an_up_that_cannot_work_is_refused_before_anything_is_touched(target: Target) -> None:
    stack, before = target.stack, target.stack.runs()
    good = dict(stack.cluster["frontend"])
    stack.cluster["frontend"] = {"host": "laptop"}
    stack.write()
    output = stack.refused_up()
    assert f"mspass:cluster.frontend.host: unknown host 'laptop' (hosts: {', '.join(stack.cluster['hosts'])})" in output
    assert "Traceback" not in output
    stack.cluster["frontend"] = good
    stack.write()
    stack.expect_unchanged()
    assert stack.runs() == before


def test_who_read_a_file_that_somebody_changed_is_restarted_with_the_right_one(target: Target) -> None:
    stack, before = target.stack, target.stack.runs()
    _, process = target.victims
    good = target.write(process, "secrets/client.env", "MSPASS_DB_ADDRESS='mongodb://elsewhere'\n")
    target.harm(process, "kill")  # it comes back with the wrong one
    stack.up()
    assert target.write(process, "secrets/client.env", good) == good
    after = stack.runs()
    assert after[process] != before[process]
    stack.expect_unchanged()
    with dask(stack) as client:
        seen = set(cast("dict[str, str]", client.run(_database_address)).values())
    assert seen == {stack.outputs()["databaseUri"]}


def _database_address() -> str:
    import os

    return os.environ["MSPASS_DB_ADDRESS"]


def test_an_upgrade_that_changes_nothing_that_is_executed_restarts_nobody(target: Target) -> None:
    """A field with a default more, another start order, another deadline: in the copy of the project that is used."""
    stack, before = target.stack, target.stack.runs()
    package = stack.project.path / "mspass_stack"
    changes = {
        "spec/process.py": (
            "    schema_: Literal[1]",
            '    novel: str = ""\n    further: tuple[str, ...] = ()\n    schema_: Literal[1]',
        ),
        "spec/probe.py": ("deadline: int = 120", "deadline: int = 110"),
        "roles/mongodb.py": ('"db", 100', '"db", 1000'),
        "roles/dask.py": ('"worker", 300', '"worker", 333'),
        "roles/jupyter.py": ('"frontend", 400', '"frontend", 4000'),
    }
    sources = {package / name: (package / name).read_text() for name in changes}
    for (path, text), (old, new) in zip(sources.items(), changes.values(), strict=True):
        assert old in text, path
        path.write_text(text.replace(old, new, 1))
    try:
        output = stack.up()
        after = stack.runs()
    finally:
        for path, text in sources.items():
            path.write_text(text)
    assert "updated" in output, "the new code was used"
    assert after == before
    stack.up()
    assert stack.runs() == before


def test_no_secret_is_in_the_state(target: Target) -> None:
    outputs = target.stack.outputs()
    secrets = [str(urlsplit(str(outputs["databaseUri"])).password), str(outputs["jupyterUrl"]).split("token=")[1]]
    files = [path for path in (target.stack.project.path / ".state").rglob("*") if path.is_file()]
    state = [path.read_text(errors="replace") for path in files]
    assert state
    assert not [secret for secret in secrets for text in state if secret in text]


def test_destroy_leaves_the_data_and_nothing_else_and_new_secrets_open_them(target: Target) -> None:
    stack = target.stack
    write_documents(stack, 300)
    old_uri = stack.outputs()["databaseUri"]
    stack.destroy()
    assert target.leftovers() == set()
    stack.up()
    assert stack.outputs()["databaseUri"] != old_uri
    assert documents(stack) == 300
    with mongo(old_uri) as client, pytest.raises(OperationFailure):
        client["mspass"]["arrival"].find_one()
