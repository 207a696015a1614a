"""`mspass-stack verify`: the verification suite on a deployed stack."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from mspass_stack.cli.options import stack_option
from mspass_stack.errors import Refused

PACKAGE = Path(__file__).parents[1]
SUITE = PACKAGE / "verify"

PYTEST = "import sys; sys.path.insert(0, sys.argv.pop(1)); import pytest; sys.exit(pytest.main())"
"""Runs pytest on this very package, past what lies in the working directory."""

NEEDED = ("pytest", "testinfra", "httpx", "websocket")
"""What the extra `verify` installs, by the modules."""


@click.command("verify", context_settings={"ignore_unknown_options": True})
@stack_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(stack: str, words: tuple[str, ...]) -> None:
    """Check from outside that each role of a stack does its job; WORDS go to pytest. Exit status 1: one does not."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise Refused(f"{', '.join(missing)} missing: pip install 'mspass-stack[verify]'")
    # The suite's own settings, and no others that lie about: a project of the user's may have a pytest.ini.
    own = ["-c", str(SUITE / "pytest.ini"), "--rootdir", str(SUITE), "-p", "no:cacheprovider"]
    pytest = [sys.executable, "-I", "-c", PYTEST, str(PACKAGE.parent)]
    argv = [*pytest, *own, str(SUITE), "--stack", stack, *words]
    theirs = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    environment = {key: value for key, value in os.environ.items() if key not in theirs}
    sys.exit(subprocess.run(argv, env=environment).returncode)
