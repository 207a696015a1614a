"""Directories and secret files of a stack on a host, and the client's own files."""

import hashlib
import stat
import sys
from base64 import b64encode
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.resources.files import Mark, mark_of
from mspass_stack.provider.server.codec import UNKNOWNS
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.tls import ALLOW, REQUIRE, mode_file
from tests.provider.conftest import HERE, STACK_ID, Host

FILES, PROFILE = RESOURCES["HostFiles"], RESOURCES["ClientProfile"]

HARMS: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "changed": lambda path: path.write_text("other"),
    "opened": lambda path: path.chmod(0o644),
}
"""What may be done to a file of ours."""


def _key_file(host: Host) -> Path:
    return host.stack_dir / "secrets" / "keyfile"


def _inputs(host: Host, content: str = "secret") -> dict[str, Any]:
    return {
        "connection": HERE,
        "stackDir": str(host.stack_dir),
        "host": "here",
        "directories": [str(host.stack_dir / "db"), str(host.stack_dir.parent / "work")],
        "files": {str(_key_file(host)): content},
        "digestKey": "k",
    }


def _state(host: Host, inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs and inputs as the state holds them after a create."""
    return {"outputs": FILES.create(host.call(inputs))[1], "old_inputs": host.call(inputs).inputs}


def _refreshed(host: Host, inputs: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """The state after it has been compared with what is there."""
    found = FILES.read(host.call(inputs, **state))
    assert found
    return state | {"outputs": found}


def test_a_secret_file_is_its_owners_only_and_says_nothing_in_the_state(host: Host) -> None:
    state, path = _state(host, _inputs(host)), _key_file(host)
    assert path.read_text() == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "secret" not in str(state["outputs"]["digests"].values())
    assert FILES.diff(host.call(_inputs(host), **state)) == []


def test_the_digest_of_a_file_is_keyed_with_a_secret_of_its_own(host: Host) -> None:
    first = _state(host, _inputs(host))["outputs"]["digests"]
    second = _state(host, _inputs(host) | {"digestKey": "another"})["outputs"]["digests"]
    assert set(first.values()).isdisjoint(second.values())
    assert FILES.model.marked("secret") >= {"digestKey", "files"}


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_was_laid_hands_on_is_seen_and_put_right(host: Host, harm: str) -> None:
    inputs = _inputs(host)
    state, path = _state(host, inputs), _key_file(host)
    HARMS[harm](path)
    state = _refreshed(host, inputs, state)
    assert FILES.diff(host.call(inputs, **state)) == ["files"]
    after = FILES.update(host.call(inputs, **state))
    assert path.read_text() == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FILES.diff(host.call(inputs, **state | {"outputs": after})) == []


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_found_with_another_content_has_another_digest_each_time_so_that_its_readers_are_restarted(
    host: Host, mode: int
) -> None:
    """From a backup it comes back with the mode of the user's umask."""
    inputs, path = _inputs(host), str(_key_file(host))
    state = _state(host, inputs)
    first = state["outputs"]["digests"][path]
    for repairs in (1, 2):
        HARMS["changed"](Path(path))
        Path(path).chmod(mode)
        state = _refreshed(host, inputs, state)
        told = FILES.update(host.call(inputs, **state, preview=True))
        state["outputs"] = FILES.update(host.call(inputs, **state))
        assert state["outputs"]["digests"] == told["digests"] == {path: f"{first}+{repairs}"}
    state = _refreshed(host, inputs, state)
    assert FILES.diff(host.call(inputs, **state)) == []
    assert FILES.update(host.call(inputs, **state))["digests"] == {path: f"{first}+2"}, "once put right, it stays"


@pytest.mark.parametrize("harm", ["lost", "opened"])
def test_a_file_with_its_own_content_put_right_restarts_nobody(host: Host, harm: str) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    HARMS[harm](_key_file(host))
    state = _refreshed(host, inputs, state)
    assert FILES.update(host.call(inputs, **state))["digests"] == state["outputs"]["digests"]


BYTES = b"PK\x03\x04\xff"


def _with_jar(host: Host, source: Path | None = None, content: str = "") -> dict[str, Any]:
    """Inputs with a file that is no text, on the host as `spark/one.jar`."""
    jar = Binary(
        sha256=hashlib.sha256(BYTES).hexdigest(),
        source=str(source or ""),
        content=content,
        key="mspass:cluster.here",
        remedy="fetch it",
    )
    return _inputs(host) | {"binaries": {str(host.stack_dir / "spark" / "one.jar"): jar.dump()}}


@pytest.mark.parametrize("inside", [True, False], ids=["in the state", "on the control node"])
def test_a_file_that_is_no_text_is_there_put_right_and_goes(host: Host, tmp_path: Path, inside: bool) -> None:
    source, jar = tmp_path / "one.jar", host.stack_dir / "spark" / "one.jar"
    source.write_bytes(BYTES)
    inputs = _with_jar(host, content=b64encode(BYTES).decode()) if inside else _with_jar(host, source)
    state = _state(host, inputs)
    assert jar.read_bytes() == BYTES
    assert FILES.diff(host.call(inputs, **state)) == []
    jar.write_bytes(b"other")
    state = _refreshed(host, inputs, state)
    assert FILES.diff(host.call(inputs, **state)) == ["binaries"]
    after = FILES.update(host.call(inputs, **state))
    assert jar.read_bytes() == BYTES
    assert after["digests"] == state["outputs"]["digests"], "nobody is restarted"
    source.unlink()
    state |= {"outputs": after, "old_inputs": host.call(inputs).inputs}
    assert FILES.diff(host.call(inputs, **state)) == []
    FILES.update(host.call(inputs, **state))  # what is there already needs no source
    FILES.update(host.call(_inputs(host), **state))
    assert not jar.parent.exists()


def test_a_source_that_is_missing_or_another_file_is_refused_by_what_asks_for_it(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "one.jar"
    with pytest.raises(InitFailed, match=f"mspass:cluster.here: {source}: No such file or directory: fetch it$"):
        FILES.create(host.call(_with_jar(host, source)))
    source.write_bytes(b"other")
    with pytest.raises(InitFailed, match=f"mspass:cluster.here: {source} is another file: .*: fetch it$"):
        FILES.create(host.call(_with_jar(host, source)))


def test_a_lost_directory_is_seen_and_made_again(host: Host) -> None:
    inputs = _inputs(host)
    state, work = _state(host, inputs), host.stack_dir.parent / "work"
    work.rmdir()
    state = _refreshed(host, inputs, state)
    assert state["outputs"]["missing"] == [str(work)]
    assert FILES.diff(host.call(inputs, **state)) == ["directories"]
    assert FILES.update(host.call(inputs, **state))["missing"] == []
    assert work.is_dir()


def test_the_mark_says_which_host_of_which_stack_it_is(host: Host) -> None:
    _state(host, _inputs(host))
    assert (host.stack_dir / ".mspass-stack").read_text() == f"test {STACK_ID} here\n"
    assert mark_of(LocalMachine(), str(host.stack_dir)) == Mark("test", STACK_ID, "here")


@pytest.mark.parametrize(
    ("mark", "refusal"),
    [
        ("theirs 999999999999 here", "belongs to stack 'theirs' \\(999999999999\\)"),
        (f"test {STACK_ID} other", "is that of host 'other' of this stack"),
    ],
    ids=["another stack", "another host"],
)
def test_the_directory_of_another_is_not_taken(host: Host, mark: str, refusal: str) -> None:
    (host.stack_dir / ".mspass-stack").write_text(f"{mark}\n")
    with pytest.raises(Refused, match=f"^host 'here': {host.stack_dir} {refusal}"):
        FILES.create(host.call(_inputs(host)))
    assert [path.name for path in host.stack_dir.iterdir()] == [".mspass-stack"]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_where_the_mark_is_gone_nothing_is_written(host: Host, preview: bool) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    mounted = host.stack_dir.rename(host.stack_dir.with_name("disk"))
    host.stack_dir.mkdir()
    with pytest.raises(Refused, match=r"has lost its mark .* is the disk mounted on which it is"):
        FILES.update(host.call(_inputs(host, "another"), **state, preview=preview))
    assert list(host.stack_dir.iterdir()) == []
    host.stack_dir.rmdir()
    mounted.rename(host.stack_dir)
    FILES.update(host.call(_inputs(host, "another"), **state, preview=preview))
    assert _key_file(host).read_text() == ("secret" if preview else "another")


@pytest.mark.parametrize("moved", [False, True])
def test_a_host_is_asked_the_way_it_is_reached_now(host: Host, moved: bool) -> None:
    """Its address of before may be nobody's."""
    state = _state(host, _inputs(host))
    old = {**state["old_inputs"], "connection": {**HERE, "address": "127.0.0.1", "port": 1}}
    inputs = _inputs(host, "other") | ({"stackDir": str(host.stack_dir.parent / "elsewhere")} if moved else {})
    FILES.update(host.call(inputs, **state | {"old_inputs": old}))
    assert _key_file(host).read_text() == "other"


def test_delete_removes_secrets_and_never_data(host: Host) -> None:
    inputs = _inputs(host)
    FILES.create(host.call(inputs))
    data = [host.stack_dir / "db" / "collection.wt", host.stack_dir.parent / "work" / "notebook.ipynb"]
    for path in data:
        path.write_text("the user's")
    FILES.delete(host.call(inputs))
    assert [path.read_text() for path in data] == ["the user's"] * 2
    assert not (host.stack_dir / "secrets").exists()
    assert mark_of(LocalMachine(), str(host.stack_dir)) is None


def test_a_directory_that_could_not_be_filled_is_in_the_state_and_given_back(host: Host) -> None:
    inputs = _inputs(host)
    _key_file(host).mkdir(parents=True)
    with pytest.raises(InitFailed, match=r"^host 'here': .*secrets/keyfile") as failed:
        FILES.create(host.call(inputs))
    _key_file(host).rmdir()
    state = {"outputs": failed.value.outputs, "old_inputs": host.call(inputs).inputs}
    assert FILES.diff(host.call(inputs, **state)) == ["files"], "the next up goes on"
    FILES.delete(host.call(inputs))
    assert mark_of(LocalMachine(), str(host.stack_dir)) is None


def test_a_preview_knows_the_digests_of_files_that_it_knows(host: Host) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    more = {**inputs, "files": {**inputs["files"], str(host.stack_dir / "secrets" / "more"): "another"}}
    told = FILES.update(host.call(more, **state, preview=True))
    assert told["digests"].items() > state["outputs"]["digests"].items()
    assert FILES.update(host.call(more, **state))["digests"] == told["digests"]
    unknown = {**inputs, "files": {path: min(UNKNOWNS) for path in more["files"]}}
    assert FILES.update(host.call(unknown, **state, preview=True)) == {"user": state["outputs"]["user"]}


def test_a_file_no_longer_declared_is_removed(host: Host) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    FILES.update(host.call({**inputs, "files": {}}, **state))
    assert not _key_file(host).exists()


class Client:
    """The client's own files: a profile and a certificate that it names."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.env, self.certificate = host, directory / "profile.env", directory / "ca.pem"
        self.more: dict[str, Any] = {}
        self.files = {str(self.env): "export MSPASS_SCHEDULER=dask\n", str(self.certificate): "PEM\n"}

    def call(self, files: dict[str, str] | None = None, **more: Any) -> Any:
        files = self.files if files is None else files
        return self.host.call({"path": str(self.env), "files": files, **self.more}, **more)

    def create(self) -> dict[str, Any]:
        id, outputs = PROFILE.create(self.call())
        assert id == "test/client-profile"
        return outputs

    def refresh(self, outputs: dict[str, Any]) -> dict[str, Any]:
        found = PROFILE.read(self.call(outputs=outputs))
        assert found
        return found

    def diff(self, outputs: dict[str, Any]) -> list[str]:
        return PROFILE.diff(self.call(outputs=outputs, old_inputs=self.call().inputs))


@pytest.fixture
def client(host: Host) -> Client:
    return Client(host, host.stack_dir / "client")


def test_the_clients_files_are_their_owners_only(client: Client) -> None:
    outputs = client.create()
    assert {str(path): path.read_text() for path in (client.env, client.certificate)} == client.files
    assert {stat.S_IMODE(path.stat().st_mode) for path in (client.env, client.certificate)} == {0o600}
    assert stat.S_IMODE(client.env.parent.stat().st_mode) == 0o700
    assert client.refresh(outputs) == outputs == {"intact": True, "trusts": ""}
    assert client.diff(outputs) == []


@pytest.mark.parametrize("harm", HARMS)
def test_a_clients_file_that_was_laid_hands_on_is_seen_and_put_right(client: Client, harm: str) -> None:
    client.create()
    HARMS[harm](client.certificate)
    found = client.refresh({"intact": True})
    assert client.diff(found) == ["files"]
    after = PROFILE.update(client.call(outputs=found, old_inputs=client.call().inputs))
    assert client.refresh(after) == {"intact": True, "trusts": ""}


def test_a_clients_file_no_longer_declared_is_removed_and_a_preview_touches_none(client: Client) -> None:
    assert PROFILE.create(client.call(preview=True)) == ("test/client-profile", {})
    assert not client.env.parent.exists()
    client.create()
    fewer, old = {str(client.env): "other\n"}, client.call().inputs
    PROFILE.update(client.call(fewer, old_inputs=old, preview=True))
    assert client.certificate.exists()
    PROFILE.update(client.call(fewer, old_inputs=old))
    assert not client.certificate.exists()
    assert client.env.read_text() == "other\n"


def test_the_clients_files_go_with_the_stack_and_nothing_else_does(client: Client) -> None:
    client.create()
    own = client.env.with_name("own.env")
    own.touch()
    PROFILE.delete(client.call())
    assert list(client.env.parent.iterdir()) == [own]
    own.unlink()
    client.create()
    PROFILE.delete(client.call())
    assert not client.env.parent.exists()


@pytest.fixture
def guest(client: Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Clients to which a host, here this machine as it sees itself, connects back."""
    monkeypatch.setenv("SSH_CONNECTION", "127.0.0.1 1 127.0.0.1 22")
    known: dict[str, Any] = {
        "host": "lab1",
        "releases": {"python": "{}.{}".format(*sys.version_info[:2]), "pytest": version("pytest")},
        "modules": ["pytest"],
        "environment": {"ADDRESS": "{address}", "PROGRAM": "{python}", "DIRECTORY": "/there"},
        "remark": "Programs run elsewhere.",
    }
    secret = {str(client.env.parent / "secret.conf"): "secret"}
    client.more = {"guest": known, "guestConnection": HERE, "guestFiles": secret}
    return known


def test_clients_have_what_lets_them_in_where_hosts_connect_back(client: Client, guest: dict[str, Any]) -> None:
    outputs, secret = client.create(), client.env.parent / "secret.conf"
    assert outputs["guest"] == {"address": "127.0.0.1", "why": ""}
    lines = f"ADDRESS='127.0.0.1'\nDIRECTORY='/there'\nPROGRAM='{sys.executable}'\n"
    assert client.env.read_text() == client.files[str(client.env)] + lines
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("secret", 0o600)
    guest["environment"] = dict(reversed(guest["environment"].items()))
    assert client.diff(client.refresh(outputs)) == [], "what comes over the wire has no order"
    moved = outputs | {"guest": {"address": "192.0.2.1", "why": ""}}
    assert client.diff(client.refresh(moved)) == ["files"], "this machine has another address"
    PROFILE.delete(client.call(outputs=outputs))
    assert not client.env.parent.exists()


@pytest.mark.parametrize(
    ("seen", "change", "why"),
    [
        ("", {}, "host 'lab1' does not reach this machine"),
        ("192.0.2.1 1 192.0.2.2 22", {}, "host 'lab1' does not reach this machine"),
        ("127.0.0.1 1", {"releases": {"python": "2.7"}}, "python is 3.11, and 2.7 on host 'lab1'"),
        ("127.0.0.1 1", {"releases": {"nobodys": "1"}}, "nobodys is not here, and 1 on host 'lab1'"),
        ("127.0.0.1 1", {"modules": ["nobodys"]}, f"{sys.executable} lacks nobodys"),
    ],
    ids=["no SSH", "behind a jump host", "another Python", "none of it", "no module"],
)
def test_without_that_they_are_told_why_and_have_no_secret(
    client: Client, guest: dict[str, Any], monkeypatch: pytest.MonkeyPatch, seen: str, change: dict[str, Any], why: str
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", seen)
    guest |= change
    outputs = client.create()
    assert outputs["guest"] == {"address": "", "why": why.replace("3.11", "{}.{}".format(*sys.version_info[:2]))}
    told = f"# Programs run elsewhere.\n# Not on this machine: {outputs['guest']['why']}.\n"
    assert client.env.read_text() == told + client.files[str(client.env)]
    assert sorted(path.name for path in client.env.parent.iterdir()) == ["ca.pem", "profile.env"]
    assert client.diff(client.refresh(outputs)) == []


@pytest.fixture
def shared(client: Client) -> dict[str, str]:
    """What says that the certificate of who signs is to be where the hosts have it."""
    path = client.host.stack_dir.parent / "srv" / "stack" / "ca.pem"
    client.more = {
        "authorityPath": str(path),
        "authority": "PEM of the stack\n",
        "alonePath": str(client.certificate),
        "alone": "MSPASS_DB_ADDRESS='...ca.pem'\n",
    }
    return client.more


def test_the_certificate_of_who_signs_is_where_the_hosts_have_it_and_goes_with_the_stack(
    client: Client, shared: dict[str, str]
) -> None:
    outputs, path = client.create(), Path(shared["authorityPath"])
    assert (outputs["trusts"], path.read_text()) == (str(path), "PEM of the stack\n")
    assert client.env.read_text() == client.files[str(client.env)]
    path.write_text("another\n")
    assert client.diff(client.refresh(outputs)) == ["files"]
    outputs = PROFILE.update(client.call(outputs=outputs, old_inputs=client.call().inputs))
    assert path.read_text() == "PEM of the stack\n", "it was ours"
    PROFILE.delete(client.call(outputs=outputs))
    assert not path.parent.exists()


@pytest.mark.parametrize("hindrance", ["another stack's", "no directory"])
def test_where_it_cannot_be_there_the_users_address_names_another_and_says_so(
    client: Client, shared: dict[str, str], hindrance: str
) -> None:
    path = Path(shared["authorityPath"])
    path.parent.parent.mkdir()
    if hindrance == "no directory":
        path.parent.write_text("a file in its place")
    else:
        path.parent.mkdir()
        path.write_text("PEM of another stack\n")
    outputs = client.create()
    assert outputs["trusts"] == str(client.certificate)
    first, second = client.env.read_text().splitlines()
    assert first.startswith("# MSPASS_DB_ADDRESS holds on this machine only: tasks cannot use it.")
    assert second == "MSPASS_DB_ADDRESS='...ca.pem'"
    assert "Tasks on the workers cannot use that address" in client.host.output[-1]
    assert client.diff(client.refresh(outputs)) == []
    PROFILE.delete(client.call(outputs=outputs))
    assert hindrance == "no directory" or path.read_text() == "PEM of another stack\n"


def _with_tls(host: Host, content: str = "certificate") -> dict[str, Any]:
    directory = host.stack_dir / "tls"
    file = str(directory / "mongodb.pem")
    return {
        **_inputs(host),
        "files": {str(_key_file(host)): "secret", file: content},
        "reloaded": [file],
        "tlsMode": str(directory / "mode.conf"),
    }


def test_servers_start_with_tls_alone_but_beside_those_that_are_up_without_any(host: Host) -> None:
    mode = host.stack_dir / "tls" / "mode.conf"
    state = _state(host, _with_tls(host))
    assert mode.read_text() == mode_file(REQUIRE)
    mode.unlink()
    state = _refreshed(host, _with_tls(host), state)
    assert FILES.diff(host.call(_with_tls(host), **state)) == ["directories"]
    FILES.update(host.call(_with_tls(host), **state))
    assert mode.read_text() == mode_file(REQUIRE)
    FILES.delete(host.call(_with_tls(host), **state))
    assert not mode.parent.exists()
    state = _state(host, _inputs(host))
    FILES.update(host.call(_with_tls(host), **state))
    assert mode.read_text() == mode_file(ALLOW)
    FILES.update(host.call(_with_tls(host), **state))
    mode.write_text(mode_file(REQUIRE))
    FILES.update(host.call(_with_tls(host), **state))
    assert mode.read_text() == mode_file(REQUIRE), "what it has become is left"


def test_a_server_more_on_a_host_of_an_encrypted_database_starts_with_tls_alone_and_leaves_nothing(host: Host) -> None:
    mode, authority = host.stack_dir / "tls" / "mode.conf", str(host.stack_dir / "ca.pem")
    clients = {**_inputs(host), "files": {str(_key_file(host)): "secret", authority: "certificate"}}
    servers = {**_with_tls(host), "files": {**_with_tls(host)["files"], authority: "certificate"}}
    outputs = FILES.update(host.call(servers, **_state(host, clients)))
    assert mode.read_text() == mode_file(REQUIRE)
    FILES.update(host.call(clients, outputs=outputs, old_inputs=host.call(servers).inputs))
    assert not mode.parent.exists()


def test_a_file_that_is_read_anew_restarts_nobody_unless_a_foreign_one_was_found(host: Host) -> None:
    state = _state(host, _with_tls(host))
    path, first = host.stack_dir / "tls" / "mongodb.pem", state["outputs"]["digests"]
    renewed = FILES.update(host.call(_with_tls(host, "renewed"), **state))
    assert path.read_text() == "renewed"
    assert renewed["digests"] == first
    state = {"outputs": renewed, "old_inputs": host.call(_with_tls(host, "renewed")).inputs}
    path.write_text("of somebody else")
    state = _refreshed(host, _with_tls(host, "renewed"), state)
    assert FILES.diff(host.call(_with_tls(host, "renewed"), **state)) == ["files"]
    mended = FILES.update(host.call(_with_tls(host, "renewed"), **state))
    assert path.read_text() == "renewed"
    assert {one for one in first if mended["digests"][one] != first[one]} == {str(path)}
