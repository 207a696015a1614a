"""A double of Slurm's commands for whoever submits: jobs are lines of a file, and nothing of them runs.

What a real controller takes minutes for, or forgets after five, is a word here. The commands answer as those of
Slurm 26.05 do on the simulated cluster; what they say was copied from there.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

COMMANDS = ("sbatch", "squeue", "scancel", "srun")

DIRECTORY = "SLURM_DOUBLE"
"""The variable that names the directory of its file; kept from `SLURM_` by another end of its name."""

FORMAT = {
    "%i": "id",
    "%T": "state",
    "%r": "reason",
    "%S": "start",
    "%e": "end",
    "%N": "nodes",
    "%k": "comment",
    "%L": "left",
    "%M": "used",
    "%D": "count",
    "%b": "gres",
}


class SlurmDouble:
    """The controller.

    Args:
        directory: for its file and its commands, which go before all others on PATH (`bin`).
    """

    def __init__(self, directory: Path) -> None:
        self._file, self.bin = directory / "jobs.json", directory / "bin"
        self.bin.mkdir(parents=True)
        for name in COMMANDS:
            command = self.bin / name
            # Its directory stands in it: a login drops what looks like an option of Slurm.
            command.write_text(
                f'#!/bin/sh\nexec env {DIRECTORY}={directory} {sys.executable} -I {__file__} {name} "$@"\n'
            )
            command.chmod(0o755)
        self._write({"jobs": [], "steps": {}, "refuses": "", "signals": []})

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self._read()["jobs"]

    @property
    def steps(self) -> dict[str, list[str]]:
        """The words of srun of each step that goes on, by JOB.NUMBER."""
        return self._read()["steps"]

    def add(self, id: str, **fields: str) -> None:
        """Add a job that somebody else has got."""
        known = self._read()
        blank = dict.fromkeys(["name", "comment", *FORMAT.values()], "")
        known["jobs"].append({**blank, "id": id, "state": "RUNNING", "used": "0:00", "words": [], **fields})
        self._write(known)

    def end_step(self, step: str) -> None:
        known = self._read()
        del known["steps"][step]
        self._write(known)

    @property
    def signals(self) -> list[list[str]]:
        """The words of each scancel."""
        return self._read()["signals"]

    def set(self, id: str, **fields: str) -> None:
        """Change what is said of a job."""
        known = self._read()
        for job in known["jobs"]:
            if job["id"] == id:
                job.update(fields)
        self._write(known)

    def forget(self, id: str) -> None:
        known = self._read()
        self._write(known | {"jobs": [job for job in known["jobs"] if job["id"] != id]})

    def refuse(self, why: str) -> None:
        """Take no job any more."""
        self._write(self._read() | {"refuses": why})

    def _read(self) -> dict[str, Any]:
        return json.loads(self._file.read_text())

    def _write(self, known: dict[str, Any]) -> None:
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(known))
        partial.replace(self._file)


def _sbatch(known: dict[str, Any], words: list[str]) -> int:
    options: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        options[name.removeprefix("--")] = value
    if known["refuses"]:
        sys.stderr.write(f"sbatch: error: {known['refuses']}\n")
        return 1
    id = str(4711 + len(known["jobs"]))
    if "test-only" in options:
        assert sys.stdin.read().startswith("#!")
        sys.stderr.write(f"sbatch: Job {id} to start at 2026-11-27T12:15:46 a using 8 processors on nodes n[1-2]\n")
        return 0
    known["jobs"].append(
        {
            "id": id,
            "name": options["job-name"],
            "comment": options["comment"],
            "state": "PENDING",
            "reason": "Priority",
            "start": "N/A",
            "end": "N/A",
            "nodes": "",
            "left": options["time"],
            "used": "0:00",
            "count": options["nodes"],
            "gres": f"gres/{options['gres']}" if "gres" in options else "N/A",
            "words": words,
        }
    )
    print(id)
    return 0


def _srun(known: dict[str, Any], words: list[str]) -> int:
    """Have a step go on, as that of a program which does."""
    job = next(word.partition("=")[2] for word in words if word.startswith("--jobid="))
    known["steps"][f"{job}.{len(known['steps'])}"] = words
    return 0


def _squeue(known: dict[str, Any], words: list[str]) -> int:
    if "--steps" in words:
        job = words[words.index("-j") + 1]
        for id, step in known["steps"].items():
            if id.startswith(f"{job}."):
                print(f"{id}|{next(word.partition('=')[2] for word in step if word.startswith('--job-name='))}")
        return 0
    jobs = known["jobs"]
    if "-j" in words:
        jobs = [job for job in jobs if job["id"] == words[words.index("-j") + 1]]
        if not jobs:
            sys.stderr.write("slurm_load_jobs error: Invalid job id specified\n")
            return 1
    for word in words:
        if word.startswith("--name="):
            jobs = [job for job in jobs if job["name"] == word.removeprefix("--name=")]
    if "--states=PENDING" in words:
        jobs = [job for job in jobs if job["state"] == "PENDING"]
    for job in jobs:
        line = words[words.index("-o") + 1]
        for code, field in FORMAT.items():
            line = line.replace(code, job[field])
        print(line)
    return 0


def _scancel(known: dict[str, Any], words: list[str]) -> int:
    known["signals"].append(words)
    known["steps"].pop(words[-1], None)
    for job in known["jobs"]:
        waits = job["state"] == "PENDING"
        if (
            job["id"] not in words
            or job["state"] not in ("PENDING", "RUNNING")
            or ("--state=PENDING" in words and not waits)
        ):
            continue
        job["state"] = "COMPLETED" if "--signal=USR1" in words else "CANCELLED"
    return 0


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    file = Path(os.environ[DIRECTORY]) / "jobs.json"
    state = json.loads(file.read_text())
    status = {"sbatch": _sbatch, "squeue": _squeue, "scancel": _scancel, "srun": _srun}[name](state, rest)
    if name != "squeue":  # a step is started while it looks
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(state))
        partial.replace(file)
    sys.exit(status)
