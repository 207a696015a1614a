"""What is looked for on each node of a job before any role starts."""

import errno
import fcntl
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import node_check, settings, shared_lock
from mspass_stack.agent.allocation import Allocation
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.node_check import NodeCheck, look
from mspass_stack.agent.store import Store
from mspass_stack.agent.words import DATA

TASK = """
import os, sys
sys.path.insert(0, {root!r})
os.environ["SLURMD_NODENAME"] = sys.argv[1]
from mspass_stack.agent.node_check import NodeCheck
check = NodeCheck(sys.argv[2])
check._local /= sys.argv[1]  # each has a disk of its own
check.run()
"""
SRUN = """#!/bin/sh
for node in n1 n2; do {python} -c "$TASK" $node {directory} & done
wait
"""
"""In the place of srun: both nodes are this machine."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A stack's directory in a job of two nodes, without processes."""
    (tmp_path / "run/programs").mkdir(parents=True)
    nodes = {f"node{i}": {"name": f"n{i + 1}", "address": "127.0.0.1", "cores": 1, "memory": 0} for i in range(2)}
    Allocation(tmp_path / "run").write("7", 0, str(tmp_path / "local"), nodes, "")
    (tmp_path / "run/job.json").write_text(json.dumps({"launcher": []}))
    return tmp_path


def _add(directory: Path, name: str, host: str = "node0", **told: Any) -> None:
    values = {"name": name, "order": 1, "signal": "USR1", "grace": 1}
    (directory / f"run/programs/{name}.ini").write_text(settings.JOB_PROGRAM.format(**settings.JOB_PATHS, **values))
    known = {"host": host, "argv": [], "wrapper": ["env", "sh", "-c", 'exec "$@"', "sh"], "ports": [], **told}
    (directory / f"run/{name}.json").write_text(json.dumps(known))


def _srun(directory: Path, monkeypatch: pytest.MonkeyPatch, text: str = SRUN) -> None:
    bin_ = directory / "bin"
    bin_.mkdir()
    (bin_ / "srun").write_text(text.format(python=sys.executable, directory=directory))
    (bin_ / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setenv("TASK", TASK.format(root=str(Path(__file__).parents[2])))


def _problems(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    return NodeCheck(str(directory))._problems()  # pyright: ignore[reportPrivateUsage]


def test_nodes_in_order_say_nothing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _add(directory, "mongod", data=True)
    _srun(directory, monkeypatch)
    assert look(str(directory)) == []


def test_all_nodes_say_what_is_wrong_in_one_text(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("node0", "node1"):
        _add(directory, f"worker-{host}", host, wrapper=["no-such-apptainer"])
    _srun(directory, monkeypatch)
    assert [line.split(": say")[0] for line in look(str(directory))] == [
        "node0 (n1): there is no no-such-apptainer",
        "node1 (n2): there is no no-such-apptainer",
    ]


def test_nodes_that_do_not_answer_are_named_with_the_words_of_srun(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _srun(directory, monkeypatch, "#!/bin/sh\necho 'srun: error: Unable to create step' >&2\nexit 1\n")
    found = look(str(directory))
    assert len(found) == 2
    assert all("no answer" in line and "Unable to create step" in line for line in found)


def test_a_node_that_is_not_reached_by_its_address_is_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Allocation(directory / "run").read()
    known["nodes"]["node1"]["address"] = "192.0.2.1"
    (directory / "run/allocation.json").write_text(json.dumps(known))
    monkeypatch.setattr(node_check, "REACH", 0.5)
    _srun(directory, monkeypatch)
    found = look(str(directory))
    assert any("node1 (n2): 192.0.2.1 is no address of this node" in line for line in found)
    assert not [line for line in found if "node0 (n1)" in line]


def test_a_port_that_is_held_is_told_with_its_holder(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        _add(directory, "mongod", ports=[["node0.hpc", port], ["127.0.0.1", port]])
        found = _problems(directory, monkeypatch)
    assert len(found) == 2
    assert all(f"port {port} of mongod is held by " in line and f"pid {os.getpid()}" in line for line in found)
    assert _problems(directory, monkeypatch) == []


def test_an_image_that_does_not_run_is_told_in_its_own_words(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _add(directory, "mongod", wrapper=["sh", "-c", "echo FATAL: could not open image; exit 255"])
    assert "FATAL: could not open image" in _problems(directory, monkeypatch)[0]


def test_a_disk_that_cannot_be_written_is_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "local").write_text("in the way")
    assert "its own disk cannot be written" in _problems(directory, monkeypatch)[0]


def _unknown(descriptor: int, how: int) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_data_on_a_file_system_without_locks_are_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "lockf", _unknown)
    with pytest.raises(Refused, match="No locks available"), shared_lock.held(directory / "lock"):
        pass
    _add(directory, "mongod", data=True)
    assert "takes no lock" in look(str(directory))[0]


def test_an_image_that_lacks_something_is_told_by_all_that_it_lacks(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(directory, "mongod", argv=["no-mongod", "--dbpath", "/"], python=sys.executable, modules=["no_pymongo"])
    _add(directory, "worker", argv=[sys.executable, "-c", ""], python=sys.executable, modules=["json"])
    assert _problems(directory, monkeypatch) == [
        "the image has no no-mongod, no_pymongo, which the roles of this node are started with"
    ]


def test_an_image_without_a_python_is_told_by_that(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _add(directory, "mongod", argv=["sh"], python="no-python3", modules=["pymongo"])
    (problem,) = _problems(directory, monkeypatch)
    assert problem.startswith("the image has no no-python3, which ")


def test_a_disk_with_too_little_room_for_the_data_of_a_version_is_told(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(directory, "mongod", wrapper=["env", f"HERE={DATA}"], data=str(directory / "db"))
    store = Store(directory)
    (directory / "db").mkdir()
    store.publish("v1", "6.0", {"db": store.keep("v1", "db", directory / "db")})
    assert _problems(directory, monkeypatch) == []
    store.publish("v1", "6.0", {"db": {"bytes": 1 << 60, "listing": ""}})
    (problem,) = _problems(directory, monkeypatch)
    assert "the data that belong here have 1073741824.0 GiB" in problem
    assert "say in the profile (local) where there is more" in problem


def test_a_node_without_the_accelerators_of_its_workers_is_told(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "mspass:cluster.pool.workers.node1.gpus"
    _add(directory, "worker-node1", "node1", gpus={"count": 1, "kind": "rocm", "key": key})
    _srun(directory, monkeypatch)
    assert f"node1 (n2): {key}: rocm: there is no /dev/kfd, so no driver has found one" in look(str(directory))
