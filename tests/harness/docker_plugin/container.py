"""A double: `docker:index/container:Container` on a real engine."""

import io
import tarfile
import time
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.types import Mount

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from tests.harness.docker_plugin.connection import Connection
from tests.harness.docker_plugin.schema import CONTAINER, LIVE, with_defaults

MIB = 1024**2
SECOND = 1_000_000_000


class Container(Resource[Any]):
    """A container, as far as our components ask for one."""

    known = CONTAINER

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _client(self) -> "docker.DockerClient":
        return self._connection.client

    @property
    def _api(self) -> Any:
        return self._connection.client.api

    def defaults(self, inputs: Props) -> Props:
        return with_defaults(inputs)

    def create(self, call: Call) -> tuple[str, Props]:
        if call.preview:
            return "", {}
        api, inputs = self._api, call.inputs
        try:
            self._client.images.get(inputs["image"])
            made: str = api.create_container_from_config(_config(api, inputs), inputs["name"])["Id"]
        except APIError as error:
            raise Refused(f"Unable to create container: {error.explanation}") from None
        try:
            for upload in inputs.get("uploads", []):
                api.put_archive(made, "/", _archive(upload["file"], upload["content"]))
            if inputs["start"]:
                api.start(made)
        except APIError as error:
            raise InitFailed(made, {}, f"Unable to start container: {error.explanation}") from None
        return made, self.read(Call(call.name, inputs, id=made, outputs=dict(inputs))) or {}

    def read(self, call: Call) -> Props | None:
        try:
            found = self._api.inspect_container(call.id)
        except NotFound:
            return None
        return call.outputs | _read(found, call.outputs)

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        if [key for key in LIVE if call.inputs.get(key) != call.outputs.get(key)]:
            self._api.update_container(
                call.id,
                mem_limit=call.inputs.get("memory", 0) * MIB,
                memswap_limit=call.inputs.get("memorySwap", 0) * MIB,
                restart_policy={"Name": call.inputs["restart"], "MaximumRetryCount": 0},
            )
        if not call.outputs.get("mustRun") and call.inputs["mustRun"]:
            self._api.start(call.id)
        return {key: value for key, value in call.outputs.items() if key not in self.known}

    def delete(self, call: Call) -> None:
        grace = int(call.outputs.get("destroyGraceSeconds") or 0)
        try:
            self._api.timeout = grace + 60
            self._api.stop(call.id, timeout=grace)
            self._api.remove_container(call.id, force=True, v=bool(call.outputs.get("removeVolumes")))
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:
                raise Refused(f"Error deleting container: {error.explanation}") from None
        while self._client.containers.list(all=True, ignore_removed=True, filters={"id": call.id}):
            time.sleep(0.1)


def _archive(file: str, content: str) -> bytes:
    """A tar with one file, which everybody reads."""
    packed, entry = io.BytesIO(), tarfile.TarInfo(file.lstrip("/"))
    entry.size = len(content.encode())
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


def _config(api: Any, inputs: Props) -> Props:
    """What the engine is asked for."""
    health = inputs.get("healthcheck")
    host = api.create_host_config(
        mounts=[
            Mount(mount["target"], mount["source"], mount["type"], bool(mount.get("readOnly")))
            for mount in inputs.get("mounts", [])
        ],
        restart_policy={"Name": inputs["restart"], "MaximumRetryCount": 0},
        mem_limit=inputs.get("memory", 0) * MIB or None,
        memswap_limit=inputs.get("memorySwap", 0) * MIB or None,
        nano_cpus=int(float(inputs.get("cpus") or 0) * SECOND) or None,
        log_config={"Type": inputs.get("logDriver"), "Config": inputs.get("logOpts") or {}},
        init=bool(inputs.get("init")),
        network_mode=inputs["networkMode"],
    )
    config = api.create_container_config(
        image=inputs["image"],
        command=inputs.get("command"),
        hostname=inputs.get("hostname"),
        user=inputs.get("user"),
        entrypoint=inputs.get("entrypoints"),
        environment=inputs.get("envs"),
        working_dir=inputs.get("workingDir"),
        labels={label["label"]: label["value"] for label in inputs.get("labels", [])},
        stop_signal=inputs.get("stopSignal"),
        healthcheck={
            "test": health["tests"],
            "interval": _nanoseconds(health["interval"]),
            "timeout": _nanoseconds(health["timeout"]),
            "start_period": _nanoseconds(health["startPeriod"]),
            "retries": health["retries"],
        }
        if health
        else None,
        host_config=host,
    )
    return config | {"StopTimeout": inputs.get("stopTimeout")}


def _read(found: Props, state: Props) -> Props:
    """What the provider reads back; envs and labels are not."""
    config, host, running = found["Config"], found["HostConfig"], found["State"]["Running"]
    read: Props = {
        "name": found["Name"].lstrip("/"),
        "image": found["Image"] if state["image"].startswith("sha256:") else config["Image"],
        "hostname": config["Hostname"],
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "user": config["User"],
        "workingDir": config["WorkingDir"],
        "restart": host["RestartPolicy"]["Name"],
        "init": bool(host["Init"]),
        "memory": host["Memory"] // MIB,
        "memorySwap": host["MemorySwap"] // MIB if host["MemorySwap"] > 0 else host["MemorySwap"],
        "networkMode": host["NetworkMode"],
        "stopSignal": config.get("StopSignal"),
        "stopTimeout": config.get("StopTimeout"),
        "logDriver": host["LogConfig"]["Type"],
    }
    if not running and state.get("mustRun"):
        read |= {"mustRun": False, "exitCode": found["State"]["ExitCode"]}
    return {key: value for key, value in read.items() if value not in (None, "", 0) or key in state}


def _nanoseconds(duration: str) -> int:
    """Of a Go duration in seconds or minutes."""
    number, unit = float(duration[:-1]), {"s": 1, "m": 60}[duration[-1]]
    return int(number * unit * SECOND)
