"""The authority of a stack and its certificates, by real TLS on the loopback interface."""

import socket
import ssl
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.codec import Props
from mspass_stack.provider.server.registry import RESOURCES

HERE = ["127.0.0.1", "head.lab"]


def _made(kind: str, **inputs: object) -> Props:
    id, outputs = RESOURCES[kind].create(Call("one", inputs))
    assert id == "one"
    return outputs


def _authority() -> Props:
    return _made("CertificateAuthority", stack="lab")


def _certificate(authority: Props, names: list[str]) -> Props:
    return _made("Certificate", authority=authority["certificate"], authorityKey=authority["signer"], names=names)


class End:
    """One end of a connection, with the files that Dask is given."""

    def __init__(self, directory: Path, authority: Props, certificate: Props) -> None:
        directory.mkdir()
        self.ca, self.own = directory / "ca.pem", directory / "dask.pem"
        self.ca.write_text(authority["certificate"])
        self.own.write_text(certificate["pem"])

    def context(self, purpose: ssl.Purpose, strict: bool) -> ssl.SSLContext:
        """As distributed makes it (distributed.security)."""
        context = ssl.create_default_context(purpose, cafile=str(self.ca))
        context.verify_mode = ssl.CERT_REQUIRED
        if strict:
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(self.own, self.own)
        return context


def _exchange(server: End, client: End, name: str, strict: bool = False) -> bytes:
    """What a client hears from a server after a handshake in which each has verified the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(10)

        def serve() -> None:
            taken = listener.accept()[0]
            with taken, server.context(ssl.Purpose.CLIENT_AUTH, strict).wrap_socket(taken, server_side=True) as secured:
                secured.sendall(b"hello")

        served = pool.submit(serve)
        with (
            socket.create_connection(listener.getsockname(), 10) as plain,
            client.context(ssl.Purpose.SERVER_AUTH, strict).wrap_socket(plain, server_hostname=name) as secured,
        ):
            heard = secured.recv(5)
        served.result()
        return heard


@pytest.mark.parametrize("name", HERE)
def test_two_ends_of_a_stack_take_each_other_by_any_of_their_names(tmp_path: Path, name: str) -> None:
    authority = _authority()
    ends = [End(tmp_path / end, authority, _certificate(authority, HERE)) for end in ("server", "client")]
    assert _exchange(ends[0], ends[1], name) == b"hello"


def test_the_rules_that_python_3_13_is_strict_about_are_kept(tmp_path: Path) -> None:
    authority = _authority()
    ends = [End(tmp_path / end, authority, _certificate(authority, HERE)) for end in ("server", "client")]
    assert _exchange(ends[0], ends[1], HERE[0], strict=True) == b"hello"


def test_a_certificate_is_of_its_own_host_only(tmp_path: Path) -> None:
    authority = _authority()
    server = End(tmp_path / "server", authority, _certificate(authority, ["10.0.0.1"]))
    client = End(tmp_path / "client", authority, _certificate(authority, HERE))
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        _exchange(server, client, "127.0.0.1")


def test_a_client_of_another_stack_is_refused(tmp_path: Path) -> None:
    ours, theirs = _authority(), _authority()
    server = End(tmp_path / "server", ours, _certificate(ours, HERE))
    stranger = End(tmp_path / "client", ours, _certificate(theirs, HERE))
    with pytest.raises(ssl.SSLError):
        _exchange(server, stranger, "127.0.0.1")


def test_a_server_of_another_stack_is_refused(tmp_path: Path) -> None:
    ours, theirs = _authority(), _authority()
    stranger = End(tmp_path / "server", ours, _certificate(theirs, HERE))
    client = End(tmp_path / "client", ours, _certificate(ours, HERE))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|signature failure"):
        _exchange(stranger, client, "127.0.0.1")


def test_each_has_a_key_of_its_own() -> None:
    authority, other = _authority(), _authority()
    first, second = (_certificate(authority, HERE) for _ in range(2))
    assert len({authority["signer"], other["signer"], _key(first), _key(second)}) == 4


def test_the_key_of_the_authority_is_in_no_certificate() -> None:
    authority = _authority()
    assert authority["signer"] not in authority["certificate"]
    assert authority["signer"] not in _certificate(authority, HERE)["pem"]


def test_a_certificate_cannot_sign_another() -> None:
    authority = _authority()
    found = x509.load_pem_x509_certificate(_certificate(authority, HERE)["pem"].encode())
    constraints = [one.value for one in found.extensions if isinstance(one.value, x509.BasicConstraints)]
    assert not any(one.ca for one in constraints)
    own = x509.load_pem_x509_certificate(authority["certificate"].encode())
    assert own.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)


@pytest.mark.parametrize(("kind", "days"), [("CertificateAuthority", 3650), ("Certificate", 1095)])
def test_it_holds_from_a_little_before_now_as_clocks_differ(kind: str, days: int) -> None:
    authority = _authority()
    text = authority["certificate"] if kind == "CertificateAuthority" else _certificate(authority, HERE)["pem"]
    found, now = x509.load_pem_x509_certificate(text.encode()), datetime.now(UTC)
    assert now - timedelta(minutes=11) < found.not_valid_before_utc < now - timedelta(minutes=9)
    assert abs(found.not_valid_after_utc - now - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize(("days", "renewed"), [(-1, True), (29, True), (31, False)])
@pytest.mark.parametrize("kind", ["CertificateAuthority", "Certificate"])
def test_it_is_renewed_a_month_before_it_ends(kind: str, days: int, renewed: bool) -> None:
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    call = Call("one", {"stack": "lab"}, outputs={"ends": ends}, old_inputs={"stack": "lab"})
    assert RESOURCES[kind].diff(call) == (["ends"] if renewed else [])


def test_a_fresh_one_is_unchanged_and_another_address_asks_for_another_one() -> None:
    authority = _authority()
    inputs = {"authority": authority["certificate"], "authorityKey": authority["signer"], "names": HERE}
    outputs, kind = _certificate(authority, HERE), RESOURCES["Certificate"]
    assert kind.diff(Call("one", inputs, outputs=outputs, old_inputs=inputs)) == []
    assert kind.diff(Call("one", inputs | {"names": ["10.0.0.9"]}, outputs=outputs, old_inputs=inputs)) == ["names"]


def test_a_renewed_authority_asks_for_new_certificates_and_a_renewed_certificate_is_another() -> None:
    old, new = _authority(), _authority()
    before = {"authority": old["certificate"], "authorityKey": old["signer"], "names": HERE}
    after = {"authority": new["certificate"], "authorityKey": new["signer"], "names": HERE}
    outputs = _certificate(old, HERE)
    call = Call("one", after, outputs=outputs, old_inputs=before)
    assert RESOURCES["Certificate"].diff(call) == ["authority", "authorityKey"]
    assert RESOURCES["Certificate"].update(call)["pem"] != outputs["pem"]


def test_whom_java_trusts_is_made_once_for_an_authority() -> None:
    inputs, other = {"authority": _authority()["certificate"]}, {"authority": _authority()["certificate"]}
    outputs = _made("TrustStore", **inputs)
    assert b64decode(outputs["content"])
    diff = RESOURCES["TrustStore"].diff
    assert diff(Call("one", inputs, outputs=outputs, old_inputs=inputs)) == []
    assert diff(Call("one", other, outputs=outputs, old_inputs=inputs)) == ["authority"]


def test_long_names_of_stacks_and_hosts_are_taken(tmp_path: Path) -> None:
    authority = _made("CertificateAuthority", stack="s" * 100)
    name = ".".join(["a-long-name-of-a-host"] * 5)
    ends = [End(tmp_path / end, authority, _certificate(authority, [name])) for end in ("server", "client")]
    assert _exchange(ends[0], ends[1], name) == b"hello"


@pytest.mark.parametrize("kind", ["CertificateAuthority", "Certificate", "TrustStore"])
def test_a_preview_makes_none(kind: str) -> None:
    assert RESOURCES[kind].create(Call("one", {}, preview=True)) == ("one", {})


def _key(certificate: Props) -> str:
    return str(certificate["pem"]).partition("-----BEGIN PRIVATE KEY")[2]


def test_the_order_of_its_names_is_no_reason_for_another_certificate() -> None:
    def reasons(names: list[str]) -> list[str]:
        ends = (datetime.now(UTC) + timedelta(days=365)).isoformat()
        inputs = {"authority": "", "authorityKey": ""}
        old = inputs | {"names": HERE}
        return RESOURCES["Certificate"].diff(
            Call("one", inputs | {"names": names}, old_inputs=old, outputs={"ends": ends})
        )

    assert reasons(HERE[::-1]) == []
    assert reasons([*HERE, "node1"]) == ["names"]
