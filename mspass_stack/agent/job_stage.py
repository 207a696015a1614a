"""Have directories brought to the nodes of a job before its processes start, and results back after they have ended."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from . import settings, slurm
from .allocation import Allocation
from .batch_run import BatchRun
from .errors import Refused
from .local_data import LocalData, run_of
from .stage_step import KIND, specs

if TYPE_CHECKING:
    from typing import TypeAlias

FILE = "stage.json"
"""Of the run directory: `run` and `nodes` with results that are not brought back yet, and `bandwidth` of the copy."""

TURN = 1.0
"""Seconds between two signs of life while a step goes on."""

EVERY = 30.0
"""Seconds between two lines of the log about how far it is."""

LEAST = 64 << 20
"""Bytes of a copy that tells a bandwidth."""

Answers: TypeAlias = "Mapping[str, Mapping[str, Any]]"


class JobStage:
    """What one start of a job has brought, and brings back.

    Args:
        directory: of the stack.
        say: takes a line of the job's log.
        turn: gives a sign of life, with words of what goes on; whether the job ends meanwhile.
    """

    def __init__(self, directory: str, say: Callable[[str], object], turn: Callable[[str], object]) -> None:
        self._directory, self._run = directory, Path(directory) / "run"
        self._say, self._turn = say, turn
        self._live: subprocess.Popen[Any] | None = None
        self._settled: str | None = None

    def bring(self) -> bool:
        """Bring everything to all nodes at once; return whether the job goes on.

        Raises:
            Refused: it cannot be brought, with the words of each node.
        """
        nodes, wanted, former = self._nodes, specs(self._directory), self._known
        hosts = [host for host in nodes if host in wanted]
        if not hosts and not former:
            return True
        begun = time.monotonic()
        answers, said = self._step(list(nodes), "bring")
        if self._turn(""):
            return False
        if failed := [host for host in nodes if "bytes" not in answers.get(host, {})]:
            raise Refused(f"what the workers want was not brought to their nodes: {self._why(failed, answers, said)}")
        took, count = time.monotonic() - begun, sum(int(answer["bytes"]) for answer in answers.values())
        self._say_rescued(answers, former)
        if any(answer["ram"] for answer in answers.values()):
            self._say("stage: the nodes' own disk is RAM (tmpfs): it is in the memory that the job is charged for")
        if hosts:
            self._say(f"stage: {count >> 20} MiB brought to {len(hosts)} nodes in {took:.1f} s")
        known = {"run": self._own, "nodes": {host: nodes[host] for host in hosts if wanted[host]["back"]}}
        self._note({**known, "bandwidth": count / took} if count >= LEAST else known)
        if not hosts:
            (self._run / FILE).unlink()
        return True

    @property
    def has_results(self) -> bool:
        """Whether something is to be brought back."""
        return bool(self._known.get("nodes"))

    def turn(self) -> None:
        """Bring back what a batch run has made that has ended, where the job goes on."""
        # A full disk or quota ends no job.
        with suppress(OSError, LookupError):
            if self._live is None and self.has_results:
                run = BatchRun.here(self._run, Allocation(self._run).read())
                known, self._settled = self._settled, run.id if run.asked and run.is_settled else ""
                # What had ended before this job has no results here; what ends the job has them brought back by that.
                if known is not None and self._settled not in ("", known) and not run.ends_the_job:
                    self._say(f"stage: results of batch {run.id} are brought back")
                    self._live = subprocess.Popen(self._words(self._giving, "leave"), **_QUIET)
            elif self._live and self._live.poll() is not None:
                status, self._live = self._live.returncode, None
                self._say(f"stage: that ended with {status}")

    def end(self, told: str) -> str:
        """Bring results back, and remove what is on the nodes; return what could not be, empty where all is.

        Args:
            told: how the job ends.
        """
        try:
            return self._end(told)
        except (OSError, ValueError, LookupError) as error:
            return f"results are not brought back: {error}"

    def _end(self, told: str) -> str:
        if self._live:
            self._live.wait()
        if told == "CANCELLED":  # no step is started any more
            giving = {*self._giving, *(host for host, spec in specs(self._directory).items() if spec["back"])}
            return self._left([host for host in self._nodes if host in giving], "the job was not stopped in order")
        if not specs(self._directory) and not self._known:
            return ""
        # All: one that has no workers any more had some.
        begun, hosts = time.monotonic(), list(self._nodes)
        answers, said = self._step(hosts, "end")
        took = time.monotonic() - begun
        failed = [host for host in hosts if "files" not in answers.get(host, {})]
        if failed:
            return self._left(failed, self._why(failed, answers, said))
        if count := sum(int(answer["files"]) for answer in answers.values()):
            size = sum(int(answer["bytes"]) for answer in answers.values())
            self._say(f"stage: {count} results brought back, {size >> 20} MiB in {took:.1f} s")
        (self._run / FILE).unlink(missing_ok=True)
        return ""

    def _left(self, hosts: Sequence[str], why: str) -> str:
        nodes = ", ".join(self._nodes[host] for host in hosts)
        place = LocalData(self._directory, Allocation(self._run).read(), KIND).place / self._own
        return nodes and (
            f"results are not brought back, and stay on {nodes} in {place}: {why}. The next job that gets these nodes "
            "brings them back"
        )

    def _say_rescued(self, answers: Answers, former: Mapping[str, Any]) -> None:
        for host, answer in answers.items():
            for run, what in answer["rescued"].items():
                self._say(f"stage: of job {run.partition('.')[0]} on {self._nodes[host]}: {what}")
        away = sorted({*former.get("nodes", {}).values()} - {*self._nodes.values()})
        if away:
            self._say(
                f"stage: results of job {former['run'].partition('.')[0]} may be left on {', '.join(away)}, and this "
                "job has other nodes: one that gets these brings them back"
            )

    def _why(self, hosts: Sequence[str], answers: Answers, said: str) -> str:
        why = [f"{host} ({self._nodes[host]}): {answers.get(host, {}).get('error', 'no answer')}" for host in hosts]
        return "; ".join([*why, *filter(None, [said])])

    def _step(self, hosts: Sequence[str], word: str) -> tuple[dict[str, dict[str, Any]], str]:
        """Run a step with a task on the nodes of some hosts, all at once; return what they say, and srun."""
        answers: dict[str, dict[str, Any]] = {}
        done: dict[str, int] = {}
        noted = time.monotonic() + EVERY
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                self._words(hosts, word), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
            )
            assert process.stdout
            reader = Thread(target=_read, args=(process.stdout, answers, done), daemon=True)
            reader.start()
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TURN)
                words = f"stage: {word}: {sum([*done.values()]) / 2**30:.2f} GiB on {len(hosts)} nodes"
                if self._turn(words) and word == "bring":
                    process.terminate()
                if time.monotonic() > noted:
                    noted = time.monotonic() + EVERY
                    self._say(words)
            reader.join()
            said.seek(0)
            return answers, said.read().strip()

    def _words(self, hosts: Sequence[str], word: str) -> list[str]:
        nodes, launcher = self._nodes, slurm.launcher_of(self._run)
        names = [nodes[host] for host in hosts]
        return slurm.step_on_each(names, "mspass-stage", launcher, *slurm.own("stage", self._directory, word))

    @property
    def _nodes(self) -> dict[str, str]:
        return {host: str(node["name"]) for host, node in Allocation(self._run).read()["nodes"].items()}

    @property
    def _own(self) -> str:
        return run_of(Allocation(self._run).read())

    @property
    def _giving(self) -> list[str]:
        return list(self._known.get("nodes", ()))

    @property
    def _known(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self._run / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _note(self, known: Mapping[str, Any]) -> None:
        settings.write(self._run / FILE, json.dumps(known, indent=1) + "\n")


_QUIET: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
}


def _read(lines: IO[bytes], answers: dict[str, dict[str, Any]], done: dict[str, int]) -> None:
    for line in lines:
        if not line.startswith(b"{"):
            continue  # what a shell of the site says
        known = json.loads(line)
        if "done" in known:
            done[known["host"]] = known["done"]
        else:
            answers[known["host"]] = known
