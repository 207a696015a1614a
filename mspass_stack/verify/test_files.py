"""The stack's files: what is secret is its owner's alone, on every host."""

import shlex
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from mspass_stack.verify.deployed import Deployed

CERTIFICATES = {"CA_FILE": "BEGIN CERTIFICATE", "CLIENT__CERT": "BEGIN CERTIFICATE", "CLIENT__KEY": "PRIVATE KEY"}
"""What a client of Dask needs, by the end of its variable's name, and what is in the file."""


def test_every_secret_file_is_readable_by_its_owner_only(place: str, deployed: Deployed) -> None:
    machine, uid = deployed.host(place), deployed.uid(place)
    directory = machine.file(str(deployed.secrets(place)))
    assert (directory.uid, directory.mode) == (uid, 0o700)
    names: list[str] = directory.listdir()
    assert names
    for name in names:
        file = machine.file(str(deployed.secrets(place) / name))
        assert (name, file.uid, file.mode) == (name, uid, 0o700 if file.is_directory else 0o600)
        for inside in file.listdir() if file.is_directory else ():
            within = machine.file(str(deployed.secrets(place) / name / inside))
            assert (inside, within.uid, within.mode) == (inside, uid, 0o600)


def test_the_client_profile_is_there_and_its_owners_alone(deployed: Deployed) -> None:
    if not (profile := deployed.client_profile):
        return
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    text = profile.read_text()
    assert "MSPASS_SCHEDULER=" in text
    assert deployed.outputs.get("databaseUri", "") in text


def test_the_profile_of_an_encrypted_pool_names_certificates_that_are_there(deployed: Deployed) -> None:
    if not (profile := deployed.client_profile):
        return
    words = shlex.split(profile.read_text())
    named = {key.rpartition("__TLS__")[2]: Path(value) for key, _, value in (word.partition("=") for word in words)}
    speaks_tls = str(deployed.outputs.get("schedulerAddress", "")).startswith("tls://")
    assert speaks_tls == ("dask" in deployed.inventory.encrypted)
    for name, content in CERTIFICATES.items():
        assert (name in named) == speaks_tls
        if speaks_tls:
            assert stat.S_IMODE(named[name].stat().st_mode) == 0o600
            assert content in named[name].read_text()


def test_the_workdir_is_the_users_where_somebody_works_in_it(place: str, deployed: Deployed) -> None:
    roles = {entry.role for entry in deployed.inventory.processes if entry.host == place}
    directory: Any = deployed.host(place).file(deployed.inventory.hosts[place].workdir)
    if roles & {"scheduler", "worker", "frontend"}:
        assert directory.is_directory
        assert directory.uid == deployed.uid(place)


def test_no_host_has_secrets_that_none_of_its_processes_reads(place: str, deployed: Deployed) -> None:
    entries = deployed.inventory.beside(place)
    names = {PurePosixPath(name).name for name in deployed.host(place).file(str(deployed.secrets(place))).listdir()}
    assert ("keyfile" in names) == any(entry.role in ("db", "dbmanager", "shard") for entry in entries)
    assert ("jupyter-token" in names) == any(entry.role == "frontend" for entry in entries)
    assert ("client.env" in names) == any(entry.role in ("worker", "frontend") for entry in entries)
