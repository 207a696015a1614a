"""The files of a lab's clients lead Spark to a database that speaks TLS alone: driver and executor, by real ones."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pyspark.find_spark_home import _find_spark_home  # pyright: ignore[reportPrivateUsage]

from mspass_stack import make_plan, read_cluster
from mspass_stack.components.contents import binaries_of, files_of
from mspass_stack.machines.binaries import bytes_of
from mspass_stack.machines.local import LocalMachine
from mspass_stack.plan import Plan
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.roles.clients import CA, CERTIFICATE, PASSWORD, TRUST_STORE
from mspass_stack.roles.jupyter import TOKEN
from mspass_stack.roles.mongodb import KEY_FILE
from mspass_stack.roles.registry import client_environment
from mspass_stack.roles.spark import SECRET
from tests.harness.mongod import mongod_path
from tests.harness.ports import free_ports

ADDRESS = "10.9.9.9"
"""Of the host in the plan; the database is on this machine."""

PROGRAM = """\
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local-cluster[1,1,512]").getOrCreate()
place = {"database": "frames", "collection": "numbers"}
session.range(10).write.format("mongodb").mode("append").options(**place).save()
print("sum", session.read.format("mongodb").options(**place).load().selectExpr("sum(id)").first()[0])
session.stop()
"""


def _made(kind: str, **inputs: object) -> dict[str, Any]:
    return RESOURCES[kind].create(Call("one", inputs))[1]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (port,) = free_ports(1)
    pool = {"scheduler": "spark", "host": "head", "workers": {"head": {"processes": 1}}, "spark": {"connector": True}}
    cluster: dict[str, Any] = {
        "hosts": {"head": {"address": ADDRESS, "ssh": {}}},
        "datadir": str(tmp_path / "a stack"),
        "workdir": str(tmp_path),
        "python": sys.executable,
        "database": {"db": "head", "port": port},
        "pool": pool,
        "frontend": {"host": "head"},
    }
    return make_plan(read_cluster(cluster), "lab", {}, tmp_path, sys.executable)


@pytest.fixture
def values() -> dict[str, str]:
    authority = _made("CertificateAuthority", stack="lab")
    signer = {"authority": authority["certificate"], "authorityKey": authority["signer"]}
    return {
        CA: authority["certificate"],
        CERTIFICATE: _made("Certificate", names=["127.0.0.1"], **signer)["pem"],
        TRUST_STORE: _made("TrustStore", authority=authority["certificate"])["content"],
        PASSWORD: "of-the-test",
        SECRET: "another",
        KEY_FILE: "of the test",
        TOKEN: "of the test",
    }


@pytest.fixture
def database(plan: Plan, values: dict[str, str]) -> Iterator[MongoClient[dict[str, Any]]]:
    """A mongod that takes no connection without TLS, with the user of the plan; the files of its host are written."""
    host, here = plan.topology.hosts["head"], LocalMachine()
    contents: dict[str, str | bytes] = {**files_of(plan, [host], values)}
    contents |= {path: bytes_of(binary) for path, binary in binaries_of(plan, [host], values).items()}
    for path, content in contents.items():
        here.make_directory(str(Path(path).parent), 0o700)
        here.write(path, content.replace(ADDRESS, "127.0.0.1") if isinstance(content, str) else content)
    layout, port = host.layout, plan.topology.processes[0].port
    Path(layout.database).mkdir()
    words = ["--dbpath", str(layout.database), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
    words += ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(layout.server_tls.certificate)]
    words += ["--tlsCAFile", str(layout.authority), "--tlsAllowConnectionsWithoutCertificates"]
    options: dict[str, Any] = {"tls": True, "tlsCAFile": str(layout.authority), "serverSelectionTimeoutMS": 10_000}
    with (
        subprocess.Popen([mongod_path(), *words], stdout=subprocess.DEVNULL) as server,
        MongoClient[dict[str, Any]]("127.0.0.1", port, **options) as client,
    ):
        try:
            assert wait_until(lambda: client.admin.command("ping"), 10)
            client.admin.command("createUser", "mspass", pwd=values[PASSWORD], roles=["readWriteAnyDatabase"])
            yield client
        finally:
            server.terminate()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Spark's home, in which a cluster of one program works, with nothing of it in the environment of the project."""
    home = tmp_path / "spark"
    home.mkdir()
    for path in Path(_find_spark_home()).iterdir():
        (home / path.name).symlink_to(path)
    return home


def test_a_frame_goes_through_a_database_that_speaks_tls_alone(
    plan: Plan, database: MongoClient[dict[str, Any]], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(tmp_path)}
    own["JAVA_TOOL_OPTIONS"] = f"-Djava.io.tmpdir={tmp_path}"  # where libraries are unpacked and left
    for key, value in {**client_environment(plan.context("head")), **own}.items():
        monkeypatch.setenv(key, value)
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=200, cwd=tmp_path)
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["sum 45"]), ran.stderr
    assert database["frames"]["numbers"].count_documents({}) == 10
