"""`ContainerHost`: a Docker engine as the ground of a stack's containers, and the containers on it.

What the Docker provider teaches is built in here and nowhere else: one explicit provider; explicit names, which ask for
deletion before replacement; the grace of a stop from the first deploy, since the state's old value counts; replacement
where the provider would change its state only; swap whenever memory; no volumes for data; no `wait`, which knows no
protocol and is passed over by a second `up` (the gate is `Ready`).
"""

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pulumi_docker as docker

from mspass_stack import resources
from mspass_stack.engine import DIGEST, NAME, PROCESS, STACK, Engine
from mspass_stack.rendered import RenderedContainer, RenderedProcess

SILENT = ["healthcheck", "init", "tmpfs", "mounts", "rm", "#initerror"]
"""A change of these is a change of the provider's state and not of the container; a failed create is repeated."""

LOG = {"max-size": "20m", "max-file": "4"}


class ContainerHost:
    """Docker on a host.

    Args:
        host: its key in the config: part of every logical name, since a resource never moves between providers.
        after: what must be there before anything is made on it.
    """

    def __init__(
        self,
        host: str,
        stack: str,
        stack_id: pulumi.Output[str],
        address: str,
        image: str,
        needs: Mapping[str, Sequence[str]],
        network: str,
        home: str,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> None:
        self._stack, self._stack_id, self._host = stack, stack_id, host
        self._hook = pulumi.ResourceHook(f"free-name@{host}", _free_name(Engine(address)))
        ground = pulumi.ResourceOptions(parent=parent, depends_on=list(after))
        self.image = resources.ContainerImage(
            f"image@{host}", stack, stack_id, host, address, image, needs, home, opts=ground
        )
        self._provider = docker.Provider(
            f"docker@{host}", host=address, opts=pulumi.ResourceOptions(parent=parent, depends_on=[self.image])
        )
        labels = {STACK: stack_id, NAME: pulumi.Output.from_input(stack)}
        self._network = docker.Network(
            f"network@{host}",
            name=network,
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in labels.items()],
            opts=self._options(parent, [self.image]),
        )

    def run(
        self,
        process: RenderedProcess,
        container: RenderedContainer,
        digests: pulumi.Output[Mapping[str, str]],
        before: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> docker.Container:
        """Declare a container.

        Args:
            digests: of the secret files that it reads at start: a changed one replaces it.
        """
        digest = pulumi.Output.all(self._stack_id, digests).apply(
            lambda known: process.digest(known[0], *(f"{path}={seen}" for path, seen in sorted(known[1].items())))
        )
        labels = {STACK: self._stack_id, NAME: self._stack, PROCESS: process.name, DIGEST: digest}
        options = self._options(parent, [self.image, *before], SILENT)
        return docker.Container(
            f"{process.name}@{self._host}",
            name=container.name,
            hostname=container.hostname,
            image=self.image.pinned,
            init=True,
            entrypoints=list(container.entrypoint),
            command=list(container.command),
            envs=[f"{key}={value}" for key, value in sorted(container.environment.items())],
            working_dir=container.directory,
            user=container.user,
            labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in labels.items()],
            volumes=[
                docker.ContainerVolumeArgs(host_path=path, container_path=path, read_only=read_only)
                for path, read_only in container.binds
            ],
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=self._network.name, aliases=[container.hostname])
            ],
            ports=[
                docker.ContainerPortArgs(internal=port, external=port, ip=container.address) for port in container.ports
            ],
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *container.health], interval="10s", timeout="5s", start_period="30s", retries=3
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
