"""`DockerHost`: a Docker engine on a host, and the containers on it.

What the Docker provider teaches is built in here and nowhere else: one explicit provider per host; explicit names,
which ask for deletion before replacement; the grace of a stop from the first deploy, since the state's old value
counts; replacement where the provider would change its state only; swap whenever memory; binds as mounts, whose missing
source is an error and not made as root's; no `wait`, which knows no protocol and is passed over by a second `up` (what
is ready is seen by `Ready`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker

from mspass_stack.components import resources
from mspass_stack.components.requirements import HostNeeds
from mspass_stack.machines import openssh
from mspass_stack.managers.docker_engine import DockerEngine
from mspass_stack.managers.docker_labels import DIGEST, NAME, PORTS, PROCESS, STACK
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.gpus import Gpus
from mspass_stack.spec.process import ContainedProcess

STATE_ONLY = ["healthcheck", "init", "tmpfs", "mounts", "rm", "#initerror"]
"""A change of these is a change of the provider's state and not of the container; a failed create is repeated."""

NAMED = "SPARK_CONF_DIR"
"""Whoever has it starts a Java that ends where its user has no name (Hadoop, `UserGroupInformation`)."""

ROCM = ("/dev/kfd", "/dev/dri")
"""What a container has of AMD's accelerators: all of them."""

LOG = {"max-size": "20m", "max-file": "4"}


class DockerHost:
    """Docker on a host.

    Args:
        connection: how it is reached; its key in the config is part of every logical name, since a resource never moves
            between providers.
        inputs: of the image: `stack`, `stack_id`, `image`, `stack_dir`.
        after: what must be there before anything is made on it.

    Attributes:
        image: of all its containers.
    """

    def __init__(
        self,
        connection: ConnectionSpec,
        inputs: Mapping[str, Any],
        needs: HostNeeds,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> None:
        self._stack, self._stack_id, self._host = inputs["stack"], inputs["stack_id"], connection.host
        engine = DockerEngine(connection)
        self._hook = pulumi.ResourceHook(f"remove-leftover@{connection.host}", _remove_leftover(engine))
        self._provider = docker.Provider(
            f"docker@{connection.host}",
            host=openssh.docker_host(connection) if connection.remote else connection.engine,
            ssh_opts=openssh.options(connection) if connection.remote else None,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
        )
        self.image = resources.ContainerImage(
            f"image@{connection.host}",
            {
                **inputs,
                "host": connection.host,
                "connection": connection,
                **needs.of_image(),
            },
            # It removes leftovers when it goes: after all containers that the state knows.
            pulumi.ResourceOptions(parent=parent, depends_on=[self._provider]),
        )

    @staticmethod
    def forget(hosts: Sequence[str], address: str, parent: pulumi.Resource, after: pulumi.Resource) -> None:
        """Let what the state has on hosts be deleted by an engine that has nothing of them."""
        for host in hosts:
            options = pulumi.ResourceOptions(parent=parent, depends_on=[after])
            docker.Provider(f"docker@{host}", host=address, opts=options)

    def run(
        self,
        process: ContainedProcess,
        user: pulumi.Input[str],
        digest: pulumi.Output[str],
        before: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> docker.Container:
        """Declare a container.

        Args:
            user: uid:gid of the user, so that what it writes is theirs.
            digest: of what it is made from: another one means another container.
        """
        labels: dict[str, pulumi.Input[str]] = {STACK: self._stack_id, NAME: self._stack, PROCESS: process.name}
        labels |= {DIGEST: digest, PORTS: " ".join(map(str, process.ports))}
        binds = [*((path, False) for path in process.writes), *((path, True) for path in process.reads)]
        memory = -(-process.memory // 1024**2)
        return docker.Container(
            f"{process.name}@{self._host}",
            name=process.container,
            image=self.image.pinned,
            init=True,
            entrypoints=list(process.entrypoint),
            command=list(process.argv),
            envs=[f"{key}={value}" for key, value in sorted(process.environment.items())],
            working_dir=process.directory,
            user=user,
            labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in labels.items()],
            mounts=[
                docker.ContainerMountArgs(type="bind", source=path, target=path, read_only=read_only)
                for path, read_only in binds
            ]
            + [
                docker.ContainerMountArgs(type="bind", source=one.source, target=one.target, read_only=one.read_only)
                for one in process.binds
            ],
            uploads=[_users(user, process)] if NAMED in process.environment else None,
            network_mode="host",
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *process.health], interval="30s", timeout="5s", start_period="30s", retries=3
            ),
            cpus=f"{process.cpus}.0" if process.cpus else None,
            restart="unless-stopped",
            stop_signal=f"SIG{process.stop_signal}",
            stop_timeout=process.stop_grace,
            destroy_grace_seconds=process.stop_grace,
            log_driver="json-file",
            log_opts=LOG,
            must_run=True,
            **_devices(process.gpus),
            memory=memory or None,
            # Without it the engine doubles it, and the provider sees a difference for ever.
            memory_swap=memory or None,
            opts=pulumi.ResourceOptions(
                parent=parent,
                provider=self._provider,
                depends_on=[self.image, *before],
                delete_before_replace=True,
                replace_on_changes=STATE_ONLY,
                hooks=pulumi.ResourceHookBinding(before_create=[self._hook]),
                custom_timeouts=pulumi.CustomTimeouts(delete="10m"),
            ),
        )


def _devices(gpus: Gpus) -> Mapping[str, Any]:
    """Return what `docker run` is asked for by --gpus, or for ROCm by --device, as AMD's own guide has it."""
    if not gpus.count:
        return {}
    if gpus.kind == "rocm":
        return {
            "devices": [docker.ContainerDeviceArgs(host_path=path) for path in ROCM],
            "group_adds": ["video"],
        }
    request = docker.ContainerDeviceRequestArgs(driver="nvidia", count=gpus.count, capabilities=["gpu"])
    return {"device_requests": [request]}


def _users(user: pulumi.Input[str], process: ContainedProcess) -> docker.ContainerUploadArgs:
    """Return a list of users that has the one by whose number a container runs."""

    def listed(owner: str) -> str:
        uid, _, gid = owner.partition(":")
        own = f"mspass:x:{uid}:{gid}::{process.environment.get('HOME', '/')}:/bin/sh\n" if int(uid) else ""
        return f"root:x:0:0:root:/root:/bin/sh\n{own}"

    return docker.ContainerUploadArgs(file="/etc/passwd", content=pulumi.Output.from_input(user).apply(listed))


def _remove_leftover(engine: DockerEngine) -> Callable[[pulumi.ResourceHookArgs], None]:
    """Before a container is created: what an interrupted `up` left under its name goes, what is not ours is refused."""

    def remove(args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        labels = {label["label"]: label["value"] for label in inputs["labels"]}
        engine.remove_leftover(inputs["name"], labels[STACK])

    return remove
