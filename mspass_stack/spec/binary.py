"""A file that is no text and no secret, as a host is to have it."""

from pydantic import Field

from mspass_stack.spec.value import Value


class Binary(Value):
    """Its bytes stand in it, or in a file of the control node.

    Attributes:
        key, remedy: where the config asks for that file, and what to do where it is lacking.
    """

    sha256: str
    content: str = Field(default="", description="base64")
    source: str = Field(default="", description="a path on the control node")
    key: str = ""
    remedy: str = ""
