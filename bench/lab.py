"""Start to ready in a lab: `pulumi up` of a sharded stack against the same daemons started by hand, in one run.

    .venv/bin/python bench/lab.py [--rounds N]

The lab is simulated: three Docker hosts behind SSH, made of namespaces of this machine, which takes root. Each round
measures, on empty folders: the floor (every container of the stack by `docker run` on its host, all at once but the
frontend; sets, shards, users and collections by the provider's own functions; then the frontend; until every probe says
ready), `pulumi up` from nothing, a second `pulumi up` that changes nothing, `pulumi destroy`.
A first round warms the caches and is not counted. Exits with 1 when up / (floor + no-op up) is above the promise.
"""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from start_to_ready import PROMISE, report, seconds, tell

from mspass_stack import Cluster, plan, roles
from mspass_stack.components import contents
from mspass_stack.cores import cores
from mspass_stack.engine import STACK
from mspass_stack.provider.certificate import Certificate, CertificateAuthority
from mspass_stack.provider.mongo import cluster as mongo
from mspass_stack.provider.mongo import users
from mspass_stack.provider.probes import look
from mspass_stack.provider.resource import Call
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import Home, RenderedProcess
from mspass_stack.runtimes import CONTAINER_PYTHON, contain, reach, render
from mspass_stack.topology import Process
from mspass_stack.transport import machine
from tests.harness.lab import Lab, LabError, ensure_test_image
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project

HOSTS = 3
WORKERS = {"node1": {"processes": 1, "memory": "512MiB"}, "node2": {"processes": 2, "memory": "512MiB"}}
CACHE = "256MiB"
"""As much of the stack file's lab as three hosts have room for on one small machine."""

USER = "1000:1000"
"""Who owns the stack's files on the hosts."""


def small_stack(project: Project, lab: Lab, image: str) -> LabStack:
    stack = LabStack(project, lab, image, "lab-cluster", "bench")
    stack.cluster["database"]["cache"] = CACHE
    stack.cluster["pool"]["workers"] = WORKERS
    stack.write()
    return stack


class LabFloor:
    """The containers of a stack by hand, on the hosts and in the folders that the stack has.

    Args:
        stack: not up; its `close` removes what this object has started and written.
    """

    def __init__(self, stack: LabStack) -> None:
        cluster, base = Cluster.read(stack.cluster), stack.project.path
        self._stack, self.topology = stack, plan(cluster, "floor", cores(cluster, base))
        self.home = Home(str(cluster.datadir))
        where = (str(self.home.root), cluster.workdir, CONTAINER_PYTHON)
        self.processes = [render(process, self.topology, *where) for process in self.topology.processes]
        self.reaches = {host: reach(host, cluster, base) for host in self.topology.hosts}
        self.password, self.key_file = secrets.token_hex(24), secrets.token_hex(378)

    def prepare(self) -> None:
        """The folders and files of each host that its processes work in and read."""
        topology, home = self.topology, self.home
        _, authority = CertificateAuthority().create(Call("dask-ca", {"stack": topology.stack}))
        signing = {"authority": authority["certificate"], "authorityKey": authority["signer"]}
        files = {
            home.key_file: self.key_file,
            home.client_env: contents.environment(topology, self.password, "peer"),
            home.jupyter_token: secrets.token_hex(24),
            home.jupyter_config: contents.jupyter_config("", None),
            home.certificates: authority["certificate"],
        }
        for host, way in self.reaches.items():
            _, signed = Certificate().create(Call("dask-certificate", {**signing, "names": [way.address]}))
            texts = {str(path): text for path, text in {**files, home.certificate: signed["pem"]}.items()}
            here = [process for process in self.processes if process.host == host]
            for folder in (str(home.secrets), *(path for process in here for path in process.writes)):
                machine(way).make_folder(folder, 0o700)
            for path in {path for process in here for path in process.reads}:
                machine(way).write(path, texts[path])

    def start(self) -> None:
        """Start all in the order of the deployment and return when all are ready."""
        self._run([process for process in self.processes if process.role != "frontend"])
        self._make_cluster()
        # A frontend that is up before its shards are registered gets "No shards found".
        self._run([process for process in self.processes if process.role == "frontend"])
        with ThreadPoolExecutor(len(self.processes)) as pool:
            ready = list(pool.map(self._until_ready, self.processes))
        for process, done in zip(self.processes, ready, strict=True):
            if not done:
                raise SystemExit(f"{process.name} is not ready; the end of its log:\n{self._log(process)[-2000:]}")

    def _run(self, processes: Sequence[RenderedProcess]) -> None:
        with ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(self._run_one, processes))

    def _run_one(self, process: RenderedProcess) -> None:
        asked = contain(process, self.topology)
        words = ["--detach", "--init", "--name", asked.name, "--label", f"{STACK}=floor", "--user", USER]
        words += ["--network", "host", "--workdir", asked.directory]
        words += [f"--env={key}={value}" for key, value in asked.environment.items()]
        words += [f"--volume={path}:{path}:{'ro' if read_only else 'rw'}" for path, read_only in asked.binds]
        words += [f"--memory={asked.memory}m", f"--memory-swap={asked.memory}m"] if asked.memory else []
        words += [f"--cpus={asked.cpus}"] if asked.cpus else []
        words += ["--entrypoint", asked.entrypoint[0], self.topology.cluster.image, *asked.entrypoint[1:]]
        self._stack.lab.docker(self._stack.on(process.host), "run", *words, *asked.command)

    def _make_cluster(self) -> None:
        topology, database = self.topology, self.topology.cluster.database
        assert database
        shards: dict[str, dict[str, Any]] = {}
        for process in topology.of("shard"):
            shards.setdefault(process.replica_set or "", {})[process.host] = _place(process)
        cluster = mongo.Cluster(
            {
                "reaches": {host: way.model_dump() for host, way in self.reaches.items()},
                "config": {process.host: _place(process) for process in topology.of("configsvr")},
                "routers": {process.host: _place(process) for process in topology.of("mongos")},
                "shards": shards,
                "keyFile": self.key_file,
            }
        )
        cluster.ensure_sets(lambda text: None)
        with cluster.router() as router:
            mongo.add_shards(router, cluster.shards)
            users.ensure(router, {roles.DATABASE_USER: {"password": self.password, "roles": roles.DATABASE_ROLES}})
            mongo.shard_collections(router, database.collections)

    def _until_ready(self, process: RenderedProcess) -> bool | None:
        host = machine(self.reaches[process.probe.host])
        return wait_until(lambda: not look(process.probe, host), process.probe.deadline)

    def _log(self, process: RenderedProcess) -> str:
        command = f"docker logs {process.container} 2>&1"
        return self._stack.lab.execute(self._stack.on(process.host), "sh", "-c", command, check=False)


def _place(process: Process) -> dict[str, Any]:
    return {"address": process.address, "port": process.ports["mongodb"]}


def measure(rounds: int, stack: LabStack) -> list[dict[str, float]]:
    """Seconds of each step, by counted round."""
    floor = LabFloor(stack)
    times: list[dict[str, float]] = []
    for round in range(rounds + 1):
        floor.prepare()
        taken = {"floor": seconds(floor.start)}
        stack.close()
        taken["up"] = seconds(stack.up)
        taken["no-op up"] = seconds(lambda: stack.up("--expect-no-changes"))
        taken["destroy"] = seconds(stack.destroy)
        stack.close()
        times.append(taken)
        tell(round, taken)
    return times[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: 3)")
    rounds = max(1, parser.parse_args().rounds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end by a signal cleans up as well
    try:
        with ExitStack() as kept:
            folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="mspass-bench-", dir="/tmp"))
            image = ensure_test_image()
            lab = Lab(Path(folder), HOSTS, image)
            kept.callback(lab.close)
            lab.up()
            project = Project()
            kept.callback(project.close)
            times = measure(rounds, small_stack(project, lab, image))
    except LabError as error:
        parser.exit(2, f"lab: {error}\n")
    return int(report(times) > PROMISE)


if __name__ == "__main__":
    sys.exit(main())
