"""What a job is told of the notebook or script that it runs by itself (`mspass_stack.agent.batch`)."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from mspass_stack.config.batch import ON_RESTART, Batch
from mspass_stack.spec.batch import BatchSpec
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.topology import Process, Topology

PAGES = {"dask-workers": "/json/identity.json", "spark-workers": "/json/"}
"""The page of a scheduler that counts workers, by the kind of their probe."""


def place(topology: Topology) -> Process:
    """Return the process beside which it runs: the frontend, else a worker."""
    return min(
        (process for process in topology.processes if process.role in ("frontend", "worker")),
        key=lambda process: process.role != "frontend",
    )


def workers(topology: Topology) -> list[Process]:
    """Return the processes for which it waits."""
    return [process for process in topology.processes if process.role == "worker"]


def spec(asked: Batch, content: bytes, beside: SlurmProcess, workdir: str, probes: Iterable[Probe]) -> BatchSpec:
    """Return what the job is told.

    Args:
        content: of the file.
        beside: the process beside which it runs.
        workdir: where results are kept, on the file system that the nodes share.
        probes: of the workers that it waits for.
    """
    name, sha256 = PurePosixPath(asked.run).name, hashlib.sha256(content).hexdigest()
    again = 0 if asked.again == ON_RESTART else asked.again
    known = json.dumps([name, sha256, list(asked.args), again])
    id = hashlib.sha256(known.encode()).hexdigest()[:12]
    path = f"{workdir}/runs/batch-{id}/{name}"
    return BatchSpec(
        id=id,
        path=path,
        sha256=sha256,
        argv=(beside.python, path, *asked.args),
        then=asked.then,
        on_restart=asked.again == ON_RESTART,
        start_wait=asked.start_wait.seconds,
        beside=beside,
        gate=_gate(list(probes)),
    )


def _gate(probes: list[Probe]) -> dict[str, Any]:
    if not probes:
        return {}
    first = probes[0]
    return {
        "host": first.host,
        "kind": first.kind,
        "url": f"http://{first.address}:{first.port}{PAGES[first.kind]}",
        "workers": [[probe.name, probe.count, probe.size_file] for probe in probes],
    }
