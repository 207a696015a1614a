"""Steps that outlived the program which held them end in order, and those of the user's own stay."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from mspass_stack.agent import left_steps, slurm
from mspass_stack.agent.left_steps import end_left_steps


def test_those_of_the_stack_end_rank_by_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "run/programs"
    programs.mkdir(parents=True)
    for name, order in (("mongod", 100), ("scheduler", 200), ("deaf", 200), ("frontend", 400)):
        (programs / f"{name}.ini").write_text(f"priority={order}\nstopwaitsecs=0\n")
    (tmp_path / "run/ensure.json").touch()
    left = {"11.1": "mongod", "11.2": "deaf", "11.3": "scheduler", "11.4": "ensure", "11.5": "batch", "11.6": "bash"}
    told: list[list[str]] = []

    def stop(steps: Iterable[str]) -> None:
        told.append(sorted(steps))
        for id in told[-1]:
            if left[id] != "deaf":
                del left[id]

    def end(steps: Iterable[str]) -> None:
        told.append(["killed", *sorted(steps)])
        for id in told[-1][1:]:
            left.pop(id, None)

    monkeypatch.setattr(slurm, "steps_of", lambda job: dict(left))  # pyright: ignore
    monkeypatch.setattr(slurm, "stop", stop)
    monkeypatch.setattr(slurm, "end", end)
    monkeypatch.setattr(left_steps, "SETTLE", 0.1)
    assert end_left_steps(directory=str(tmp_path), job="11") == ["ensure", "deaf", "scheduler", "mongod"]
    assert told == [["11.4"], ["11.2", "11.3"], ["killed", "11.2", "11.3"], ["11.1"]]
    assert left == {"11.5": "batch", "11.6": "bash"}
    assert end_left_steps(directory=str(tmp_path), job="11") == []
