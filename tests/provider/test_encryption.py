"""Servers of MongoDB that are up are brought to speak nothing but TLS, and show their newest certificates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from mspass_stack.errors import InitFailed
from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.polling import wait_until
from mspass_stack.provider.mongo import encryption
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.tls import ALLOW, PREFER, REQUIRE, mode_file
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE, Host, host_of
from tests.provider.test_replica_set import Servers

ENCRYPTION = RESOURCES["Encryption"]
NAMES = ("first", "second", "third")


class Encrypted:
    """A set of three that takes TLS and speaks none."""

    def __init__(self, host: Host) -> None:
        self.host, self.servers, self.output = host, Servers(host), list[str]()
        _, self.authority = RESOURCES["CertificateAuthority"].create(Call("ca", {"stack": "test"}))
        self.file = host.stack_dir / "ca.pem"
        self.file.write_text(self.authority["certificate"])
        self.shown = {name: self.sign(name) for name in NAMES}
        self.members = {name: self._start(name) for name in NAMES}
        self.plain = ReplicaSet("a", tuple(self.members.values()), self.servers.key)
        self.plain.ensure(self.output.append)
        self.set = ReplicaSet("a", self.plain.members, self.servers.key, (self.authority["certificate"],))

    def sign(self, name: str) -> str:
        """Write a new certificate for a server; its digest."""
        names = ["localhost", "127.0.0.1"]
        signing = {"authority": self.authority["certificate"], "authorityKey": self.authority["signer"]}
        _, signed = RESOURCES["Certificate"].create(Call(name, {**signing, "names": names}))
        self.path(name, "pem").write_text(signed["pem"])
        return signed["digest"]

    def path(self, name: str, suffix: str) -> Path:
        return self.host.stack_dir / f"{name}.{suffix}"

    def _start(self, name: str) -> Member:
        self.path(name, "conf").write_text(mode_file(ALLOW))
        words = ["--config", str(self.path(name, "conf")), "--tlsCertificateKeyFile", str(self.path(name, "pem"))]
        return self.servers.start(
            name, *words, "--tlsCAFile", str(self.file), "--tlsAllowConnectionsWithoutCertificates"
        )

    def inputs(self) -> dict[str, Any]:
        servers = {
            name: {
                "address": member.address,
                "port": member.port,
                "stackDir": str(self.host.stack_dir),
                "host": name,
                "replicaSet": "a",
                "tlsMode": str(self.path(name, "conf")),
            }
            for name, member in self.members.items()
        }
        return {
            "connections": dict.fromkeys(NAMES, HERE),
            "servers": servers,
            "certificates": self.shown,
            "authority": self.authority["certificate"],
            "keyFile": self.servers.key,
        }

    def call(self, outputs: dict[str, Any] | None = None) -> Call:
        inputs = self.inputs()
        known = {"outputs": outputs, "old_inputs": self.host.call(inputs).inputs} if outputs is not None else {}
        return self.host.call(inputs, **known)

    def speaks_in_clear(self, name: str) -> bool:
        try:
            with self.plain.client(self.members[name]) as client:
                return bool(client.admin.command("ping"))
        except PyMongoError:
            return False


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    with host_of(tmp_path_factory.mktemp("encrypted")) as host:
        yield Encrypted(host)


def test_all_servers_are_brought_to_tls_alone_also_those_that_were_on_their_way(encrypted: Encrypted) -> None:
    with encrypted.set.client(encrypted.members["second"]) as client:
        client.admin.command({"setParameter": 1, "tlsMode": PREFER})
    assert all(encrypted.speaks_in_clear(name) for name in NAMES)
    id, outputs = ENCRYPTION.create(encrypted.call())
    assert (id, outputs["modes"]) == ("test/encryption", dict.fromkeys(NAMES, REQUIRE))
    assert outputs["shown"] == encrypted.shown
    assert not any(encrypted.speaks_in_clear(name) for name in NAMES)
    assert {encrypted.path(name, "conf").read_text() for name in NAMES} == {mode_file(REQUIRE)}
    with encrypted.set.primary() as client:
        client["test"]["test"].insert_one({"n": 1})
    assert ENCRYPTION.diff(encrypted.call(ENCRYPTION.read(encrypted.call(outputs)))) == []


def test_a_renewed_certificate_is_shown_without_a_restart(encrypted: Encrypted) -> None:
    outputs = ENCRYPTION.create(encrypted.call())[1]
    runs = {name: encrypted.host.manager.incarnation(name) for name in NAMES}
    encrypted.shown = {**encrypted.shown, "third": encrypted.sign("third")}
    assert ENCRYPTION.diff(encrypted.call(ENCRYPTION.read(encrypted.call(outputs)))) == ["certificates"]
    outputs = ENCRYPTION.update(encrypted.call(outputs))
    assert outputs["shown"] == encrypted.shown
    assert ENCRYPTION.diff(encrypted.call(ENCRYPTION.read(encrypted.call(outputs)))) == []
    assert {name: encrypted.host.manager.incarnation(name) for name in NAMES} == runs


def test_a_server_that_starts_with_another_mode_is_seen_and_brought_back(encrypted: Encrypted) -> None:
    outputs = ENCRYPTION.create(encrypted.call())[1]
    encrypted.path("first", "conf").write_text(mode_file(ALLOW))
    encrypted.servers.restart("first")
    assert wait_until(lambda: encrypted.speaks_in_clear("first"), 60)
    found = ENCRYPTION.read(encrypted.call(outputs))
    assert found
    assert found["modes"] == {"first": ALLOW, "second": REQUIRE, "third": REQUIRE}
    assert ENCRYPTION.diff(encrypted.call(found)) == ["servers"]
    assert ENCRYPTION.update(encrypted.call(found))["modes"]["first"] == REQUIRE
    assert not encrypted.speaks_in_clear("first")


def test_one_that_is_down_is_taken_as_last_known_and_named_where_it_is_missed(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = ENCRYPTION.create(encrypted.call())[1]
    encrypted.host.manager.stop("second")
    try:
        assert ENCRYPTION.read(encrypted.call(outputs)) == outputs
        monkeypatch.setattr(encryption, "ANSWERS", 1.0)
        port = encrypted.members["second"].port
        with pytest.raises(InitFailed, match=f"encryption of the database: 127.0.0.1:{port}: "):
            ENCRYPTION.update(encrypted.call(outputs))
    finally:
        encrypted.servers.restart("second")


def test_a_preview_speaks_to_nobody(encrypted: Encrypted) -> None:
    inputs = encrypted.inputs()
    inputs["servers"] = {"gone": {**inputs["servers"]["first"], "port": free_ports(1)[0]}}
    assert ENCRYPTION.create(encrypted.host.call(inputs, preview=True)) == ("test/encryption", {})


def test_a_member_with_a_certificate_of_a_foreign_authority_is_refused_with_its_address(encrypted: Encrypted) -> None:
    foreign = RESOURCES["CertificateAuthority"].create(Call("ca", {"stack": "other"}))[1]["certificate"]
    member = encrypted.members["first"]
    with (
        ReplicaSet("a", (member,), encrypted.servers.key, (foreign,)).client(member) as client,
        pytest.raises(PyMongoError, match=rf"{member.place}.*certificate verify failed"),
    ):
        client.admin.command("ping")
    assert LocalMachine().endpoint(member.address, member.port) == (member.address, member.port)
