"""A double: the way to an engine as the official plugin goes it, by the `ssh` on PATH with the options it was given."""

import json
import socket
import subprocess
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import DockerException

from mspass_stack.errors import Refused
from mspass_stack.machines.base import Channel
from mspass_stack.machines.forward import forward_socket


class Connection:
    """An engine at an address; the first use of one behind SSH connects, as with the official plugin."""

    def __init__(self, address: str, ssh_options: Any) -> None:
        self.address = address
        self._options: list[str] = json.loads(ssh_options) if isinstance(ssh_options, str) else ssh_options or []

    @cached_property
    def client(self) -> "docker.DockerClient":
        """A client.

        Raises:
            Refused: in the official plugin's words.
        """
        try:
            return docker.DockerClient(base_url=self._local_address)
        except DockerException as error:
            output = f"please make sure that {self.address} is reachable and has a  '_ping' endpoint. Error: {error}"
            raise Refused(f"failed to create Docker client: Error pinging Docker server, {output}") from None

    @cached_property
    def _local_address(self) -> str:
        if not self.address.startswith("ssh://"):
            return self.address
        return f"unix://{forward_socket(partial(_dial, self.address, self._options))}"


def _dial(address: str, options: list[str]) -> Channel:
    """One ssh process per connection (docker/cli v28.5, cli/connhelper)."""
    parts = urlsplit(address)
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    words = ["ssh", *user, *port, *options, "-o", "ConnectTimeout=30", "-T", "--", str(parts.hostname)]
    near, far = socket.socketpair()
    with far:
        subprocess.Popen(
            [*words, "docker", "system", "dial-stdio"],
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=subprocess.DEVNULL,
        )
    return near
