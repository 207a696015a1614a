"""Run a process on its node: the task of a step of the job, outside of the container.

Slurm lets srun hand on USR1 and USR2 only (to others it answers with SIGKILL for the step): both, and the TERM of
`scancel`, become the process's own stop signal here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from . import beside, gpus, preparation, settings, size, slurm, tree_copy
from .allocation import Allocation
from .contained import Contained
from .errors import Refused
from .job_supervisor import JobFiles
from .lease import Lease
from .local_data import LocalData
from .settings import LOCAL
from .stage import Stage
from .stage_step import NodeStage
from .step_log import StepLog
from .words import DATA, STAGE

WATCH = 5.0
"""Seconds between two looks at who has the data."""

COUNT = 60.0
"""Seconds between two looks at how much data there are."""

CANNOT_START = 78
"""Exit status of a process that cannot be started on its node; why is in its log."""


class Step(Contained):
    """One process on its node.

    Args:
        directory: of the stack.
        name: of the process.
    """

    def __init__(self, directory: str, name: str) -> None:
        super().__init__(directory, name, Path(os.environ[LOCAL]) / name)
        self._run = Path(directory) / "run"
        self._allocation = known = Allocation(self._run).read()
        self._lease = Lease(self._run, str(known["job"]), int(known["restart"]))
        self._node: dict[str, Any] = known["nodes"].get(self._spec.get("host"), {})
        self._log = StepLog(Path(directory) / "log" / f"{name}.log")
        self._ended = Event()
        self._next = 0.0

    def run(self) -> int:
        try:
            return super().run()
        except Refused as refused:
            self._log.say(str(refused))
            return CANNOT_START

    def _prepare(self) -> None:
        if score := self._spec.get("oom_score"):
            # The steps of a job share its memory: when that is used up, a worker goes before a database.
            with suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text(str(score))
        if why := gpus.trouble(self._spec):
            raise Refused(why)
        os.environ.update(gpus.given(os.environ))
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        if claim := self._spec.get("claim"):
            self._claim(Path(claim))
        beside_it = size.steps_on(self._directory, self._spec.get("host", ""))
        shares = size.Size.of(self._node).shares(self._spec, beside_it or [self._spec])
        size.note(self._run, self.name, shares)
        self._known.update(size.words_of(shares))
        if any(DATA in word for word in self._spec["wrapper"]):
            self._known[DATA] = str(self._local_data())
        if wanted := self._spec.get("stage"):
            self._known[STAGE] = str(self._staged(wanted).root)

    def _staged(self, wanted: dict[str, Any]) -> Stage:
        """Return what is brought to this node, after that where the process was declared after its job began.

        Raises:
            Refused: it cannot be brought.
        """
        node = NodeStage(self._directory, self._allocation)
        if not node.own.is_whole(wanted):
            self._log.say("what it wants is brought to this node")
            node.bring(wanted)
        return node.own

    def _local_data(self) -> Path:
        """Return where the data are on this node's own disk.

        Raises:
            Refused: they are not, since the process was declared after its job began.
        """
        place = LocalData(self._directory, self._allocation).of(Path(self._spec["data"]).name)
        if not place.is_dir():
            raise Refused(f"{place} is not there: with storage on its node a server begins with its job")
        return place

    def _claim(self, path: Path) -> None:
        """Have a program that runs once started by nobody else, now or later.

        Raises:
            Refused: somebody has.
        """
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        settings.write(partial, json.dumps({key: self._allocation[key] for key in ("job", "restart")}) + "\n")
        try:
            os.link(partial, path)
        except FileExistsError:
            raise Refused(f"{self.name} was started before: {path}") from None
        finally:
            partial.unlink()

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/"
        )

    def _accompany(self, child: subprocess.Popen[bytes]) -> int:
        assert child.stdout
        keeper = Thread(target=self._log.keep, args=(child.stdout,), daemon=True)
        keeper.start()
        Thread(target=beside.serve, args=(self._own, self._wrapper()), daemon=True).start()
        if self._spec.get("data") or self._spec.get("stage"):
            Thread(target=self._watch, daemon=True).start()
        status = child.wait()
        self._ended.set()
        keeper.join(2)
        self._log.say(f"{self.name} ended with {status if status >= 0 else 128 - status}")
        return status

    def _wrapper(self) -> list[str]:
        return self._filled("wrapper")  # srun and its steps are known by Slurm

    def _pass_on(self, number: int, frame: object) -> None:
        self._log.say(signal.Signals(number).name)
        super()._pass_on(number, frame)

    def _watch(self) -> None:
        """Kill the process when another job has begun: never two writers of its data."""
        while not self._ended.wait(WATCH):
            self._note_bytes()
            if not self._lease.is_ours:
                self._log.say("another job has the data: killed")
                if self._child:
                    self._child.kill()
                return

    def _note_bytes(self) -> None:
        """Write down now and then how much there is to be copied when the job ends."""
        if not {DATA, STAGE} & self._known.keys() or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + COUNT
        with suppress(OSError):
            count = tree_copy.size(Path(self._known[DATA])) if DATA in self._known else 0
            count += Stage(Path(self._known[STAGE])).results if STAGE in self._known else 0
            settings.write(JobFiles(self._directory).bytes(self.name), f"{count}\n")


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
    (allocation.local / f"{name}.pid").write_text(f"{os.getpid()}\n")
    spec: dict[str, Any] = json.loads((run / f"{name}.json").read_text(encoding="utf-8"))
    if spec.get("gated"):
        preparation.wait(directory)
    launcher = slurm.launcher_of(run)
    # Twice INT within a second would end srun and leave the step.
    words = slurm.step(
        node, name, [*launcher, *gpus.gres(spec, launcher), "--quit-on-interrupt"], *slurm.own("step", directory, name)
    )
    os.execvpe(words[0], words, slurm.clean(os.environ))
