"""Run a process on its node: the task of a step of the job, outside of the container.

Slurm lets srun hand on USR1 and USR2 only (to others it answers with SIGKILL for the step): both, and the TERM of
`scancel`, become the process's own stop signal here.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from . import beside, slurm
from .allocation import Allocation
from .errors import Refused
from .lease import Lease
from .settings import LOCAL
from .step_log import StepLog

WATCH = 5.0
"""Seconds between two looks at who has the data."""

LOST = 75
"""Exit status of a process whose data another job has taken."""

PLACEHOLDERS = ("local", "cores", "memory")
"""What only the node knows; in the words of a process it stands between two @."""


class Step:
    """One process on its node.

    Args:
        directory: of the stack.
        name: of the process.
    """

    def __init__(self, directory: str, name: str) -> None:
        self.name, self._run = name, Path(directory) / "run"
        self._spec: dict[str, Any] = json.loads((self._run / f"{name}.json").read_text(encoding="utf-8"))
        allocation = Allocation(self._run)
        known = allocation.read()
        self._lease = Lease(self._run, str(known["job"]), int(known["restart"]))
        self._local = Path(os.environ[LOCAL])
        self._own = self._local / name
        self._log = StepLog(Path(directory) / "log" / f"{name}.log")
        self._told = 0
        self._ended = Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run the process to its end; return its exit status, as a shell has it."""
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            signal.signal(number, self._pass_on)
        self._prepare()
        words = self._words()
        if self._told:
            return 0
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/"
        )
        self._child = child
        (self._own / "pid").write_text(f"{child.pid}\n")
        if self._told:
            self._stop()
        assert child.stdout
        keeper = Thread(target=self._log.keep, args=(child.stdout,), daemon=True)
        keeper.start()
        Thread(target=beside.serve, args=(self._own, self._wrapper()), daemon=True).start()
        if self._spec.get("data"):
            Thread(target=self._watch, daemon=True).start()
        status = child.wait()
        self._ended.set()
        keeper.join(2)
        shutil.rmtree(self._own, ignore_errors=True)
        status = status if status >= 0 else 128 - status
        self._log.say(f"{self.name} ended with {status}")
        return status

    def _prepare(self) -> None:
        os.umask(0o077)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if score := self._spec.get("oom_score"):
            # The steps of a job share its memory: when that is used up, a worker goes before a database.
            with suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text(str(score))
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _words(self) -> list[str]:
        return [*self._wrapper(), *_filled(self._spec["argv"], self._known())]

    def _wrapper(self) -> list[str]:
        return _filled(self._spec["wrapper"], self._known())

    def _known(self) -> dict[str, str]:
        return {"local": str(self._own), **_size()}

    def _pass_on(self, number: int, frame: object) -> None:
        self._told = self._told or number
        self._log.say(signal.Signals(number).name)
        self._stop()

    def _stop(self) -> None:
        if self._child:
            self._child.send_signal(signal.Signals[f"SIG{self._spec.get('stop_signal', 'TERM')}"])

    def _watch(self) -> None:
        """Kill the process when another job has its data: never two writers."""
        while not self._ended.wait(WATCH):
            if not self._lease.is_ours:
                self._log.say("another job has the data: killed")
                if self._child:
                    self._child.kill()
                return


def launch(directory: str, host: str, name: str) -> None:
    """Become the srun of a process's step, on the node that a host is in this job.

    Raises:
        Refused: the job has no node for it.
    """
    run = Path(directory) / "run"
    allocation = Allocation(run)
    try:
        node = allocation.node(host)
    except LookupError:
        raise Refused(f"this job has no {host}") from None
    launcher: Sequence[str] = json.loads((run / "job.json").read_text(encoding="utf-8"))["launcher"]
    (allocation.local / f"{name}.pid").write_text(f"{os.getpid()}\n")
    # Twice INT within a second would end srun and leave the step.
    words = slurm.step(node, name, [*launcher, "--quit-on-interrupt"], *task(directory, name))
    os.execvpe(words[0], words, slurm.clean(os.environ))


def task(directory: str, *words: str) -> list[str]:
    """Return the command line by which this very program runs on another node."""
    return [sys.executable, "-I", str(Path(sys.argv[0]).resolve()), "step", directory, *words]


def _filled(words: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Put in what only the node knows."""
    found: list[str] = []
    for word in words:
        for name, value in known.items():
            word = word.replace(f"@{name}@", value)  # noqa: PLW2901
        found.append(word)
    return found


def _size() -> dict[str, str]:
    """Return what this step may use of its node: cores, and bytes of memory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    asked = int(os.environ.get("SLURM_MEM_PER_NODE") or 0) << 20
    return {"cores": str(len(os.sched_getaffinity(0))), "memory": str(min(pages, asked) if asked else pages)}
