"""The life of a desktop of containers: up, unchanged, harmed, healed, changed, down, up again on the same data."""

import json
import sys
from typing import Any

import pytest

from mspass_stack.engine import NAME
from mspass_stack.provider.waiting import wait_until
from tests.docker.looks import containers, docker, networks
from tests.harness import image
from tests.harness.engine import TestEngine
from tests.harness.project import Project, Stack
from tests.stacks.looks import documents, listening, workers, write_documents

CONTAINERS = ("mongod", "scheduler", "worker-desktop", "frontend")

HARMS = ((), ("kill",), ("stop",), ("rm", "-f"))


def test_one_container_per_process_on_a_network_of_their_own(desktop: Stack) -> None:
    assert containers() == {f"mspass-desktop-{name}" for name in CONTAINERS}
    assert networks() == {"mspass-desktop"}
    assert listening(desktop.ports()) == set(desktop.ports())


def test_a_second_up_changes_nothing(desktop: Stack) -> None:
    runs = desktop.runs()
    said = desktop.up()
    assert f"{desktop.counted()} unchanged" in said
    assert desktop.runs() == runs


def test_the_verification_suite_passes_without_a_skip(desktop: Stack) -> None:
    ran = desktop.verify()
    assert ran.returncode == 0, ran.stdout
    assert "skipped" not in ran.stdout.splitlines()[-1]


def test_the_verification_suite_fails_when_a_container_is_down_and_names_it(desktop: Stack) -> None:
    docker("stop", "mspass-desktop-worker-desktop")
    ran = desktop.verify()
    status = desktop.project.command(sys.executable, "-m", "mspass_stack.status", "--stack", desktop.name)
    desktop.up()
    assert ran.returncode == 1, ran.stdout
    assert "[worker-desktop]" in "".join(line for line in ran.stdout.splitlines() if line.startswith("FAILED"))
    assert status.returncode == 1
    assert any(line.split()[:3] == ["worker-desktop", "desktop", "EXITED"] for line in status.stdout.splitlines())


def test_the_example_does_real_work(desktop: Stack) -> None:
    ran = desktop.project.command("examples/run", "--stack", desktop.name)
    assert ran.returncode == 0, ran.stdout
    assert "294 documents and 294 GridFS files" in ran.stdout


@pytest.mark.parametrize("turn", range(len(HARMS)))
def test_harmed_containers_are_healed_by_one_up(desktop: Stack, turn: int) -> None:
    """Each container meets each harm once; each turn leaves another one alone."""
    write_documents(desktop, 100)
    before = desktop.runs()
    harms = {container: HARMS[(turn + place) % len(HARMS)] for place, container in enumerate(CONTAINERS)}
    for container, harm in harms.items():
        if harm:
            docker(*harm, f"mspass-desktop-{container}")
    desktop.up()
    changed = {container for container, run in desktop.runs().items() if run != before[container]}
    harmed = {container for container, harm in harms.items() if harm}
    assert harmed <= changed <= harmed | {"worker-desktop"}, "a worker ends with its scheduler, the others stay"
    assert len(workers(desktop.outputs()["schedulerAddress"])) == 2, "when up returns, not some time later"
    assert documents(desktop) == 100


def test_a_restarted_engine_is_healed_by_one_up(desktop: Stack, engine: TestEngine) -> None:
    if not engine.ours:
        pytest.skip("the engine was there before the tests: it is not ours to restart")
    write_documents(desktop, 100)
    engine.restart()
    desktop.up()
    assert len(workers(desktop.outputs()["schedulerAddress"])) == 2
    assert documents(desktop) == 100
    assert "unchanged" in desktop.up()


def test_a_change_of_the_workers_replaces_the_worker_only(desktop: Stack) -> None:
    before = desktop.runs()
    desktop.cluster["pool"]["workers"]["desktop"] = {"processes": 1, "memory": "1GiB"}
    desktop.write()
    desktop.up()
    after = desktop.runs()
    assert {name for name in CONTAINERS if before[name] != after[name]} == {"worker-desktop"}
    worker: dict[str, Any] = json.loads(docker("inspect", "mspass-desktop-worker-desktop"))[0]["HostConfig"]
    assert (worker["Memory"], worker["MemorySwap"], worker["NanoCpus"]) == (3 * 2**29, 3 * 2**29, 10**9)
    desktop.cluster["pool"]["workers"]["desktop"] = {"processes": 2, "memory": "2GiB"}
    desktop.write()
    desktop.up()


def test_a_container_of_somebody_else_with_our_name_is_refused_and_left(project: Project, desktop: Stack) -> None:
    second = Stack(project, "taken", {"runtime": "docker", "image": image.name()})
    docker(
        "run", "--detach", "--name", "mspass-taken-mongod", "--label", f"{NAME}=theirs", image.name(), "sleep", "600"
    )
    try:
        said = second.refused_up()
        assert "container mspass-taken-mongod belongs to stack 'theirs'" in said
        assert "Traceback" not in said
        second.destroy()
        assert "mspass-taken-mongod" in docker("ps", "--format", "{{.Names}}")
    finally:
        docker("rm", "-f", "mspass-taken-mongod")
    assert "unchanged" in desktop.up()


def test_a_port_that_a_container_publishes_is_told_with_its_name(project: Project, desktop: Stack) -> None:
    second = Stack(project, "clash", {"runtime": "docker", "image": image.name()})
    second.move_to(*desktop.ports())
    second.write()
    said = second.refused_up()
    port = desktop.ports()[0]
    assert (
        f"mspass:cluster.database.port: port {port} is held by container mspass-desktop-mongod of stack 'desktop'"
        in said
    )


def test_an_engine_that_does_not_answer_is_told_before_anything_is_touched(desktop: Stack) -> None:
    before = desktop.runs()
    away = desktop.project.environment | {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    said = desktop.pulumi("preview", env=away).stdout
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in said
    assert "Traceback" not in said
    assert "unchanged" in desktop.up()
    assert desktop.runs() == before


def test_a_container_that_cannot_do_its_job_is_shown_with_its_log(desktop: Stack) -> None:
    """mongod that cannot open its data: the failing process's own last lines are in Pulumi's output."""
    docker("stop", "mspass-desktop-mongod")
    broken = desktop.home / "db" / "WiredTiger.turtle"
    good = broken.read_bytes()
    broken.write_text("not a turtle")
    said = desktop.refused_up()
    broken.write_bytes(good)
    assert "mongod on host 'desktop' is not ready" in said
    assert "WiredTiger" in said
    assert "Traceback" not in said
    desktop.up()
    assert "unchanged" in desktop.up()


def test_an_image_whose_mongod_may_not_open_the_data_is_refused(desktop: Stack) -> None:
    before = desktop.runs()
    note = desktop.home / "db-version"
    good = note.read_text()
    note.write_text("8.0\n")
    docker("tag", image.name(), "mspass-other:1")
    desktop.cluster["image"] = "mspass-other:1"
    desktop.write()
    said = desktop.refused_up()
    docker("rmi", "mspass-other:1")
    note.write_text(good)
    assert "mspass:cluster.image: mspass-other:1: its mongod is 6.0, but the data in" in said
    desktop.cluster["image"] = image.name()
    desktop.write()
    assert "unchanged" in desktop.up()
    assert desktop.runs() == before


def test_destroy_leaves_the_data_which_a_native_stack_opens_as_well(project: Project, desktop: Stack) -> None:
    write_documents(desktop, 300)
    desktop.destroy()
    assert not {name for name in containers() if name.startswith("mspass-desktop-")}
    assert "mspass-desktop" not in networks()
    assert listening(desktop.ports()) == set()
    for runtime in ("native", "docker"):
        desktop.cluster["runtime"] = runtime
        desktop.write()
        desktop.up()
        assert documents(desktop) == 300
        desktop.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
