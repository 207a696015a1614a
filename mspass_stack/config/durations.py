"""Times as people write them: a span, and the time limit of a Slurm job."""

import re
from collections.abc import Callable
from typing import Any

from pydantic_core import CoreSchema, core_schema

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(str):
    """A span of time: `15m`, `2h`, `90s`."""

    __slots__ = ()

    @property
    def seconds(self) -> int:
        return int(self[:-1]) * UNITS[self[-1]]

    @classmethod
    def read(cls, value: object) -> "Duration":
        """Return a value of the config as a span.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(value, str) or not re.fullmatch(r"\d{1,6}[smhd]", value, re.ASCII):
            raise ValueError("expected a duration such as 15m, 2h or 90s")
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return _checked_by(cls.read, core_schema.str_schema())


LIMIT = re.compile(
    r"(?P<minutes>\d+)(:(?P<seconds>[0-5]?\d))?"
    r"|(?P<H>\d+):(?P<M>[0-5]?\d):(?P<S>[0-5]?\d)"
    r"|(?P<d>\d+)-(?P<h>[01]?\d|2[0-3])(:(?P<m>[0-5]?\d)(:(?P<s>[0-5]?\d))?)?",
    re.ASCII,
)
"""The forms of sbatch(1), option --time."""

FACTORS = {"minutes": 60, "seconds": 1, "H": 3600, "M": 60, "S": 1, "d": 86400, "h": 3600, "m": 60, "s": 1}


class TimeLimit(str):
    """How long a Slurm job may run, in Slurm's own words: `90`, `90:00`, `4:00:00`, `2-12`, `2-12:30`, `2-12:30:00`."""

    __slots__ = ()

    @property
    def seconds(self) -> int:
        match = LIMIT.fullmatch(self)
        assert match
        return sum(int(value) * FACTORS[name] for name, value in match.groupdict(default="0").items())

    @classmethod
    def read(cls, value: object) -> "TimeLimit":
        """Return a value of the config as a time limit; a number is minutes.

        Raises:
            ValueError: it is none, or no limit at all.
        """
        text = str(value) if isinstance(value, int) else value
        if not isinstance(text, str) or len(text) > 20 or not LIMIT.fullmatch(text):
            raise ValueError("expected minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S")
        if not (limit := cls(text)).seconds:
            raise ValueError("expected an end: zero is no limit to Slurm, and the ordered stop comes before an end")
        return limit

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return _checked_by(cls.read, core_schema.union_schema([core_schema.str_schema(), core_schema.int_schema()]))


def _checked_by(read: Callable[[object], str], written: CoreSchema) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(
        read, json_schema_input_schema=written, serialization=core_schema.to_string_ser_schema()
    )
