"""How a laptop reaches the pages of a Slurm job's nodes by OpenSSH alone. Pure but for this machine's name."""

import shlex
import socket
from collections.abc import Mapping, Sequence

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import CONNECT


def access_line(
    stack: str, connection: ConnectionSpec, ports: Mapping[str, Sequence[int]], nodes: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the command line for a laptop; empty where the job's nodes are not known.

    Pages listen on the loopback interface of their node. Where Pulumi runs on the login host, `connect` has them there;
    elsewhere the line goes on from the login host to the node, as far as nodes take SSH.

    Args:
        connection: how a node is reached.
        ports: of pages, by host.
        nodes: of the job, by host.
    """
    host, *_ = ports
    user = f"{connection.user}@" if connection.user else ""
    if not connection.address:
        kept = [port for numbers in ports.values() for port in numbers]
        line = shlex.join(["ssh", "-N", *_forwards(kept), f"{user}{socket.gethostname()}"])
        return f"{line}  # while `{CONNECT} --stack {stack}` runs there"
    if host not in nodes:
        return ""
    login = f"{user}{connection.address}{f':{connection.port}' if connection.port else ''}"
    jumps = ",".join(filter(None, [connection.jump, login]))
    return shlex.join(["ssh", "-N", *_forwards(ports[host]), "-J", jumps, f"{user}{nodes[host]['name']}"])


def _forwards(ports: Sequence[int]) -> list[str]:
    return [word for port in ports for word in ("-L", f"{port}:127.0.0.1:{port}")]
