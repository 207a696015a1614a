"""What must fit together in the config of a Slurm allocation."""

from collections.abc import Iterator

from mspass_stack.config.rules import directories
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.config.slurm import RUNTIME, Slurm
from mspass_stack.spec.apptainer import is_built

LEADS = (60, 65535)
"""Seconds of Slurm's warning before the end: it comes up to a minute early, and option --signal takes no more."""

SANDBOX_NODES = 16
"""Up to so many nodes an unpacked image may be read by all of them, file by file."""


MOST_WORKERS = 64
"""Nodes with workers: each of these is a srun on the first node, and so many at once were tried."""


def refused_by_up(cluster: Cluster) -> Iterator[str]:
    """Yield what may be planned and previewed, and not be deployed yet."""
    count = len(cluster.pool.workers) if cluster.slurm and cluster.pool else 0
    if count > MOST_WORKERS:
        yield (
            f"{KEY}.pool.workers: {count} nodes: expected at most {MOST_WORKERS} for now: each is a step of its own, "
            "whose srun runs on the first node, and more at once were never tried"
        )


def slurm_violations(cluster: Cluster) -> Iterator[str]:
    """Yield what cannot be deployed in an allocation; nothing for a cluster without one."""
    if (slurm := cluster.slurm) is None:
        return
    yield from _packaging(cluster, slurm)
    yield from _closed(cluster)
    yield from _ends(slurm)
    yield from _login(slurm)
    yield from _reverse(cluster, slurm)
    yield from _gpus(cluster, slurm)
    yield from directories(cluster, "an absolute path on the file system that the login host and all nodes share")


def _packaging(cluster: Cluster, slurm: Slurm) -> Iterator[str]:
    if cluster.runtime != RUNTIME:
        yield f"{KEY}.runtime: {cluster.runtime!r}: expected {RUNTIME!r}, which is what nodes have"
    image = cluster.image
    if not is_built(image) and not image.endswith(".sif") and slurm.nodes > SANDBOX_NODES:
        yield (
            f"{KEY}.image: {image!r}: expected a .sif file for more than {SANDBOX_NODES} nodes, which read it all at "
            "once"
        )


def _closed(cluster: Cluster) -> Iterator[str]:
    """Others have jobs on the same nodes and network."""
    if not cluster.encryption:
        yield f"{KEY}.encryption: false: nodes and their network are shared with other users: expected true"
    if cluster.frontend and cluster.frontend.expose:
        yield (
            f"{KEY}.frontend.expose: {cluster.frontend.expose!r}: nodes and their network are shared with other users: "
            "expected none; `mspass-stack connect` leads to Jupyter"
        )


def _ends(slurm: Slurm) -> Iterator[str]:
    path, least, most = f"{KEY}.slurm.stopBefore", *LEADS
    if not least <= slurm.stop_before.seconds <= most:
        yield f"{path}: {str(slurm.stop_before)!r}: expected {least}s to {most}s"
    elif slurm.time and slurm.stop_before.seconds >= slurm.time.seconds:
        yield f"{path}: {str(slurm.stop_before)!r}: expected less than slurm.time, {str(slurm.time)!r}"


def _login(slurm: Slurm) -> Iterator[str]:
    if (login := slurm.login) is None:
        return
    path = f"{KEY}.slurm.login"
    if login.ssh is None:
        yield f"{path}.ssh: required; without login this machine is the login host"
    if "address" not in login.model_fields_set:
        yield f"{path}.address: required"
    if login.runtime is not None:
        yield f"{path}.runtime: {login.runtime!r}: expected none: nothing of the cluster runs on a login host"


def _reverse(cluster: Cluster, slurm: Slurm) -> Iterator[str]:
    if slurm.access and slurm.access.reverse and not cluster.frontend:
        yield f"{KEY}.slurm.access.reverse: expected a frontend: nothing but Jupyter asks for a password"


def _gpus(cluster: Cluster, slurm: Slurm) -> Iterator[str]:
    asking = [host for host, workers in cluster.pool.workers.items() if workers.gpus] if cluster.pool else []
    for name in (name for name in slurm.directives if name.startswith("gpus") and asking):
        yield (
            f"{KEY}.slurm.directives.{name}: expected none beside pool.workers.{asking[0]}.gpus, for which `gres` is "
            "asked: Slurm takes one of both"
        )
