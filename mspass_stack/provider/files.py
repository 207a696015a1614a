"""`HostFiles`: the folders of a stack on a host, and the files with its secrets."""

import hashlib
import hmac
import os
from dataclasses import replace
from pathlib import Path

from mspass_stack.provider.codec import Props
from mspass_stack.provider.resource import Call, Refused, Resource, changed
from mspass_stack.provider.supervisor import Supervisor

OWNER = ".mspass-stack"
"""The file in the stack's folder that says which stack it belongs to; a folder of data has one owner."""


class HostFiles(Resource):
    """Inputs: `home`, `folders`, `files` (secret: content by path), `key` (secret: of digests), `stack`, `stackId`."""

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/files@{call.inputs['host']}"
        if call.preview:
            return id, {}
        wished: dict[str, str] = call.inputs["files"]
        home = Path(call.inputs["home"])
        for folder in (home, *map(Path, call.inputs["folders"]), *(Path(path).parent for path in wished)):
            if not folder.is_dir():
                folder.mkdir(mode=0o700 if folder.is_relative_to(home) else 0o755, parents=True)
        (home / OWNER).write_text(f"{call.inputs['stack']} {call.inputs['stackId']}\n")
        for path, content in wished.items():
            _write_secret(Path(path), content)
        return id, {"digests": self._digests(call), "missing": []}

    def read(self, call: Call) -> Props:
        missing = [path for path in call.inputs["folders"] if not Path(path).is_dir()]
        return call.outputs | {"digests": self._digests(call), "missing": missing}

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs)
        if not names and call.outputs.get("missing"):
            return ["folders"]
        key = call.inputs["key"]
        wished = {path: _digest(key, content) for path, content in call.inputs["files"].items()} if not names else {}
        return ["files"] if not names and call.outputs.get("digests") != wished else names

    def update(self, call: Call) -> Props:
        old = call.old_inputs["home"]
        moved = old != call.inputs["home"]
        if moved:
            call.say(
                "warning",
                f"the database, logs and secrets are in {call.inputs['home']} now; what is in {old} stays there",
            )
        if call.preview:
            return {}
        if moved:
            self.delete(replace(call, inputs=call.old_inputs))
        for path in set(call.old_inputs.get("files", {})) - set(call.inputs["files"]):
            Path(path).unlink(missing_ok=True)
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        """Remove secrets and whatever an interrupted `up` left running; never a folder with the user's data."""
        home = Path(call.inputs["home"])
        Supervisor(str(home), call.inputs["stackId"]).shut_down()
        for path in map(Path, call.inputs["files"]):
            path.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        (home / OWNER).unlink(missing_ok=True)

    def _digests(self, call: Call) -> Props:
        digests: Props = {}
        for path in map(Path, call.inputs["files"]):
            try:
                private = path.stat().st_mode & 0o077 == 0
                digests[str(path)] = _digest(call.inputs["key"], path.read_text()) if private else "readable by others"
            except OSError as error:
                digests[str(path)] = error.strerror or "unreadable"
        return digests


def owner(home: Path) -> tuple[str, str] | None:
    """Stack name and id of whom a folder belongs to."""
    try:
        name, id = (home / OWNER).read_text().split()
    except (OSError, ValueError):
        return None
    return name, id


def _digest(key: str, content: str) -> str:
    """Keyed, since the state shows it and a password that a person chose could be guessed from a plain one."""
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()[:16]


def _write_secret(path: Path, content: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    partial.replace(path)
