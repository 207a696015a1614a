"""What cannot work on a lab's hosts is told before anything is touched, by host, all at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.lab import Lab
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project

POOL: dict[str, Any] = {"host": "lab1", "workers": {"lab1": {"processes": 1, "memory": "512MiB"}}}


@pytest.fixture
def stack(project: Project, lab: Lab, image: str, request: pytest.FixtureRequest) -> Iterator[LabStack]:
    """A small stack of three hosts, that is not up."""
    name = f"s{abs(hash(request.node.name)) % 10**6}"
    changes = {
        "database": {"db": "lab2"},
        "pool": {"host": "lab1", "workers": {"lab3": {"processes": 1, "memory": "512MiB"}}},
        "frontend": {"host": "lab1"},
    }
    stack = LabStack(project, lab, image, "lab-sim", name, changes)
    yield stack
    if stack.running():
        stack.pulumi("destroy", "--yes", "--skip-preview")
    stack.close()


def test_all_that_is_wrong_with_all_hosts_is_in_one_table(stack: LabStack, lab: Lab) -> None:
    lab.execute("lab1", "/usr/sbin/sshd", "-p", "8888")
    lab.execute("lab2", "sh", "-c", f"mkdir -p {stack.directory}; touch {stack.directory}/thesis.tex")
    lab.execute("lab3", "install", "-d", "-m", "700", "/srv/mspass/work")
    stack.cluster["pool"]["workers"]["lab3"] = {"processes": 2, "memory": "900GiB"}
    stack.write()
    try:
        output = stack.refused_up()
    finally:
        lab.execute("lab1", "pkill", "-f", "sshd -p 8888")
        lab.execute("lab3", "rmdir", "/srv/mspass/work")
    for line in (
        "host 'lab1': mspass:cluster.frontend.port: port 8888 is held by",
        f"host 'lab2': mspass:cluster.datadir: {stack.directory} holds what is not ours (thesis.tex)",
        "host 'lab3': mspass:cluster.workdir: /srv/mspass/work cannot be made or written by " + lab.user,
        "host 'lab3': memory: mspass:cluster.pool.workers.lab3.memory x 2 = 1800.0 GiB: more than its",
    ):
        assert line in output
    assert stack.running() == {}


def test_a_host_that_is_down_is_named_before_anything_is_made(stack: LabStack, lab: Lab) -> None:
    lab.power_off("lab3")
    output = stack.refused_up()
    lab.power_on("lab3")
    silent = ("no answer within 10 s", "No route to host")
    assert any(f"host 'lab3': cannot be reached by ssh: {why}" in output for why in silent)
    assert stack.running() == {}


def test_an_unknown_host_key_is_refused_with_the_line_to_type(stack: LabStack, lab: Lab, tmp_path: Path) -> None:
    lines = lab.known_hosts.read_text().splitlines()
    known = tmp_path / "known_hosts"
    known.write_text("\n".join(line for line in lines if "lab2" not in line) + "\n")
    stack.cluster["hosts"]["lab2"]["ssh"]["known_hosts"] = str(known)
    stack.write()
    output = stack.refused_up()
    assert "host 'lab2': cannot be reached by ssh: its host key (ssh-ed25519 SHA256:" in output
    assert f"ssh-keyscan {lab.address('lab2')} >> ~/.ssh/known_hosts" in output
    assert stack.running() == {}


def test_an_engine_that_is_down_is_named(stack: LabStack, lab: Lab) -> None:
    lab.stop_engine("lab2")
    output = stack.refused_up()
    lab.start_engine("lab2")
    assert "host 'lab2': " in output
    assert "Cannot connect to the Docker daemon" in output
    assert stack.running() == {}


def test_an_image_that_can_be_had_nowhere_is_reported_for_each_host(stack: LabStack, lab: Lab) -> None:
    stack.cluster["image"] = "127.0.0.1:9/no/such:image"
    stack.write()
    output = stack.refused_up()
    assert not lab.is_native("lab2")
    for host in [host for host in ("lab1", "lab2", "lab3") if not lab.is_native(host)]:
        assert f"host '{host}': mspass:cluster.image: 127.0.0.1:9/no/such:image is neither on it nor" in output


def test_a_second_clone_is_refused_on_the_hosts_of_the_first(stack: LabStack, lab: Lab, image: str) -> None:
    stack.up()
    runs = stack.running()
    other = Project()
    try:
        clone = LabStack(other, lab, image, "lab-sim", stack.name, {"database": {"db": "lab2"}, "pool": POOL})
        output = clone.refused_up()
        assert f"host 'lab2': it runs a stack '{stack.name}' of another clone" in output
        assert f"{stack.directory} belongs to stack '{stack.name}'" in output
        assert clone.running() == runs
    finally:
        other.close()
    stack.expect_unchanged()
    assert stack.running() == runs


def test_a_host_that_will_not_come_back_is_forgotten_on_demand_only(stack: LabStack, lab: Lab) -> None:
    stack.up()
    stack.cluster["pool"]["workers"] = POOL["workers"]
    stack.write()
    stack.pulumi("config", "set", "--path", "mspass:abandon[0]", "lab3")
    assert "host 'lab3': it answers: what runs there would go on" in stack.refused_up("--refresh=false")
    stack.pulumi("config", "rm", "mspass:abandon")
    lab.power_off("lab3")
    assert f"host 'lab3' ({lab.address('lab3')}) cannot be reached" in stack.refused_up()
    runs = stack.running()
    output = stack.refused_up("--refresh=false")
    assert "host 'lab3': cannot be reached by ssh" in output
    assert "give it up by mspass:abandon" in output
    stack.pulumi("config", "set", "--path", "mspass:abandon[0]", "lab33")
    known = "the state has lab1, lab2, lab3"
    assert f"mspass:abandon[0]: unknown host 'lab33' ({known})" in stack.refused_up("--refresh=false")
    assert stack.running() == runs
    stack.pulumi("config", "set", "--path", "mspass:abandon[0]", "lab3")
    stack.up("--refresh=false")
    assert not [one for one in stack.resources() if one["urn"].endswith("@lab3") and "providers" not in one["urn"]]
    assert stack.verify().returncode == 0
    assert stack.pulumi("config", "rm", "mspass:abandon").returncode == 0
    stack.up()
    stack.expect_unchanged()
    lab.power_on("lab3")


def test_a_database_does_not_move_by_a_mere_edit(stack: LabStack) -> None:
    stack.up()
    runs = stack.running()
    stack.cluster["database"]["db"] = "lab3"
    stack.write()
    assert "mspass:cluster.database: its documents do not move from 'lab2' to 'lab3' by an edit" in stack.refused_up()
    assert stack.running() == runs


def test_a_shard_that_is_not_drained_is_never_forgotten(project: Project, lab: Lab, image: str) -> None:
    stack = LabStack(project, lab, image, "lab-sim", "undrained")
    stack.cluster |= {"frontend": None, "pool": None}
    stack.cluster = {key: value for key, value in stack.cluster.items() if value is not None}
    stack.write()
    try:
        stack.up()
        runs = stack.running()
        stack.cluster["database"]["shards"] = {"a": ["lab2"]}
        stack.write()
        stack.pulumi("config", "set", "--path", "mspass:abandon[0]", "lab3")
        output = stack.refused_up()
        assert "mspass:abandon: shard 'b' on 'lab3' was not drained: its documents would be lost" in output
        assert stack.running() == runs
        stack.pulumi("config", "rm", "mspass:abandon")
        stack.destroy()
    finally:
        stack.close()
