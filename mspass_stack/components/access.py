"""How a laptop reaches the pages of a Slurm job's nodes by OpenSSH alone. Pure but for this machine's name."""

import shlex
import socket
from collections.abc import Mapping, Sequence

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import CONNECT
from mspass_stack.spec.topology import Topology


def access_lines(
    topology: Topology,
    ports: Mapping[str, Sequence[int]],
    nodes: Mapping[str, Mapping[str, str]] | None,
    dialled: Sequence[Mapping[str, str]],
) -> str:
    """Return the command line for a laptop, or one by each login host to which the job has dialled out.

    Args:
        ports: of pages, by host, that of Jupyter first.
        nodes: of the job, by host.
        dialled: as `reverse_lines` takes it; nothing where the job is not asked to.
    """
    connection = next(iter(topology.hosts.values())).connection
    if dialled:
        return "\n".join(reverse_lines(connection, next(iter(ports.values()))[0], dialled))
    return access_line(topology.stack, connection, ports, nodes or {})


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


def reverse_lines(connection: ConnectionSpec, port: int, seen: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a line of the same kind for each login host to which the job has dialled out: to Jupyter alone.

    Args:
        port: of Jupyter, which it has here too.
        seen: of each host its name as `login`, and `at` what that one leads there: a socket, or a port; or nothing.
    """
    user = f"{connection.user}@" if connection.user else ""
    jump = ["-J", connection.jump] if connection.jump else []
    return [_by(one["at"], port, [*jump, f"{user}{one['login']}"]) for one in seen if one["at"]]


def _by(at: str, port: int, words: Sequence[str]) -> str:
    if at.startswith("/"):
        return shlex.join(["ssh", "-N", "-L", f"{port}:{at}", *words])
    line = shlex.join(["ssh", "-N", "-L", f"{port}:127.0.0.1:{at}", *words])
    return f"{line}  # a port that others see there: its sshd takes no sockets"


def _forwards(ports: Sequence[int]) -> list[str]:
    return [word for port in ports for word in ("-L", f"{port}:127.0.0.1:{port}")]
