"""What the simulated hosts promise to the tests that stand on them."""

import json
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mspass_stack.polling import wait_until
from tests.harness.lab import Lab, LabError, cgroup
from tests.harness.lab.host import Host
from tests.harness.lab.network import LAB
from tests.harness.project import ROOT

PLACES = ("/opt", "/srv", "/etc", "/tmp", "/var/tmp", "/var/lib", "/dev/shm", "/run", "/root", "/usr/local/bin")

DOCKER = ("lab1", "lab2", "lab3")
NATIVE = "lab4"

RUNS = """\
import sys, distributed, jupyterlab, pymongo
print(*sys.version_info[:2], distributed.__version__, jupyterlab.__version__, pymongo.version)
"""
"""What a Python runs of a cluster, and in which versions."""


@pytest.fixture(scope="module")
def lab(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"), 4, image, ["MaxStartups 99"], native=[NATIVE])
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def test_a_user_logs_in_who_may_use_docker_and_owns_a_folder(lab: Lab) -> None:
    for name in DOCKER:
        assert lab.ssh(name, "id -un; id -u; hostname").split() == ["mspass", "1000", name]
        assert lab.ssh(name, "touch /srv/mspass/mine; docker ps -q; pwd") == "/home/mspass\n"
        assert lab.ssh(f"root@{name}", "id -u") == "0\n"
    assert "maxstartups 99:" in lab.execute("lab1", "/usr/sbin/sshd", "-T")


def test_a_file_is_seen_on_its_own_host_only(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "of the controller").touch()
    for place in PLACES:
        lab.execute("lab1", "touch", f"{place}/of-lab1")
        assert not Path(place, "of-lab1").exists()
        assert not _has(lab, "lab2", f"{place}/of-lab1")
        assert not _has(lab, NATIVE, f"{place}/of-lab1")
    for path in (str(tmp_path / "of the controller"), __file__, sys.executable, "/run/netns"):
        assert Path(path).exists()
        assert not _has(lab, "lab1", path)
        assert not _has(lab, NATIVE, path)


def test_a_host_sees_its_own_processes_only(lab: Lab) -> None:
    lab.ssh("lab1", "setsid --fork sleep 4321 > /dev/null 2>&1")
    assert "sleep 4321" in lab.execute("lab1", "ps", "-e", "-o", "args")
    assert "sleep 4321" not in lab.execute("lab2", "ps", "-e", "-o", "args")
    assert "pytest" not in lab.execute("lab1", "ps", "-e", "-o", "args")


def test_a_container_is_on_its_hosts_network_within_its_limits(lab: Lab, image: str) -> None:
    run = ("run", "--rm", "--network=host", "--memory=64m", "--cpus=0.5", image)
    for name in DOCKER:
        assert lab.docker(name, *run, "hostname", "-I").split() == [lab.address(name)]
    with pytest.raises(LabError, match="ended with 137"):
        lab.docker("lab1", *run, "python3", "-c", "bytearray(200_000_000)")


def test_hosts_share_the_layers_of_an_image_and_not_the_image(lab: Lab, image: str) -> None:
    lab.docker("lab3", "rmi", "--force", image)
    lab.power_off("lab3")
    lab.power_on("lab3")
    assert not lab.docker("lab3", "images", "--quiet")
    assert lab.docker("lab2", "run", "--rm", "--network=none", image, "echo", "here") == "here\n"


def test_a_power_cut_is_silent_loses_processes_and_keeps_the_disk(lab: Lab, image: str) -> None:
    lab.execute("lab1", "touch", "/opt/kept", "/run/lost")
    lab.docker("lab1", "run", "--detach", "--name=one", "--network=host", image, "sleep", "1234")
    lab.docker("lab1", "run", "--detach", "--name=paused", "--network=none", image, "sleep", "1234")
    lab.docker("lab1", "pause", "paused")
    inside = _processes("lab1")
    with socket.create_connection((lab.address("lab1"), 22), 5) as connection:
        connection.recv(100)
        connection.settimeout(1)
        lab.power_off("lab1")
        with pytest.raises(TimeoutError):
            connection.recv(100)
    assert not [process for process in inside if _live(process)]
    assert not lab.is_on("lab1")
    assert not _reaches(lab, "lab2", "lab1")
    lab.power_on("lab1")
    assert _has(lab, "lab1", "/opt/kept")
    assert not _has(lab, "lab1", "/run/lost")
    assert "sleep 1234" not in lab.execute("lab1", "ps", "-e", "-o", "args")
    assert lab.docker("lab1", "inspect", "--format={{.State.Status}}", "one", "paused").split() == ["exited"] * 2
    lab.docker("lab1", "start", "one")


def test_a_cut_parts_two_hosts_and_nobody_else(lab: Lab) -> None:
    assert _reaches(lab, "lab1", "lab2")
    lab.cut("lab1", "lab2")
    assert not _reaches(lab, "lab1", "lab2")
    assert not _reaches(lab, "lab2", "lab1")
    assert _reaches(lab, "lab1", "lab3")
    assert lab.ssh("lab1", "echo here") == "here\n"
    lab.heal()
    assert _reaches(lab, "lab1", "lab2")


def test_an_unplugged_host_runs_on(lab: Lab) -> None:
    lab.unplug("lab2")
    assert not _reaches(lab, "lab1", "lab2")
    assert lab.docker("lab2", "version")
    lab.plug("lab2")
    assert wait_until(lambda: _reaches(lab, "lab1", "lab2"), 10)


def test_an_engine_ends_while_its_host_runs_on(lab: Lab) -> None:
    lab.stop_engine("lab2")
    with pytest.raises(LabError, match="Cannot connect to the Docker daemon"):
        lab.ssh("lab2", "docker", "version")
    lab.start_engine("lab2")
    assert lab.ssh("lab2", "docker", "ps", "--quiet") == ""


def test_hosts_may_exchange_their_addresses_which_all_know(lab: Lab) -> None:
    lab.renumber("lab2", f"{LAB.subnet}.99")
    lab.renumber("lab3", f"{LAB.subnet}.12")
    assert lab.ssh("lab3", "hostname -I") == f"{LAB.subnet}.12 \n"
    assert f"{LAB.subnet}.99" in lab.execute("lab1", "getent", "hosts", "lab2")
    assert lab.ssh("lab2", "hostname") == "lab2\n"
    assert _reaches(lab, "lab1", "lab2")
    assert _reaches(lab, "lab1", "lab3")


def test_a_user_of_a_native_host_has_no_docker_and_none_of_our_programs_on_path(lab: Lab) -> None:
    assert lab.ssh(NATIVE, "id -un; id -u; id -Gn; hostname").split() == ["mspass", "1000", "mspass", NATIVE]
    assert lab.ssh(NATIVE, "touch /srv/mspass/mine; pwd") == "/home/mspass\n"
    programs = "docker dockerd engine mongod mongos dask dask-scheduler jupyter jupyter-lab python sudo"
    for shell in ("bash", "bash -l"):
        assert lab.ssh(NATIVE, f"{shell} -c 'type -P {programs} || true'") == ""
    assert lab.ssh(NATIVE, "getent group docker || true") == ""
    assert not _has(lab, NATIVE, "/var/lib/docker")
    for refused in (lab.docker, lab.start_engine, lab.stop_engine):
        with pytest.raises(LabError, match="lab4 is a native host"):
            refused(NATIVE)


def test_a_native_hosts_python_runs_what_the_image_runs(lab: Lab, image: str) -> None:
    look = f"-c {shlex.quote(RUNS)} &&"
    in_image = ("run", "--rm", "--network=none", image, "sh", "-c", f"python3 {look} mongod --version")
    beside = Path(lab.native_python).parent
    found = lab.ssh(NATIVE, f"{lab.native_python} {look} {beside}/mongod --version")
    assert found == lab.docker("lab1", *in_image)
    assert f"distributed=={found.split()[2]} " in (ROOT / "requirements.lock").read_text()
    assert lab.ssh(NATIVE, f"{beside}/mongos --version")
    assert lab.ssh(NATIVE, f"head -n 1 {beside}/jupyter") == f"#!{lab.native_python}\n"


def test_a_native_hosts_other_python_has_dask_of_another_release(lab: Lab) -> None:
    ours, others = _versions(lab, lab.native_python), _versions(lab, lab.other_python)
    assert others["distributed"] != ours["distributed"]
    assert others["distributed"] == others["dask"]
    output = lab.ssh(NATIVE, f"{lab.other_python} -c 'import distributed; print(distributed.__version__)'")
    assert output == f"{others['distributed']}\n"
    assert "jupyterlab" not in others


def test_a_native_hosts_login_shell_alone_says_so(lab: Lab) -> None:
    says = '-c "echo \\$LOGIN_SHELL_SAYS"'
    assert lab.ssh(NATIVE, f"bash -l {says}") == "hello\n"
    assert lab.ssh(NATIVE, f"bash {says}") == "\n"


def test_a_native_host_loses_its_processes_with_its_power_and_keeps_its_disk(lab: Lab) -> None:
    lab.ssh(NATIVE, "touch /srv/mspass/kept; setsid --fork sleep 1234 > /dev/null 2>&1")
    assert "sleep 1234" in lab.execute(NATIVE, "ps", "-e", "-o", "args")
    inside = _processes(NATIVE)
    lab.power_off(NATIVE)
    # One that has left the namespaces may yet be about to end.
    assert wait_until(lambda: not any(map(_live, inside)), 5)
    lab.power_on(NATIVE)
    assert _has(lab, NATIVE, "/srv/mspass/kept")
    assert "sleep 1234" not in lab.execute(NATIVE, "ps", "-e", "-o", "args")


def test_a_native_host_may_be_cut_off_unplugged_and_renumbered(lab: Lab) -> None:
    lab.cut("lab1", NATIVE)
    assert not _reaches(lab, NATIVE, "lab1")
    assert _reaches(lab, NATIVE, "lab2")
    lab.heal()
    lab.unplug(NATIVE)
    assert not _reaches(lab, "lab1", NATIVE)
    lab.plug(NATIVE)
    lab.renumber(NATIVE, f"{LAB.subnet}.44")
    assert lab.ssh(NATIVE, "hostname -I") == f"{LAB.subnet}.44 \n"
    assert wait_until(lambda: _reaches(lab, "lab1", NATIVE), 10)


def test_another_process_finds_the_lab_by_its_folder(lab: Lab) -> None:
    other = Lab.attach(lab.directory)
    assert [other.address(name) for name in other.names] == [lab.address(name) for name in lab.names]
    assert [name for name in other.names if other.is_native(name)] == [NATIVE]
    other.power_off("lab3")
    other.power_on("lab3")
    assert lab.ssh("lab3", "hostname") == "lab3\n"


def test_one_lab_is_up_at_a_time(lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path)
    with pytest.raises(LabError, match=r"a lab is up in .*"):
        other.up()
    other.close()
    assert lab.ssh("lab1", "hostname") == "lab1\n"


def test_close_leaves_nothing(lab: Lab) -> None:
    processes = _processes(*lab.names)
    lab.close()
    lab.close()
    assert processes
    assert not [process for process in processes if _live(process)]
    assert not _traces(lab.directory)
    assert not list(lab.directory.glob("*"))


def test_a_killed_process_leaves_a_lab_that_the_next_one_closes(tmp_path: Path) -> None:
    program = "import sys, pathlib, tests.harness.lab as lab; lab.Lab(pathlib.Path(sys.argv[1]), 2).up()"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) as process:
        assert wait_until(lambda: Host("lab1", tmp_path).is_on, 60)
        process.kill()
    assert _traces(tmp_path)
    processes = _processes(*LAB.hosts())
    Lab(tmp_path).close()
    assert processes
    assert not [process for process in processes if _live(process)]
    assert not _traces(tmp_path)


def test_a_lab_may_be_of_native_hosts_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path, 2, native=["lab1", "lab2"])
    try:
        lab.up()
        assert [lab.ssh(name, "hostname") for name in lab.names] == ["lab1\n", "lab2\n"]
        assert not [name for name in lab.names if "dockerd" in lab.execute(name, "ps", "-e", "-o", "args")]
    finally:
        lab.close()
    assert not _traces(tmp_path)


def test_a_host_that_is_none_of_the_lab_cannot_be_native(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="none of this lab: lab3"):
        Lab(tmp_path, 2, native=["lab1", "lab3"])


def _versions(lab: Lab, python: str) -> dict[str, str]:
    """What is installed for a native host's Python."""
    program = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return json.loads(lab.ssh(NATIVE, python, "-c", shlex.quote(program)))


def _has(lab: Lab, name: str, path: str) -> bool:
    return lab.execute(name, "sh", "-c", '[ ! -e "$0" ] || echo there', path) == "there\n"


def _reaches(lab: Lab, one: str, other: str) -> bool:
    """Whether one host connects to another's sshd within two seconds."""
    look = f"timeout 2 bash -c '< /dev/tcp/{lab.address(other)}/22' 2> /dev/null && echo reached || true"
    return lab.execute(one, "sh", "-c", look) == "reached\n"


def _processes(*names: str) -> list[psutil.Process]:
    """The processes of hosts with those of their containers, as this machine sees them."""
    found: list[psutil.Process] = []
    for pid in (pid for name in names for pid in LAB.pids(name)):
        with suppress(psutil.NoSuchProcess):
            found += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return found


def _live(process: psutil.Process) -> bool:
    """Whether it runs; one that this machine's first process has yet to bury does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _traces(directory: Path) -> set[str]:
    """What this machine has of this process's lab: mounts, links, namespaces and control groups."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    traces = {f"mount {line}" for line in mounts if LAB.spaces in line or str(directory) in line}
    traces |= {f"link {path.name}" for path in Path("/sys/class/net").glob(LAB.name)}
    traces |= {f"space {path.name}" for path in Path("/run/netns").glob(f"{LAB.spaces}*")}
    return traces | {f"group {path}" for path in cgroup.of(LAB.name)}
