"""A deployed desktop in its user's hands: status, logs, profile, notebooks, password."""

import json
import shlex
import subprocess
import sys

import httpx

from mspass_stack.polling import wait_until
from tests.e2e.target import NativeDesktop
from tests.harness.project import ROOT, Project, Stack, is_unchanged


def test_status_lists_every_process_as_ready_with_jupyters_address(desktop: Stack) -> None:
    def settled() -> dict[str, list[str]] | None:
        ran = desktop.ask("status")
        if ran.returncode:
            return None
        rows = {line.split()[0]: line.split() for line in ran.stdout.splitlines() if line}
        return None if "STARTING" in str(rows) else rows

    # Supervisord calls a process that was started just now STARTING for some seconds, be it ready or not.
    rows = wait_until(settled, 20)
    assert rows
    for entry in desktop.outputs()["inventory"]["processes"]:
        assert rows[entry["name"]][2] == "RUNNING"
        assert rows[entry["name"]][-1] == "yes"
        assert len(" ".join(rows[entry["name"]])) < 80
    assert httpx.get(rows["Jupyter:"][1], timeout=10).is_success
    shown = json.loads(desktop.ask("status", "--json").stdout)["processes"]
    assert {row["process"]: row["incarnation"] for row in shown} == desktop.runs()


def test_logs_show_a_process_and_name_what_there_is(desktop: Stack) -> None:
    log = desktop.stack_dir / "log" / "mongod.log"
    before = log.read_text().splitlines()
    shown = desktop.ask("logs", "mongod").stdout.splitlines()
    assert set(before[-50:]) <= set(shown) <= set(log.read_text().splitlines())
    unknown = desktop.ask("logs", "mongos")
    assert unknown.returncode == 2
    assert "no process 'mongos' in stack 'desktop' (processes: mongod, scheduler" in unknown.stdout


def test_the_profile_makes_plain_clients_work_in_a_shell(desktop: Stack) -> None:
    code = (
        "import os, distributed, pymongo; "
        "pymongo.MongoClient(os.environ['MSPASS_DB_ADDRESS']).kept.list_collection_names(); "
        "print(distributed.Client(timeout=10).scheduler.address)"
    )
    profile = shlex.quote(desktop.outputs()["clientProfile"])
    line = f"set -a; . {profile}; exec {shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    ran = desktop.project.command("sh", "-c", line)
    assert ran.stdout.splitlines()[-1:] == [desktop.outputs()["schedulerAddress"]], ran.stdout


def test_the_example_does_real_work_as_a_notebook(desktop: Stack) -> None:
    profile = shlex.quote(desktop.outputs()["clientProfile"])
    convert = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--stdout",
        "examples/waveforms.ipynb",
    ]
    ran = desktop.project.command("sh", "-c", f"set -a; . {profile}; exec {shlex.join(convert)}")
    assert ran.returncode == 0, ran.stdout
    assert "294 documents and 294 GridFS files" in ran.stdout


def test_the_example_fails_with_its_exit_status_where_the_stack_is_not_up(project: Project) -> None:
    ran = project.command(sys.executable, "-m", "mspass_stack", "run", "--stack", "no-such-stack", "x.py")
    assert ran.returncode == 2
    assert "no-such-stack" in ran.stdout


def test_the_notebook_is_the_script() -> None:
    assert subprocess.run([sys.executable, ROOT / "examples" / "notebook.py", "--check"]).returncode == 0


def test_a_jupyter_password_opens_jupyter_beside_the_token(desktop: Stack) -> None:
    before = desktop.runs()
    words = ("config", "set", "--secret", "mspass:jupyterPassword", "correct horse")
    assert desktop.pulumi(*words).returncode == 0
    desktop.up()
    after = desktop.runs()
    assert {name for name in before if before[name] != after[name]} == {"frontend"}
    url, _, token = str(desktop.outputs()["jupyterUrl"]).partition("/lab?token=")
    with httpx.Client(base_url=url, timeout=10) as session:
        assert session.get("/api/contents").status_code == 403
        session.get("/login")
        session.post("/login", data={"password": "correct horse", "_xsrf": session.cookies["_xsrf"]})
        assert session.get("/api/contents").is_success
    assert httpx.get(f"{url}/api/contents", params={"token": token}, timeout=10).is_success
    assert "correct horse" not in desktop.file.read_text()


def test_a_process_that_cannot_do_its_job_is_shown_with_its_log(desktop: Stack, target: NativeDesktop) -> None:
    """mongod that cannot open its data: the failing process's own last lines are in Pulumi's output."""
    target.suspend("mongod")
    turtle = desktop.stack_dir / "db" / "WiredTiger.turtle"
    good = turtle.read_bytes()
    turtle.write_text("not a turtle")
    output = desktop.refused_up()
    turtle.write_bytes(good)
    assert "mongod on host 'desktop'" in output
    assert "WiredTiger" in output
    assert "Traceback" not in output
    desktop.up()
    assert wait_until(lambda: is_unchanged(desktop.up()), 60)


def test_after_a_first_up_that_failed_the_log_is_still_to_be_had(project: Project) -> None:
    stack = Stack(project, "broken")
    (stack.stack_dir / "db").mkdir(parents=True)
    (stack.stack_dir / "db" / "storage.bson").write_text("what no mongod has written")
    stack.refused_up()
    shown = stack.ask("logs", "mongod")
    assert shown.returncode == 0, shown.stdout
    assert "aborting after fassert" in shown.stdout
    stack.destroy()
