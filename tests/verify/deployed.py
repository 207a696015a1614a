"""A deployed stack as its outputs describe it."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import testinfra
from pymongo import MongoClient

from mspass_stack import status
from mspass_stack.inventory import Inventory

PATIENCE = 3
"""Seconds that a service may take to answer a look."""


@dataclass(frozen=True)
class Deployed:
    """Outputs and inventory.

    Attributes:
        notes: lines for the end of the report: what was not looked at.
    """

    outputs: dict[str, Any]
    inventory: Inventory
    notes: list[str] = field(default_factory=list[str])

    @classmethod
    def of(cls, stack: str) -> "Deployed":
        """Read the outputs of a stack.

        Raises:
            NotUpError: there is no such stack, or it is not up.
        """
        outputs = status.outputs(stack)
        return cls(outputs, Inventory.model_validate(outputs["inventory"]))

    @property
    def here(self) -> Any:
        """This machine: a testinfra `Host`, whose modules are known at run time only."""
        return testinfra.get_host("local://")

    def database(self) -> MongoClient[dict[str, Any]]:
        """The database as its user."""
        return MongoClient(self.outputs["databaseUri"], serverSelectionTimeoutMS=PATIENCE * 1000)

    @property
    def secrets(self) -> PurePosixPath:
        return PurePosixPath(self.inventory.home) / "secrets"

    @property
    def password(self) -> str:
        return str(self.outputs["databaseUri"]).split("://")[1].split("@")[0].split(":")[1]
