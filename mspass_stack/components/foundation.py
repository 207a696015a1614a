"""`Foundation`: what the processes of a stack stand on."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi

from mspass_stack.components import requirements, resources
from mspass_stack.components.allocation import SlurmAllocation
from mspass_stack.components.contents import binaries_of, files_of
from mspass_stack.components.profile import profile_inputs
from mspass_stack.components.reads import read_of
from mspass_stack.config.hosts import LOOPBACK
from mspass_stack.plan import Plan
from mspass_stack.roles import preparation
from mspass_stack.roles.clients import CA, CERTIFICATE, TRUST_STORE
from mspass_stack.roles.jupyter import JUPYTER_PASSWORD
from mspass_stack.roles.registry import role_of
from mspass_stack.runtimes import RUNTIMES
from mspass_stack.spec.inventory import CONTROL_NODE
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ProcessSpec
from mspass_stack.spec.resources import MongoPlace
from mspass_stack.spec.topology import HTTP, MONGODB, Host, Process

if TYPE_CHECKING:
    from mspass_stack.components.docker_host import DockerHost
    from mspass_stack.components.host import HostedProcess


class Foundation(pulumi.ComponentResource):
    """Identity, secrets, preflight and files of a stack.

    Args:
        plan: of the cluster.
        jupyter_password: a password for Jupyter beside its token.
        abandoned: hosts that will not come back: what the state has of them is forgotten.
        interrupt: whether a restart may stop what nobody else does meanwhile.

    Attributes:
        secrets: the random values of the stack's roles, by name.
        files: of each host.
        docker: the engines of the hosts that have some.
        made_of: the image of the hosts that have containers, each its own.
        authority: certificate of who signs those of MongoDB's servers, PEM; empty where they speak no TLS.
        pages_authority: the same of Jupyter's pages.
        certificates: when that of each host ends, and the control node's own.
        shown: digest of the certificate of each host.
        versions: what the pool's processes wait for: that their Pythons understand each other.
        client_profile: path of an env file for the user's own shell, with the names that the frontend has.
        client_authority: path of the certificate of who signs, for clients on the control node.
        hosted: the processes that are declared, by name.
        allocation: the job that gives the hosts; None where they are there anyway.
        together: the processes that are one resource, by the kind of their role.
        unowned: those of roles that have no component: each is declared before the first that is stopped before it.
    """

    def __init__(
        self,
        name: str,
        plan: Plan,
        jupyter_password: pulumi.Input[str] | None = None,
        abandoned: Sequence[str] = (),
        interrupt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:Foundation", name, None, opts)
        topology = plan.topology
        child = pulumi.ResourceOptions(parent=self)
        self.plan, self.topology, self.abandoned, self.interrupt = plan, topology, abandoned, interrupt
        self._rendered: dict[str, ProcessSpec] = {}
        self.hosted: dict[str, HostedProcess] = {}
        self.unowned: list[Process] = []
        self.stack_id = resources.StackId("stack-id", {"form": "id"}, child).value
        forms = {key: form for process in topology.processes for key, form in role_of(process).secrets.items()}
        self.secrets = {key: resources.Secret(key, {"form": form}, child).value for key, form in forms.items()}
        self._digest_key = resources.Secret("digest-key", {"form": "token"}, child).value
        self._jupyter_password = jupyter_password
        authority = {"stack": topology.stack}
        self._authority = resources.CertificateAuthority("ca", authority, child) if topology.encrypted else None
        self.authority, self.pages_authority = self._signs(MONGODB), self._signs(HTTP)
        every = list(topology.hosts.values())
        if self._authority and {str(host.layout.trust_store) for host in every} & set(binaries_of(plan, every)):
            store = resources.TrustStore("trust-store", {"authority": self._authority.certificate}, child)
            self.secrets[TRUST_STORE] = store.content
        self._ends: dict[str, pulumi.Output[str]] = {}
        self.shown: dict[str, pulumi.Output[str]] = {}
        preflight = self._preflight(child)
        checked = pulumi.ResourceOptions(parent=self, depends_on=[preflight])
        self.files: dict[str, resources.HostFiles] = {}
        for disk, hosts in topology.disks().items():
            self.files |= dict.fromkeys((host.name for host in hosts), self._files(disk, hosts, checked))
        self._client = StackLayout(plan.control_dir).client
        self.client_profile = str(self._client.profile)
        self.docker = {
            host.name: self._engine(host, [preflight, self.files[host.name]])
            for host in topology.hosts.values()
            if host.has_engine
        }
        self.made_of = {host: docker.image for host, docker in self.docker.items()}
        self.made_of |= {
            host.name: self._image(host, [preflight, self.files[host.name]]) for host in topology.with_image_files()
        }
        if abandoned:
            engine = resources.start_stub_engine(topology.stack, abandoned)
            declared = plan.cluster.hosts.values()
            runtimes = {plan.cluster.runtime, *(host.runtime for host in declared if host.runtime)}
            # Where no host has containers there need be no Docker provider either.
            if any(RUNTIMES[runtime].engine for runtime in runtimes if runtime):
                from mspass_stack.components.docker_host import DockerHost

                DockerHost.forget(abandoned, engine, self, preflight)
        self._releases = preflight.versions
        self.versions = self._versions()
        self.client_authority = self._client_profile([preflight, *self.files.values()])
        self.certificates = pulumi.Output.from_input(self._ends)
        self.allocation = SlurmAllocation("allocation", self, child) if topology.job else None
        self.together = self.allocation.together if self.allocation else {}
        pinned = {host: image.pinned for host, image in self.made_of.items()}
        if self.allocation:
            pinned |= dict.fromkeys(topology.hosts, self.allocation.image)
        self.images = pulumi.Output.from_input(pinned)
        self.register_outputs({})

    def _engine(self, host: Host, after: Sequence[pulumi.Resource]) -> "DockerHost":
        # A native stack needs no Docker, whose packages take a while to load.
        from mspass_stack.components.docker_host import DockerHost

        inputs = self.of_stack({"image": host.image, "stack_dir": host.stack_dir})
        return DockerHost(host.connection, inputs, requirements.needs(self.plan, host.name), after, parent=self)

    def _image(self, host: Host, after: Sequence[pulumi.Resource]) -> resources.ContainerImage:
        """Declare the image of a host's containers, where no engine keeps it."""
        manager = next(self.render(process).manager for process in self.topology.on(host.name))
        known = {"host": host.name, "connection": host.connection, "manager": manager, "image": host.image}
        wanted = requirements.needs(self.plan, host.name).of_image()
        inputs = self.of_stack({**known, "stack_dir": host.stack_dir, **wanted})
        options = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        return resources.ContainerImage(f"image@{host.name}", inputs, options)

    def _signs(self, protocol: str) -> pulumi.Input[str]:
        return self._authority.certificate if self._authority and protocol in self.topology.encrypted else ""

    def authority_of(self, process: Process) -> pulumi.Input[str]:
        """Return the certificate of who signs what a process shows to its probe, PEM; empty where it shows none."""
        known = {MONGODB: self.authority, HTTP: self.pages_authority}
        return next((known[protocol] for protocol in process.ports if protocol in known), "")

    def mongo_place(self, process: Process) -> MongoPlace:
        """Return where a server of MongoDB is."""
        stack_dir = self.topology.hosts[process.host].stack_dir
        return MongoPlace(address=process.address, port=process.port, stack_dir=stack_dir)

    def render(self, process: Process) -> ProcessSpec:
        """Return a process as its host runs it; rendered once."""
        if process.name not in self._rendered:
            self._rendered[process.name] = self.plan.render(process)
        return self._rendered[process.name]

    def digest_of(self, process: Process, spec: ProcessSpec) -> pulumi.Output[str]:
        """Return the digest of a process: another one restarts it."""
        image = self.made_of.get(process.host)
        made_of = [image.pinned] if image else []
        read = self.files[process.host].digests.apply(partial(read_of, paths=spec.reads))
        known = pulumi.Output.all(read, self.stack_id, *made_of)
        return known.apply(lambda at: spec.digest(*at))

    def of_stack(self, inputs: Mapping[str, object]) -> dict[str, object]:
        return {"stack": self.topology.stack, "stack_id": self.stack_id, **inputs}

    def _preflight(self, opts: pulumi.ResourceOptions) -> resources.Preflight:
        disks = self.topology.disks()
        inputs = {
            "hosts": {name: requirements.requirements(self.plan, hosts) for name, hosts in disks.items()},
            "connections": {name: hosts[0].connection for name, hosts in disks.items()},
            "shards": requirements.shards(self.plan),
            "documents": requirements.documents(self.plan),
            "encrypted": sorted(self.topology.encrypted),
            "abandoned": list(self.abandoned),
            **({"job": self.topology.job} if self.topology.job else {}),
        }
        return resources.Preflight("preflight", self.of_stack(inputs), opts)

    def _files(self, name: str, hosts: Sequence[Host], opts: pulumi.ResourceOptions) -> resources.HostFiles:
        """Declare the files on a disk, which one host has or several."""
        host = hosts[0]
        has_server = any(MONGODB in process.ports for one in hosts for process in self.topology.on(one.name))
        serves_tls = has_server and MONGODB in self.topology.encrypted
        values = self._values(name, hosts)
        binaries = binaries_of(self.plan, hosts)
        inputs = {
            "host": name,
            "connection": host.connection.of_files,
            "stack_dir": host.stack_dir,
            "directories": list(dict.fromkeys(path for one in hosts for path in self._directories(one))),
            "files": values.apply(partial(files_of, self.plan, hosts)),
            **({"binaries": values.apply(partial(_dumped, self.plan, hosts))} if binaries else {}),
            "reloaded": [str(host.layout.server_tls.certificate)] if serves_tls else [],
            "tls_mode": str(host.layout.tls_mode) if serves_tls else "",
            "digest_key": self._digest_key,
        }
        return resources.HostFiles(f"files@{name}", self.of_stack(inputs), opts)

    def _directories(self, host: Host) -> list[str]:
        """Return what the processes of a host work in."""
        written = [path for process in self.topology.on(host.name) for path in self.plan.command(process).writes]
        prepared = [str(preparation.directory(host.layout))] if self.plan.preparation() else []
        return list(dict.fromkeys([*written, *prepared, str(host.layout.log), str(host.layout.scratch)]))

    def _values(self, name: str, hosts: Sequence[Host]) -> pulumi.Output[dict[str, str]]:
        """Return the secrets by name, with the certificate of hosts where one of their processes needs it."""
        processes = [process for host in hosts for process in self.topology.on(host.name)]
        spoken = frozenset[str]().union(*(role_of(process).speaks for process in processes))
        values: dict[str, pulumi.Input[str]] = {**self.secrets}
        if self._jupyter_password is not None:
            values[JUPYTER_PASSWORD] = self._jupyter_password
        if self._authority and spoken & self.topology.encrypted:
            names = [host.address for host in hosts] + [host.name for host in hosts]
            # Those of a job have it for all nodes: another one that gets a process leaves the others' as it is.
            names = list(self.topology.job.names) if self.topology.job else names
            values |= self._signed(f"certificate@{name}", name, *names)
            self.shown |= dict.fromkeys((host.name for host in hosts), self.shown[name])
        return _together(values)

    def _signed(self, name: str, holder: str, *names: str) -> dict[str, pulumi.Input[str]]:
        """Return what TLS is made of, for a holder by all its names: also by those of the way through a tunnel."""
        if self._authority is None:
            return {}
        everybodys = ("localhost", LOOPBACK)
        known = list(dict.fromkeys([*names, *everybodys]))
        signed = self._authority.sign(name, known, pulumi.ResourceOptions(parent=self))
        self._ends[holder], self.shown[holder] = signed.ends, signed.digest
        return {CA: self._authority.certificate, CERTIFICATE: signed.pem}

    def _client_profile(self, after: Sequence[pulumi.Resource]) -> pulumi.Input[str]:
        """Declare the user's own files; return where clients on the control node find who signs."""
        if self.topology.job:
            # The names of its nodes lead nowhere outside of it.
            return str(next(iter(self.topology.hosts.values())).layout.authority)
        values = _together({**self.secrets, **self._signed("client-certificate", CONTROL_NODE)})
        inputs = self.of_stack(profile_inputs(self.plan, self._client, values, self.authority, self._releases_of))
        options = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        return resources.ClientProfile("client-profile", inputs, options).trusts

    def _releases_of(self, host: str) -> pulumi.Output[dict[str, str]]:
        """Return what must be the same on all hosts of a pool, as one of them has it: of its environment or image."""
        return self.made_of[host].versions if host in self.made_of else self._releases.apply(partial(_get, host))

    def _versions(self) -> list[pulumi.Resource]:
        """Compare the Pythons that speak to each other, of environments and of images."""
        if self.topology.job:  # its hosts have one image
            return []
        wanted = [host for host in self.topology.hosts if requirements.needs(self.plan, host).versions]
        if len(wanted) < 2:
            return []
        found = {host: self._releases_of(host) for host in wanted}
        opts = pulumi.ResourceOptions(parent=self)
        return [resources.VersionMatch("versions", {"stack": self.topology.stack, "hosts": found}, opts)]


def _together(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[dict[str, str]]:
    """Return values by name as one; `Output.all` makes a list of none."""
    known: pulumi.Output[Any] = pulumi.Output.from_input(dict(values))
    return known


def _dumped(plan: Plan, hosts: Sequence[Host], values: Mapping[str, str]) -> dict[str, Any]:
    return {path: binary.dump() for path, binary in binaries_of(plan, hosts, values).items()}


def _get(host: str, found: Mapping[str, dict[str, str]]) -> dict[str, str]:
    return found.get(host, {})
