"""`HostProcess`: a process that runs on a host as declared."""

import shlex
from pathlib import Path

from mspass_stack.provider import executables
from mspass_stack.provider.codec import Props
from mspass_stack.provider.resource import Call, InitFailed, Refused, Resource, changed
from mspass_stack.provider.sockets import DIGEST, HOME, PROCESS, STACK, STACK_ID, listeners, marks_of
from mspass_stack.provider.supervisor import Supervisor
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import RenderedProcess

START = 20
"""Seconds until a process that ends at once has been given up by its supervisor: four starts and their pauses."""


class HostProcess(Resource):
    """Inputs: `process` (rendered), `stack`, `stackId`, `secrets` (digests of the files that it reads)."""

    def create(self, call: Call) -> tuple[str, Props]:
        process = RenderedProcess.model_validate(call.inputs["process"])
        id = f"{call.inputs['stack']}/{process.name}@{process.host}"
        return id, {} if call.preview else self._ensure(call, process, id)

    def read(self, call: Call) -> Props | None:
        process, supervisor = _of(call.inputs)
        running = supervisor.runs(process.name)
        if not running or _is_lost(running):
            return None
        return call.outputs | {"incarnation": running, "digest": _digest_on_host(supervisor, process.name)}

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs)
        if not names and call.outputs.get("digest") != _digest(call.inputs):
            return ["process"]
        return names

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        process, supervisor = _of(call.old_inputs)
        if process.home != call.inputs["process"]["home"]:
            supervisor.stop(process.name)
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        process, supervisor = _of(call.inputs)
        supervisor.stop(process.name)

    def _ensure(self, call: Call, process: RenderedProcess, id: str) -> Props:
        supervisor = Supervisor(process.home, call.inputs["stackId"])
        digest = _digest(call.inputs)
        running = supervisor.runs(process.name)
        if _digest_on_host(supervisor, process.name) != digest or not running or _is_lost(running):
            if running:
                call.say("status", "stopping the former one")
            supervisor.stop(process.name)
            self._refuse_foreign(process)
            call.say("status", "starting")
            launcher = _launcher(process, call.inputs, digest)
            supervisor.start(process.name, launcher, process.order, process.stop_signal, process.stop_grace)
        settled = wait_until(lambda: _become(supervisor, process.name, digest), START)
        outputs: Props = {"incarnation": supervisor.runs(process.name), "digest": digest}
        if settled != "runs":
            raise InitFailed(
                id, outputs, f"{process.name} on host '{process.host}': {supervisor.obituary(process.name)}"
            )
        return outputs

    def _refuse_foreign(self, process: RenderedProcess) -> None:
        for listener in listeners(frozenset(process.ports)):
            raise Refused(
                f"{process.name}: port {listener.port} on host '{process.host}' is held by {listener}: "
                "end it, or choose another port in the stack file"
            )


def _of(inputs: Props) -> tuple[RenderedProcess, Supervisor]:
    process = RenderedProcess.model_validate(inputs["process"])
    return process, Supervisor(process.home, inputs["stackId"])


def _is_lost(incarnation: str) -> bool:
    """Whether somebody removed the folder that a process works in: it runs, and every file that it asks for is gone."""
    try:
        return str(Path(f"/proc/{incarnation.split('-', maxsplit=1)[0]}/cwd").readlink()).endswith(" (deleted)")
    except OSError:
        return True


def _become(supervisor: Supervisor, name: str, digest: str) -> str:
    """Whether the launcher has become the process, or its supervisor gave up; empty while neither is so."""
    state = supervisor.state(name)
    if state.get("statename") == "FATAL":
        return "gave up"
    return "runs" if supervisor.runs(name) and marks_of(int(state["pid"])).get(DIGEST) == digest else ""


def _digest(inputs: Props) -> str:
    process = RenderedProcess.model_validate(inputs["process"])
    return process.digest(inputs["stackId"], *(f"{k}={v}" for k, v in sorted(inputs["secrets"].items())))


def _digest_on_host(supervisor: Supervisor, name: str) -> str:
    """What the launcher on the host says that it starts."""
    try:
        lines = Path(supervisor.run, f"{name}.sh").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split("=", 1)[1] for line in lines if line.startswith(f"export {DIGEST}=")), "")


def _launcher(process: RenderedProcess, inputs: Props, digest: str) -> str:
    """The script that becomes the process: environment, secrets from their files, then exec."""
    marks = {
        STACK_ID: inputs["stackId"],
        STACK: inputs["stack"],
        HOME: process.home,
        PROCESS: process.name,
        DIGEST: digest,
    }
    program = [str(executables.find(process.argv[0])), *process.argv[1:]]
    return "\n".join(
        [
            "#!/bin/sh",
            # MongoDB and Dask run out of files at the usual soft limit of 1024.
            'ulimit -S -n "$(ulimit -H -n)"',
            f"echo $$ > {shlex.quote(f'{process.home}/run/{process.name}.pid')}",
            *(
                f"export {key}={shlex.quote(value)}"
                for key, value in [*marks.items(), *sorted(process.environment.items())]
            ),
            *(f'export PATH={shlex.quote(folder)}:"$PATH"' for folder in reversed(process.path)),
            "set -a",
            *(f". {shlex.quote(path)}" for path in process.env_files),
            "set +a",
            f"cd {shlex.quote(process.directory)}",
            f"exec {shlex.join(program)}",
            "",
        ]
    )
