"""`ContainerHost`: a Docker engine as the ground of a stack's containers, and the containers on it.

What the Docker provider teaches is built in here and nowhere else: one explicit provider per host; explicit names,
which ask for deletion before replacement; the grace of a stop from the first deploy, since the state's old value
counts; replacement where the provider would change its state only; swap whenever memory; no volumes for data; no
`wait`, which knows no protocol and is passed over by a second `up` (the gate is `Ready`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from mspass_stack import resources
from mspass_stack.engine import DIGEST, NAME, PORTS, PROCESS, STACK, Engine
from mspass_stack.rendered import Reach, RenderedContainer, RenderedProcess

SILENT = ["healthcheck", "init", "tmpfs", "mounts", "rm", "#initerror"]
"""A change of these is a change of the provider's state and not of the container; a failed create is repeated."""

LOG = {"max-size": "20m", "max-file": "4"}


class ContainerHost:
    """Docker on a host.

    Args:
        reach: how it is reached; its key in the config is part of every logical name, since a resource never moves
            between providers.
        address: of the engine, where the host is this machine.
        network: made for the containers; empty where they use their host's.
        after: what must be there before anything is made on it.
    """

    def __init__(
        self,
        reach: Reach,
        stack: str,
        stack_id: pulumi.Output[str],
        address: str,
        image: str,
        needs: Mapping[str, Any],
        network: str,
        home: str,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> None:
        self._stack, self._stack_id, self._host = stack, stack_id, reach.host
        self._hook = pulumi.ResourceHook(f"free-name@{reach.host}", _free_name(Engine(address, reach)))
        ground = pulumi.ResourceOptions(parent=parent, depends_on=list(after))
        self._provider = docker.Provider(
            f"docker@{reach.host}",
            host=reach.engine if reach.remote else address,
            ssh_opts=reach.ssh_options if reach.remote else None,
            opts=ground,
        )
        self._network = self._made(network, parent) if network else None
        # The image removes leftovers when it goes, and a network goes only once nothing is in it.
        below = pulumi.ResourceOptions(parent=parent, depends_on=[self._network or self._provider])
        self.image = resources.ContainerImage(
            f"image@{reach.host}", stack, stack_id, reach, address, image, needs, home, opts=below
        )

    @staticmethod
    def forget(hosts: Sequence[str], address: str, parent: pulumi.Resource, after: pulumi.Resource) -> None:
        """Let what the state has on hosts be deleted by an engine that has nothing of them."""
        for host in hosts:
            options = pulumi.ResourceOptions(parent=parent, depends_on=[after])
            docker.Provider(f"docker@{host}", host=address, opts=options)

    def digest(self, process: RenderedProcess, digests: pulumi.Output[Mapping[str, str]]) -> pulumi.Output[str]:
        """What a container is made from: another one means another container."""
        return pulumi.Output.all(self._stack_id, digests).apply(
            lambda known: process.digest(known[0], *(f"{path}={seen}" for path, seen in sorted(known[1].items())))
        )

    def run(
        self,
        process: RenderedProcess,
        container: RenderedContainer,
        user: pulumi.Input[str],
        digest: pulumi.Output[str],
        before: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> docker.Container:
        """Declare a container.

        Args:
            user: uid:gid of the user, so that what it writes is theirs.
        """
        labels: dict[str, pulumi.Input[str]] = {STACK: self._stack_id, NAME: self._stack, PROCESS: process.name}
        labels[DIGEST] = digest
        own = self._network
        if own is None:
            labels[PORTS] = " ".join(map(str, container.ports))
        options = self._options(parent, [self.image, *before], SILENT)
        return docker.Container(
            f"{process.name}@{self._host}",
            name=container.name,
            hostname=container.hostname or None,
            image=self.image.pinned,
            init=True,
            entrypoints=list(container.entrypoint),
            command=list(container.command),
            envs=[f"{key}={value}" for key, value in sorted(container.environment.items())],
            working_dir=container.directory,
            user=user,
            labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in labels.items()],
            volumes=[
                docker.ContainerVolumeArgs(host_path=path, container_path=path, read_only=read_only)
                for path, read_only in container.binds
            ],
            network_mode=None if own else "host",
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=own.name, aliases=[container.hostname])]
            if own
            else None,
            ports=[
                docker.ContainerPortArgs(internal=port, external=port, ip=container.address) for port in container.ports
            ]
            if own
            else None,
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *container.health], interval="30s", timeout="5s", start_period="30s", retries=3
            ),
            cpus=f"{container.cpus}.0" if container.cpus else None,
            restart="unless-stopped",
            stop_signal=container.stop_signal,
            stop_timeout=container.stop_grace,
            destroy_grace_seconds=container.stop_grace,
            log_driver="json-file",
            log_opts=LOG,
            must_run=True,
            memory=container.memory or None,
            # Without it the engine doubles it, and the provider sees a difference for ever.
            memory_swap=container.memory or None,
            opts=options,
        )

    def _made(self, network: str, parent: pulumi.Resource) -> docker.Network:
        labels = {STACK: self._stack_id, NAME: pulumi.Output.from_input(self._stack)}
        return docker.Network(
            f"network@{self._host}",
            name=network,
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in labels.items()],
            opts=self._options(parent, []),
        )

    def _options(
        self,
        parent: pulumi.Resource,
        before: Sequence[pulumi.Resource],
        replaced: Sequence[str] = (),
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self._provider,
            depends_on=list(before),
            delete_before_replace=True,
            replace_on_changes=list(replaced),
            hooks=pulumi.ResourceHookBinding(before_create=[self._hook]),
            custom_timeouts=pulumi.CustomTimeouts(delete="10m"),
        )


def _free_name(engine: Engine) -> Callable[[pulumi.ResourceHookArgs], None]:
    """Before a thing is created: what an interrupted `up` left under its name goes, what is not ours is refused."""

    def free(args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        labels = {label["label"]: label["value"] for label in inputs["labels"]}
        take = engine.free_network if args.type.endswith("Network") else engine.free_name
        take(inputs["name"], labels[STACK])

    return free
