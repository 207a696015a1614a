"""What is brought to the hosts of workers is declared before these."""

from typing import Any

import pytest
import yaml
from own_program import PROJECT, Deploy

from mspass_stack.spec.process import parse_process

STAGE = {"in": [{"from": "/nfs/waveforms"}], "out": [{"from": "/tmp/results", "to": "/nfs/results"}]}


def _config(file: str, **changes: Any) -> dict[str, Any]:
    config = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{file}.yaml").read_text())["config"]
    config["mspass:cluster"] |= {"stage": STAGE, "workdir": "/srv/work", "datadir": "/srv/mspass", **changes}
    return config


@pytest.mark.parametrize(
    ("runtime", "link"),
    [("docker", ""), ("native", "/tmp/waveforms"), ("apptainer", "")],
    ids=lambda value: value or "-",
)
def test_in_a_lab_each_host_of_workers_has_it_before_its_worker(deploy: Deploy, runtime: str, link: str) -> None:
    changes = {"image": "/apps/mspass.sif"} if runtime == "apptainer" else {}
    run = deploy(_config("lab-cluster", runtime=runtime, python="/opt/python", **changes), "lab")
    assert not run.error
    staged = run.of("Staged")
    assert set(staged) == {"staged@node1", "staged@node2"}
    for name, found in staged.items():
        host = name.partition("@")[2]
        assert found.inputs["spec"]["bring"][0]["link"] == link
        assert f"files@{host}" in found.after
        assert name in run.running[f"worker-{host}@{host}"].after


def test_a_container_sees_it_at_its_place(deploy: Deploy) -> None:
    run = deploy(_config("lab-cluster", runtime="docker"), "lab")
    mounts = run.running["worker-node1@node1"].inputs["mounts"]
    seen = {mount["target"]: mount["source"] for mount in mounts if mount["source"] != mount["target"]}
    names = [
        part["name"] for parts in ("bring", "back") for part in run.of("Staged")["staged@node1"].inputs["spec"][parts]
    ]
    assert seen == {
        "/tmp/waveforms": f"/srv/mspass/stage/in/{names[0]}",
        "/tmp/results": f"/srv/mspass/stage/out/{names[1]}",
    }


def test_a_job_brings_it_by_itself(deploy: Deploy) -> None:
    run = deploy(_config("hpc", image="/apps/mspass.sif"), "hpc")
    assert not run.error
    assert not run.of("Staged")
    specs = {name: parse_process(inputs["process"]) for name, inputs in run.programs.items()}
    told = {name.partition("@")[0] for name, spec in specs.items() if getattr(spec, "stage", None)}
    assert told == {name.partition("@")[0] for name in specs if name.startswith("worker-")} != set()


def test_where_nothing_is_declared_nothing_is_new(deploy: Deploy) -> None:
    config = _config("lab-cluster")
    del config["mspass:cluster"]["stage"]
    assert not deploy(config, "lab").of("Staged")
