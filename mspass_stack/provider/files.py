"""`HostFiles`: the folders of a stack on a host, and the files with its secrets."""

import hashlib
import hmac
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from mspass_stack.machine import Machine, Unreachable
from mspass_stack.provider.codec import Props, has_unknown
from mspass_stack.provider.machines import machine_of
from mspass_stack.provider.resource import Call, InitFailed, Refused, Resource, changed
from mspass_stack.provider.supervisor import Supervisor

OWNER = ".mspass-stack"
"""The file in the stack's folder that says which stack it belongs to; a folder of data has one owner."""


class HostFiles(Resource):
    """Inputs: `reach`, `home`, `folders`, `files` (secret: content by path), `key` (secret: of digests), `stack`,
    `stackId`. Outputs: `digests` of the files, and `user`, the uid:gid that owns them."""

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/files@{call.inputs['host']}"
        if call.preview:
            return id, {}
        host = machine_of(call.inputs)
        wished: dict[str, str] = call.inputs["files"]
        home = PurePosixPath(call.inputs["home"])
        self._refuse_foreign(call, host)
        folders = [home, *map(PurePosixPath, call.inputs["folders"]), *(PurePosixPath(path).parent for path in wished)]
        with _told(call):
            for folder in dict.fromkeys(folders):
                if not host.is_folder(str(folder)):
                    host.make_folder(str(folder), 0o700 if folder.is_relative_to(home) else 0o755)
            host.write(str(home / OWNER), f"{call.inputs['stack']} {call.inputs['stackId']}\n")
        try:
            with _told(call):
                for path, content in wished.items():
                    host.write(path, content)
                return id, self._look(call, host)
        except (Refused, Unreachable) as error:
            # The folder is ours from here on, which the state has to know: a destroy must give it back.
            known: Props = {"digests": {}, "missing": [], "user": call.outputs.get("user", "")}
            raise InitFailed(id, known, str(error)) from None

    def read(self, call: Call) -> Props:
        with _told(call):
            return call.outputs | self._look(call, machine_of(call.inputs))

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs)
        if not names and call.outputs.get("missing"):
            return ["folders"]
        return ["files"] if not names and call.outputs.get("digests") != _wished(call) else names

    def update(self, call: Call) -> Props:
        old = call.old_inputs["home"]
        moved = old != call.inputs["home"]
        if moved:
            call.say(
                "warning",
                f"the database, logs and secrets are in {call.inputs['home']} now; what is in {old} stays there",
            )
        if call.preview:
            # Who reads other files than those that change is not to be announced as replaced.
            unknown = has_unknown([call.inputs["key"], call.inputs["files"]])
            return {"user": call.outputs["user"], **({} if unknown else {"digests": _wished(call)})}
        if moved:
            self.delete(replace(call, inputs=call.old_inputs))
        for path in set(call.old_inputs.get("files", {})) - set(call.inputs["files"]):
            machine_of(call.inputs).remove(path)
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        """Remove secrets and whatever an interrupted `up` left running; never a folder with the user's data."""
        home, host = call.inputs["home"], machine_of(call.inputs)
        if not host.remote:
            Supervisor(home, call.inputs["stackId"]).shut_down()
        with _told(call):
            for path in call.inputs["files"]:
                host.remove(path)
                folder = str(PurePosixPath(path).parent)
                if host.is_folder(folder) and host.is_empty(folder):
                    host.remove_folder(folder)
            host.remove(f"{home}/{OWNER}")

    def _refuse_foreign(self, call: Call, host: Machine) -> None:
        other = owner(host, call.inputs["home"])
        if other and other[1] != call.inputs["stackId"]:
            raise Refused(
                f"host '{call.inputs['host']}': {call.inputs['home']} belongs to stack '{other[0]}' ({other[1]})"
            )

    def _look(self, call: Call, host: Machine) -> Props:
        key, home = call.inputs["key"], call.inputs["home"]
        there = host.is_folder(home)
        return {
            "digests": {path: _seen(key, path, host) for path in call.inputs["files"]},
            "missing": [path for path in call.inputs["folders"] if not host.is_folder(path)],
            "user": "{}:{}".format(*host.owner(home)) if there else call.outputs.get("user", ""),
        }


@contextmanager
def _told(call: Call) -> Generator[None]:
    """What a host's disk refuses is told with host and path."""
    try:
        yield
    except OSError as error:
        path = error.filename or call.inputs["home"]
        raise Refused(f"host '{call.inputs['host']}': {path}: {error.strerror or error}") from None


def owner(host: Machine, home: str) -> tuple[str, str] | None:
    """Stack name and id of whom a folder belongs to."""
    try:
        name, id = host.read(f"{home}/{OWNER}").split()
    except (OSError, ValueError):
        return None
    return name, id


def _wished(call: Call) -> dict[str, str]:
    return {path: _digest(call.inputs["key"], content) for path, content in call.inputs["files"].items()}


def _seen(key: str, path: str, host: Machine) -> str:
    try:
        return _digest(key, host.read(path)) if host.mode(path) & 0o077 == 0 else "readable by others"
    except OSError as error:
        return error.strerror or "unreadable"


def _digest(key: str, content: str) -> str:
    """Keyed, since the state shows it and a password that a person chose could be guessed from a plain one."""
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()[:16]
