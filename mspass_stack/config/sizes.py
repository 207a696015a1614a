"""Sizes as people write them."""

import re

UNITS = {"": 1, "B": 1} | {
    prefix + unit: base**power
    for power, prefix in enumerate(("k", "M", "G", "T"), start=1)
    for unit, base in (("B", 1000), ("iB", 1024))
}


def bytes_of(value: object) -> object:
    """Read a size such as `8GiB` or `500MB` as bytes; a plain number is bytes already."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\w*)", value.strip())
    units = {unit.lower(): factor for unit, factor in UNITS.items()}
    if match is None or match[2].lower() not in units:
        raise ValueError("expected a size such as 8GiB or 500MB")
    return int(float(match[1]) * units[match[2].lower()])
