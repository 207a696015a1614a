"""What the sections of a config are made of: their base, and the kinds of single values that they share."""

from collections.abc import Iterable
from typing import Annotated, NoReturn

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from mspass_stack.config.sizes import bytes_of

IN_WORDS: dict[str, str] = {}
"""What a pattern asks for, said to whoever has written something else."""


def like(pattern: str, words: str) -> StringConstraints:
    """Return the constraint of a text that matches a pattern.

    Args:
        words: what follows "expected".
    """
    IN_WORDS[pattern] = words
    return StringConstraints(pattern=pattern)


Name = Annotated[str, like(r"^[a-z][a-z0-9-]{0,30}$", "a letter, then letters, digits and -, all small, at most 31")]
Port = Annotated[int, Field(ge=1024, le=65535)]
Cache = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=256 * 1024**2)]
Memory = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=128 * 1024**2)]
Text = Annotated[str, StringConstraints(min_length=1)]

REFUSED = "refused"
"""The kind of a problem whose text says all: nothing goes between it and its path."""


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a boolean where something else is expected: Python counts True as 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("boolean", "got a boolean, which yes, no, on and off are to YAML 1.1")
        return value


Problem = tuple[tuple[str | int, ...], str]
"""Where below the validated value something is wrong, and what."""


def refuse(problems: Iterable[Problem]) -> NoReturn:
    """Raise problems that a validator found in parts of its value, each with its own path.

    Raises:
        ValidationError: pydantic puts the path of the value before those of the problems.
    """
    details = [
        InitErrorDetails(type=PydanticCustomError(REFUSED, "{reason}", {"reason": reason}), loc=path, input=None)
        for path, reason in problems
    ]
    raise ValidationError.from_exception_data("config", details)
