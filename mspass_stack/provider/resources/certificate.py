"""`CertificateAuthority`, `Certificate` and `TrustStore`: what TLS between hosts is made of."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mspass_stack.provider.resources.base import Call, I, Resource, changed
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.certificates import CertificateAuthorityInputs, CertificateInputs, TrustStoreInputs
from mspass_stack.spec.inventory import RENEWED_BEFORE

AUTHORITY, LEAF = timedelta(days=3650), timedelta(days=3 * 365)
"""How long an authority and a certificate hold."""

SLACK = timedelta(minutes=10)
"""The clocks of hosts differ."""

SIGNING = x509.KeyUsage(
    False, False, False, False, False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False
)
"""With the key identifiers, what Python from 3.13 on asks for (VERIFY_X509_STRICT, RFC 5280)."""


class _Expiring(Resource[I]):
    """Made anew when it is about to end."""

    def diff(self, call: Call) -> list[str]:
        ends = datetime.fromisoformat(call.outputs["ends"])
        old, new = (_ordered(inputs) for inputs in (call.old_inputs, call.inputs))
        return changed(old, new) or (["ends"] if ends - datetime.now(UTC) < RENEWED_BEFORE else [])


class CertificateAuthority(_Expiring[CertificateAuthorityInputs]):
    """Outputs: `certificate`, `signer` (secret: its key), `ends`."""

    model = CertificateAuthorityInputs

    def create(self, call: Call) -> tuple[str, Props]:
        if call.preview:
            return call.name, {}
        key, name = ec.generate_private_key(ec.SECP256R1()), _name(f"MsPASS stack {self.parse(call.inputs).stack}")
        made = _builder(name, name, key, AUTHORITY).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        signed = made.add_extension(SIGNING, critical=True).sign(key, hashes.SHA256())
        ends = signed.not_valid_after_utc.isoformat()
        return call.name, {"certificate": _text(signed), "signer": _key_text(key), "ends": ends}


class Certificate(_Expiring[CertificateInputs]):
    """Outputs: `pem` (secret: certificate and key), `digest` (of the certificate), `ends`."""

    model = CertificateInputs

    def create(self, call: Call) -> tuple[str, Props]:
        if call.preview:
            return call.name, {}
        inputs = self.parse(call.inputs)
        authority = x509.load_pem_x509_certificate(inputs.authority.encode())
        signer = load_pem_private_key(inputs.authority_key.encode(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key, names = ec.generate_private_key(ec.SECP256R1()), inputs.names
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        made = _builder(_name(names[0]), authority.subject, key, LEAF)
        made = made.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        signed = made.add_extension(both, critical=False).sign(signer, hashes.SHA256())
        ends = signed.not_valid_after_utc.isoformat()
        digest = signed.fingerprint(hashes.SHA256()).hex()
        return call.name, {"pem": _text(signed) + _key_text(key), "digest": digest, "ends": ends}


class TrustStore(Resource[TrustStoreInputs]):
    """Output: `content`, a store of Java's with who signs, base64; made once, since no two are the same bytes.

    Without a password: there is nothing in it to hide, and what names it stands in a command line.
    """

    model = TrustStoreInputs

    def create(self, call: Call) -> tuple[str, Props]:
        if call.preview:
            return call.name, {}
        authority = x509.load_pem_x509_certificate(self.parse(call.inputs).authority.encode())
        store = serialize_java_truststore([PKCS12Certificate(authority, b"mspass")], NoEncryption())
        return call.name, {"content": b64encode(store).decode()}


def _ordered(inputs: Props) -> Props:
    """Return inputs whose names, in another order, are the same."""
    return inputs | ({"names": sorted(inputs["names"])} if "names" in inputs else {})


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])  # RFC 5280, ub-common-name


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
