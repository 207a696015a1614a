"""What every stored value is."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen value.

    Unknown keys of another version are passed over; one that must not be is another `schema`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def dump(self) -> dict[str, Any]:
        """Return it as Pulumi inputs."""
        return self.model_dump(mode="json", by_alias=True)


def no_restart(default: Any = ..., **more: Any) -> Any:
    """Mark a field of a process whose change restarts nothing: it is in no digest."""
    return Field(default, json_schema_extra={"restart": False}, **more)


def restarts(model: type[BaseModel]) -> set[str]:
    """Return the fields of a model that a digest covers."""
    extras = {name: field.json_schema_extra for name, field in model.model_fields.items()}
    return {name for name, extra in extras.items() if not (isinstance(extra, dict) and extra.get("restart") is False)}
