"""`Preflight`: everything that would make a start fail, found before anything is touched, all in one table."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mspass_stack.provider import desktop_preflight
from mspass_stack.provider.codec import Props, has_unknown
from mspass_stack.provider.edit import left_behind, misplaced, strangers, switched
from mspass_stack.provider.lab_preflight import Look, lost
from mspass_stack.provider.resource import Call, Refused, Resource


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
            *switched(call.old_inputs.get("hosts", {}), call.inputs["hosts"]),
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
        return list(desktop_preflight.problems(asked, stack_id)), list(desktop_preflight.doubts())


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
