"""Machines of a stack, and how they are reached."""

import threading

from mspass_stack.machines.base import Machine
from mspass_stack.machines.local import LocalMachine
from mspass_stack.spec.connection import ConnectionSpec

_kept: dict[ConnectionSpec, Machine] = {}
_lock = threading.Lock()


def machine(connection: ConnectionSpec) -> Machine:
    """Return the machine that is reached so; connections are opened when they are needed, and kept."""
    if not connection.remote:
        return LocalMachine()
    # A desktop needs no SSH, whose packages take a while to load.
    from mspass_stack.machines.ssh import SshMachine

    with _lock:
        if connection not in _kept:
            _kept[connection] = SshMachine(connection)
        return _kept[connection]
