"""Pulumi's property values on the wire, and plain Python values.

The SDK's own codec turns ints into floats and refuses Python ints; processes have ports.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as Wire

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""The engine's marks of special objects (pulumi: sdk/go/common/resource/sig.go)."""

UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # map
    }
)
"""The engine's words for a value that is not known before the update (pulumi: sdk/go/common/resource/plugin/rpc.go)."""

Props: TypeAlias = dict[str, Any]


def decode(struct: Struct) -> Props:
    """Read a Struct; whole numbers are ints, secrets come without their wrapping."""
    return {key: _value(value) for key, value in struct.fields.items()}


def encode(props: Mapping[str, Any]) -> Struct:
    """Write a Struct; tuples are lists, ints are kept exact up to 2**53."""
    struct = Struct()
    struct.update(cast("dict[str, Any]", _listed(props)))
    return struct


def has_unknown(value: object) -> bool:
    """Whether a preview still lacks a part of this value."""
    if isinstance(value, Mapping):
        return any(has_unknown(part) for part in cast("Mapping[str, object]", value).values())
    if isinstance(value, list | tuple):
        return any(has_unknown(part) for part in cast("list[object]", value))
    return isinstance(value, str) and value in UNKNOWNS


def _value(value: Wire) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            props = decode(value.struct_value)
            return props["value"] if props.get(SIGNATURE) == SECRET else props
        case "list_value":
            return [_value(part) for part in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _listed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _listed(part) for key, part in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_listed(part) for part in cast("list[object]", value)]
    return value
