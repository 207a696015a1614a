"""Each process runs as declared: this run of it, its user, its command line, its ports, no secret in sight."""

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.inspector import ProcessInspector

BECOME_JAVA = ("spark-master", "spark-worker")


def test_it_is_the_run_of_the_last_up(process: Entry, inspector: ProcessInspector) -> None:
    assert inspector.incarnation() == process.incarnation, (
        f"{process.name} has ended or was restarted since; see to it by pulumi up"
    )


def test_it_runs_as_the_user_and_with_the_command_line_declared(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    assert inspector.machine.file(f"/proc/{inspector.pid}").uid == deployed.uid(process.host)
    argv = inspector.machine.file(f"/proc/{inspector.pid}/cmdline").content_string.rstrip("\0").split("\0")
    if process.kind in BECOME_JAVA:
        # The class and its arguments, behind the Python program that has found the Java.
        declared = deployed.words(process)[2:]
        assert (argv[0].rpartition("/")[2], argv[-len(declared) :]) == ("java", declared)
        return
    # What is a script has its interpreter before it.
    program, *words = argv[-len(process.argv) :]
    assert words == deployed.words(process)
    assert program.rpartition("/")[2] == process.argv[0].rpartition("/")[2]


def test_it_may_open_as_many_files_as_its_host_allows(process: Entry, inspector: ProcessInspector) -> None:
    limits = inspector.machine.file(f"/proc/{inspector.pid}/limits").content_string
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard


def test_it_listens_on_its_ports_and_on_its_own_address_only(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    """A desktop's own address is the loopback one."""
    places = inspector.listening()
    assert set(process.ports) <= {port for _, port in places}
    assert {address for address, _ in places} <= {"127.0.0.1", deployed.resolved(process)}


def test_it_is_made_of_the_one_image_of_all_containers(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    assert len({entry.image for entry in deployed.inventory.processes} - {""}) <= 1
    assert inspector.is_made_of(process.image)


def test_no_secret_is_in_its_command_lines_or_its_log(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    secrets, shown = deployed.secrets_on(process.host), inspector.shown()
    assert not [secret for secret in secrets for text in shown if secret in text]
