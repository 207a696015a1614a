"""`Site`: the ground that the processes of a stack stand on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from mspass_stack import engine, resources, roles, runtimes
from mspass_stack.components.container import ContainerHost
from mspass_stack.config import KEY, Cluster, placements, ports
from mspass_stack.rendered import Home
from mspass_stack.topology import Topology


class Site(pulumi.ComponentResource):
    """Identity, secrets, preflight and files of a stack.

    Args:
        topology: the plan.
        base: folder that relative paths of the config start from.
        python: interpreter that has dask and jupyterlab, where the config names none.
        jupyter_password: a password for Jupyter beside its token.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        base: Path,
        python: str,
        jupyter_password: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:Site", name, None, opts)
        cluster = topology.cluster
        child = pulumi.ResourceOptions(parent=self)
        self.topology = topology
        contained = {process.host for process in topology.processes if process.runtime == "docker"}
        self.python = cluster.python or (runtimes.CONTAINER_PYTHON if contained else python)
        self.engine = engine.address() if contained else ""
        self.workdir = str(base / cluster.workdir)
        self.layout = Home(str(base / (cluster.datadir or f"data/{topology.stack}")))
        self.stack_id = resources.StackId("stack-id", opts=child).value
        self.key_file = resources.Secret("mongodb-keyfile", "keyfile", opts=child).value
        self.password = resources.Secret("mongodb-password", "password", opts=child).value
        self.jupyter_token = resources.Secret("jupyter-token", "token", opts=child).value
        preflight = resources.Preflight("preflight", topology.stack, self.stack_id, self._asked(), opts=child)
        secrets = self._files(jupyter_password)
        folders = [self.workdir, *map(str, (self.layout.database, self.layout.log, self.layout.scratch))]
        checked = pulumi.ResourceOptions(parent=self, depends_on=[preflight])
        self.files = {
            host: resources.HostFiles(
                f"files@{host}",
                stack=topology.stack,
                stack_id=self.stack_id,
                host=host,
                home=str(self.layout.root),
                folders=folders,
                files=secrets,
                key=self.key_file,
                opts=checked,
            )
            for host in topology.hosts
        }
        self.containers = {
            host: ContainerHost(
                host,
                topology.stack,
                self.stack_id,
                self.engine,
                cluster.image,
                self._needs(host),
                runtimes.network_name(topology.stack),
                str(self.layout.root),
                after=[preflight, self.files[host]],
                parent=self,
            )
            for host in sorted(contained)
        }
        self.images = pulumi.Output.from_input({host: ground.image.pinned for host, ground in self.containers.items()})
        self.register_outputs({})

    def digests(self, host: str, *paths: object) -> pulumi.Output[dict[str, str]]:
        """Digests of secret files: inputs of the processes that read them at start."""
        names = list(map(str, paths))
        return self.files[host].digests.apply(lambda found: {name: found[name] for name in names if name in found})

    @property
    def client_profile(self) -> str:
        """An env file for the user's own shell; the same names as the frontend has."""
        return str(self.layout.secrets / "profile.env")

    def _files(self, jupyter_password: pulumi.Input[str] | None) -> dict[str, pulumi.Input[str]]:
        layout, topology = self.layout, self.topology
        peers, user = (
            self.password.apply(lambda password, side=side: _environment(topology, password, side))
            for side in ("peer", "user")
        )
        files: dict[str, pulumi.Input[str]] = {self.client_profile: user}
        if topology.one("mongod"):
            files[str(layout.key_file)] = self.key_file
        if topology.of("worker", "frontend"):
            files[str(layout.client_env)] = peers
        if topology.of("frontend"):
            files[str(layout.jupyter_token)] = self.jupyter_token
            files[str(layout.jupyter_config)] = pulumi.Output.all(self.jupyter_token, jupyter_password).apply(
                lambda both: _jupyter_config(*both)
            )
        return files

    def _needs(self, host: str) -> dict[str, Any]:
        """The programs, and the modules by interpreter, that the host's roles are started with."""
        modules = _modules(self.topology.cluster, host)
        programs = ["mongod"] if any(mongod.host == host for mongod in self.topology.of("mongod")) else []
        return {"programs": programs, "modules": {self.python: modules} if modules else {}}

    def _asked(self) -> Mapping[str, Any]:
        """What the preflight looks for, by host."""
        topology = self.topology
        cluster = topology.cluster
        return {
            host: {
                "home": str(self.layout.root),
                "workdir": self.workdir,
                "ports": {str(port): f"{KEY}.{path}" for path, where, port in ports(cluster) if where == host},
                "memory": _memory(topology, host),
                "engine": self.engine,
                **({"programs": [], "modules": {}} if self.engine else self._needs(host)),
            }
            for host in topology.hosts
        }


def _environment(topology: Topology, password: str, side: Any) -> str:
    environment = roles.client_environment(topology, side)
    if uri := roles.database_uri(topology, password, side):
        environment["MSPASS_DB_ADDRESS"] = uri
    # Values are addresses and numbers; single quotes keep the `&` and `?` of a URI from the shell.
    return "".join(f"{key}='{value}'\n" for key, value in sorted(environment.items()))


def _jupyter_config(token: str, password: str | None) -> str:
    """Jupyter's hashed password, with a salt that stays the same from one `up` to the next."""
    if not password:
        return "{}\n"
    salt = hashlib.sha256(token.encode()).hexdigest()[:12]
    hashed = hashlib.sha256(password.encode() + salt.encode()).hexdigest()
    return json.dumps({"PasswordIdentityProvider": {"hashed_password": f"sha256:{salt}:{hashed}"}}) + "\n"


def _modules(cluster: Cluster, host: str) -> list[str]:
    played = {path.split(".")[0] for path, where in placements(cluster) if where == host}
    return [*(["distributed"] if "pool" in played else []), *(["jupyterlab"] if "frontend" in played else [])]


def _memory(topology: Topology, host: str) -> dict[str, int]:
    asked: dict[str, int] = {}
    cluster = topology.cluster
    if cluster.pool and (workers := cluster.pool.workers.get(host)) and workers.memory:
        asked[f"{KEY}.pool.workers.{host}.memory"] = workers.memory * topology.worker_processes[host]
    if cluster.database and cluster.database.db == host and cluster.database.cache:
        asked[f"{KEY}.database.cache"] = cluster.database.cache
    return asked
