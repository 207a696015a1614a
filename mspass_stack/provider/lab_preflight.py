"""What a lab host must be and have, and what of it is missing. Looks only; changes nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from mspass_stack.engine import NAME, Engine, EngineError, Publisher
from mspass_stack.machine import Unreachable
from mspass_stack.provider.codec import Props
from mspass_stack.provider.facts import Facts, gather
from mspass_stack.provider.files import OWNER
from mspass_stack.provider.limits import MONGODB_DISK, OWN, beyond_memory, few_files
from mspass_stack.rendered import Reach
from mspass_stack.transport import machine

ENGINE = (20, 10)
"""The oldest engine that was tried."""

SKEW = 5.0
"""Seconds by which clocks may differ: certificates, tokens and logs are compared across hosts."""

AVX = frozenset({"avx", "atomics"})
"""MongoDB 5 and newer needs AVX, on ARM the atomics of v8.2 (MongoDB manual, "Platform support")."""


class Look:
    """One host, looked at.

    Attributes:
        problems, warnings: a line each, without the host's name.
    """

    def __init__(self, host: str, asked: Props, reach: Mapping[str, Any], stack: str, stack_id: str) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._stack, self._stack_id = stack, stack_id
        known = Reach.model_validate(reach)
        engine = Engine(asked["engine"], known)
        try:
            facts = gather(machine(known), asked["home"], asked["workdir"], [asked["address"], *asked["peers"]])
            self.problems += self._engine(engine, asked["image"])
            published = engine.published()
        except (Unreachable, EngineError) as error:
            said = _said(error, known)
            self.problems.append(said if known.remote else f"{said} (without ssh: it is this machine)")
            return
        self.problems += judge(facts, asked, stack_id, published)
        self.warnings += doubts(facts)

    def _engine(self, engine: Engine, image: str) -> Iterator[str]:
        version = engine.version()
        if tuple(int(part) for part in version.split(".")[:2]) < ENGINE:
            yield f"its Docker engine is {version}: expected {'.'.join(map(str, ENGINE))} or newer"
        try:
            engine.can_have(image)
        except EngineError as error:
            yield f"mspass:cluster.image: {image} is neither on it nor at its registry: {error}"
        if others := engine.owners(self._stack) - {self._stack_id}:
            yield (
                f"it runs a stack '{self._stack}' of another clone ({', '.join(sorted(others))}): "
                "destroy that one first, or give this stack another name; of a host that was given up and came back: "
                f"docker rm -f $(docker ps -aq --filter label={NAME}={self._stack}) there"
            )


def lost(reach: Mapping[str, Any], engine: str) -> str:
    """Why nothing can be removed from a host; empty where it can."""
    known = Reach.model_validate(reach)
    try:
        machine(known).run(["true"])  # before the engine, whose error would name the host twice
        Engine(engine, known).version()
    except (Unreachable, EngineError) as error:
        return _said(error, known)
    return ""


def judge(facts: Facts, asked: Props, stack_id: str, published: Mapping[int, Publisher]) -> Iterator[str]:
    """What is missing on a host that answers."""
    for port, path in asked["ports"].items():
        if int(port) in facts.ports:
            holder = published.get(int(port))
            if holder is None or not stack_id or holder.stack_id != stack_id:
                yield f"{path}: port {port} is held by {holder or facts.holder(int(port))}"
    yield from _folders(facts, asked, stack_id)
    yield from beyond_memory(asked["memory"], facts.memory, "its")
    if asked["mongodb"] and not facts.features & AVX:
        yield f"its CPU ({facts.machine}) lacks AVX, which MongoDB needs"
    for name in asked["peers"]:
        if name not in facts.resolves:
            yield f"it cannot resolve '{name}', the address of another host: give it a DNS or /etc/hosts entry"
    if (own := facts.resolves.get(asked["address"], "")).startswith("127."):
        yield (
            f"its own name '{asked['address']}' is {own} there, where no other host reaches it: "
            "correct its /etc/hosts, or write its address on the network"
        )
    if abs(facts.skew) > SKEW + facts.doubt:
        yield f"its clock is {facts.skew:+.0f} s off this machine's: set up time synchronisation (chrony, ntp)"


def doubts(facts: Facts) -> Iterator[str]:
    """What works and is worth a word."""
    yield from few_files(facts.nofile)


def _folders(facts: Facts, asked: Props, stack_id: str) -> Iterator[str]:
    home, workdir = asked["home"], asked["workdir"]
    if facts.owner and facts.owner[-1] != stack_id:
        yield (
            f"mspass:cluster.datadir: {home} belongs to stack '{facts.owner[0]}' ({facts.owner[-1]}) of another clone; "
            f"of a host that was given up and came back: rm {home}/{OWNER} there"
        )
    elif not facts.owner and (foreign := sorted(name for name in facts.holds if not OWN.match(name))):
        names = ", ".join(foreign[:3])
        yield f"mspass:cluster.datadir: {home} holds what is not ours ({names}): choose a folder of its own"
    if facts.keeper not in (-1, facts.uid):
        yield (
            f"mspass:cluster.datadir: {home} belongs to uid {facts.keeper}, and the ssh user is uid {facts.uid}: "
            "log in as its owner"
        )
    for path, folder in (("datadir", home), ("workdir", workdir)):
        if folder not in facts.writable:
            yield f"mspass:cluster.{path}: {folder} cannot be made or written by the ssh user"
    if facts.free.get(home, 0) < MONGODB_DISK:
        yield f"mspass:cluster.datadir: less than {MONGODB_DISK // 1024**3} GiB free on the disk of {home}"


def _said(error: Exception, reach: Reach) -> str:
    """An error without the host's name."""
    return str(error).removeprefix(f"{reach}").lstrip(": ")
