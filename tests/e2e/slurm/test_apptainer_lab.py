"""Hosts of a lab that have Apptainer and no Docker: containers that supervisord keeps up. Slurm has no part in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mspass_stack.polling import wait_until
from tests.e2e.clients import expect_line, expect_whole, write_documents
from tests.e2e.staged import Seen, seen, stage
from tests.harness.connected import connected
from tests.harness.project import Project, Stack
from tests.harness.slurm import SlurmCluster

HOSTS = ("n1", "n2", "n3")
DOCUMENTS = 300
IMAGE, ARCHIVE = "/var/tmp/mspass/mspass.sif", "/var/tmp/mspass/empty.tar"

EMPTY = """
import hashlib, io, json, sys, tarfile

def packed(path, **files):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

packed(sys.argv[1] + ".layer", nothing=b"")
layer = open(sys.argv[1] + ".layer", "rb").read()
layers = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}
config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": layers}
manifest = [{"Config": "config.json", "RepoTags": ["empty:1"], "Layers": ["layer.tar"]}]
files = {"manifest_json": manifest, "config_json": config}
packed(sys.argv[1], layer_tar=layer, **{name: json.dumps(value).encode() for name, value in files.items()})
"""
"""A program that writes an image, as `docker save` does, in which there is nothing."""

DIRECTORY = "/var/tmp/mspass/lab"


class ContainerLab(Stack):
    """A sharded stack on three nodes as hosts of a lab."""

    def __init__(self, project: Project, on: SlurmCluster) -> None:
        self.on, self.directory = on, DIRECTORY
        ssh = {"user": on.user, "key": str(on.key), "known_hosts": str(on.known_hosts)}
        hosts = {name: {"address": on.address(name), "ssh": ssh} for name in HOSTS}
        worker = {"processes": 1, "memory": "512MiB"}
        config: dict[str, Any] = {
            "runtime": "apptainer",
            "image": IMAGE,
            "datadir": DIRECTORY,
            "workdir": "/var/tmp/mspass/work",
            "hosts": hosts,
            "database": {"router": ["n1"], "shards": {"a": ["n2"], "b": ["n3"]}, "cache": "256MiB"},
            "pool": {"host": "n1", "workers": {"n2": worker, "n3": worker}},
            "frontend": {"host": "n1"},
            "stage": stage("/var/tmp/mspass/waveforms", "/var/tmp/mspass/results"),
        }
        config["database"]["collections"] = {"mspass.arrival": "_id"}
        super().__init__(project, "containers", config)

    def move_to_free_ports(self) -> None:
        """The hosts have all ports."""
        self.write()

    def has_image(self, image: str) -> None:
        """Write what its containers are made of."""
        self.cluster["image"] = image
        self.write()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), len(HOSTS))
    try:
        cluster.up()
        for host in HOSTS:
            cluster.as_user(host, "mkdir", "/var/tmp/mspass")
            cluster.as_user(host, "sh", "-c", "mkdir /var/tmp/mspass/waveforms; echo > /var/tmp/mspass/waveforms/a")
            cluster.as_user(host, "cp", cluster.image, IMAGE)
            cluster.as_user(host, "python3", "-c", EMPTY, ARCHIVE)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> ContainerLab:
    return ContainerLab(project, slurm)


def test_an_image_that_is_not_there_or_has_nothing_in_it_starts_nothing(
    stack: ContainerLab, slurm: SlurmCluster
) -> None:
    stack.has_image("/no/such.sif")
    ran = stack.pulumi("preview")
    assert (ran.returncode != 0, "host 'n2': mspass:cluster.image: /no/such.sif is not there" in ran.stdout) == (
        True,
        True,
    ), ran.stdout
    stack.has_image(f"docker-archive:{ARCHIVE}")
    said = stack.refused_up()
    assert f"host 'n2': mspass:cluster.image: docker-archive:{ARCHIVE}: no command runs in it: " in said
    assert len(slurm.as_user("n2", "ls", f"{DIRECTORY}/images").split()) == 1
    assert not slurm.processes("n2", "supervisor-")
    stack.has_image(IMAGE)


def test_it_comes_up_and_verifies(stack: ContainerLab) -> None:
    stack.up()
    stack.expect_unchanged()
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    write_documents(stack, DOCUMENTS)


def test_nothing_of_the_host_is_inside_but_what_is_declared(stack: ContainerLab, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import os, pathlib\n"
        "print('home', os.environ['HOME'])\n"
        "print('sees', [p for p in ('/home/alice', '/apps', '/scratch') if pathlib.Path(p).exists()])\n"
        "pathlib.Path('/tmp/room').write_bytes(bytes(100 << 20))\n"
    )
    ran = stack.ask("run", str(script))
    assert (ran.returncode, ran.stdout.splitlines()[-2:]) == (0, [f"home {DIRECTORY}/scratch", "sees []"]), ran.stdout


def test_workers_see_what_is_brought_and_write_results(stack: ContainerLab, tmp_path: Path) -> None:
    assert seen(stack, tmp_path, "one") == [Seen({"a": "\n"}, True, "/var/tmp/mspass/waveforms")] * 2


def test_pages_are_reached_by_connect(stack: ContainerLab) -> None:
    with connected(stack) as ways:
        assert httpx.get(ways.url("Jupyter"), timeout=30, follow_redirects=True).is_success


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("n2", "mongod .*--shardsvr"),
        ("n3", "contain /var/tmp/mspass/lab shard-b-n3"),
    ],
)
def test_what_is_killed_is_there_again(stack: ContainerLab, slurm: SlurmCluster, host: str, pattern: str) -> None:
    (pid,) = slurm.processes(host, pattern)
    slurm.execute(host, "kill", "-KILL", str(pid))
    assert wait_until(lambda: (found := slurm.processes(host, pattern)) and pid not in found, 60)
    stack.up()
    assert len(slurm.processes(host, pattern)) == 1
    expect_whole(stack, DOCUMENTS)
    stack.expect_unchanged()


def test_an_up_heals_a_host_that_has_lost_all_but_the_container(stack: ContainerLab, slurm: SlurmCluster) -> None:
    killed = [*slurm.processes("n3", "supervisor-.* d "), *slurm.processes("n3", f"contain {DIRECTORY} ")]
    assert len(killed) == 3
    slurm.execute("n3", "kill", "-KILL", *map(str, killed))
    stack.up()
    assert len(slurm.processes("n3", "mongod .*--shardsvr")) == 1
    expect_whole(stack, DOCUMENTS)
    parent = slurm.processes("n3", "Apptainer runtime parent.*")[0]
    readers = slurm.processes("n3", "squashfuse")
    slurm.execute("n3", "kill", "-KILL", str(parent))
    stack.up()
    assert wait_until(lambda: len(slurm.processes("n3", "squashfuse")) <= len(readers), 30)


def test_a_program_ends_with_the_process_beside_which_it_runs(
    stack: ContainerLab, slurm: SlurmCluster, tmp_path: Path
) -> None:
    script = tmp_path / "long.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    with stack.asked("run", str(script)) as running:
        expect_line(running, "ready")
        (pid,) = slurm.processes("n1", "contain /var/tmp/mspass/lab frontend")
        slurm.execute("n1", "kill", "-KILL", str(pid))
        said, _ = running.communicate(timeout=90)
    assert running.returncode != 0
    assert "stopped or restarted" in said
    stack.up()


def test_another_image_at_its_place_restarts_what_is_made_of_it(stack: ContainerLab, slurm: SlurmCluster) -> None:
    before = stack.runs()
    slurm.execute("n3", "touch", IMAGE)
    assert f"1 updated\n    {stack.counted() - 1} unchanged" in stack.up("--refresh")
    assert stack.runs() == before  # it has the same digest
    slurm.execute("n3", "sh", "-c", f"echo >> {IMAGE}")
    stack.up("--refresh")
    assert {name for name, run in stack.runs().items() if run != before[name]} == {"shard-b-n3", "worker-n3"}
    ran = stack.verify()
    assert (ran.returncode != 0, "test_it_is_made_of_the_one_image" in ran.stdout) == (True, True), ran.stdout
    slurm.execute("n3", "truncate", "--size=-1", IMAGE)
    stack.up("--refresh")


def test_destroy_leaves_data_and_nothing_else(stack: ContainerLab, slurm: SlurmCluster) -> None:
    stack.destroy()
    for host in HOSTS:
        assert not slurm.processes(host, "apptainer|Apptainer|mongod |mongos |dask|jupyter|supervisor-"), host
        assert not slurm.execute(host, "ls", f"{DIRECTORY}/run", check=False).split()
    stack.up()
    expect_whole(stack, DOCUMENTS)
    stack.destroy()
