"""The file of a stack, which a person keeps: what we write into it leaves all else as it is."""

import re

from mspass_stack.errors import Refused


def with_key(text: str, key: str, value: str) -> str:
    """Return a stack file with a key of its cluster written in; everything else, comments too, stays as it is.

    Args:
        value: in one line of YAML.

    Raises:
        Refused: the file is not written line by line, so a person has to do it.
    """
    lines = text.splitlines(keepends=True)
    head = next(
        (i for i, line in enumerate(lines) if re.fullmatch(r"\s*mspass:cluster:\s*(#.*)?", line.rstrip())), None
    )
    keys = [] if head is None else [line for line in lines[head + 1 :] if re.match(r"\s+\w", line)]
    if head is None or not keys:
        raise Refused(f"write '{key}: {value}' under mspass:cluster in the stack file")
    own = keys[0][: len(keys[0]) - len(keys[0].lstrip())]
    for i in range(head + 1, len(lines)):
        if re.match(rf"{own}{key}:", lines[i]):
            below = next((j for j, line in enumerate(lines[i + 1 :]) if not re.match(rf"{own}\s+\S", line)), None)
            lines[i : None if below is None else i + 1 + below] = [f"{own}{key}: {value}\n"]
            return "".join(lines)
    lines.insert(head + 1, f"{own}{key}: {value}\n")
    return "".join(lines)
