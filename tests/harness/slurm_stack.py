"""A stack of a copy of the project on a simulated Slurm cluster."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import yaml
from pymongo import MongoClient

from mspass_stack.mongo.client import tls_options
from tests.harness.lab.command import LabError
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
        self.on = on
        ssh = {"user": on.user, "key": str(on.key), "known_hosts": str(on.known_hosts)}
        login = {"address": on.login_address, "ssh": ssh}
        asked = {"time": "30:00", "stopBefore": "2m", "cores": 2, "memory": "3000MiB", "login": login}
        declared |= {"image": on.image, "datadir": f"/scratch/mspass/{name}", "workdir": "/scratch/mspass/work"}
        for workers in declared["pool"]["workers"].values():
            workers["processes"] = 1
        # `hosts` tells the harness that this is all of the config; here Slurm gives them.
        self._given = {**declared, "slurm": {**declared["slurm"], **asked, **(slurm or {})}, **(config or {})}
        self.directory = str(self._given["datadir"])
        super().__init__(project, name, {"hosts": {}})

    def move_to_free_ports(self) -> None:
        """The nodes have all ports."""
        self.cluster = self._given
        self.write()

    def up(self, *options: str) -> str:
        try:
            return super().up(*options)
        except AssertionError as error:
            raise AssertionError(f"{error}\nThe log of its job:\n{self.log()}") from None

    def jobs(self) -> list[str]:
        """Return id and state of all jobs of its user that wait or run."""
        return self.on.as_user("login", "squeue", "-h", "-o", "%i %T").splitlines()

    def cancel(self) -> None:
        """End what is left of its jobs."""
        for job in self.jobs():
            self.on.as_user("login", "scancel", job.split()[0])

    def job(self) -> str:
        """Return the id of its only job.

        Raises:
            AssertionError: it has none, or more than one.
        """
        jobs = self.jobs()
        assert len(jobs) == 1, jobs
        return jobs[0].split()[0]

    def node(self, host: str) -> str:
        """Return the cluster's name of a host's node in the job of the day."""
        known = json.loads(self.on.as_user("login", "cat", f"{self.directory}/run/allocation.json"))
        return str(known["nodes"][host]["name"])

    def database(self, internal: bool = False) -> MongoClient[dict[str, Any]]:
        """Return a client of the database as its users on the nodes have it, whether or not an `up` has ended.

        Args:
            internal: as its servers are to each other, who may do all.

        Raises:
            LabError: no job has run yet.
        """
        profile = self.on.as_user("login", "cat", f"{self.directory}/secrets/client.env")
        uri = re.search("^MSPASS_DB_ADDRESS='(.*)'$", profile, re.MULTILINE)
        assert uri
        entrance = urlsplit(uri[1])
        assert entrance.hostname
        assert entrance.port
        address = self.on.address(self.node(entrance.hostname.partition(".")[0]))
        user: dict[str, Any] = {
            "username": entrance.username,
            "password": entrance.password,
            "authSource": "admin",
        }
        if internal:
            key = self.on.as_user("login", "cat", f"{self.directory}/secrets/keyfile").strip()
            user = {"username": "__system", "password": key, "authSource": "local"}
        with tls_options(self.on.as_user("login", "cat", f"{self.directory}/ca.pem")) as tls:
            # The certificate names hosts of the stack, not the nodes of the day.
            options: dict[str, Any] = {**tls, **user, "tlsAllowInvalidHostnames": True}
            return MongoClient(address, entrance.port, directConnection=True, serverSelectionTimeoutMS=3000, **options)

    def log(self) -> str:
        """Return the log of its job."""
        try:
            return self.on.as_user("login", "cat", f"{self.directory}/log/job.log")
        except LabError as error:
            return str(error)
