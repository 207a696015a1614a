"""A registry of images on the login host, whose one image has all that the roles run: what `docker://` leads to."""

import hashlib
import inspect
import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.image import JAVA, SPARK
from tests.harness.slurm.cluster import SlurmCluster
from tests.harness.slurm.network import LOGIN, address

PORT = 5000
REPOSITORY = "mspass"
PLACE = "/scratch/registry"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

PLAIN = "export APPTAINER_NOHTTPS=true"
"""The line of a profile by which Apptainer speaks to it without TLS."""


def serve(port: str, manifest: str) -> None:
    """Answer for files below the working directory; each tag is the same image (runs on the login host, by itself)."""
    import http.server

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            return super().translate_path("/manifest" if "/manifests/" in path else "/" + path.rpartition("/")[2])

        def send_header(self, keyword: str, value: str) -> None:
            is_manifest = keyword == "Content-type" and "/manifests/" in self.path
            super().send_header(keyword, manifest if is_manifest else value)

    http.server.ThreadingHTTPServer(("", int(port)), Handler).serve_forever()


@contextmanager
def registry(cluster: SlurmCluster) -> Generator[str]:
    """Have one; the URI of its image, without a tag: it takes any."""
    shared = cluster.directory / PLACE.lstrip("/")
    cluster.as_user(LOGIN, "mkdir", PLACE)
    _fill(cluster, shared)
    program = f"import sys\n{inspect.getsource(serve)}\nserve(*sys.argv[1:])"
    words = ["sh", "-c", f'cd {PLACE}; exec python3 -I -c "$0" "$@"', program, str(PORT), MANIFEST]
    log = (cluster.directory / "registry.log").open("w")
    with log, subprocess.Popen(cluster.user_words(LOGIN, cluster.user, *words), stdout=log, stderr=log):
        try:
            assert wait_until(lambda: cluster.processes(LOGIN, "serve_forever"), 10)
            yield f"docker://{address(LOGIN)}:{PORT}/{REPOSITORY}"
        finally:
            for pid in cluster.processes(LOGIN, "serve_forever"):
                cluster.execute(LOGIN, "kill", str(pid), check=False)


def _fill(cluster: SlurmCluster, shared: Path) -> None:
    """Write the blobs of the image, named by their digests, and its manifest."""
    unpack = f"APPTAINER_CACHEDIR=$PWD/cache apptainer --silent build --sandbox root {cluster.image}"
    # Nobody runs Spark of it, which would be half of what is packed.
    without = f".{SPARK} .{JAVA} ./usr/local/lib/python3*/dist-packages/pyspark"
    packed = f"cd root; rm -rf {without}; tar -cf ../layer ."
    cluster.as_user(LOGIN, "sh", "-ec", f"cd {PLACE}; {unpack}; ({packed}); rm -rf root cache")
    layer = _blob(shared, shared / "layer", LAYER)
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}
    (shared / "config").write_text(json.dumps(config))
    parts = {"config": _blob(shared, shared / "config", CONFIG), "layers": [layer]}
    (shared / "manifest").write_text(json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **parts}))


def _blob(shared: Path, file: Path, kind: str) -> dict[str, object]:
    with file.open("rb") as content:
        digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
    file = file.rename(shared / digest)
    return {"mediaType": kind, "digest": digest, "size": file.stat().st_size}
