"""MongoDB's connector for Spark, as a stack with it declares it."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml
from mocked_engine import Run, opened
from own_program import PROJECT, Deploy

from mspass_stack.config import connector

STORE = b"a store"


def _lab(**spark: object) -> dict[str, Any]:
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.lab-cluster.yaml").read_text())["config"]
    pool = {"scheduler": "spark", "spark": {"connector": True, **spark}}
    config["mspass:cluster"] |= {"runtime": "native", "pool": config["mspass:cluster"]["pool"] | pool}
    return config


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with what a connector of the test is made of."""
    directory = tmp_path / "jars"
    directory.mkdir()
    (directory / "one-1.jar").write_bytes(b"\x00one")
    monkeypatch.setattr(connector, "DIGESTS", {"one-1.jar": hashlib.sha256(b"\x00one").hexdigest()})
    return directory


def _files(run: Run, host: str) -> dict[str, Any]:
    return opened(run.of("HostFiles")[f"files@{host}"].inputs)


def _driver(run: Run, host: str) -> dict[str, str]:
    """The configuration of drivers on a host."""
    files = _files(run, host)["files"]
    text = next(text for path, text in files.items() if path.endswith("spark-client/spark-defaults.conf"))
    return dict(line.split(" ", 1) for line in text.splitlines())


def test_drivers_have_its_jars_the_address_and_whom_to_trust_and_the_files_are_on_each_host(
    jars: Path, deploy: Deploy
) -> None:
    run = deploy(_lab(jars=str(jars)), "lab")
    assert not run.error
    there = "/srv/mspass/lab-cluster/spark"
    known = _driver(run, "head")
    assert known["spark.jars"] == f"{there}/one-1.jar"
    for way in ("read", "write"):
        uri = known[f"spark.mongodb.{way}.connection.uri"]
        assert uri.endswith("@10.0.0.1:27017/?authSource=admin&tls=true&appName=mspass")
    options = f'"-Djavax.net.ssl.trustStore={there}/ca.p12" -Djavax.net.ssl.trustStoreType=PKCS12'
    assert {known[f"spark.{end}.extraJavaOptions"] for end in ("driver", "executor")} == {options}
    for host in ("head", "node1", "node2"):
        binaries = _files(run, host)["binaries"]
        assert set(binaries) == {f"{there}/one-1.jar", f"{there}/ca.p12"}
        assert binaries[f"{there}/one-1.jar"]["source"] == str(jars / "one-1.jar")
        store = binaries[f"{there}/ca.p12"]
        assert (store["content"], store["sha256"]) == (b64encode(STORE).decode(), hashlib.sha256(STORE).hexdigest())
    for name in ("frontend@head", "spark-worker-node1@node1"):
        assert there in run.programs[name]["process"]["reads"]


def test_a_stack_without_it_has_nothing_of_it(deploy: Deploy) -> None:
    run = deploy(_lab(connector=False), "lab")
    assert not run.error
    assert not run.of("TrustStore")
    assert "binaries" not in _files(run, "head")
    assert not [key for key in _driver(run, "head") if "mongodb" in key or key == "spark.jars"]


def test_a_database_that_speaks_no_tls_needs_nobody_to_trust(jars: Path, deploy: Deploy) -> None:
    config = _lab(jars=str(jars))
    config["mspass:cluster"]["encryption"] = False
    run = deploy(config, "lab")
    assert not run.error
    assert not run.of("TrustStore")
    assert not [key for key in _driver(run, "head") if key.endswith("JavaOptions")]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_jars_that_are_missing_are_refused_with_what_to_type_before_anything_is_declared(
    preview: bool, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = deploy(_lab(), "lab", preview)
    jar = f"{tmp_path}/mspass_stack/mongo-spark-connector_2.12-10.5.0/mongo-spark-connector_2.12-10.5.0.jar"
    assert run.error.endswith(
        f"\nmspass:cluster.pool.spark.connector: {jar}: No such file or directory: type: make bootstrap "
        "SCHEDULER=spark, or name a directory that has it by pool.spark.jars"
    )
    assert run.resources == []


def test_a_jar_that_is_another_file_is_refused(jars: Path, deploy: Deploy) -> None:
    (jars / "one-1.jar").write_bytes(b"two")
    run = deploy(_lab(jars=str(jars)), "lab")
    assert f"\nmspass:cluster.pool.spark.jars: {jars}/one-1.jar is another file: its SHA-256 begins with " in run.error
    assert run.resources == []
