"""What would make a start fail is told before anything is touched, all at once: on this very machine."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.errors import EngineError, Refused
from mspass_stack.managers import docker_engine
from mspass_stack.managers.docker_labels import Publisher
from mspass_stack.polling import wait_until
from mspass_stack.provider import stub_engine
from mspass_stack.provider.preflight import host_check
from mspass_stack.provider.preflight.shared_directory import shared_directories
from mspass_stack.provider.server.codec import UNKNOWNS
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.connection import ConnectionSpec
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE, STACK_ID, Host, pid_of

PREFLIGHT = RESOURCES["Preflight"]

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

PORT_PATH = "mspass:cluster.frontend.port"


def _requirements(host: Host, **changes: Any) -> dict[str, Any]:
    requirements: dict[str, Any] = {
        "stackDir": str(host.stack_dir),
        "workdir": str(host.stack_dir.parent / "work"),
        "runtime": "native",
        "image": "",
        "address": "127.0.0.1",
        "peers": [],
        "ports": {},
        "processes": ["frontend"],
        "memory": {},
        "programs": [],
        "python": "",
        "modules": [],
        "versions": [],
        "mongodb": False,
    }
    return requirements | changes


def _asked(connections: dict[str, dict[str, Any]] | None = None, **hosts: dict[str, Any]) -> dict[str, Any]:
    """Inputs of a `Preflight`; a host is this machine where its connection is not given."""
    reached = {name: HERE | {"host": name} for name in hosts} | (connections or {})
    return {"hosts": hosts, "connections": reached, "shards": {}, "documents": {}, "abandoned": []}


def _check(host: Host, state: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Outputs of a preflight of this machine."""
    return PREFLIGHT.create(host.call(_asked(here=_requirements(host, **changes)), **(state or {})))[1]


def _refusal(host: Host, **changes: Any) -> list[str]:
    """The problems of this machine, a line each."""
    with pytest.raises(Refused) as refused:
        _check(host, **changes)
    first, *problems = str(refused.value).splitlines()
    assert first == "nothing was started:"
    assert all(problem.startswith("  host 'here': ") for problem in problems)
    return [problem.removeprefix("  host 'here': ") for problem in problems]


def _warnings(host: Host) -> list[str]:
    """What was said of what works; other processes on this machine may be worth other words."""
    return [line for line in host.output if "not in the plan" in line]


def _port(number: int, process: str = "frontend") -> dict[str, Any]:
    return {str(number): {"path": PORT_PATH, "process": process}}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_nothing_wrong_passes_and_touches_nothing(host: Host) -> None:
    outputs = _check(
        host,
        ports=_port(free_ports(1)[0]),
        programs=["mongod"],
        python=sys.executable,
        modules=["dask"],
        versions=["psutil", "mspass-none"],
        mongodb=True,
    )
    assert outputs["known"] == {"here": ["frontend"]}
    versions = outputs["versions"]["here"]
    assert (versions["python"], versions["mspass-none"]) == (PYTHON, "none")
    assert list(host.stack_dir.iterdir()) == []


def test_a_stack_that_has_no_id_yet_is_looked_at_too(host: Host) -> None:
    call = host.call(_asked(here=_requirements(host)) | {"stackId": min(UNKNOWNS)}, preview=True)
    assert PREFLIGHT.create(call)[1]["known"] == {"here": ["frontend"]}


def test_a_held_port_is_reported_with_its_yaml_path_and_its_holder(host: Host, taken: int) -> None:
    (problem,) = _refusal(host, ports=_port(taken))
    assert problem.startswith(f"{PORT_PATH}: port {taken} is held by ")
    assert "(pid " in problem


def test_a_port_is_its_own_processs_and_no_other_one_of_the_same_stack_may_have_it(host: Host) -> None:
    port = free_ports(1)[0]
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('up', flush=True); "
    pid = pid_of(host.ensure(host.python("frontend", code + "time.sleep(1000)")))
    assert wait_until(lambda: "up" in host.log("frontend"), 20)
    _check(host, ports=_port(port))
    (problem,) = _refusal(host, ports=_port(port, "scheduler"), processes=["frontend", "scheduler"])
    assert problem.startswith(f"{PORT_PATH}: port {port} is held by ")
    assert problem.endswith(f"(pid {pid}) of stack 'test'")


def test_all_problems_are_in_one_table(host: Host, taken: int) -> None:
    problems = _refusal(
        host,
        ports=_port(taken),
        memory={"mspass:cluster.pool.workers.here.memory": 2**50},
        programs=["no-such-program"],
        python=sys.executable,
        modules=["no_such_module"],
        peers=["no-such-host.invalid"],
    )
    port, memory, peer, own, program, module = problems
    assert port.startswith(f"{PORT_PATH}: port {taken} is held")
    assert memory.startswith("memory: mspass:cluster.pool.workers.here.memory 1048576.0 GiB: more than its ")
    assert peer.startswith("it cannot resolve 'no-such-host.invalid'")
    assert own.startswith("its own name '127.0.0.1' is 127.0.0.1 there")
    assert program == f"'no-such-program' is neither beside {sys.executable} nor on PATH"
    assert module == f"mspass:cluster.python: {sys.executable} lacks no_such_module"


def test_a_directory_of_another_stack_is_refused_and_our_own_is_not(host: Host) -> None:
    (host.stack_dir / ".mspass-stack").write_text("theirs 999999999999 here\n")
    (problem,) = _refusal(host)
    assert "belongs to stack 'theirs' (999999999999)" in problem
    (host.stack_dir / ".mspass-stack").write_text(f"test {STACK_ID} here\n")
    _check(host)


def test_a_file_where_the_directory_should_be_is_refused(host: Host) -> None:
    (host.stack_dir / "thesis.tex").touch()
    problems = _refusal(host, stackDir=str(host.stack_dir / "thesis.tex"))
    assert f"mspass:cluster.datadir: {host.stack_dir}/thesis.tex cannot be made or written by" in "\n".join(problems)


@pytest.mark.parametrize("python", ["/bin/ls", "/usr/bin/yes", "/usr", "no-such-python"])
def test_what_is_no_python_is_refused_as_such(host: Host, python: str) -> None:
    # What such a program says may have many lines.
    with pytest.raises(
        Refused,
        match=rf"host 'here': mspass:cluster.python: '?{python}'? is (no Python|not on PATH)|{python} does not run",
    ):
        _check(host, python=python, modules=["dask"])


def test_data_of_a_newer_mongodb_are_not_opened(host: Host) -> None:
    (host.stack_dir / "db-version").write_text("8.0\n")
    (problem,) = _refusal(host, programs=["mongod"])
    assert f"the data in {host.stack_dir} are of MongoDB 8.0" in problem


def test_a_process_that_is_not_in_the_plan_is_reported_by_name_and_one_that_the_state_has_is_not(host: Host) -> None:
    pid = pid_of(host.ensure(host.python("worker", "import time; time.sleep(1000)")))
    _check(host, {"outputs": {"known": {"here": ["worker"]}}})
    assert _warnings(host) == []
    _check(host)
    assert _warnings(host) == [
        f"warning: host 'here' runs worker (pid {pid}), which is not in the plan: type there: kill {pid}"
    ]


class Engine:
    """What a Docker engine says of its containers, in the place of one."""

    def __init__(self) -> None:
        self.number, self.containers = "27.0.1", dict[str, Publisher]()
        self.ports: dict[int, Publisher] = {}
        self.apart = False

    def __str__(self) -> str:
        return "unix:///docker.sock"

    def is_apart(self) -> bool:
        return self.apart

    def version(self) -> str:
        return self.number

    def has(self, image: str) -> bool:
        return False

    def find_image(self, image: str) -> None:
        """It is at its registry."""

    def of_stack(self, stack: str) -> dict[str, Publisher]:
        return {name: container for name, container in self.containers.items() if container.stack == stack}

    def published(self) -> dict[int, Publisher]:
        return self.ports


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()

    def of(connection: ConnectionSpec, stack_id: str) -> Engine:
        return engine

    monkeypatch.setattr(docker_engine, "DockerEngine", of)
    return engine


DOCKER: dict[str, Any] = {"runtime": "docker", "image": "mspass"}

OWN = Publisher("mspass-test-frontend", STACK_ID, "test", "frontend")
OTHER = Publisher("mspass-test-scheduler", STACK_ID, "test", "scheduler")
THEIRS = Publisher("mspass-test-frontend", "999999999999", "test", "frontend")
NOBODYS = Publisher("registry", "", "", "")


def test_a_container_may_hold_the_port_of_its_own_process(host: Host, engine: Engine, taken: int) -> None:
    engine.ports = {taken: OWN}
    _check(host, ports=_port(taken), **DOCKER)


@pytest.mark.parametrize(
    ("container", "holder"),
    [
        (OTHER, "container mspass-test-scheduler of stack 'test'"),
        (THEIRS, "container mspass-test-frontend of stack 'test'"),
        (NOBODYS, "container registry"),
    ],
    ids=["another process", "another clone", "nobody's"],
)
def test_a_port_of_another_container_is_reported_with_its_name(
    host: Host, engine: Engine, taken: int, container: Publisher, holder: str
) -> None:
    engine.ports = {taken: container}
    assert _refusal(host, ports=_port(taken), **DOCKER) == [f"{PORT_PATH}: port {taken} is held by {holder}"]


def test_an_engine_apart_is_refused_before_its_image_is_there(host: Host, engine: Engine) -> None:
    engine.apart = True
    (problem,) = _refusal(host, **DOCKER)
    assert problem.startswith("mspass:cluster.runtime: the host network of the Docker engine (unix:///docker.sock)")


def test_a_stack_that_has_no_id_yet_owns_no_container(host: Host, engine: Engine, taken: int) -> None:
    engine.ports = {taken: Publisher("mine", "", "test", "frontend")}
    requirements = _requirements(host, ports=_port(taken), **DOCKER)
    with pytest.raises(Refused, match=f"port {taken} is held by container mine of stack 'test'"):
        PREFLIGHT.create(host.call(_asked(here=requirements) | {"stackId": min(UNKNOWNS)}, preview=True))


def test_a_container_that_is_not_in_the_plan_is_reported_by_name_and_one_that_the_state_has_is_not(
    host: Host, engine: Engine
) -> None:
    engine.containers = {OWN.name: OWN, OTHER.name: OTHER}
    _check(host, {"outputs": {"known": {"here": ["scheduler"]}}}, **DOCKER)
    assert _warnings(host) == []
    _check(host, **DOCKER)
    assert _warnings(host) == [
        "warning: host 'here' runs mspass-test-scheduler, which is not in the plan: type there: docker rm -f "
        "mspass-test-scheduler"
    ]


def test_a_stack_of_this_name_of_another_clone_is_reported(host: Host, engine: Engine) -> None:
    engine.containers = {THEIRS.name: THEIRS}
    (problem,) = _refusal(host, **DOCKER)
    assert problem.startswith("it runs a stack 'test' of another clone (999999999999): destroy that one first")


@pytest.mark.parametrize(("number", "problems"), [("19.03.15", 1), ("20.10.0", 0), ("27.0.1-rc.1", 0)])
def test_an_engine_that_is_too_old_is_reported(host: Host, engine: Engine, number: str, problems: int) -> None:
    engine.number = number
    check = host_check.HostCheck(
        ConnectionSpec(host="here"), _parsed(host, **DOCKER), "test", STACK_ID, known=["frontend"]
    )
    assert check.problems == ["its Docker engine is 19.03.15: expected 20.10 or newer"][:problems]


def _parsed(host: Host, **changes: Any) -> Any:
    """What is asked of a host, as the preflight hands it on."""
    return PREFLIGHT.parse(host.call(_asked(here=_requirements(host, **changes))).inputs).hosts["here"]


def test_an_image_that_can_be_had_nowhere_is_reported_beside_the_rest(
    host: Host, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(image: str) -> None:
        raise EngineError("not found")

    monkeypatch.setattr(engine, "find_image", nowhere)
    image, memory = _refusal(host, memory={"mspass:cluster.database.cache": 2**50}, **DOCKER)
    assert image == "mspass:cluster.image: mspass is neither on it nor at its registry: not found"
    assert memory.startswith("memory: mspass:cluster.database.cache ")


def test_an_engine_that_does_not_answer_is_the_one_problem(host: Host, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/none.sock"
    requirements = _requirements(host, memory={"mspass:cluster.database.cache": 2**50}, **DOCKER)
    with pytest.raises(Refused) as refused:
        PREFLIGHT.create(host.call(_asked({"here": HERE | {"engine": address}}, here=requirements)))
    (_, problem) = str(refused.value).splitlines()
    assert problem.startswith(f"  host 'here': mspass:cluster.runtime: no Docker engine answers at {address}: ")
    assert problem.endswith(": start it, or choose runtime: native")


@pytest.fixture
def unreachable() -> dict[str, Any]:
    """How a host is reached that does not answer."""
    return ConnectionSpec(host="n1", address="127.0.0.1", port=free_ports(1)[0], user="nobody").dump()


def test_a_host_that_does_not_answer_has_one_problem_and_its_name_once(host: Host, unreachable: dict[str, Any]) -> None:
    requirements = _requirements(host, memory={"mspass:cluster.database.cache": 2**50})
    with pytest.raises(Refused) as refused:
        PREFLIGHT.create(host.call(_asked({"n1": unreachable}, n1=requirements)))
    (_, problem) = str(refused.value).splitlines()
    assert problem.startswith("  host 'n1': cannot be reached by ssh: ")


def _left(host: Host, connection: dict[str, Any], abandoned: list[str]) -> dict[str, Any]:
    """Look at an edit by which host n1 plays no role any more."""
    old = host.call(_asked({"n1": connection}, here=_requirements(host), n1=_requirements(host))).inputs
    new = _asked(here=_requirements(host)) | {"abandoned": abandoned}
    return PREFLIGHT.create(host.call(new, old_inputs=old))[1]


def test_a_host_that_leaves_and_does_not_answer_has_to_be_given_up(host: Host, unreachable: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"host 'n1': cannot be reached by ssh: .* or give it up by mspass:abandon"):
        _left(host, unreachable, [])
    assert _left(host, unreachable, ["n1"])["known"] == {"here": ["frontend"], "n1": ["frontend"]}


def test_a_host_that_leaves_and_answers_is_cleared_and_not_given_up(host: Host) -> None:
    assert _left(host, HERE, [])["known"] == {"here": ["frontend"], "n1": ["frontend"]}
    with pytest.raises(Refused, match=r"host 'n1': it answers: what runs there would go on"):
        _left(host, HERE, ["n1"])


def test_a_node_of_a_job_that_leaves_is_asked_for_nothing(host: Host, unreachable: dict[str, Any]) -> None:
    """What was there goes with its program; an older version had each node for a host."""
    assert _left(host, unreachable | {"job": "/scratch/stack"}, [])["known"]["n1"] == ["frontend"]


def test_hosts_that_see_one_directory_are_reported_and_no_file_is_left(host: Host) -> None:
    requirements = _requirements(host)
    with pytest.raises(
        Refused, match=rf"host 'n1': mspass:cluster.datadir: {host.stack_dir} is one directory for 'n2'"
    ):
        PREFLIGHT.create(host.call(_asked(n1=requirements, n2=requirements)))
    assert list(host.stack_dir.iterdir()) == []


def test_hosts_with_directories_of_their_own_share_none(tmp_path: Path) -> None:
    anchors = {name: str(tmp_path / name) for name in ("n1", "n2", "n3")}
    for anchor in (anchors["n1"], anchors["n2"]):
        Path(anchor).mkdir()
    Path(anchors["n3"]).symlink_to(anchors["n2"])
    connections = {name: ConnectionSpec(host=name) for name in anchors}
    (problem,) = shared_directories(anchors, connections)
    assert problem.startswith(f"host 'n2': mspass:cluster.datadir: {anchors['n2']} is one directory for 'n3' too")
    assert [list(Path(anchor).iterdir()) for anchor in anchors.values()] == [[], [], []]


def test_the_stub_engine_counts_as_one_that_answers(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub_engine, "abandoned", set[str]())
    address = stub_engine.start("of-the-preflight-test", [])
    try:
        check = host_check.unreachable_reason(ConnectionSpec(host="here", engine=address), _parsed(host, **DOCKER))
        assert check is None
    finally:
        Path(address.removeprefix("unix://")).unlink()


def test_accelerators_that_are_not_there_are_named_with_their_path(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(host_check.DEVICES, "nvidia", f"{tmp_path}/nvidia[0-9]*")
    path = "mspass:cluster.pool.workers.here.gpus"
    assert _refusal(host, gpus={path: "nvidia"}) == [
        f"{path}: nvidia: there is no {tmp_path}/nvidia[0-9]*, so no driver has found one"
    ]
    (tmp_path / "nvidia0").touch()
    _check(host, gpus={path: "nvidia"})
