"""What this machine must be and have for a desktop, and what of it is missing. Looks only; changes nothing."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from mspass_stack.engine import Engine, EngineError, Publisher
from mspass_stack.machine import Here
from mspass_stack.provider import executables
from mspass_stack.provider.codec import Props
from mspass_stack.provider.compatibility import refusal
from mspass_stack.provider.executables import LOOK
from mspass_stack.provider.files import owner
from mspass_stack.provider.limits import MONGODB_DISK, OWN, beyond_memory, few_files
from mspass_stack.provider.resource import Refused
from mspass_stack.provider.sockets import listeners

SOCKET_PATH = 100
"""Bytes that the path of a Unix socket may have (sun_path holds 108; supervisord adds a suffix while it binds)."""


def problems(asked: Props, stack_id: str) -> Iterator[str]:
    """What is missing on this machine."""
    try:
        published = _published(asked["engine"])
    except EngineError as error:
        yield f"mspass:cluster.runtime: {error}: start Docker, or set DOCKER_HOST, or choose runtime: native"
        return
    yield from _ports(asked["ports"], stack_id, published)
    yield from _home(Path(asked["home"]), stack_id)
    yield from beyond_memory(asked["memory"], psutil.virtual_memory().total, "the machine's")
    yield from _programs(asked)
    workdir = Path(asked["workdir"])
    if workdir.is_relative_to(asked["home"]):
        yield f"mspass:cluster.workdir: {workdir} is in the stack's own folder {asked['home']}, beside its secrets"
    if workdir.exists() and not (workdir.is_dir() and os.access(workdir, os.W_OK)):
        yield f"mspass:cluster.workdir: {workdir} is not a folder that you can write to"


def doubts() -> Iterator[str]:
    """What works and is worth a word."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY:
        yield from few_files(hard)


def _published(engine: str) -> dict[int, Publisher]:
    return Engine(engine).published() if engine else {}


def _ports(ports: dict[str, str], stack_id: str, published: dict[int, Publisher]) -> Iterator[str]:
    """Ports that somebody else has; a container's is held by Docker's proxy, or by nobody whom we could see."""
    held = {listener.port: listener for listener in listeners(frozenset(map(int, ports)))}
    for port, path in ports.items():
        holder = published.get(int(port)) or held.get(int(port))
        if holder and (not stack_id or holder.stack_id != stack_id):
            yield f"{path}: port {port} is held by {holder}"


def _home(home: Path, stack_id: str) -> Iterator[str]:
    path = "mspass:cluster.datadir"
    if len(str(home / "run" / "supervisor.sock")) > SOCKET_PATH:
        yield f"{path}: {home} is too long for a Unix socket in it: choose a shorter one"
    if "%" in str(home):
        yield f"{path}: {home}: supervisord cannot work in a folder with a % in its path"
    first = next(folder for folder in (home, *home.parents) if folder.exists())
    if not first.is_dir():
        yield f"{path}: {first} is not a folder"
        return
    if (
        first == home
        and not owner(Here(), str(home))
        and (foreign := sorted(entry.name for entry in home.iterdir() if not OWN.match(entry.name)))
    ):
        yield f"{path}: {home} holds what is not ours ({', '.join(foreign[:3])}): choose a folder of its own"
        return
    if not os.access(first, os.W_OK):
        yield f"{path}: {home} cannot be made: you cannot write to {first}"
    elif (other := owner(Here(), str(home))) and other[1] != stack_id:
        yield f"{path}: {home} belongs to stack '{other[0]}' ({other[1]}), which is up or was not destroyed"
    elif shutil.disk_usage(first).free < MONGODB_DISK:
        yield f"{path}: less than {MONGODB_DISK // 1024**3} GiB free on the disk of {first}"


def _programs(asked: dict[str, Any]) -> Iterator[str]:
    for program in asked["programs"]:
        try:
            why = refusal(Here(), asked["home"], executables.check(program))
        except Refused as refused:
            why = str(refused)
        if why:
            yield why
    for python, modules in asked["modules"].items():
        if why := _python(python, modules):
            yield f"mspass:cluster.python: {python} {why}"


def _python(python: str, modules: list[str]) -> str:
    """Why an interpreter cannot start the roles; empty when it can."""
    if not Path(python).is_absolute() or not Path(python).is_file() or not os.access(python, os.X_OK):
        return "is not an executable: expected the absolute path of a Python"
    try:
        ran = subprocess.run([python, "-c", LOOK, *modules], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "does not run as a Python does"
    first, _, lacks = ran.stdout.strip().partition(" ")
    if ran.returncode or first != "lacks":
        return f"does not run as a Python does: {(ran.stderr or ran.stdout).strip()[-200:]}"
    return f"lacks {lacks.replace(' ', ', ')}" if lacks else ""
