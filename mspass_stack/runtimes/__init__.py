"""How an argv is packaged: a command becomes what a process manager executes. Pure."""

from mspass_stack.runtimes.apptainer import Apptainer
from mspass_stack.runtimes.base import Runtime
from mspass_stack.runtimes.docker import Docker
from mspass_stack.runtimes.native import Native

RUNTIMES: dict[str, Runtime] = {"native": Native(), "docker": Docker(), "apptainer": Apptainer()}
"""The runtimes by the name that a config says."""
