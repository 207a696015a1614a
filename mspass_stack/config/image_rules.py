"""What an image of Apptainer has to be, wherever the config puts containers of it."""

import re
from collections.abc import Iterator

from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.config.slurm import RUNTIME

IMAGE = r"(/|docker://|oras://|(docker|oci)-archive:/)[^\s/]\S*"


def image_violations(cluster: Cluster) -> Iterator[str]:
    """Yield what Apptainer could not start; nothing for a cluster without its containers."""
    if RUNTIME not in {host.runtime or cluster.runtime for host in cluster.hosts.values()}:
        return
    path, image = f"{KEY}.image", cluster.image
    if "image" not in cluster.model_fields_set:
        what = f"the absolute path of a .sif file, or docker://{image}, which is built once"
        yield f"{path}: required for {RUNTIME}: {what}"
    elif not re.fullmatch(IMAGE, image):
        yield (
            f"{path}: {image!r}: expected the absolute path of a .sif file or an unpacked image, or what one is "
            "built from: docker://IMAGE, oras://IMAGE, docker-archive:/PATH or oci-archive:/PATH"
        )
    yield from _bound(cluster)


def _bound(cluster: Cluster) -> Iterator[str]:
    """Apptainer takes a path apart at these, and knows no way to quote them."""
    paths = {"datadir": cluster.datadir or "", "workdir": cluster.workdir, "image": cluster.image}
    for key, path in paths.items():
        if path.startswith("/") and {",", ":"} & set(path):
            yield f"{KEY}.{key}: {path!r}: expected a path without comma and colon, where Apptainer's --bind splits it"
