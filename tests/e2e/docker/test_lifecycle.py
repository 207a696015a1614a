"""What is of containers alone: their network and names, their engine and image."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from mspass_stack.managers.docker_labels import NAME
from mspass_stack.polling import wait_until
from tests.e2e.clients import documents, listening, workers, write_documents
from tests.e2e.docker.client import containers, docker
from tests.e2e.staged import Seen, seen, stage
from tests.harness import image
from tests.harness.engine import TestEngine
from tests.harness.project import Project, Stack

CONTAINERS = ("mongod", "scheduler", "worker-desktop", "frontend")


def test_one_container_per_process_on_the_hosts_network_and_on_loopback_only(desktop: Stack) -> None:
    names = {name for name in containers() if name.startswith("mspass-desktop-")}
    assert names == {f"mspass-desktop-{name}" for name in CONTAINERS}
    for name in names:
        assert json.loads(docker("inspect", name))[0]["HostConfig"]["NetworkMode"] == "host"
    assert listening(desktop.ports()) == set(desktop.ports())
    ours = {int(pid) for name in names for pid in docker("top", name, "-o", "pid").split()[1:]}
    places = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert places == {"127.0.0.1"}


def test_a_restarted_engine_is_healed_by_one_up(desktop: Stack, engine: TestEngine) -> None:
    if not engine.ours:
        pytest.skip("the engine was there before the tests: it is not ours to restart")
    write_documents(desktop, 100)
    engine.restart()
    desktop.up()
    assert len(workers(desktop)) == 2
    assert documents(desktop) == 100
    desktop.expect_unchanged()


def test_a_worker_sees_what_is_brought_and_its_results_come_back(desktop: Stack, tmp_path: Path) -> None:
    source, results = tmp_path / "waveforms", tmp_path / "results"
    source.mkdir()
    results.mkdir()
    (source / "a").write_text("one")
    desktop.cluster["stage"] = stage(str(source), str(results))
    desktop.write()
    try:
        desktop.up()
        assert seen(desktop, tmp_path, "one") == [Seen({"a": "one"}, True, str(source))]
        assert f"{desktop.counted()} unchanged" in desktop.up()
    finally:
        del desktop.cluster["stage"]
        desktop.write()
        desktop.up()
    assert (results / "desktop/seen").read_text() == "one"


def test_a_worker_is_granted_what_its_config_says(desktop: Stack) -> None:
    worker: dict[str, Any] = json.loads(docker("inspect", "mspass-desktop-worker-desktop"))[0]["HostConfig"]
    granted = 2 * 2 * 2**30 + 2**29
    assert (worker["Memory"], worker["MemorySwap"], worker["NanoCpus"]) == (granted, granted, 2 * 10**9)


def test_a_container_of_somebody_else_with_our_name_is_refused_and_left(project: Project, desktop: Stack) -> None:
    second = Stack(project, "taken", {"runtime": "docker", "image": image.name()})
    docker(
        "run", "--detach", "--name", "mspass-taken-mongod", "--label", f"{NAME}=theirs", image.name(), "sleep", "600"
    )
    try:
        output = second.refused_up()
        assert "container mspass-taken-mongod belongs to stack 'theirs'" in output
        assert "Traceback" not in output
        second.destroy()
        assert "mspass-taken-mongod" in docker("ps", "--format", "{{.Names}}")
    finally:
        docker("rm", "-f", "mspass-taken-mongod")
    desktop.expect_unchanged()


def test_a_port_that_a_container_has_is_reported_with_its_name(project: Project, desktop: Stack) -> None:
    second = Stack(project, "clash", {"runtime": "docker", "image": image.name()})
    second.move_to(*desktop.ports())
    second.write()
    output = second.refused_up()
    port = desktop.ports()[0]
    assert (
        f"mspass:cluster.database.port: port {port} is held by container mspass-desktop-mongod of stack 'desktop'"
        in output
    )


def test_a_stack_that_was_never_up_is_previewed(project: Project, desktop: Stack) -> None:
    new = Stack(project, "new", {"runtime": "docker", "image": image.name()})
    ran = new.pulumi("preview")
    assert ran.returncode == 0, ran.stdout
    assert f"+ {desktop.counted()} to create" in ran.stdout


def test_an_engine_that_does_not_answer_is_reported_before_anything_is_touched(desktop: Stack) -> None:
    before = desktop.runs()
    away = desktop.project.environment | {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    output = desktop.pulumi("preview", env=away).stdout
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in output
    assert "Traceback" not in output
    desktop.expect_unchanged()
    assert desktop.runs() == before


def test_a_container_that_cannot_do_its_job_is_shown_with_its_log(desktop: Stack) -> None:
    """mongod that cannot open its data: the failing process's own last lines are in Pulumi's output."""
    docker("stop", "mspass-desktop-mongod")
    turtle = desktop.stack_dir / "db" / "WiredTiger.turtle"
    good = turtle.read_bytes()
    turtle.write_text("not a turtle")
    output = desktop.refused_up()
    turtle.write_bytes(good)
    assert "mongod on host 'desktop' is not ready" in output
    assert "WiredTiger" in output
    assert "Traceback" not in output
    desktop.up()
    desktop.expect_unchanged()


def test_an_image_whose_mongod_may_not_open_the_data_is_refused(desktop: Stack) -> None:
    before = desktop.runs()
    note = desktop.stack_dir / "db-version"
    good = note.read_text()
    note.write_text("8.0\n")
    docker("tag", image.name(), "mspass-other:1")
    desktop.cluster["image"] = "mspass-other:1"
    desktop.write()
    output = desktop.refused_up()
    docker("rmi", "mspass-other:1")
    note.write_text(good)
    assert "mspass:cluster.image: mspass-other:1: its mongod is 6.0, but the data in" in output
    desktop.cluster["image"] = image.name()
    desktop.write()
    desktop.up()
    assert desktop.runs() == before


def test_a_native_stack_opens_the_data_of_containers_and_the_other_way_round(project: Project, desktop: Stack) -> None:
    write_documents(desktop, 300)
    desktop.destroy()
    for runtime in ("native", "docker"):
        desktop.cluster["runtime"] = runtime
        desktop.write()
        desktop.up()
        assert documents(desktop) == 300
        desktop.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert not {name for name in containers() if name.startswith("mspass-desktop-")}
