"""Pack supervisord and the agent into one file each, which any Python from 3.8 on runs without installing anything.

The same content gives the same bytes: the name of the file says what is in it.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["agent", "supervisor", "ensure"]

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""

OLDEST = """\
import sys

if sys.version_info < {0}:
    sys.exit("Python %d.%d is too old: %d.%d is the oldest that this runs on" % (*sys.version_info[:2], *{0}))

"""
"""The start of each: words that any Python reads."""

BARE, IN_IMAGE = (3, 8), (3, 10)
"""The oldest Python of a host, and of an image."""

SUPERVISOR = """\
import os
from importlib import import_module

# The file of its config, which names nothing but this variable: whoever types `ctl` has none, or another stack's.
if "-c" in sys.argv[:-1]:
    config = os.path.abspath(sys.argv[sys.argv.index("-c") + 1])
    os.environ["MSPASS_STACK_HOME"] = os.path.dirname(os.path.dirname(config))

modules = {"d": "supervisor.supervisord", "ctl": "supervisor.supervisorctl"}
if len(sys.argv) < 2 or sys.argv[1] not in modules:
    sys.exit("usage: d|ctl ARGUMENTS (of supervisord or supervisorctl)")
import_module(modules[sys.argv.pop(1)]).main()
"""

ENSURE = """\
from mspass_stack.mongo import prepare, write_lock

programs = {"": prepare.main, "lock": write_lock.main}
sys.exit(programs["".join(sys.argv[2:])](sys.argv[1]))
"""

AGENT = """\
from mspass_agent.__main__ import main

main()
"""

READS_VERSION = b"VERSION = _read_version_txt()\n"
"""The line of supervisor that opens a file beside its module, which there is none of in a zip file."""

UNNEEDED = frozenset({"tests", "scripts", "__pycache__"})


@cache
def supervisor_bundle() -> bytes:
    """Pack the installed supervisor; the first argument is `d` or `ctl`.

    Raises:
        RuntimeError: it is another supervisor than the ones that we know.
    """
    source = files("supervisor")
    content = dict(_modules(source, "supervisor"))
    options = content["supervisor/options.py"]
    if options.count(READS_VERSION) != 1:
        raise RuntimeError(f"supervisor/options.py of the installed supervisor lacks the line {READS_VERSION!r}")
    version = source.joinpath("version.txt").read_text().strip()
    content["supervisor/options.py"] = options.replace(READS_VERSION, f"VERSION = {version!r}\n".encode())
    return _zipped(content | {"__main__.py": (OLDEST.format(BARE) + SUPERVISOR).encode()})


@cache
def agent_bundle() -> bytes:
    """Pack the agent; its argument is `serve`."""
    content = dict(_modules(files("mspass_stack.agent"), "mspass_agent"))
    return _zipped(content | {"__main__.py": (OLDEST.format(BARE) + AGENT).encode()})


@cache
def ensure_bundle() -> bytes:
    """Pack what prepares a database in its job (`DIRECTORY`) or holds it still (`DIRECTORY lock`), with pymongo."""
    package = "mspass_stack"
    content = {f"{package}/__init__.py": b"", "__main__.py": (OLDEST.format(IN_IMAGE) + ENSURE).encode()}
    content |= {f"{package}/{name}": files(package).joinpath(name).read_bytes() for name in ("errors.py", "polling.py")}
    content |= dict(_modules(files(f"{package}.mongo"), f"{package}/mongo"))
    return _zipped(content | dict(_modules(files("tenacity"), "tenacity")))


def file_name(kind: Kind, content: bytes) -> str:
    """Name a file after what is in it."""
    return f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}.pyz"


def _modules(directory: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        inside = f"{name}/{entry.name}"
        if entry.is_dir() and entry.name not in UNNEEDED:
            yield from _modules(entry, inside)
        elif entry.name.endswith(".py"):
            yield inside, entry.read_bytes()


def _zipped(content: Mapping[str, bytes]) -> bytes:
    """Write a zip file: stored, for two builds of zlib need not agree."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, whatever packs it.
            archive.writestr(entry, content[name])
    return packed.getvalue()
