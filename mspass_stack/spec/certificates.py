"""The inputs of what TLS between hosts is made of."""

from pydantic import Field

from mspass_stack.spec.resources import Inputs, secret


class CertificateAuthorityInputs(Inputs):
    """What signs the certificates of a stack."""

    stack: str = Field(description="the name of the Pulumi stack")


class CertificateInputs(Inputs):
    """A certificate with its key, renewed a month before it ends."""

    authority: str = Field(description="the authority's own certificate, PEM")
    authority_key: str = secret("its key, PEM")
    names: list[str] = Field(description="addresses and names of the host")


class TrustStoreInputs(Inputs):
    """Whom a Java trusts."""

    authority: str = Field(description="certificate of who signs, PEM")
