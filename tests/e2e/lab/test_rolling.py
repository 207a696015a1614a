"""A change of a database that is up goes from member to member: whoever writes goes on writing, nobody reads along."""

import shlex
import socket
import ssl
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import cast
from urllib.parse import quote, urlsplit

import pytest

from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.polling import wait_until
from mspass_stack.verify.strangers import foreign_files
from tests.e2e.clients import dask, documents, expect_whole, mongo, workers, write_documents
from tests.harness.killed import killed_after_step
from tests.harness.lab import Lab
from tests.harness.lab.capture import capture, drain, told
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project
from tests.harness.writer import Client, Writer, counting, inserting, to_set, writing

SETS = {"a": ("lab2", "lab3", "lab4"), "config": ("lab1", "lab2", "lab3")}
DOCUMENTS = 200
DOCUMENT, ARGUMENT = "a-document-that-nobody-else-reads", "an-argument-that-nobody-else-reads"


@pytest.fixture(scope="module")
def overheard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the hosts say to each other until the stack is up, before they are told to encrypt it."""
    return tmp_path_factory.mktemp("wire") / "in-clear"


@pytest.fixture(scope="module")
def stack(project: Project, lab: Lab, image: str, overheard: Path) -> Iterator[LabStack]:
    """A shard of three, of both kinds of host, config servers of three, two routers; first without encryption."""
    stack = LabStack(project, lab, image, "lab-sim", "rolling", {"encryption": False})
    database = {**stack.cluster["database"], "router": ["lab1", "lab2"], "config": list(SETS["config"])}
    stack.cluster["database"] = database | {"shards": {"a": list(SETS["a"])}}
    stack.write()
    with capture(overheard):
        assert "mspass:cluster.encryption: false: whoever is on the network reads" in stack.up()
        _tell(stack)
    write_documents(stack, DOCUMENTS)
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def wire(stack: LabStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All that hosts say to each other from here on."""
    with capture(tmp_path_factory.mktemp("wire") / "encrypted") as packets:
        yield packets


def _places(stack: LabStack, kind: str) -> list[str]:
    entries = stack.outputs()["inventory"]["processes"]
    return [f"{entry['address']}:{entry['ports'][0]}" for entry in entries if entry["kind"] == kind]


def _key(stack: LabStack) -> str:
    return stack.lab.execute("lab2", "cat", f"{stack.directory}/secrets/keyfile")


def _authority(stack: LabStack) -> str:
    return stack.outputs()["inventory"]["authority"]


def _by_routers(stack: LabStack, tls: str = "") -> Client:
    """A client of both routers, by the user's own address."""
    uri = str(stack.outputs()["databaseUri"])
    return mongo(uri.replace(urlsplit(uri).netloc.rpartition("@")[2], ",".join(_places(stack, "mongos"))) + tls)


@contextmanager
def _written_directly(stack: LabStack) -> Generator[Writer]:
    """Write into the shard itself meanwhile, a genuine set."""
    key, authority, places = _key(stack), _authority(stack), _places(stack, "shard")
    own = f"written_{token_hex(4)}"
    with writing(to_set("a", places, key, authority), inserting(own)) as writer:
        _go_on(writer)
        yield writer
        _go_on(writer)
    assert writer.refused == []
    members = tuple(_member(place) for place in places)
    with ReplicaSet("a", members, key, (_authority(stack),)).primary() as client:
        assert client["admin"][own].count_documents({}) == writer.written
        client["admin"].drop_collection(own)
    print(f"written directly: {writer.written}, longest pause {writer.pause:.1f} s")


@contextmanager
def _written_meanwhile(stack: LabStack) -> Generator[tuple[Writer, Writer]]:
    """Write directly meanwhile, and by way of the routers."""
    with _written_directly(stack) as direct, writing(lambda: _by_routers(stack), counting("mspass")) as routed:
        _go_on(routed)
        yield direct, routed
        _go_on(routed)
    assert routed.refused == []
    with _by_routers(stack) as client:
        assert client["mspass"]["counter"].find_one({"_id": 0}) == {"_id": 0, "n": routed.written - 1}
    print(f"written by routers: {routed.written}, longest pause {routed.pause:.1f} s")


def _go_on(writer: Writer) -> None:
    """Wait until it writes: a driver writes again once, so that harm comes one by one."""
    enough = writer.written + 50
    assert wait_until(lambda: writer.written > enough, 60), writer.refused


def _config_servers(stack: LabStack) -> ReplicaSet:
    members = tuple(_member(place) for place in _places(stack, "configsvr"))
    return ReplicaSet("configserver", members, _key(stack), (_authority(stack),))


def _member(place: str) -> Member:
    address, _, port = place.partition(":")
    return Member(LocalMachine(), address, int(port))


def _turned(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name, run in before.items() if after[name] != run}


def _members(stack: LabStack) -> set[str]:
    return {name for name in stack.runs() if name.startswith(("shard", "configsvr"))}


def _routers(stack: LabStack) -> set[str]:
    return {name for name in stack.runs() if name.startswith("mongos")}


def _tell(stack: LabStack) -> None:
    """Say something to the database and to the pool that an eavesdropper would know."""
    with _by_routers(stack) as client:
        client["mspass"]["told"].insert_many({"text": DOCUMENT} for _ in range(20))
        assert [found["text"] for found in client["mspass"]["told"].find()] == [DOCUMENT] * 20
        client["mspass"].drop_collection("told")
    with dask(stack) as client:
        assert client.gather(client.map(str.upper, [ARGUMENT] * 4, pure=False)) == [ARGUMENT.upper()] * 4


def _secrets(stack: LabStack) -> set[str]:
    password = urlsplit(str(stack.outputs()["databaseUri"])).password
    jupyter = urlsplit(str(stack.outputs()["jupyterUrl"])).query.partition("=")[2]
    assert password
    assert jupyter
    return {DOCUMENT, ARGUMENT, password, jupyter, *(line for line in _key(stack).split() if len(line) > 16)}


def test_without_encryption_whoever_is_at_the_switch_reads_documents_and_passwords(
    stack: LabStack, overheard: Path
) -> None:
    password = urlsplit(str(stack.outputs()["databaseUri"])).password
    assert {DOCUMENT, ARGUMENT, password} <= told(overheard, _secrets(stack))


def test_encryption_is_switched_on_under_a_client_that_writes(stack: LabStack) -> None:
    before, plain = stack.runs(), str(stack.outputs()["databaseUri"])
    stack.cluster["encryption"] = True
    stack.write()
    key, places = _key(stack), _places(stack, "shard")
    path = f"{stack.directory}/ca.pem"
    with _written_meanwhile(stack) as (direct, routed), ThreadPoolExecutor() as pool:
        change = pool.submit(stack.up)
        servers = [*places, *_places(stack, "mongos")]
        assert wait_until(lambda: change.done() or all(map(_takes_tls, servers)), 300)
        assert not change.done(), change.result()
        tls = f"&tls=true&tlsCAFile={quote(path, safe='')}"
        direct.connect_anew(to_set("a", places, key, stack.lab.execute("lab2", "cat", path)))
        routed.connect_anew(lambda: _by_routers(stack, "" if "tls=true" in stack.outputs()["databaseUri"] else tls))
        output = change.result()
    assert "take connections by TLS only from then on: clients outside need the new databaseUri" in output
    assert _turned(before, stack.runs()) >= _members(stack) | _routers(stack)
    with mongo(plain) as client, pytest.raises(Exception, match=r"connection closed|reset"):
        client.admin.command("ping")
    expect_whole(stack, DOCUMENTS)
    runs = stack.runs()
    stack.expect_unchanged("--expect-no-changes")
    assert stack.runs() == runs


def test_whoever_writes_goes_on_while_each_member_is_killed_and_healed(stack: LabStack, wire: Path) -> None:
    with _written_directly(stack) as writer:
        for host in SETS["a"]:
            before = stack.runs()
            stack.harm(f"shard-a-{host}", "kill")
            stack.up()
            assert _turned(before, stack.runs()) == {f"shard-a-{host}"}
            _go_on(writer)


def test_whoever_writes_goes_on_while_the_cache_is_changed(stack: LabStack) -> None:
    before = stack.runs()
    stack.cluster["database"]["cache"] = "270MiB"
    stack.write()
    with _written_meanwhile(stack):
        stack.up()
    assert _turned(before, stack.runs()) == _members(stack)
    assert documents(stack) == DOCUMENTS
    with _config_servers(stack).primary() as client:
        rested = client["config"]["settings"].find_one({"_id": "balancer"})
        assert rested == {"_id": "balancer", "mode": "full", "stopped": False}, "it has rested, and goes on"
    stack.expect_unchanged()


def _another_image(stack: LabStack) -> str:
    """A tag on each host with Docker, of an image that differs in nothing but its id."""
    name = "mspass-test-another:1"
    for host in (host for host in stack.lab.names if not stack.lab.is_native(host)):
        made = stack.lab.docker(host, "create", stack.cluster["image"]).strip()
        stack.lab.docker(host, "commit", "--change", "LABEL another=1", made, name)
        stack.lab.docker(host, "rm", made)
    return name


def test_whoever_writes_goes_on_while_the_image_is_changed_also_by_an_up_that_was_killed(stack: LabStack) -> None:
    before = stack.runs()
    stack.cluster["image"] = _another_image(stack)
    stack.cluster["database"]["cache"] = "280MiB"
    stack.write()
    with _written_meanwhile(stack):
        assert killed_after_step(stack, "shard-a-lab2@lab2")
        restarted, waiting = stack.pid("shard-a-lab2"), stack.pid("shard-a-lab4")
        stack.pulumi("cancel", "--yes")
        stack.up()
    assert stack.pid("shard-a-lab2") == restarted, "it has had its turn"
    assert stack.pid("shard-a-lab4") != waiting
    contained = {entry["name"] for entry in stack.outputs()["inventory"]["processes"] if entry["runtime"] == "docker"}
    assert _turned(before, stack.runs()) >= _members(stack) | contained
    assert documents(stack) == DOCUMENTS


def test_certificates_are_renewed_under_a_client_that_writes_and_no_server_restarts(stack: LabStack) -> None:
    before, places = stack.runs(), [*_places(stack, "configsvr"), *_places(stack, "shard"), *_places(stack, "mongos")]
    shown = {place: _certificate(place, _authority(stack)) for place in places}
    with _written_meanwhile(stack):
        stack.up("--replace", "**:Certificate::certificate@*")
    assert not _turned(before, stack.runs()) & (_members(stack) | _routers(stack))
    assert not {place for place, one in shown.items() if one == _certificate(place, _authority(stack))}


def test_a_certificate_that_is_gone_or_of_somebody_else_is_put_right_by_one_up(stack: LabStack, tmp_path: Path) -> None:
    foreign, _ = foreign_files(tmp_path)
    for host, file, content in (("lab2", "tls/mongodb.pem", ""), ("lab4", "ca.pem", foreign.read_text())):
        path, member = f"{stack.directory}/{file}", f"shard-a-{host}"
        good = stack.lab.execute(host, "cat", path)
        written = f"printf %s {shlex.quote(content)} > {path}"  # in place: it stays its owner's
        stack.lab.execute(host, "sh", "-c", written if content else f"rm {path}")
        with _written_directly(stack):
            stack.harm(member, "kill")
            stack.up()
        assert stack.lab.execute(host, "cat", path) == good
    assert documents(stack) == DOCUMENTS
    stack.expect_unchanged()


def test_half_of_a_pool_works_while_the_other_half_is_restarted(stack: LabStack) -> None:
    counted: list[int] = []
    with dask(stack) as client:
        held = [client.submit(token_hex, 8, pure=False) for _ in range(20)]
        before = cast("list[str]", client.gather(held))
        for asked in stack.cluster["pool"]["workers"].values():
            asked["memory"] = "520MiB"
        stack.write()
        with ThreadPoolExecutor() as pool:
            change = pool.submit(stack.up)
            while not change.done():
                counted.append(len(cast("dict[str, int]", client.nthreads())))
        change.result()
        assert client.gather(held) == before
    assert min(counted) > 0
    assert {worker["memory_limit"] for worker in workers(stack)} == {520 * 1024**2}


def test_a_database_that_is_up_does_not_go_back_to_speak_in_clear(stack: LabStack) -> None:
    runs = stack.runs()
    stack.cluster["encryption"] = False
    stack.write()
    assert "mspass:cluster.encryption: a database that is up does not go back to speak in clear" in stack.refused_up()
    assert stack.runs() == runs
    stack.cluster["encryption"] = True
    stack.write()


def test_nobody_at_the_switch_reads_along_from_the_first_start_to_the_last_stop(stack: LabStack, wire: Path) -> None:
    _tell(stack)
    stack.destroy()
    stack.up()
    _tell(stack)
    secrets = _secrets(stack)
    stack.destroy()
    drain(wire)
    assert told(wire, secrets) == set()


def _takes_tls(place: str) -> bool:
    with suppress(OSError):
        return bool(_certificate(place, ""))
    return False


def _certificate(place: str, authority: str) -> bytes:
    """The certificate that a server shows; checked where its authority is known."""
    address, _, port = place.partition(":")
    context = ssl.create_default_context(cadata=authority or None)
    if not authority:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, int(port)), 5) as plain,
        context.wrap_socket(plain, server_hostname=address) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""
