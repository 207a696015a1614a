"""What a host lacks is told in a line each, by what the host said of itself."""

from dataclasses import replace
from typing import Any

import pytest

from mspass_stack.provider.preflight import checks
from mspass_stack.provider.preflight.checks import Holder
from mspass_stack.provider.preflight.facts import Facts
from mspass_stack.spec.resources import HostRequirements

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
    user="seismo",
    directory_owner=1000,
    resolves={"node1.lab": "10.0.0.1", "10.0.0.2": "10.0.0.2", "node2.lab": "10.0.0.2"},
    skew=0.3,
    doubt=0.2,
)

ASKED: dict[str, Any] = {
    "stackDir": "/srv/lab",
    "workdir": "/srv/work",
    "runtime": "docker",
    "image": "mspass",
    "address": "node1.lab",
    "peers": ["10.0.0.2", "node2.lab"],
    "ports": {
        "27018": {"path": "mspass:cluster.database.shards.a", "process": "shard-a-n1"},
        "8888": {"path": "mspass:cluster.frontend.port", "process": "frontend"},
    },
    "processes": ["shard-a-n1", "frontend"],
    "memory": {"mspass:cluster.pool.workers.n1.memory": 8 * GIB, "mspass:cluster.database.cache": 4 * GIB},
    "programs": ["mongod"],
    "python": "",
    "modules": [],
    "versions": [],
    "mongodb": True,
}


def _nobody(port: int, process: str) -> str | None:
    """The holder of every port: the process itself that is to have it."""
    return None


def _problems(
    asked: dict[str, Any] | None = None, stack_id: str = OURS, holder: Holder = _nobody, **facts: Any
) -> list[str]:
    requirements = HostRequirements.model_validate(ASKED | (asked or {}))
    return list(checks.problems(replace(FINE, **facts), requirements, "n1", stack_id, holder))


def _warnings(asked: dict[str, Any] | None = None, remote: bool = True, **facts: Any) -> list[str]:
    requirements = HostRequirements.model_validate(ASKED | (asked or {}))
    return list(checks.warnings(replace(FINE, **facts), requirements, remote))


def test_a_host_that_has_all_is_fine() -> None:
    assert _problems() == []
    assert _warnings() == []


def test_a_held_port_is_reported_with_its_yaml_path_and_its_holder() -> None:
    asked: list[tuple[int, str]] = []

    def holder(port: int, process: str) -> str | None:
        asked.append((port, process))
        return "sshd (pid 812)" if port == 8888 else None

    assert _problems(holder=holder, ports=frozenset({22, 8888, 27018})) == [
        "mspass:cluster.frontend.port: port 8888 is held by sshd (pid 812)"
    ]
    assert asked == [(27018, "shard-a-n1"), (8888, "frontend")], "each by the process that is to have it"


def test_a_port_on_which_nobody_listens_is_held_by_nobody() -> None:
    assert _problems(holder=lambda port, process: "a container that is to have it", ports=frozenset({22})) == []


def test_a_directory_of_another_stack_is_reported_with_its_stack() -> None:
    assert _problems(owner=("old", THEIRS, "n1"), holds=("db", ".mspass-stack")) == [
        f"mspass:cluster.datadir: /srv/lab belongs to stack 'old' ({THEIRS}), of another clone or not destroyed; "
        "of a host that was given up and came back: rm /srv/lab/.mspass-stack there"
    ]


def test_a_stack_that_has_no_id_yet_owns_no_directory() -> None:
    assert len(_problems(stack_id="", owner=("lab", OURS, "n1"))) == 1


def test_the_directory_of_another_host_of_the_stack_is_reported_with_its_name() -> None:
    assert _problems(owner=("lab", OURS, "n2"), holds=(".mspass-stack",)) == [
        "mspass:cluster.hosts.n1.address: this is host 'n2' of the stack, by the mark in /srv/lab: were two addresses "
        "exchanged?"
    ]


@pytest.mark.parametrize("mark", [("lab", OURS, "n1"), ("lab", OURS)], ids=["of this host", "of an older version"])
def test_our_own_directory_may_hold_anything(mark: tuple[str, ...]) -> None:
    assert _problems(owner=mark, holds=("db", ".mspass-stack", "notes.txt")) == []


def test_data_that_a_destroyed_stack_left_are_opened_again() -> None:
    left = ("data_config", "data_shard_a", "data_shard_a.addresses", "db", "db-version", "log", "scratch")
    assert _problems(holds=left) == []


def test_a_directory_with_other_things_is_reported_with_the_first_of_them() -> None:
    assert _problems(holds=("db", "d.txt", "a.txt", "c.txt", "b.txt")) == [
        "mspass:cluster.datadir: /srv/lab holds what is not ours (a.txt, b.txt, c.txt): choose a directory of its own"
    ]


def test_a_datadir_on_a_disk_of_another_operating_system_is_reported() -> None:
    (problem,) = _problems(filesystem={"/srv/lab": "fuseblk"})
    assert problem.startswith(
        "mspass:cluster.datadir: /srv/lab is on a file system (fuseblk) that keeps no owners, modes"
    )
    assert _problems(filesystem={"/srv/lab": "ext2/ext3", "/srv/work": "exfat"}) == []


@pytest.mark.parametrize(("key", "directory"), [("datadir", "/srv/lab"), ("workdir", "/srv/work")])
def test_a_directory_that_cannot_be_written_is_reported_with_its_key(key: str, directory: str) -> None:
    assert _problems(writable=FINE.writable - {directory}) == [
        f"mspass:cluster.{key}: {directory} cannot be made or written by seismo"
    ]


@pytest.mark.parametrize("workdir", ["/srv/lab", "/srv/lab/work"])
def test_a_workdir_beside_the_secrets_is_reported(workdir: str) -> None:
    assert _problems({"workdir": workdir}, writable=frozenset({"/srv/lab", workdir})) == [
        f"mspass:cluster.workdir: {workdir} is in the stack's own directory /srv/lab, beside its secrets"
    ]


def test_a_host_where_nobody_works_needs_no_workdir() -> None:
    assert _problems({"workdir": ""}, writable=frozenset({"/srv/lab"})) == []


@pytest.mark.parametrize("free", [{"/srv/lab": 2 * GIB - 1}, {}], ids=["too little", "unknown"])
def test_a_full_disk_is_reported_to_a_new_database(free: dict[str, int]) -> None:
    assert _problems(free=free) == ["mspass:cluster.datadir: less than 2 GiB free on the disk of /srv/lab"]
    assert _warnings(free=free) == []


@pytest.mark.parametrize("data", ["db", "data_config", "data_shard_a"])
def test_a_full_disk_under_a_database_is_worth_a_word_and_no_refusal(data: str) -> None:
    """An edit that makes room must be possible."""
    full = {"/srv/lab": 2 * GIB - 1}
    assert _problems(free=full, holds=(data,)) == []
    assert _warnings(free=full, holds=(data,)) == ["has less than 2 GiB free on the disk of /srv/lab"]


def test_a_disk_without_a_database_may_be_full() -> None:
    assert _problems({"mongodb": False}, free={"/srv/lab": 0}) == []


def test_memory_that_the_host_has_not_is_reported_with_all_that_asks_for_it() -> None:
    assert _problems(memory=12 * GIB) == []
    assert _problems(memory=12 * GIB - 1) == [
        "memory: mspass:cluster.pool.workers.n1.memory 8.0 GiB, mspass:cluster.database.cache 4.0 GiB: "
        "more than its 12.0 GiB"
    ]


def test_a_cpu_that_mongodb_does_not_run_on_is_reported_where_mongodb_is_to_run() -> None:
    problem = "its CPU (x86_64) lacks AVX, which MongoDB needs"
    assert _problems(features=frozenset({"sse2"})) == [problem]
    assert _problems({"mongodb": False}, features=frozenset({"sse2"})) == []
    assert _problems(machine="aarch64", features=frozenset({"fp", "asimd", "atomics"})) == []


def test_each_peer_that_is_not_resolved_is_reported() -> None:
    assert _problems(resolves={"10.0.0.2": "10.0.0.2"}) == [
        "it cannot resolve 'node2.lab', the address of another host: give it a DNS or /etc/hosts entry"
    ]


def test_a_host_whose_own_name_is_loopback_is_reported_where_it_has_peers() -> None:
    """As Debian's installer writes it."""
    own = {**FINE.resolves, "node1.lab": "127.0.1.1"}
    (problem,) = _problems(resolves=own)
    assert problem.startswith("its own name 'node1.lab' is 127.0.1.1 there, where no other host reaches it: ")
    assert _problems({"peers": []}, resolves=own) == []


def test_a_directory_of_another_user_is_reported_for_root_too() -> None:
    assert _problems(uid=0) == [
        "mspass:cluster.datadir: /srv/lab belongs to uid 1000, and the user there is uid 0: log in as its owner"
    ]
    assert _problems(uid=0, directory_owner=-1) == [], "there is none yet"


@pytest.mark.parametrize(("skew", "shown"), [(5.3, "+5"), (-120.0, "-120")])
def test_a_clock_that_is_off_is_reported_with_its_sign(skew: float, shown: str) -> None:
    assert _problems(skew=skew) == [
        f"its clock is {shown} s off the control node's: set up time synchronisation (chrony, ntp)"
    ]


@pytest.mark.parametrize(("skew", "doubt"), [(5.0, 0.0), (-6.0, 1.0)])
def test_a_clock_that_may_be_right_is_not_told(skew: float, doubt: float) -> None:
    assert _problems(skew=skew, doubt=doubt) == []


@pytest.mark.parametrize(
    ("stack_dir", "problem"),
    [
        ("/srv/100%", "/srv/100%: supervisord cannot work in a directory with a % in its path"),
        (f"/{'x' * 90}", f"/{'x' * 90} is too long for a Unix socket in it: choose a shorter one"),
    ],
    ids=["percent", "long"],
)
def test_a_directory_that_supervisord_cannot_use_is_reported(stack_dir: str, problem: str) -> None:
    facts: dict[str, Any] = {"writable": frozenset({stack_dir, "/srv/work"}), "free": {stack_dir: 50 * GIB}}
    assert _problems({"stackDir": stack_dir, "image": ""}, **facts) == [f"mspass:cluster.datadir: {problem}"]
    assert _problems({"stackDir": stack_dir}, **facts) == []


def test_all_that_is_missing_is_reported_at_once() -> None:
    lacking: dict[str, Any] = {"ports": frozenset({8888, 27018}), "memory": 1, "features": frozenset[str]()}
    assert len(_problems(holder=lambda port, process: "sshd", skew=99.0, free={}, **lacking)) == 6


def test_few_open_files_are_worth_a_word_and_no_refusal() -> None:
    assert _warnings(nofile=63999) == ["allows 63999 open files per process; MongoDB recommends 64000"]
    assert _problems(nofile=63999) == []


def test_a_login_manager_that_ends_what_we_start_is_worth_a_word_where_that_is_native_and_elsewhere() -> None:
    settings = frozenset({"KillUserProcesses", "RemoveIPC"})
    native = {"image": ""}
    first, second = _warnings(native, logind=settings)
    assert first == (
        "has KillUserProcesses set for its logins, which ends what we start there when nobody is logged in: type "
        "there: sudo loginctl enable-linger seismo"
    )
    assert second.startswith("has RemoveIPC set")
    assert _warnings(native, logind=settings | {"Linger"}) == []
    assert _warnings(native, remote=False, logind=settings) == []
    assert _warnings(logind=settings) == [], "an engine is a service of the system"
