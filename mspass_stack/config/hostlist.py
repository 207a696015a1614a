"""Host lists as Slurm writes them."""

import re
from itertools import product

LIMIT = 10_000
"""The most names of one list: more is a slip of the finger."""


def expand(text: str) -> list[str]:
    """Return the names of a host list, in its order.

    >>> expand("node[1-3],gpu[08-09,11]")
    ['node1', 'node2', 'node3', 'gpu08', 'gpu09', 'gpu11']

    Raises:
        ValueError: it is none; the text says why.
    """
    names: list[str] = []
    # A comma between brackets separates numbers, any other one names.
    for part in re.split(r",(?![^\[]*\])", text):
        names += _names(part.strip())
        if len(names) > LIMIT:
            raise ValueError(f"more than {LIMIT} hosts")
    return names


def is_list(text: str) -> bool:
    """Return whether a text is meant as a host list, and not as one name."""
    return any(character in text for character in "[],")


def _names(part: str) -> list[str]:
    if not part:
        raise ValueError("a name is empty")
    pieces = re.split(r"\[([^\[\]]*)\]", part)
    plain, bracketed = pieces[::2], pieces[1::2]
    for word in plain:
        if "[" in word or "]" in word:
            raise ValueError(f"a bracket is not {'closed' if '[' in word else 'opened'}")
    counts = [_numbers(numbers) for numbers in bracketed]
    size = 1
    for numbers in counts:
        size *= len(numbers)
    if size > LIMIT:
        raise ValueError(f"more than {LIMIT} hosts")
    ends = (*plain[1:],)
    return [
        plain[0] + "".join(number + end for number, end in zip(numbers, ends, strict=True))
        for numbers in product(*counts)
    ]


def _numbers(text: str) -> list[str]:
    """Return the numbers between brackets; all of a range are as wide as its first."""
    found: list[str] = []
    for piece in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", piece.strip(), re.ASCII)
        if match is None:
            raise ValueError(f"{piece.strip()!r} is no number and no range" if text.strip() else "a bracket is empty")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"the range {match[0]!r} runs backwards")
        if last - first >= LIMIT:
            raise ValueError(f"more than {LIMIT} hosts")
        found += [str(number).zfill(len(match[1])) for number in range(first, last + 1)]
    return found
