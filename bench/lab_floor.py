"""The floor of a lab: the containers of a sharded stack by hand, on its hosts."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from container_floor import OWNER, run_words
from floor import first_unready
from secret_files import random_values, secret_files

from mspass_stack import make_plan, read_cluster
from mspass_stack.machines import machine
from mspass_stack.machines.cores import cores
from mspass_stack.mongo import sharded, users
from mspass_stack.provider.mongo.cluster import declared
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority
from mspass_stack.roles.clients import CA, CERTIFICATE, DATABASE_ROLES, DATABASE_USER, PASSWORD
from mspass_stack.roles.mongodb import KEY_FILE
from mspass_stack.spec.process import ProcessSpec
from mspass_stack.spec.resources import DatabaseUser, MongoPlace, ShardedClusterInputs
from mspass_stack.spec.tls import REQUIRE, mode_file
from mspass_stack.spec.topology import Process
from tests.harness.lab.tree import USER_ID
from tests.harness.lab_stack import LabStack


class LabFloor:
    """The containers of a stack, in the directories that the stack has.

    Args:
        stack: not up; its `close` removes what this object has started and written.
    """

    def __init__(self, stack: LabStack) -> None:
        cluster, base = read_cluster(stack.cluster), stack.project.path
        self._stack, self._plan = stack, make_plan(cluster, OWNER, cores(cluster, base), base, sys.executable)
        self._topology = self._plan.topology
        self._processes = [self._plan.render(process) for process in self._topology.processes]
        self._values = random_values(self._topology)
        _, self._authority = CertificateAuthority().create(Call("ca", {"stack": OWNER}))

    def prepare(self) -> None:
        """Make the directories and files of each host that its processes work in and read."""
        authority = self._authority
        signing = {"authority": authority["certificate"], "authorityKey": authority["signer"]}
        for host in self._topology.hosts.values():
            names = [host.address, "127.0.0.1"]
            _, signed = Certificate().create(Call("certificate", {**signing, "names": names}))
            values = {**self._values, CA: authority["certificate"], CERTIFICATE: signed["pem"]}
            there, written = machine(host.connection), [path for one in self._on(host.name) for path in one.writes]
            for directory in (str(host.layout.secrets), *dict.fromkeys(written)):
                there.make_directory(directory, 0o700)
            files = secret_files(self._plan, host.name, values)
            there.make_directory(str(host.layout.server), 0o700)
            for path, text in (files | {str(host.layout.tls_mode): mode_file(REQUIRE)}).items():
                there.write(path, text)

    def start(self) -> None:
        """Start all in the order of the deployment, and return when all are ready."""
        self._run([process for process in self._processes if process.role != "frontend"])
        self._make_cluster()
        # A frontend that is up before its shards are registered gets "No shards found".
        self._run([process for process in self._processes if process.role == "frontend"])
        if unready := first_unready(self._plan, self._processes, self._authority["certificate"]):
            raise SystemExit(f"{unready.name} is not ready; the end of its log:\n{self._log(unready)[-2000:]}")

    def _on(self, host: str) -> list[ProcessSpec]:
        return [process for process in self._processes if process.host == host]

    def _run(self, processes: Sequence[ProcessSpec]) -> None:
        with ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(self._run_one, processes))

    def _run_one(self, process: ProcessSpec) -> None:
        words = run_words(process, self._topology.hosts[process.host].image, f"{USER_ID}:{USER_ID}")
        self._stack.lab.docker(self._stack.on(process.host), *words)

    def _make_cluster(self) -> None:
        database = declared(self._inputs())
        database.ensure_sets(lambda text: None)
        with database.router() as router:
            sharded.add_shards(router, database.shards)
            users.ensure(router, database.users)
            sharded.shard_collections(router, database.collections)

    def _inputs(self) -> ShardedClusterInputs:
        topology, database = self._topology, self._plan.cluster.database
        assert database
        shards: dict[str, dict[str, MongoPlace]] = {}
        for process in topology.of("shard"):
            shards.setdefault(process.replica_set, {})[process.host] = self._place(process)
        return ShardedClusterInputs(
            stack=OWNER,
            connections={name: host.connection for name, host in topology.hosts.items()},
            config={process.host: self._place(process) for process in topology.of("configsvr")},
            shards=shards,
            routers={process.host: self._place(process) for process in topology.of("mongos")},
            collections=database.collections,
            users={DATABASE_USER: DatabaseUser(password=self._values[PASSWORD], roles=list(DATABASE_ROLES))},
            authority=self._authority["certificate"],
            key_file=self._values[KEY_FILE],
            incarnations=[],
            abandoned=[],
        )

    def _place(self, process: Process) -> MongoPlace:
        stack_dir = self._topology.hosts[process.host].stack_dir
        return MongoPlace(address=process.address, port=process.port, stack_dir=stack_dir)

    def _log(self, process: ProcessSpec) -> str:
        command = f"docker logs {process.managed_name} 2>&1"
        return self._stack.lab.execute(self._stack.on(process.host), "sh", "-c", command, check=False)
