"""`Preflight`: everything that would make a start fail, found before anything is touched, all in one table."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from mspass_stack.engine import Engine, EngineError, Publisher
from mspass_stack.machine import Here
from mspass_stack.provider import executables
from mspass_stack.provider.codec import Props, has_unknown
from mspass_stack.provider.compatibility import refusal
from mspass_stack.provider.edit import left_behind, misplaced, strangers
from mspass_stack.provider.executables import LOOK
from mspass_stack.provider.files import owner
from mspass_stack.provider.lab_preflight import Look, lost
from mspass_stack.provider.limits import MONGODB_DISK, NOFILE, OWN
from mspass_stack.provider.resource import Call, Refused, Resource
from mspass_stack.provider.sockets import listeners

SOCKET_PATH = 100
"""Bytes that the path of a Unix socket may have (sun_path holds 108; supervisord adds a suffix while it binds)."""


class Preflight(Resource):
    """Inputs by host: `home`, `workdir`, `ports` (YAML path by port), `memory` (bytes asked by YAML path), `engine`
    (empty without containers), what native processes need (`programs`, and `modules` by interpreter), and of a lab's
    hosts `image`, `address`, `peers` (the other hosts' addresses) and `mongodb`. `reaches` by host. `shards`: port by
    host, by name. `documents`: where they are. Output `known`: the hosts that the state has or had something of."""

    def create(self, call: Call) -> tuple[str, Props]:
        hosts: dict[str, Props] = dict(sorted(call.inputs["hosts"].items()))
        stack_id = "" if has_unknown(call.inputs["stackId"]) else str(call.inputs["stackId"])
        problems: list[str] = []
        warnings: list[str] = []
        leaving = _leaving(call)
        with ThreadPoolExecutor(len(hosts) + len(leaving)) as pool:
            looks = pool.map(partial(self._look, call, stack_id), [*hosts, *leaving])
            for host, (wrong, doubtful) in zip([*hosts, *leaving], looks, strict=True):
                problems += [f"host '{host}': {line}" for line in wrong]
                warnings += [f"host '{host}' {line}" for line in doubtful]
        if problems:
            raise Refused("nothing was started:\n" + "\n".join(f"  {problem}" for problem in problems))
        for line in warnings:
            call.say("warning", line)
        return f"{call.inputs['stack']}/preflight", {"known": sorted({*_known(call), *hosts})}

    def diff(self, call: Call) -> list[str]:
        abandoned = call.inputs["abandoned"]
        problems = [
            *strangers(abandoned, _known(call)),
            *misplaced(call.old_inputs.get("shards", {}), call.inputs["shards"], abandoned),
            *left_behind(call.old_inputs.get("documents", {}), call.inputs["documents"], abandoned),
        ]
        if problems:
            raise Refused("nothing was changed:\n" + "\n".join(f"  {problem}" for problem in problems))
        another_way = call.old_inputs.get("reaches") != call.inputs.get("reaches")
        return super().diff(call) + (["reaches"] if another_way else [])

    def _look(self, call: Call, stack_id: str, host: str) -> tuple[list[str], list[str]]:
        if host not in call.inputs["hosts"]:
            return list(_goodbye(call, host)), []
        asked = call.inputs["hosts"][host]
        if "peers" in asked:
            seen = Look(host, asked, call.inputs["reaches"][host], call.inputs["stack"], stack_id)
            return seen.problems, seen.warnings
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        few = hard != resource.RLIM_INFINITY and hard < NOFILE
        warnings = [f"allows {hard} open files per process; MongoDB recommends {NOFILE}"] if few else []
        return list(_problems(asked, stack_id)), warnings


def _known(call: Call) -> set[str]:
    """The hosts that the state has something of, or had: also of an update that ended half-way."""
    return {*call.outputs.get("known", []), *call.old_inputs.get("hosts", {})}


def _leaving(call: Call) -> list[str]:
    """The lab's hosts that play no role any more: what is there will be removed, or forgotten."""
    old: dict[str, Props] = call.old_inputs.get("hosts", {})
    return sorted(host for host, asked in old.items() if "peers" in asked and host not in call.inputs["hosts"])


def _goodbye(call: Call, host: str) -> Iterator[str]:
    """A host that leaves and is lost has to be given up; one that answers is cleared, not forgotten."""
    why = lost(call.old_inputs["reaches"][host], call.old_inputs["hosts"][host]["engine"])
    given_up = host in call.inputs["abandoned"]
    if why and not given_up:
        yield (
            f"{why}; it plays no role any more, and what runs there cannot be removed: "
            'bring it back, or give it up by mspass:abandon (README, "A host that is down")'
        )
    if given_up and not why:
        yield "it answers: what runs there would go on; pulumi up removes it without mspass:abandon"


def _problems(asked: Props, stack_id: str) -> Iterator[str]:
    try:
        published = _published(asked["engine"])
    except EngineError as error:
        yield f"mspass:cluster.runtime: {error}: start Docker, or set DOCKER_HOST, or choose runtime: native"
        return
    yield from _ports(asked["ports"], stack_id, published)
    yield from _home(Path(asked["home"]), stack_id)
    yield from _memory(asked)
    yield from _programs(asked)
    workdir = Path(asked["workdir"])
    if workdir.is_relative_to(asked["home"]):
        yield f"mspass:cluster.workdir: {workdir} is in the stack's own folder {asked['home']}, beside its secrets"
    if workdir.exists() and not (workdir.is_dir() and os.access(workdir, os.W_OK)):
        yield f"mspass:cluster.workdir: {workdir} is not a folder that you can write to"


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


def _memory(asked: Props) -> Iterator[str]:
    total = psutil.virtual_memory().total
    wished: dict[str, int] = asked["memory"]
    if sum(wished.values()) > total:
        parts = ", ".join(f"{path} {size / 1024**3:.1f} GiB" for path, size in wished.items())
        yield f"memory: {parts}: more than the machine's {total / 1024**3:.1f} GiB"


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
