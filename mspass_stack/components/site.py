"""`Site`: the ground that the processes of a stack stand on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from mspass_stack import engine, resources, runtimes
from mspass_stack.components import contents, requirements
from mspass_stack.components.container import ContainerHost
from mspass_stack.rendered import Home, Reach
from mspass_stack.roles.mongodb import data_folder
from mspass_stack.topology import Topology

OFFICE = "this-machine"
"""The key of the machine that runs Pulumi, where it is none of the hosts: its user's own files are there."""


class Site(pulumi.ComponentResource):
    """Identity, secrets, preflight and files of a stack.

    Args:
        topology: the plan.
        base: folder that relative paths of the config start from.
        python: interpreter that has dask and jupyterlab, where the config names none.
        jupyter_password: a password for Jupyter beside its token.
        abandoned: hosts that will not come back: what the state has of them is forgotten.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        base: Path,
        python: str,
        jupyter_password: pulumi.Input[str] | None = None,
        abandoned: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:Site", name, None, opts)
        cluster = topology.cluster
        child = pulumi.ResourceOptions(parent=self)
        self.topology, self.abandoned = topology, abandoned
        contained = {process.host for process in topology.processes if process.runtime == "docker"}
        self.python = cluster.python or (runtimes.CONTAINER_PYTHON if contained else python)
        self.engine = engine.address() if contained else ""
        self.workdir = runtimes.here(cluster.workdir, base)
        self.reaches = {host: runtimes.reach(host, cluster, base) for host in topology.hosts}
        own = Home(str(base / f"data/{topology.stack}"))
        self.layout = Home(runtimes.here(cluster.datadir, base)) if cluster.datadir else own
        # Where this machine is one of the hosts, its user's files are among that host's.
        self._office = next((host for host, reach in self.reaches.items() if not reach.remote), OFFICE)
        self._desk = own if self._office == OFFICE else self.layout
        self.stack_id = resources.StackId("stack-id", opts=child).value
        self.key_file = resources.Secret("mongodb-keyfile", "keyfile", opts=child).value
        self.password = resources.Secret("mongodb-password", "password", opts=child).value
        self.jupyter_token = resources.Secret("jupyter-token", "token", opts=child).value
        self._jupyter_password = jupyter_password
        self._authority = resources.CertificateAuthority("dask-ca", topology.stack, child) if topology.tls else None
        home = str(self.layout.root)
        preflight = resources.Preflight(
            "preflight",
            topology.stack,
            self.stack_id,
            {
                host: requirements.asked(topology, host, home, self.workdir, self.engine, self.python)
                for host in topology.hosts
            },
            self.reaches,
            requirements.shards(topology),
            requirements.documents(topology),
            abandoned,
            opts=child,
        )
        ground = pulumi.ResourceOptions(parent=self, depends_on=[preflight])
        self.files = {host: self._files(host, reach, ground) for host, reach in self.reaches.items()}
        if self._office == OFFICE:
            self._files(OFFICE, Reach(host=OFFICE), ground)
        self.containers = {
            host: ContainerHost(
                self.reaches[host],
                topology.stack,
                self.stack_id,
                self.engine,
                cluster.image,
                requirements.needs(topology, host, self.python),
                "" if cluster.is_lab else runtimes.network_name(topology.stack),
                home,
                after=[preflight, self.files[host]],
                parent=self,
            )
            for host in sorted(contained)
        }
        if abandoned:
            ContainerHost.forget(abandoned, resources.abandon(topology.stack, abandoned), self, preflight)
        self.images = pulumi.Output.from_input({host: ground.image.pinned for host, ground in self.containers.items()})
        self.register_outputs({})

    def digests(self, host: str, *paths: object) -> pulumi.Output[dict[str, str]]:
        """Digests of secret files: inputs of the processes that read them at start."""
        names = list(map(str, paths))
        return self.files[host].digests.apply(lambda found: {name: found[name] for name in names if name in found})

    @property
    def client_profile(self) -> str:
        """An env file for the user's own shell; the same names as the frontend has."""
        return str(self._desk.secrets / "profile.env")

    def _files(self, host: str, reach: Reach, opts: pulumi.ResourceOptions) -> resources.HostFiles:
        return resources.HostFiles(
            f"files@{host}",
            stack=self.topology.stack,
            stack_id=self.stack_id,
            reach=reach,
            home=str(self._desk.root if host == OFFICE else self.layout.root),
            folders=self._folders(host),
            files=self._secrets(host),
            key=self.key_file,
            opts=opts,
        )

    def _folders(self, host: str) -> list[str]:
        """What the processes of a host work in."""
        processes = [process for process in self.topology.processes if process.host == host]
        kinds = {process.role for process in processes}
        folders = [self.workdir] if kinds & {"scheduler", "worker", "frontend"} else []
        folders += [
            str(data_folder(process, self.layout)) for process in processes if process.kind in requirements.MONGODB
        ]
        return [*folders, str(self.layout.log), str(self.layout.scratch)] if processes else []

    def _secrets(self, host: str) -> Mapping[str, pulumi.Input[str]]:
        """The secret files of a host: those that its processes read, and the user's own."""
        topology = self.topology
        kinds = {process.kind for process in topology.processes if process.host == host}
        layout = self._desk if host == OFFICE else self.layout
        files: dict[str, pulumi.Input[str]] = {}
        if host == self._office:
            files[self.client_profile] = self.password.apply(
                lambda password: contents.environment(topology, password, "user", self._desk)
            )
        if kinds & {*requirements.MONGODB, "mongos"}:
            files[str(layout.key_file)] = self.key_file
        if kinds & {"worker", "frontend"}:
            files[str(layout.client_env)] = self.password.apply(
                lambda password: contents.environment(topology, password, "peer")
            )
        if "frontend" in kinds:
            files[str(layout.jupyter_token)] = self.jupyter_token
            files[str(layout.jupyter_config)] = pulumi.Output.all(self.jupyter_token, self._jupyter_password).apply(
                lambda both: contents.jupyter_config(*both)
            )
        if self._authority and (host == self._office or kinds & {"scheduler", "worker", "frontend"}):
            address = topology.cluster.hosts[host].address if host != OFFICE else "127.0.0.1"
            signed = self._authority.sign(f"dask-certificate@{host}", [address], pulumi.ResourceOptions(parent=self))
            files |= {str(layout.certificates): self._authority.certificate, str(layout.certificate): signed.pem}
        return files
