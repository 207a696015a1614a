"""Look whether what workers want can be brought to a host; changes nothing."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from mspass_stack.errors import Refused
from mspass_stack.machines.base import Machine
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.stage import StageSpec

PATH = "mspass:cluster.stage"


def on_host(host: Machine, stack_dir: str, spec: StageSpec) -> Iterator[str]:
    """Yield what is wrong on a host that has workers, each with its YAML path."""
    parts = [(f"in[{index}]", {"bring": [one]}) for index, one in enumerate(spec.dump()["bring"])]
    parts += [(f"out[{index}]", {"back": [one]}) for index, one in enumerate(spec.dump()["back"])]
    missing = free = 0
    for path, part in parts:
        try:
            alone = {"host": spec.host, "bring": [], "back": [], **part}
            found = host.agent.call("stage_look", directory=stack_dir, spec=alone)
        except Refused as refused:
            yield f"{PATH}.{path}: {refused}"
            continue
        missing, free = missing + found["missing"], found["free"]
    if missing > free:
        yield (
            f"{PATH}.in: {missing / 2**30:.1f} GiB are to be brought to {StackLayout(stack_dir).stage}, whose disk has "
            f"{free / 2**30:.1f} GiB left"
        )


def on_login(login: Machine, spec: StageSpec) -> Iterator[str]:
    """Yield what the shared file system lacks, each with its YAML path; sizes are for the nodes to compare."""
    for index, one in enumerate(spec.bring):
        if not login.is_directory(one.source):
            why = "is no directory" if login.exists(one.source) else "is not there"
            yield f"{PATH}.in[{index}].from: {one.source} {why}"
    for index, back in enumerate(spec.back):
        goal = PurePosixPath(back.to)
        there = next(str(place) for place in (goal, *goal.parents) if login.exists(str(place)))
        if login.run(["test", "-d", there, "-a", "-w", there]).status:
            yield f"{PATH}.out[{index}].to: {back.to}: {there} is no directory that can be written"
