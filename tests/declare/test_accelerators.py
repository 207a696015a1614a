"""Workers with accelerators: whole command lines, and what Slurm and Docker are asked for."""

from typing import Any

import pytest
import yaml
from mocked_engine import Run
from own_program import PROJECT, Deploy

from mspass_stack.agent import gpus as agent
from mspass_stack.agent import slurm
from mspass_stack.managers.slurm_job import step_of
from mspass_stack.spec.process import SlurmProcess, parse_process


def _declared(deploy: Deploy, file: str, workers: dict[str, Any], **changes: Any) -> Run:
    config = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{file}.yaml").read_text())["config"]
    cluster = config["mspass:cluster"]
    cluster["pool"]["workers"] = workers
    cluster["slurm"] = {**cluster["slurm"], **changes} if "slurm" in cluster else None
    if cluster["slurm"] is None:
        del cluster["slurm"]
        cluster.update(changes)
    result = deploy(config, file)
    assert not result.error
    return result


def _steps(run: Run) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, inputs in run.programs.items():
        process = parse_process(inputs["process"])
        assert isinstance(process, SlurmProcess)
        found[name] = step_of(process)
    return found


@pytest.mark.parametrize(("asked", "flag"), [(2, "--nv"), ({"count": 2, "kind": "rocm"}, "--rocm")])
def test_a_worker_of_a_job_has_them_in_its_container_and_its_step_and_no_other_has(
    asked: object, flag: str, deploy: Deploy
) -> None:
    without = _steps(_declared(deploy, "hpc", {"node[3-4]": {"memory": "4GiB"}}))
    run = _declared(deploy, "hpc", {"node3": {"memory": "4GiB"}, "node4": {"memory": "4GiB", "gpus": asked}})
    steps = _steps(run)
    wrapper = steps["worker-node4@node4"]["wrapper"]
    contained = ["apptainer", "--silent", "exec", "--contain", "--ipc", "--cleanenv"]
    assert wrapper[:7] == [*contained, flag]
    assert [word for word in wrapper if word != flag] == without["worker-node4@node4"]["wrapper"]
    others = {name: step for name, step in steps.items() if name != "worker-node4@node4"}
    assert others == {name: step for name, step in without.items() if name in others}
    job = run.of("SlurmJob")["job"].inputs["asked"]
    assert "--gres=gpu:2" in job["directives"]
    launcher = job["launcher"]
    assert launcher == ["--gres=none"]
    step = ["srun", "--job-name=x", "--nodes=1", "--ntasks=1", "--overlap", "--mem=0", "--cpu-bind=none"]
    for name, words in {"worker-node4@node4": ["--gres=gpu:2"], "worker-node3@node3": []}.items():
        line = slurm.step("n5", "x", [*launcher, *agent.gres(steps[name], launcher)], "python3")
        assert line == [*step, "--unbuffered", "--nodelist=n5", "--input=none", "--gres=none", *words, "python3"]


def test_without_any_nothing_is_said_of_them(deploy: Deploy) -> None:
    run = _declared(deploy, "hpc", {"node[3-4]": {"memory": "4GiB"}})
    job = run.of("SlurmJob")["job"].inputs["asked"]
    assert not [word for word in [*job["directives"], *job["launcher"]] if "gres" in word]
    assert not [step for step in _steps(run).values() if "gpus" in step]


@pytest.mark.parametrize(
    ("directives", "asked"),
    [
        ({}, "--gres=gpu:4"),
        ({"gres": "gpu:a100:4"}, "--gres=gpu:a100:4"),
        ({"constraint": "a100"}, "--gres=gpu:4"),
        ({"gres": None}, None),
    ],
)
def test_the_job_asks_each_node_for_as_many_as_one_has_and_its_user_has_the_last_word(
    directives: dict[str, Any], asked: str | None, deploy: Deploy
) -> None:
    workers = {"node3": {"gpus": 1}, "node4": {"gpus": 4}}
    run = _declared(deploy, "hpc", workers, directives=directives)
    words = run.of("SlurmJob")["job"].inputs["asked"]["directives"]
    assert [word for word in words if word.startswith("--gres")] == ([asked] if asked else [])
    launcher = run.of("SlurmJob")["job"].inputs["asked"]["launcher"]
    assert launcher == (["--gres=none"] if asked else [])
    step = agent.gres(_steps(run)["worker-node4@node4"], launcher)
    assert step == (["--gres=gpu:4"] if asked else [])


def test_a_container_of_docker_asks_its_engine_for_them(deploy: Deploy) -> None:
    nvidia = _declared(deploy, "desktop", {"desktop": {"processes": 1, "gpus": 2}}, runtime="docker").of("Container")
    assert nvidia["worker-desktop@desktop"].inputs["deviceRequests"] == [
        {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    ]
    rocm = _declared(
        deploy, "desktop", {"desktop": {"processes": 1, "gpus": {"count": 1, "kind": "rocm"}}}, runtime="docker"
    ).of("Container")["worker-desktop@desktop"]
    assert [device["hostPath"] for device in rocm.inputs["devices"]] == ["/dev/kfd", "/dev/dri"]
    assert rocm.inputs["groupAdds"] == ["video"]
    assert "deviceRequests" not in rocm.inputs
    assert not [name for name, one in nvidia.items() if "deviceRequests" in one.inputs and "worker" not in name]


@pytest.mark.parametrize("runtime", ["native", "docker", "apptainer"])
def test_the_preflight_looks_for_them_where_the_workers_are(runtime: str, deploy: Deploy) -> None:
    config: dict[str, Any] = {"runtime": runtime}
    if runtime == "apptainer":
        config["image"] = "/apps/mspass.sif"
    run = _declared(deploy, "desktop", {"desktop": {"processes": 1, "gpus": 2}}, **config)
    asked = run.of("Preflight")["preflight"].inputs["hosts"]["desktop"]
    assert asked["gpus"] == {"mspass:cluster.pool.workers.desktop.gpus": "nvidia"}
    assert (
        not _declared(deploy, "desktop", {"desktop": {"processes": 1}}, **config)
        .of("Preflight")["preflight"]
        .inputs["hosts"]["desktop"]
        .get("gpus")
    )


def test_more_of_them_restart_the_worker_alone(deploy: Deploy) -> None:
    one, two = (_declared(deploy, "hpc", {"node4": {"gpus": count}}).programs for count in (1, 2))
    assert [name for name in one if one[name]["digest"] != two[name]["digest"]] == ["worker-node4@node4"]
