"""Ways to the agent of a machine: in this very process, or as a program behind a byte stream."""

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from mspass_stack.agent import calls
from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines.base import Channel
from mspass_stack.machines.bundle import agent_bundle
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec

HELLO = b'{"agent"'
"""The begin of the agent's first line; what a login's shell says comes before it."""

LOADER = (
    "import base64, os, runpy, sys; packed = os.memfd_create('agent'); "
    "os.write(packed, base64.b64decode(sys.stdin.buffer.readline())); "
    "sys.argv[1:] = ['serve']; runpy.run_path('/proc/self/fd/%d' % packed, run_name='__main__')"
)
"""A program that reads the agent from its first line: nothing is written on the host."""

NEWER = tuple(f"python3.{minor}" for minor in range(14, 7, -1))
"""Where a Python is looked for when `python3` is too old: a newer one may be beside it."""

SCRIPT = (
    f'unset AGENT; for python in python3 "$AGENT_PYTHON" {" ".join(NEWER)}; do '
    "if \"$python\" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null </dev/null; "
    'then exec "$python" -I -c "$AGENT_LOADER"; fi; done; '
    "echo '{\"agent\": 0}'"
)
"""Finds a Python that is new enough, in the environment of a login. In quotes csh takes no newline and no `!`."""

RUN = "exec sh -c 'eval \"$AGENT\"'"
"""What every shell runs in the same way."""

CSH = f"if (-r /etc/csh.login) source /etc/csh.login; if (-r ~/.login) source ~/.login; {RUN}"
"""The same after what a login reads: csh and tcsh take no `-l` beside `-c`."""

LOGIN = (
    'case "${SHELL:=/bin/sh}" in */csh | */tcsh | */bsd-csh) exec "$SHELL" -c "$AGENT_CSH";; '
    '*) exec "$SHELL" -l -c "$AGENT_RUN";; esac'
)
"""Of the user's shell: sh, bash, zsh, ksh and fish take `-l` beside `-c`."""


def login_words(program: str) -> list[str]:
    """Return the variables by which `LOGIN` runs a shell program in the environment of a login."""
    return [f"AGENT={program}", f"AGENT_CSH={CSH}", f"AGENT_RUN={RUN}"]


class LocalAgent:
    """The agent of this machine: a function call."""

    def call(self, call: str, /, **arguments: Any) -> Any:
        return _answer(calls.answer({"call": call, "arguments": arguments}), "this machine")


class RemoteAgent:
    """The agent of a host behind a byte stream, started when it is needed and kept."""

    def __init__(self, connection: ConnectionSpec, dial: Callable[[Sequence[str]], Channel]) -> None:
        self._connection, self._dial = connection, dial
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[dict[str, Any]]] = {}
        self._channel: Channel | None = None
        self._lock = threading.Lock()

    def call(self, call: str, /, **arguments: Any) -> Any:
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            channel = self._channel or self._open()
            number = next(self._numbers)
            self._asked[number] = future
            request = json.dumps({"id": number, "call": call, "arguments": arguments}) + "\n"
            try:
                channel.sendall(request.encode())
            except (OSError, EOFError):
                self._end(channel)
        # An interrupt ends the wait; the far end goes with the connection.
        while not wait_until(future.done, 3600, 0.02):
            pass
        return _answer(future.result(), str(self._connection))

    def _open(self) -> Channel:
        own = [f"AGENT_LOADER={LOADER}", f"AGENT_PYTHON={self._connection.python or 'python3'}"]
        channel = self._dial(["env", *login_words(SCRIPT), *own, "sh", "-c", LOGIN])
        hello: bytes | None = None
        # A login without a Python says so and ends before it has read all.
        with suppress(OSError, EOFError):
            channel.sendall(base64.b64encode(agent_bundle()) + b"\n")
        try:
            lines = _lines(channel)
            hello = next((line for line in lines if line.startswith(HELLO)), None)
        except (OSError, EOFError):
            lines = iter(())
        if hello is None:
            channel.close()
            raise Unreachable(f"{self._connection}: the connection broke before its agent answered")
        if not json.loads(hello)["agent"]:
            channel.close()
            raise Refused(
                f"{self._connection}: no Python 3.8 or newer on the PATH of its login shell: install one, or name one "
                f"by mspass:cluster.hosts.{self._connection.host}.python"
            )
        self._channel = channel
        threading.Thread(target=self._listen, args=(channel, lines), daemon=True).start()
        return channel

    def _listen(self, channel: Channel, lines: Iterator[bytes]) -> None:
        try:
            for line in lines:
                answer = json.loads(line)
                if future := self._asked.pop(answer["id"], None):
                    future.set_result(answer)
        except (OSError, EOFError, ValueError, TypeError, KeyError):
            pass  # the connection broke, or something else speaks there: whoever waits is answered below
        with self._lock:
            self._end(channel)

    def _end(self, channel: Channel) -> None:
        if self._channel is channel:
            self._channel = None
        channel.close()
        broken = Unreachable(f"{self._connection}: the connection broke while it was asked")
        for number in list(self._asked):
            self._asked.pop(number).set_exception(broken)


def _answer(answer: dict[str, Any], where: str) -> Any:
    """Return what was answered, or raise what was reported."""
    error = answer.get("error")
    if error is None:
        return answer["answer"]
    if error["kind"] == "refused":
        raise Refused(error["text"])
    raise RuntimeError(f"the agent of {where}: {error['text']}")


def _lines(channel: Channel) -> Iterator[bytes]:
    """Yield what arrives, line by line, until the stream ends."""
    rest = b""
    while data := channel.recv(65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
