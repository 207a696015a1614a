"""Values survive the wire."""

import json
from typing import Any

from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.provider.server.codec import SECRET, SIGNATURE, decode, encode, has_unknown

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(
    SCALARS, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_encoded_is_decoded_again_with_ints_as_ints(props: dict[str, Any]) -> None:
    wire = Struct.FromString(encode(props).SerializeToString())
    again = decode(wire)
    assert again == props
    assert json.dumps(again, sort_keys=True) == json.dumps(props, sort_keys=True), "an int is not a float"


def test_a_secret_arrives_without_its_wrapping() -> None:
    assert decode(encode({"key": {SIGNATURE: SECRET, "value": "x"}})) == {"key": "x"}


def test_an_unknown_is_seen_at_any_depth() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert has_unknown({"a": [{"b": unknown}]})
    assert not has_unknown({"a": [{"b": "known"}]})
