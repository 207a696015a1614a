"""One connection is opened for all who need it at once, and one failure is told to all of them."""

import threading

import paramiko
import pytest

from mspass_stack.errors import Unreachable
from mspass_stack.machines.connection import Connection
from mspass_stack.machines.ssh import SshMachine
from mspass_stack.spec.connection import ConnectionSpec

CALLERS = 8


def test_a_host_that_is_cut_off_is_tried_once_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection(ConnectionSpec(host="login", address="192.0.2.1"))
    wait, tries, said = threading.Event(), list[int](), list[str]()

    def connect(self: Connection) -> None:
        tries.append(1)
        wait.wait(30)
        raise Unreachable("no answer within 10 s")

    monkeypatch.setattr(Connection, "_connect", connect)
    asking = threading.Semaphore(0)

    def ask() -> None:
        asking.release()
        with pytest.raises(Unreachable) as error:
            connection.transport()
        said.append(str(error.value))

    callers = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for _ in callers:
        assert asking.acquire(timeout=30)
    wait.set()
    for caller in callers:
        caller.join()
    assert said == ["no answer within 10 s"] * CALLERS
    # Who has just begun to ask may be too late for the failure, and tries again.
    assert len(tries) < CALLERS / 2
    with pytest.raises(Unreachable):
        connection.transport()
    assert len(tries) >= 2, "who asks afterwards tries again"


@pytest.mark.parametrize(
    "refusal", [paramiko.ChannelException(1, "no"), paramiko.SSHException("Unable to open channel.")]
)
def test_a_host_that_refuses_a_session_has_answered(refusal: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, closed = Connection(ConnectionSpec(host="login", address="192.0.2.1")), list[object]()

    class Transport:
        def open_session(self, timeout: float) -> None:
            raise refusal

    monkeypatch.setattr(connection, "transport", Transport)
    monkeypatch.setattr(connection, "_close", closed.append)
    connection.look()
    assert not closed, "whatever else goes through it would end"


class _Files:
    """A session for files in a connection that breaks, once or for good."""

    def __init__(self, breaks: int) -> None:
        self.breaks, self.opened, self.closed = breaks, 0, 0

    def files(self) -> "_Files":
        self.opened += 1
        return self

    def carry(self, kept: object) -> bool:
        return self.closed < self.opened

    def close(self) -> None:
        self.closed += 1

    def stat(self, path: str) -> paramiko.SFTPAttributes:
        if self.opened <= self.breaks:
            raise paramiko.SSHException("Server connection dropped: ")
        return paramiko.SFTPAttributes()


@pytest.mark.parametrize(("breaks", "reached"), [(1, True), (2, False)])
def test_a_session_for_files_that_broke_unseen_is_opened_anew_once(
    breaks: int, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, files = SshMachine(ConnectionSpec(host="login", address="192.0.2.1")), _Files(breaks)
    monkeypatch.setattr(SshMachine, "_sessions", property(lambda self: files))  # pyright: ignore
    if reached:
        assert machine.exists("/srv")
    else:
        with pytest.raises(Unreachable, match="dropped"):
            machine.exists("/srv")
    assert files.opened == 2
