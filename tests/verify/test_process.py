"""Each process runs as declared: this run of it, its user, its command line, its ports, no secret in sight."""

from typing import Any

import psutil

from mspass_stack.inventory import Entry
from tests.verify.deployed import Deployed, pid


def _family(process: Entry) -> list[psutil.Process]:
    """The process and all that it has started."""
    first = psutil.Process(pid(process))
    return [first, *first.children(recursive=True)]


def _listening(process: Entry) -> set[tuple[str, int]]:
    ours = {member.pid for member in _family(process)}
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }


def test_it_is_the_run_of_the_last_up(process: Entry, machine: Any) -> None:
    stat = machine.file(f"/proc/{pid(process)}/stat")
    assert stat.exists, f"{process.name} is not running; pulumi up brings it back"
    started = stat.content_string.rpartition(")")[2].split()[19]
    assert process.incarnation.split("-")[1] == started, f"{process.name} was restarted since; pulumi up takes note"


def test_it_runs_as_the_user_and_with_the_command_line_declared(
    process: Entry, machine: Any, deployed: Deployed
) -> None:
    folder = machine.file(f"/proc/{pid(process)}")
    assert folder.user == deployed.inventory.user
    argv = machine.file(f"/proc/{pid(process)}/cmdline").content_string.rstrip("\0").split("\0")
    assert argv[1:] == process.argv[1:]
    assert argv[0].rpartition("/")[2] == process.argv[0].rpartition("/")[2]


def test_it_may_open_as_many_files_as_its_host_allows(process: Entry, machine: Any) -> None:
    limits = machine.file(f"/proc/{pid(process)}/limits").content_string
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard


def test_it_listens_on_its_ports_and_on_loopback_only(process: Entry) -> None:
    places = _listening(process)
    assert set(process.ports) <= {port for _, port in places}
    assert {address for address, _ in places} <= {"127.0.0.1"}


def test_no_secret_is_in_its_command_lines_or_its_log(process: Entry, machine: Any, deployed: Deployed) -> None:
    secrets = [deployed.password] if "databaseUri" in deployed.outputs else []
    secrets += [machine.file(str(deployed.secrets / name)).content_string for name in ("keyfile", "jupyter-token")]
    seen = [" ".join(member.cmdline()) for member in _family(process)] + [machine.file(process.log).content_string]
    assert not [secret for secret in secrets for text in seen if secret in text]
