"""The stack's files: what is secret is its owner's alone, on every host."""

from pathlib import Path, PurePosixPath
from typing import Any

from mspass_stack.roles.clients import DATABASE_USER
from tests.verify.deployed import Deployed


def test_every_secret_file_is_readable_by_its_owner_only(host: str, deployed: Deployed) -> None:
    machine, uid = deployed.host(host), deployed.uid(host)
    folder = machine.file(str(deployed.secrets))
    assert (folder.uid, folder.mode) == (uid, 0o700)
    names: list[str] = folder.listdir()
    assert names
    for name in names:
        file = machine.file(str(deployed.secrets / name))
        assert (name, file.uid, file.mode) == (name, uid, 0o600)


def test_the_client_profile_is_there_and_its_owners_alone(deployed: Deployed) -> None:
    profile = Path(deployed.outputs["clientProfile"])
    assert profile.stat().st_mode & 0o077 == 0
    text = profile.read_text()
    assert "MSPASS_SCHEDULER=" in text
    assert deployed.outputs.get("databaseUri", DATABASE_USER) in text or "databaseUri" not in deployed.outputs


def test_the_profile_of_a_lab_names_certificates_that_are_there(deployed: Deployed) -> None:
    lines = Path(deployed.outputs["clientProfile"]).read_text().splitlines()
    paths = {value.strip("'") for key, value in (line.split("=", 1) for line in lines) if "__TLS__" in key}
    assert bool(paths) == str(deployed.outputs.get("schedulerAddress", "")).startswith("tls://")
    for path in map(Path, paths):
        assert path.stat().st_mode & 0o077 == 0
        assert "BEGIN CERTIFICATE" in path.read_text()


def test_the_workdir_is_the_users_where_somebody_works_in_it(host: str, deployed: Deployed) -> None:
    roles = {entry.role for entry in deployed.inventory.processes if entry.host == host}
    folder: Any = deployed.host(host).file(deployed.inventory.workdir)
    if roles & {"scheduler", "worker", "frontend"}:
        assert folder.is_directory
        assert folder.uid == deployed.uid(host)


def test_no_host_has_secrets_that_none_of_its_processes_reads(host: str, deployed: Deployed) -> None:
    entries = [entry for entry in deployed.inventory.processes if entry.host == host]
    names = {PurePosixPath(name).name for name in deployed.host(host).file(str(deployed.secrets)).listdir()}
    assert ("keyfile" in names) == any(entry.role in ("db", "dbmanager", "shard") for entry in entries)
    assert ("jupyter-token" in names) == any(entry.role == "frontend" for entry in entries)
    assert ("client.env" in names) == any(entry.role in ("worker", "frontend") for entry in entries)
