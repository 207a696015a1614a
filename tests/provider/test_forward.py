"""What is carried between a local socket and a far end: every byte both ways, ends and refusals too."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mspass_stack.machines import forward
from mspass_stack.machines.forward import forward_port, forward_socket, own_directory

MUCH = os.urandom(3 * forward.CHUNK + 17)

NOBODY = 4_000_000_001
"""A uid that no user has."""


@contextmanager
def _far(talk: Callable[[socket.socket], None]) -> Generator[Callable[[], socket.socket]]:
    """A far end that talks with whoever connects; gives what opens a channel to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    taken = listener.accept()[0]
                except OSError:  # the test is over
                    return
                with taken:
                    taken.settimeout(10)
                    talk(taken)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield lambda: socket.create_connection(listener.getsockname(), 10)
        listener.shutdown(socket.SHUT_RDWR)
    serving.join(10)


def _near(place: tuple[str, int] | Path) -> socket.socket:
    if isinstance(place, tuple):
        return socket.create_connection(place, 10)
    near = socket.socket(socket.AF_UNIX)
    near.settimeout(10)
    near.connect(str(place))
    return near


def _all(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    return b"".join(iter(lambda: connection.recv(forward.CHUNK), b""))


def _echo(taken: socket.socket) -> None:
    while data := taken.recv(forward.CHUNK):
        taken.sendall(data)


@pytest.fixture(params=[forward_port, forward_socket], ids=["port", "socket"])
def way(request: pytest.FixtureRequest) -> Generator[Callable[[Callable[[], socket.socket]], tuple[str, int] | Path]]:
    """Both kinds of local end; sockets are removed again."""
    made: list[object] = []

    def opened(channel: Callable[[], socket.socket]) -> tuple[str, int] | Path:
        made.append(request.param(channel))
        return made[-1]  # pyright: ignore[reportReturnType]

    yield opened
    for place in made:
        if isinstance(place, Path):
            place.unlink()


Way = Callable[[Callable[[], socket.socket]], tuple[str, int] | Path]


def test_bytes_go_both_ways_at_once(way: Way) -> None:
    with _far(_echo) as channel, _near(way(channel)) as near:
        sending = threading.Thread(target=lambda: (near.sendall(MUCH), near.shutdown(socket.SHUT_WR)))
        sending.start()
        assert _all(near) == MUCH
        sending.join()


def test_the_far_end_hears_the_end_and_still_answers(way: Way) -> None:
    with _far(lambda taken: taken.sendall(str(len(_all(taken))).encode())) as channel, _near(way(channel)) as near:
        near.sendall(MUCH)
        near.shutdown(socket.SHUT_WR)
        assert _all(near) == str(len(MUCH)).encode()


def test_a_far_end_that_ends_first_is_heard(way: Way) -> None:
    with _far(lambda taken: taken.sendall(MUCH)) as channel, _near(way(channel)) as near:
        assert _all(near) == MUCH


def test_a_far_end_that_cannot_be_opened_is_a_closed_connection(way: Way) -> None:
    def refuse() -> socket.socket:
        raise ConnectionRefusedError

    with _near(way(refuse)) as near:
        assert near.recv(1) == b""


def test_after_a_refusal_the_next_connection_is_carried(way: Way) -> None:
    with _far(_echo) as channel:
        answers = iter([False, True])

        def open_second() -> socket.socket:
            if next(answers):
                return channel()
            raise ConnectionRefusedError

        place = way(open_second)
        with _near(place) as refused:
            assert refused.recv(1) == b""
        with _near(place) as near:
            near.sendall(b"hello")
            assert near.recv(5) == b"hello"


def test_connections_do_not_wait_for_each_other(way: Way) -> None:
    met = threading.Barrier(2, timeout=10)

    def both_are_there() -> socket.socket:
        met.wait()
        near, far = socket.socketpair()
        with near:
            near.sendall(b"hello")
        return far

    place = way(both_are_there)
    with _near(place) as first, _near(place) as second:
        assert (_all(first), _all(second)) == (b"hello", b"hello")


def test_a_port_is_on_the_loopback_interface_only() -> None:
    address, port = forward_port(lambda: socket.socketpair()[0])
    assert address == "127.0.0.1"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_a_port_that_is_asked_for_is_given_where_it_is_free_and_another_where_it_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = int(taken.getsockname()[1])
        address, port = forward_port(lambda: socket.socketpair()[0], asked)
        assert (address, port) != ("127.0.0.1", asked)
    assert forward_port(lambda: socket.socketpair()[0], asked) == ("127.0.0.1", asked)


def test_nobody_else_reaches_a_socket() -> None:
    path = forward_socket(lambda: socket.socketpair()[0])
    found = path.parent.lstat()
    path.unlink()
    assert path.parent == own_directory()
    assert found.st_uid == os.getuid()
    assert found.st_mode & 0o777 == 0o700


def test_a_directory_of_somebody_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Path(f"/tmp/mspass-{NOBODY}")
    directory.mkdir(mode=0o700, exist_ok=True)
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    try:
        with pytest.raises(PermissionError, match=f"{directory} is not yours alone"):
            own_directory()
    finally:
        directory.rmdir()


class Uid(int):
    """This user, whose directory has another name than the one that is in use."""

    def __format__(self, spec: str) -> str:
        return f"{int(self)}-of-test-{os.getpid()}"


def test_a_directory_that_others_may_enter_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    uid = Uid(os.getuid())
    monkeypatch.setattr(os, "getuid", lambda: uid)
    directory = own_directory()
    try:
        assert own_directory() == directory
        directory.chmod(0o755)
        with pytest.raises(PermissionError, match=f"{directory} is not yours alone"):
            own_directory()
    finally:
        directory.rmdir()


def test_sockets_of_processes_that_were_killed_are_removed_and_those_of_others_stay() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = own_directory() / f"{ended.pid}-0.sock"
    left.touch()
    first = forward_socket(lambda: socket.socketpair()[0])
    second = forward_socket(lambda: socket.socketpair()[0])
    try:
        assert not left.exists()
        assert first.exists()
        assert first != second
    finally:
        first.unlink()
        second.unlink()
