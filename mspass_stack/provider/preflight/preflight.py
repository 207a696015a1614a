"""`Preflight`: everything that would make a start fail, found before anything is touched, all in one table."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mspass_stack.errors import Refused
from mspass_stack.provider.preflight import forbidden_changes
from mspass_stack.provider.preflight.host_check import HostCheck, unreachable_reason
from mspass_stack.provider.preflight.login_check import LoginCheck
from mspass_stack.provider.preflight.shared_directory import shared_directories
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props, has_unknown
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import HostRequirements, PreflightInputs


class Preflight(Resource[PreflightInputs]):
    """Outputs: `known`, the hosts that the state has or had something of, with the processes on them; `versions` of the
    Pythons of hosts without an image."""

    model = PreflightInputs

    def create(self, call: Call) -> tuple[str, Props]:
        inputs = self.parse(call.inputs)
        stack_id = "" if has_unknown(inputs.stack_id) else inputs.stack_id
        leaving, problems, checked = _leaving(call), list[str](), dict[str, HostCheck | LoginCheck]()
        with ThreadPoolExecutor(len(inputs.hosts) + len(leaving)) as pool:
            removals = pool.map(partial(_check_removal, call, inputs.abandoned), leaving)
            hosts = sorted(inputs.hosts)
            checks = pool.map(partial(_check, call, inputs, stack_id), hosts)
            for host, check in zip(hosts, checks, strict=True):
                checked[host] = check
                problems += [f"{check.who}: {line}" for line in check.problems]
            problems += [line for lines in removals for line in lines]
        anchors = {host: check.anchor for host, check in checked.items() if check.anchor}
        if not problems and len(anchors) > 1:
            problems += shared_directories(anchors, inputs.connections)
        if problems:
            raise Refused("nothing was started:\n" + "\n".join(f"  {problem}" for problem in problems))
        for check in checked.values():
            for line in check.warnings:
                call.say("warning", f"{check.who} {line}")
            for line in check.notes:
                call.say("info", line)
        known = {host: sorted({*processes}) for host, processes in _known(call).items()}
        known |= {host: sorted({*known.get(host, []), *asked.processes}) for host, asked in inputs.hosts.items()}
        versions = {host: check.versions for host, check in checked.items() if check.versions}
        return f"{inputs.stack}/preflight", {"known": known, "versions": versions}

    def update(self, call: Call) -> Props:
        if call.old_inputs.get("documents") and forbidden_changes.switched_on(*_encrypted(call)):
            call.say(
                "warning",
                "mspass:cluster.encryption: the database's servers restart one by one and take connections by TLS only "
                "from then on: clients outside need the new databaseUri (or clientProfile); those that are connected "
                "in clear go on until they end",
            )
        return super().update(call)

    def diff(self, call: Call) -> list[str]:
        old, new, abandoned = call.old_inputs, call.inputs, call.inputs["abandoned"]
        hosts = old.get("hosts", {}), new["hosts"]
        jobs: tuple[Props, Props] = (old.get("job") or {}, new.get("job") or {})
        problems = [
            *forbidden_changes.unknown_hosts(abandoned, _known(call)),
            *forbidden_changes.renamed_hosts(*hosts),
            *forbidden_changes.runtime_changed(*hosts),
            *forbidden_changes.storage_changed(*jobs),
            *forbidden_changes.resized(jobs[1], old.get("shards", {}), new["shards"]),
            *forbidden_changes.moved_shards(old.get("shards", {}), new["shards"], abandoned),
            *forbidden_changes.encryption_changed(*_encrypted(call), moved=_moves(call)),
            *forbidden_changes.orphaned_data(old.get("documents", {}), new["documents"], abandoned),
        ]
        if problems:
            raise Refused("nothing was changed:\n" + "\n".join(f"  {problem}" for problem in problems))
        reached_otherwise = old.get("connections") != new.get("connections")
        return super().diff(call) + (["connections"] if reached_otherwise else [])


def _encrypted(call: Call) -> tuple[list[str], list[str]]:
    """Return the protocols that spoke TLS, and those that are to speak it."""
    return call.old_inputs.get("encrypted", []), call.inputs.get("encrypted", [])


def _moves(call: Call) -> bool:
    """Return whether servers of the database come, go or move."""
    return any(call.old_inputs.get(key, {}) != call.inputs[key] for key in ("shards", "documents"))


def _check(call: Call, inputs: PreflightInputs, stack_id: str, host: str) -> HostCheck | LoginCheck:
    connection = inputs.connections[host]
    if connection.job:
        return LoginCheck(connection, inputs.hosts[host], inputs.stack, stack_id, inputs.job)
    return HostCheck(connection, inputs.hosts[host], inputs.stack, stack_id, _known(call).get(host, []))


def _known(call: Call) -> dict[str, list[str]]:
    """Return the hosts that the state has or had something of, with processes: also of an update cut short."""
    known: dict[str, list[str]] = dict(call.outputs.get("known") or {})
    for host, asked in call.old_inputs.get("hosts", {}).items():
        known[host] = [*known.get(host, []), *asked["processes"]]
    return known


def _leaving(call: Call) -> list[str]:
    """Return the hosts that play no role any more: what is there will be removed, or forgotten.

    Nodes of a job are none: its login host has all that is theirs.
    """
    old: dict[str, Props] = call.old_inputs.get("hosts", {})
    connections: dict[str, Props] = call.old_inputs.get("connections", {})
    return sorted(host for host in {*old} - {*call.inputs["hosts"]} if not connections[host].get("job"))


def _check_removal(call: Call, abandoned: list[str], host: str) -> list[str]:
    """Refuse to leave a host that is lost without giving it up, and to forget one that answers: that is cleared."""
    return [f"host '{host}': {line}" for line in _removal(call, abandoned, host)]


def _removal(call: Call, abandoned: list[str], host: str) -> Iterator[str]:
    connection = ConnectionSpec.model_validate(call.old_inputs["connections"][host])
    why = unreachable_reason(connection, HostRequirements.model_validate(call.old_inputs["hosts"][host]))
    if why and host not in abandoned:
        yield (
            f"{why}; it plays no role any more, and what runs there cannot be removed: "
            f"bring it back, or give it up by mspass:abandon: pulumi config set --path 'mspass:abandon[0]' {host}"
        )
    if host in abandoned and not why:
        yield "it answers: what runs there would go on; pulumi up removes it without mspass:abandon"
