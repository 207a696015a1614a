"""One connection is opened for all who need it at once, and one failure is told to all of them."""

import threading

import paramiko
import pytest

from mspass_stack.errors import Unreachable
from mspass_stack.machines.connection import Connection
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
