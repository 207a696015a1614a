"""What is missing on a lab's host is told in a line each, by what the host said of itself."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.engine import Publisher
from mspass_stack.provider import graveyard
from mspass_stack.provider.facts import Facts
from mspass_stack.provider.lab_preflight import Look, doubts, judge
from tests.harness.ports import free_ports

OURS, THEIRS = "0123456789ab", "999999999999"
GIB = 1024**3

FINE = Facts(
    cores=8,
    memory=16 * GIB,
    nofile=64000,
    machine="x86_64",
    features=frozenset({"sse2", "avx"}),
    ports=frozenset({22}),
    writable=frozenset({"/srv/lab", "/srv/work"}),
    free={"/srv/lab": 50 * GIB, "/srv/work": GIB},
    uid=1000,
    keeper=1000,
    resolves={"node1.lab": "10.0.0.1", "10.0.0.2": "10.0.0.2", "node2.lab": "10.0.0.2"},
    skew=0.3,
    doubt=0.2,
)

ASKED: dict[str, Any] = {
    "home": "/srv/lab",
    "workdir": "/srv/work",
    "ports": {"27018": "mspass:cluster.database.shards.a", "8888": "mspass:cluster.frontend.port"},
    "memory": {"mspass:cluster.pool.workers.n1.memory": 8 * GIB, "mspass:cluster.database.cache": 4 * GIB},
    "address": "node1.lab",
    "peers": ["10.0.0.2", "node2.lab"],
    "mongodb": True,
}

SSHD = 'LISTEN 0 128 0.0.0.0:8888 0.0.0.0:* users:(("sshd",pid=812,fd=3))'


def _judged(
    asked: Mapping[str, Any] = {}, stack_id: str = OURS, published: Mapping[int, Publisher] = {}, **facts: Any
) -> list[str]:
    return list(judge(replace(FINE, **facts), {**ASKED, **asked}, stack_id, published))


def test_a_host_that_has_all_is_fine() -> None:
    assert _judged() == []


def test_our_own_containers_may_hold_our_ports() -> None:
    ours = Publisher("mspass-lab-shard-a-n1", OURS, "lab")
    assert _judged(published={27018: ours}, ports=frozenset({27018})) == []


def test_a_port_of_another_stack_is_told_with_container_and_stack() -> None:
    theirs = Publisher("mspass-old-mongod", THEIRS, "old")
    assert _judged(published={27018: theirs}, ports=frozenset({27018})) == [
        "mspass:cluster.database.shards.a: port 27018 is held by container mspass-old-mongod of stack 'old'"
    ]


def test_a_port_of_a_container_of_nobodys_stack_is_told_with_its_name() -> None:
    foreign = Publisher("registry", "", "")
    assert _judged(published={8888: foreign}, ports=frozenset({8888})) == [
        "mspass:cluster.frontend.port: port 8888 is held by container registry"
    ]


def test_a_stack_that_has_no_id_yet_owns_no_container() -> None:
    foreign = Publisher("registry", "", "")
    assert len(_judged(stack_id="", published={8888: foreign}, ports=frozenset({8888}))) == 1


@pytest.mark.parametrize(
    ("sockets", "holder"), [((SSHD,), "sshd (pid 812)"), ((), "a process of another user")], ids=["known", "unknown"]
)
def test_a_port_of_a_process_is_told_with_what_is_known_of_it(sockets: tuple[str, ...], holder: str) -> None:
    assert _judged(ports=frozenset({22, 8888}), sockets=sockets) == [
        f"mspass:cluster.frontend.port: port 8888 is held by {holder}"
    ]


def test_a_container_that_is_to_have_a_port_and_does_not_listen_holds_nothing() -> None:
    theirs = Publisher("mspass-old-mongod", THEIRS, "old")
    assert _judged(published={27018: theirs}, ports=frozenset({22})) == []


def test_a_folder_of_another_clone_is_told_with_its_stack() -> None:
    assert _judged(owner=("lab", THEIRS), holds=("db", ".mspass-stack")) == [
        f"mspass:cluster.datadir: /srv/lab belongs to stack 'lab' ({THEIRS}) of another clone; "
        "of a host that was given up and came back: rm /srv/lab/.mspass-stack there"
    ]


def test_our_own_folder_may_hold_anything() -> None:
    assert _judged(owner=("lab", OURS), holds=("db", ".mspass-stack", "notes.txt")) == []


def test_data_that_a_destroyed_stack_left_are_opened_again() -> None:
    left = ("data_config", "data_shard_a", "data_shard_a.addresses", "db", "db-version", "log", "scratch")
    assert _judged(holds=left) == []


def test_a_folder_with_other_things_is_told_with_the_first_of_them() -> None:
    assert _judged(holds=("db", "d.txt", "a.txt", "c.txt", "b.txt")) == [
        "mspass:cluster.datadir: /srv/lab holds what is not ours (a.txt, b.txt, c.txt): choose a folder of its own"
    ]


@pytest.mark.parametrize(("key", "folder"), [("datadir", "/srv/lab"), ("workdir", "/srv/work")])
def test_a_folder_that_cannot_be_written_is_told_with_its_key(key: str, folder: str) -> None:
    assert _judged(writable=FINE.writable - {folder}) == [
        f"mspass:cluster.{key}: {folder} cannot be made or written by the ssh user"
    ]


@pytest.mark.parametrize("free", [{"/srv/lab": 2 * GIB - 1}, {}], ids=["too little", "unknown"])
def test_a_full_disk_is_told(free: dict[str, int]) -> None:
    assert _judged(free=free) == ["mspass:cluster.datadir: less than 2 GiB free on the disk of /srv/lab"]


def test_memory_that_the_host_has_not_is_told_with_all_that_asks_for_it() -> None:
    assert _judged(memory=12 * GIB) == []
    assert _judged(memory=12 * GIB - 1) == [
        "memory: mspass:cluster.pool.workers.n1.memory 8.0 GiB, mspass:cluster.database.cache 4.0 GiB: "
        "more than its 12.0 GiB"
    ]


def test_a_cpu_that_mongodb_does_not_run_on_is_told_where_mongodb_is_to_run() -> None:
    said = "its CPU (x86_64) lacks AVX, which MongoDB needs"
    assert _judged(features=frozenset({"sse2"})) == [said]
    assert _judged({"mongodb": False}, features=frozenset({"sse2"})) == []
    assert _judged(machine="aarch64", features=frozenset({"fp", "asimd", "atomics"})) == []


def test_each_peer_that_is_not_resolved_is_told() -> None:
    assert _judged(resolves={"10.0.0.2": "10.0.0.2"}) == [
        "it cannot resolve 'node2.lab', the address of another host: give it a DNS or /etc/hosts entry"
    ]


def test_a_host_whose_own_name_is_loopback_is_told() -> None:
    """As Debian's installer writes it."""
    (problem,) = _judged(resolves={**FINE.resolves, "node1.lab": "127.0.1.1"})
    assert problem.startswith("its own name 'node1.lab' is 127.0.1.1 there, where no other host reaches it: ")


def test_a_folder_of_another_user_is_told_for_root_too() -> None:
    assert _judged(uid=0) == [
        "mspass:cluster.datadir: /srv/lab belongs to uid 1000, and the ssh user is uid 0: log in as its owner"
    ]
    assert _judged(uid=0, keeper=-1) == [], "there is none yet"


@pytest.mark.parametrize(("skew", "shown"), [(5.3, "+5"), (-120.0, "-120")])
def test_a_clock_that_is_off_is_told_with_its_sign(skew: float, shown: str) -> None:
    assert _judged(skew=skew) == [
        f"its clock is {shown} s off this machine's: set up time synchronisation (chrony, ntp)"
    ]


@pytest.mark.parametrize(("skew", "doubt"), [(5.0, 0.0), (-6.0, 1.0)])
def test_a_clock_that_may_be_right_is_not_told(skew: float, doubt: float) -> None:
    assert _judged(skew=skew, doubt=doubt) == []


def test_all_that_is_missing_is_told_at_once() -> None:
    assert len(_judged(ports=frozenset({8888, 27018}), memory=1, features=frozenset(), skew=99.0, free={})) == 6


def test_few_open_files_are_worth_a_word_and_no_refusal() -> None:
    assert list(doubts(FINE)) == []
    few = replace(FINE, nofile=20000)
    assert list(doubts(few)) == ["allows 20000 open files per process; MongoDB recommends 64000"]
    assert list(judge(few, ASKED, OURS, {})) == []


def test_a_host_that_does_not_answer_has_one_problem_and_its_name_once() -> None:
    reach = {"host": "n1", "address": "127.0.0.1", "port": free_ports(1)[0], "user": "nobody"}
    look = Look("n1", {**ASKED, "engine": "", "image": "one"}, reach, "lab", OURS)
    (problem,) = look.problems
    assert problem.startswith("cannot be reached by ssh: ")
    assert look.warnings == []


@pytest.fixture
def engine() -> Iterator[str]:
    """The address of an engine that has nothing."""
    address = graveyard.open_for("of-the-test", [])
    yield address
    Path(address.removeprefix("unix://")).unlink()


def test_an_image_that_can_be_had_nowhere_is_told_beside_the_rest(engine: str, tmp_path: Path) -> None:
    asked = {
        **ASKED,
        "engine": engine,
        "image": "no/such:image",
        "home": str(tmp_path / "home"),
        "workdir": str(tmp_path / "work"),
        "peers": ["no-such-host.invalid"],
        "memory": {"mspass:cluster.database.cache": 2**50},
        "ports": {},
    }
    look = Look("here", asked, {}, "lab", OURS)
    first, second, third = look.problems
    assert first.startswith("mspass:cluster.image: no/such:image is neither on it nor at its registry: ")
    assert second.startswith("memory: mspass:cluster.database.cache 1048576.0 GiB: more than its ")
    assert third.startswith("it cannot resolve 'no-such-host.invalid'")


def test_an_engine_that_does_not_answer_is_the_one_problem(tmp_path: Path) -> None:
    asked = {**ASKED, "engine": f"unix://{tmp_path}/none.sock", "image": "one", "home": str(tmp_path)}
    (problem,) = Look("here", asked, {}, "lab", OURS).problems
    assert problem.startswith(f"no Docker engine answers at unix://{tmp_path}/none.sock: ")
