"""A stack of a copy of the project on a simulated Slurm cluster."""

from typing import Any

import yaml

from tests.harness.project import ROOT, Project, Stack
from tests.harness.slurm import SlurmCluster


class SlurmStack(Stack):
    """A stack.

    Args:
        figure: the stack file of the project that it is made from.
        slurm: changes of its `slurm`.
        config: changes of its `mspass:cluster`.

    Attributes:
        directory: of the stack, on the shared file system.
    """

    def __init__(
        self,
        project: Project,
        on: SlurmCluster,
        figure: str = "hpc",
        name: str = "",
        slurm: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        file = ROOT / "stacks" / f"Pulumi.{figure}.yaml"
        declared = yaml.safe_load(file.read_text())["config"]["mspass:cluster"]
        name = name or figure
        self.on, self.directory = on, f"/scratch/mspass/{name}"
        ssh = {"user": on.user, "key": str(on.key), "known_hosts": str(on.known_hosts)}
        login = {"address": on.login_address, "ssh": ssh}
        asked = {
            **declared["slurm"],
            "time": "30:00",
            "stopBefore": "2m",
            "cores": 2,
            "memory": "3000MiB",
            "login": login,
        }
        declared |= {"image": on.image, "datadir": self.directory, "workdir": "/scratch/mspass/work"}
        # `hosts` tells the harness that this is all of the config; Slurm gives them.
        self._given = {**declared, "slurm": asked | (slurm or {}), **(config or {})}
        super().__init__(project, name, {"hosts": {}})

    def move_to_free_ports(self) -> None:
        """The nodes have all ports."""
        self.cluster = self._given
        self.write()

    def job(self) -> str:
        """Return the id of its job, pending or running; empty where it has none."""
        return self.on.as_user("login", "squeue", "-h", "-o", "%i").strip()
