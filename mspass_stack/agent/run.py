"""Runs a program beside a process of a stack, and keeps what became of it: it outlives whoever has started it.

    run.py start RUNS ID DIRECTORY ENVIRONMENT ARGV...   the ID again, when it runs
    run.py follow RUNS ID OFFSET SECONDS                 what it has said since then, as a line of JSON
    run.py end RUNS ID                                   as Ctrl-C would, and harder when that does not help
    run.py newest RUNS                                   the ID of the last one

RUNS/ID holds `command`, `pid`, `keeper`, `output` and, when it has ended, `status`: the exit status, and why it was
ended where it did not end by itself.

All of it is in this one file, what `proc` knows too: an interpreter in a container gets it as text and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PAUSE = 0.1
"""Seconds between two looks."""

GRACE = 5.0
"""Seconds after a signal, until a harder one."""

PATIENCE = 15.0
"""The same after the first, by which a program or a notebook saves what it has."""

PIECE = 1 << 16
"""Bytes of output that are handed on at once."""

LOST = 137
"""Exit status of a program whose keeper was killed, with its container or its host, before it could tell."""

NO_RUN = 3
"""Our own exit status where there is no such run."""

ENVIRONMENT = 'set -a; . "$0"; set +a; exec "$@"'
"""How a program gets the variables of a file: /bin/sh -c this FILE ARGV..."""


def start(runs: str, name: str, directory: str, environment: str, *argv: str) -> str:
    """Start a program, and a keeper of it that belongs to nobody.

    Args:
        directory: where it runs.
        environment: a file of variables that it has besides ours.
    """
    run = Path(runs, name)
    run.mkdir(mode=0o700, parents=True)
    (run / "command").write_text(json.dumps(argv))
    (run / "output").touch(mode=0o600)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _let_go()
            _keep(run, directory, environment, argv)
        os._exit(0)
    os.wait()
    while not (run / "pid").exists() and not (run / "status").exists():
        time.sleep(PAUSE)
    return name


def follow(runs: str, name: str, offset: str, seconds: str) -> dict[str, Any]:
    """Return what it has said from a place on, or its status when that is all; waits for either, but not long.

    Returns:
        `output`, `offset` (where the next look begins), `status` (an exit status; None while it runs), and `why` it was
        ended, where it did not end by itself.
    """
    run, start, end = Path(runs, name), int(offset), time.monotonic() + float(seconds)
    while True:
        ended = _ended(run)
        with (run / "output").open("rb") as file:
            file.seek(start)
            said = file.read(PIECE)
        said = _whole(said, bool(ended) and len(said) < PIECE)
        if said:
            return {"output": said.decode(errors="replace"), "offset": start + len(said), "status": None, "why": ""}
        if ended or time.monotonic() > end:
            return {"output": "", "offset": start, "status": None, "why": "", **(ended or {})}
        time.sleep(PAUSE)


def end(runs: str, name: str) -> str:
    """End it with all that it has started in its group."""
    run = Path(runs, name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if _ended(run):
            break
        limit = time.monotonic() + (PATIENCE if number == signal.SIGINT else GRACE)
        with suppress(ProcessLookupError, OSError, ValueError):
            os.killpg(_alive(run, "pid"), number)
        while not _ended(run) and time.monotonic() < limit:
            time.sleep(PAUSE)
    return name


def newest(runs: str) -> str:
    """Return the ID of the last one; IDs begin with the time."""
    with suppress(OSError):
        return max((path.name for path in Path(runs).iterdir() if (path / "command").exists()), default="")
    return ""


def _let_go() -> None:
    """Hold nothing that somebody waits for: a caller's pipes, and its terminal."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _keep(run: Path, directory: str, environment: str, argv: tuple[str, ...]) -> None:
    """Run a program to its end, and write down how it ended."""
    beside = _beside()
    words = ["/bin/sh", "-c", ENVIRONMENT, environment, *argv]
    status, why = 127, ""
    try:
        with (run / "output").open("ab") as output:
            process = subprocess.Popen(
                words,
                cwd=directory,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _note(run / "keeper", _mark(os.getpid()))
        _note(run / "pid", _mark(process.pid))
        while process.poll() is None:
            if beside and _mark(beside[0]) != beside[1]:
                why = "the process beside which it ran was stopped or restarted"
                for number in (signal.SIGTERM, signal.SIGKILL):
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, number)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(GRACE)
            time.sleep(PAUSE)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    except OSError as error:
        why = str(error)
    _note(run / "status", json.dumps({"status": status, "why": why}))
    os._exit(0)


def _beside() -> tuple[int, str] | None:
    """Find the process whose environment ours is, by its marks; in a container there are none, which ends with it."""
    home, process = os.environ.get("MSPASS_STACK_HOME"), os.environ.get("MSPASS_PROCESS")
    with suppress(OSError, ValueError):
        pid = int(Path(home or "/nowhere", "run", f"{process}.pid").read_text())
        return pid, _mark(pid)
    return None


def _begun(pid: int) -> int:
    """Return when a process began, in clock ticks since boot (proc(5))."""
    return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19])


def _mark(pid: int) -> str:
    """Name one run of a process: its pid may be another's later; empty when it is gone."""
    with suppress(OSError):
        if Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
            return f"{pid} {_begun(pid)}"
    return ""


def _alive(run: Path, name: str) -> int:
    """Return the pid in a file, if that process is there still.

    Raises:
        ProcessLookupError: it is not.
    """
    mark = (run / name).read_text()
    if not mark or _mark(int(mark.split()[0])) != mark:
        raise ProcessLookupError(name)
    return int(mark.split()[0])


def _ended(run: Path) -> dict[str, Any] | None:
    """Return how it ended; None while it runs."""
    with suppress(OSError):
        return json.loads((run / "status").read_text())
    try:
        _alive(run, "keeper")
    except (OSError, ValueError):
        with suppress(OSError):  # it has ended just now
            return json.loads((run / "status").read_text())
        return {"status": LOST, "why": "its container or its host was stopped or restarted"}
    return None


def _whole(said: bytes, is_last: bool) -> bytes:
    """Return the bytes without a character at their end that is not whole yet."""
    for cut in range(min(4, len(said)) if not is_last else 0):
        with suppress(UnicodeDecodeError):
            said[: len(said) - cut].decode()
            return said[: len(said) - cut]
    return said


def _note(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def main(call: str, *words: str) -> None:
    if call in ("follow", "end") and not Path(*words[:2], "command").exists():
        print(f"there is no run {words[1]}")
        sys.exit(NO_RUN)
    calls = {"start": start, "follow": follow, "end": end, "newest": newest}
    print(json.dumps(calls[call](*words)))


if __name__ == "__main__":
    main(*sys.argv[1:])
