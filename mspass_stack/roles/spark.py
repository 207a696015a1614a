"""Spark's standalone master and workers.

What is set and why: Spark 3.5, "Spark Security", "Spark Standalone Mode" and "Configuration". Nothing that asks for no
secret is open: pages are on their host's loopback, and there is no server that takes programs.
"""

import hashlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import PurePosixPath

from mspass_stack.agent.words import CORES, LIMIT
from mspass_stack.config import connector
from mspass_stack.config.hosts import LOOPBACK
from mspass_stack.config.sections import Cluster, Spark
from mspass_stack.roles.base import (
    OWN_MODULES_FIRST,
    Command,
    Context,
    Drain,
    Guest,
    HealthCheck,
    Needs,
    Placement,
    Role,
    Share,
    Turn,
    by_halves,
)
from mspass_stack.roles.clients import CLIENT_ENV, DATABASE, TRUST_STORE, java_uri, tls_files, tls_paths
from mspass_stack.roles.spark_files import (
    CLIENTS,
    DAEMONS,
    FIND_JAVA,
    client_files,
    connector_settings,
    daemon_files,
    temporary_files,
)
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.resources import HERE, OWN_PYTHON
from mspass_stack.spec.topology import MONGODB, Process

SPARK = "spark"
"""What its processes and drivers speak: authenticated and encrypted by a secret of the stack."""

SECRET = "spark-secret"

ROOM = 1024**3 // 2
"""Bytes that others leave to a master, and that a worker has beside its executors."""

PROGRAM = 1024**3
"""The same for a program beside a worker, where there is no Jupyter for it."""

MIB = 1024**2

DAEMON = {
    "SPARK_LOCAL_IP": LOOPBACK,  # for the pages; what peers and drivers speak to has a host of its own
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}

LAUNCH = files("mspass_stack.agent").joinpath("launch_spark.py").read_text()

MASTER, EXECUTORS, DRIVERS = "master", "local", "drivers"
"""Directories of what need not outlive them."""

PYTHON = "python3"
"""Each worker has the folder of its own interpreter first on PATH."""

NEEDS = Needs(modules=("pyspark", "java"), versions=("pyspark",))


class SparkMaster(Role):
    """The master of a pool; a restarted one has its workers and applications again, by what it has written down."""

    kind, role, order, serves = "spark-master", "scheduler", 200, "scheduler"
    secrets: Mapping[str, str] = {SECRET: "token"}
    client_script = FIND_JAVA
    elsewhere = (
        "Programs for Spark run in Jupyter or by `mspass-stack run`: executors connect back to them. MASTER keeps them "
        "from working here unseen."
    )

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if (pool := cluster.pool) and pool.spark:
            ports = {SPARK: (pool.port, "pool.port"), "dashboard": (pool.dashboard, "pool.dashboard")}
            yield Placement("spark-master", pool.host, "pool.host", ports, SPARK)

    def command(self, process: Process, context: Context) -> Command:
        page = process.ports["dashboard"]
        probe = Probe(kind="spark", host=process.host, address=LOOPBACK, port=page)
        temporary = _temporary(context, MASTER)
        return _daemon("master.Master", process, context, probe, temporary, writes=(str(context.layout.recovery),))

    def needs(self, process: Process, context: Context) -> Needs:
        return NEEDS

    def turn(self, process: Process, context: Context) -> Turn:
        return Turn()

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        return _files(context, values)

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        # Source: mspasspy/client.py, which puts the address together of these.
        return {
            "MSPASS_SCHEDULER": "spark",
            "MSPASS_SCHEDULER_ADDRESS": process.address,
            "SPARK_MASTER_PORT": str(process.port),
            # Whoever has no configuration of it is refused there, and does not work by a Spark of their own, unasked.
            "MASTER": process.endpoint,
        }

    def client_files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        spark, layout = _spark(context), context.layout
        known = _connector(context, values[DATABASE]) if spark.connector else {}
        python, temporary = _python(context), _temporary(context, DRIVERS)
        return client_files(layout.spark_client, process.endpoint, values[SECRET], spark, python, known, temporary)

    def guest(
        self, process: Process, context: Context, directory: PurePosixPath, values: Mapping[str, str]
    ) -> Guest | None:
        pool = context.cluster.pool
        assert pool
        hosts = context.topology.hosts
        host = next((name for name in pool.workers if hosts[name].connection.remote), pool.host)
        python, spark = _python(context), _spark(context)
        environment = {
            "SPARK_CONF_DIR": str(directory),
            "SPARK_LOCAL_IP": HERE,
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": OWN_PYTHON,
        }
        files = client_files(directory, process.endpoint, values[SECRET], spark, python, {}, "")
        return Guest(host, environment, files, NEEDS)

    def client_binaries(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, Binary]:
        found = {str(context.layout.spark / name): jar for name, jar in connector.jars(_spark(context)).items()}
        if found and MONGODB in context.topology.encrypted:
            store = values[TRUST_STORE]
            digest = hashlib.sha256(b64decode(store)).hexdigest()
            found[str(context.layout.trust_store)] = Binary(sha256=digest, content=store)
        return found

    def client_environment(self, process: Process, context: Context) -> Mapping[str, str]:
        host = context.host
        # Executors find their driver by this address.
        return {
            "SPARK_CONF_DIR": str(host.layout.spark_client),
            "SPARK_LOCAL_IP": host.address,
            "PYSPARK_PYTHON": _python(context),
            "PYSPARK_DRIVER_PYTHON": host.python,
        }


class SparkWorker(Role):
    """The worker of one host, which starts the executors of applications there."""

    kind, role, order = "spark-worker", "worker", 300
    speaks = frozenset({MONGODB})
    alike = True

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if not (pool := cluster.pool) or not (spark := pool.spark):
            return
        for host in pool.workers:
            ports = {
                SPARK: (spark.worker_port, "pool.spark.workerPort"),
                "dashboard": (spark.worker_dashboard, "pool.spark.workerDashboard"),
            }
            yield Placement(f"spark-worker-{host}", host, f"pool.workers.{host}", ports)

    def command(self, process: Process, context: Context) -> Command:
        master, share, client = _master(context), self.share(process, context), str(context.layout.client_env)
        layout, local = context.layout, _temporary(context, EXECUTORS)
        cores, memory = str(share.threads or CORES), str(share.memory or LIMIT)
        words = ["--cores", cores, "--memory", memory, "--work-dir", str(layout.spark_work)]
        probe = Probe(
            kind="spark-workers",
            host=master.host,
            address=LOOPBACK,
            port=master.ports["dashboard"],
            name=f"{process.address}:{process.port}",
            expected=f"{cores} cores, {share.memory // MIB or LIMIT} MiB",
            size_file=str(layout.size_of(process.name)) if context.host.measured else "",
        )
        daemon = _daemon("worker.Worker", process, context, probe, local, [*words, master.endpoint])
        # Executors trust whom their driver trusts.
        beside = [str(layout.spark)] if _spark(context).connector else []
        room = ROOM
        if not context.cluster.frontend:  # programs run beside a worker
            beside += [str(layout.spark_client / file) for file in CLIENTS]
            room += PROGRAM
        return replace(
            daemon,
            env_files=(client,),
            reads=(*daemon.reads, client, *tls_paths(context), *beside),
            oom_score=800,
            memory=share.memory + room if share.memory else 0,
            room=share.memory + room,
            parts=share.workers,
        )

    def needs(self, process: Process, context: Context) -> Needs:
        return NEEDS

    def memory(self, process: Process, context: Context) -> Iterator[tuple[str, int]]:
        if memory := self.share(process, context).memory:
            yield f"pool.workers.{process.host}.memory", memory

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        tls = tls_files(context.topology, context.layout.tls, values)
        return {str(context.layout.client_env): values[CLIENT_ENV], **tls, **_files(context, values)}

    def drain(self, process: Process, context: Context) -> Drain | None:
        words = (process.address, str(process.port), str(process.ports["dashboard"]))
        return Drain(process.name, context.host.python, "decommission.py", words)

    def turn(self, process: Process, context: Context) -> Turn:
        return by_halves(process, context.topology.of(self.kind))

    def share(self, process: Process, context: Context) -> Share:
        assert context.cluster.pool
        workers = context.cluster.pool.workers[process.host]
        measured = context.host.measured
        cores = workers.processes or (0 if measured else context.host.cores or 1)
        return Share(1, cores, workers.memory or (0 if measured else cores * _spark(context).executor_memory))


def _daemon(
    name: str,
    process: Process,
    context: Context,
    probe: Probe,
    temporary: str,
    words: Sequence[str] = (),
    writes: Sequence[str] = (),
) -> Command:
    """Return what the commands of both have in common."""
    layout, host, page = context.layout, context.host, process.ports["dashboard"]
    places = ["--host", process.address, "--port", str(process.port), "--webui-port", str(page)]
    python, java = OWN_MODULES_FIRST + LAUNCH, DAEMON["SPARK_DAEMON_JAVA_OPTS"]
    own = {
        "SPARK_CONF_DIR": str(layout.spark_daemon),
        "SPARK_DAEMON_JAVA_OPTS": f"{java} {temporary_files(temporary).strip()}",
        "SPARK_LOCAL_DIRS": temporary,
        "PYSPARK_PYTHON": host.python,
    }
    return Command(
        argv=(host.python, "-c", python, f"org.apache.spark.deploy.{name}", *places, *words),
        directory=host.workdir,
        environment={**DAEMON, **own},
        reads=tuple(str(layout.spark_daemon / file) for file in DAEMONS),
        writes=(host.workdir, str(layout.scratch), *writes),
        probe=probe,
        health=HealthCheck(LOOPBACK, page, "/json/"),
        stop_grace=20,
        room=ROOM,
    )


def _files(context: Context, values: Mapping[str, str]) -> dict[str, str]:
    temporary = _temporary(context, EXECUTORS)
    return daemon_files(context.layout.spark_daemon, values[SECRET], context.layout.recovery, temporary)


def _temporary(context: Context, part: str) -> str:
    return str(PurePosixPath(context.host.temporary) / SPARK / part)


def _connector(context: Context, database: str) -> dict[str, str]:
    layout = context.layout
    jars = [layout.spark / name for name in connector.DIGESTS]
    encrypted = MONGODB in context.topology.encrypted
    return connector_settings(jars, java_uri(database), layout.trust_store if encrypted else None)


def _python(context: Context) -> str:
    """Return the Python of tasks, which a driver names to all executors: by PATH where their hosts have several."""
    pythons = {context.topology.hosts[worker.host].python for worker in context.topology.of(SparkWorker.kind)}
    return pythons.pop() if len(pythons) == 1 else PYTHON


def _master(context: Context) -> Process:
    master = context.topology.one(SparkMaster.kind)
    assert master, "a pool has one"
    return master


def _spark(context: Context) -> Spark:
    pool = context.cluster.pool
    assert pool and pool.spark
    return pool.spark
