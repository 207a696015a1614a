"""What must fit together in what is brought to workers and back."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.config.stage import Stage

CLOSED = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/proc", "/run", "/sbin", "/sys", "/usr"),
)
"""Directories of the system, in which nothing is put."""

OPEN = ("/", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", "/var/tmp")
"""Directories that others use too: what is put in their place would cover what they have there."""


def stage_violations(cluster: Cluster) -> Iterator[str]:
    """Yield what cannot be brought, or would cover what a container needs."""
    if (stage := cluster.stage) is None:
        return
    path = f"{KEY}.stage"
    if not (stage.bring or stage.back):
        yield f"{path}: empty: expected in or out"
    if not cluster.pool:
        yield f"{path}: expected a pool, whose workers it is for"
    own = {"datadir": cluster.datadir, "workdir": cluster.workdir, "python": cluster.python}
    own |= {f"hosts.{name}.python": host.python for name, host in cluster.hosts.items()}
    places = _places(stage)
    for index, (key, place) in enumerate(places):
        yield from _covers(f"{path}.{key}", place, {name: value for name, value in own.items() if value})
        for other, taken in places[:index]:
            if place == taken:
                yield f"{path}.{key}: {place!r} twice: also by {other}"
            elif _is_within(place, taken) or _is_within(taken, place):
                yield f"{path}.{key}: {place!r}: expected none that {other} ({taken!r}) is in, or that is in it"
    for index, back in enumerate(stage.back):
        for number, bring in enumerate(stage.bring):
            if _is_within(back.to, bring.source):
                yield (
                    f"{path}.out[{index}].to: {back.to!r}: is in {bring.source!r}, which in[{number}] brings to all: "
                    "expected another"
                )


def _places(stage: Stage) -> list[tuple[str, str]]:
    """Return the paths that workers see, each with where the config says it."""
    brought = [(f"in[{index}].to", bring.seen) for index, bring in enumerate(stage.bring)]
    return [*brought, *((f"out[{index}].from", back.seen) for index, back in enumerate(stage.back))]


def _covers(path: str, place: str, own: dict[str, str]) -> Iterator[str]:
    if place in OPEN or any(_is_within(place, system) for system in CLOSED):
        yield f"{path}: {place!r}: a directory of the system: expected one of its own, as /tmp/waveforms"
        return
    for key, value in own.items():
        if _is_within(value, place):
            yield f"{path}: {place!r}: covers {KEY}.{key} ({value!r}): expected another"
        elif key in ("datadir", "workdir") and _is_within(place, value):
            yield f"{path}: {place!r}: is in {KEY}.{key} ({value!r}): expected another"


def _is_within(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
