"""Machines of a stack, and how they are reached."""

import threading

from mspass_stack.machines.base import Machine
from mspass_stack.machines.local import LocalMachine
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.machines.ways import Ways
from mspass_stack.spec.connection import ConnectionSpec

_kept: dict[ConnectionSpec, Machine] = {}
_nodes: dict[ConnectionSpec, SlurmNode] = {}
_ways: dict[ConnectionSpec, Ways] = {}
_lock = threading.RLock()


def machine(connection: ConnectionSpec) -> Machine:
    """Return the machine that is reached so; connections are opened when they are needed, and kept."""
    if not connection.remote:
        return LocalMachine()
    if connection.job:
        return slurm_node(connection)
    # A desktop needs no SSH, whose packages take a while to load.
    from mspass_stack.machines.ssh import SshMachine

    with _lock:
        if connection not in _kept:
            _kept[connection] = SshMachine(connection)
        return _kept[connection]


def slurm_node(connection: ConnectionSpec) -> SlurmNode:
    """Return a node of a Slurm job."""
    with _lock:
        if connection not in _nodes:
            login = machine(connection.login)
            ways = _ways.setdefault(connection.login, Ways(login))
            _nodes[connection] = SlurmNode(connection, login, ways)
        return _nodes[connection]
