"""The option `--stack` of the verification suite, for pytest's command line; imports nothing, as every pytest loads it.

A package's conftest is read too late for options of its own under `--pyargs`.
"""

from typing import Any


def pytest_addoption(parser: Any) -> None:
    parser.getgroup("mspass_stack").addoption("--stack", metavar="NAME", help="the deployed stack to verify")
