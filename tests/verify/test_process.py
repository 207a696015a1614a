"""Each process runs as declared: this run of it, its user, its command line, its ports, no secret in sight."""

import pwd

from mspass_stack.inventory import Entry
from tests.verify.deployed import Deployed
from tests.verify.sight import Sight


def test_it_is_the_run_of_the_last_up(process: Entry, sight: Sight) -> None:
    assert sight.run() == process.incarnation, (
        f"{process.name} has ended or was restarted since; see to it by pulumi up"
    )


def test_it_runs_as_the_user_and_with_the_command_line_declared(
    process: Entry, sight: Sight, deployed: Deployed
) -> None:
    assert sight.machine.file(f"/proc/{sight.pid}").uid == pwd.getpwnam(deployed.inventory.user).pw_uid
    argv = sight.machine.file(f"/proc/{sight.pid}/cmdline").content_string.rstrip("\0").split("\0")
    assert argv[1:] == process.argv[1:]
    assert argv[0].rpartition("/")[2] == process.argv[0].rpartition("/")[2]


def test_it_may_open_as_many_files_as_its_host_allows(process: Entry, sight: Sight) -> None:
    limits = sight.machine.file(f"/proc/{sight.pid}/limits").content_string
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard


def test_it_listens_on_its_ports_and_on_loopback_only(process: Entry, sight: Sight) -> None:
    places = sight.listening()
    assert set(process.ports) <= {port for _, port in places}
    assert {address for address, _ in places} <= {"127.0.0.1"}


def test_no_secret_is_in_its_command_lines_or_its_log(process: Entry, sight: Sight, deployed: Deployed) -> None:
    files = [deployed.here.file(str(deployed.secrets / name)) for name in ("keyfile", "jupyter-token")]
    secrets = [file.content_string for file in files if file.exists]
    secrets += [deployed.password] if "databaseUri" in deployed.outputs else []
    assert not [secret for secret in secrets for text in sight.shown() if secret in text]
