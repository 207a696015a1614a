"""`HostFiles`: the directories of a stack on a host, and the files with its secrets."""

import hashlib
import hmac
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from mspass_stack.errors import InitFailed, Refused, Unreachable
from mspass_stack.machines import binaries, machine
from mspass_stack.machines.base import Machine
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.provider.resources.base import Call, Resource, changed
from mspass_stack.provider.server.codec import Props, has_unknown
from mspass_stack.spec.layout import OWNER, StackLayout
from mspass_stack.spec.resources import HostFilesInputs
from mspass_stack.spec.tls import ALLOW, REQUIRE, mode_file

OWN_MODE, USERS_MODE = 0o700, 0o700
"""Modes of directories that are made: the stack's own, and the user's, whose waveforms are nobody else's."""


class Mark(NamedTuple):
    """Whose a directory is: stack, its id, and which of its hosts."""

    stack: str
    stack_id: str
    host: str


class HostFiles(Resource[HostFilesInputs]):
    """Outputs: `digests` of the files, `observed` (the digests as found), `repairs` (how often each was put right),
    `missing` (directories), `binaries` (their SHA-256 as found), and `user`, the uid:gid that owns all."""

    model = HostFilesInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/files@{call.inputs['host']}"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        host, stack_dir = machine(inputs.connection), PurePosixPath(inputs.stack_dir)
        _refuse_foreign(inputs, host)
        paths = (*inputs.files, *inputs.binaries)
        wanted = [*map(PurePosixPath, inputs.directories), *(PurePosixPath(path).parent for path in paths)]
        # One within another after that one, which would be made for everybody to read on the way.
        directories = [
            part for one in wanted for part in reversed((one, *one.parents)) if part.is_relative_to(stack_dir)
        ]
        with _reported(inputs):
            for directory in dict.fromkeys([stack_dir, *directories, *wanted]):
                if not host.is_directory(str(directory)):
                    own = directory.is_relative_to(stack_dir)
                    host.make_directory(str(directory), OWN_MODE if own else USERS_MODE)
            host.write(f"{stack_dir}/{OWNER}", f"{inputs.stack} {inputs.stack_id} {inputs.host}\n")
            if inputs.tls_mode and not host.exists(inputs.tls_mode):
                host.make_directory(inputs.tls_mode.rpartition("/")[0], OWN_MODE)
                host.write(inputs.tls_mode, mode_file(_first_mode(call)))
        repairs = _repairs(call)
        try:
            with _reported(inputs):
                for path, content in inputs.files.items():
                    host.write(path, content)
                found = binaries.digests(host, inputs.binaries)
                for path, binary in inputs.binaries.items():
                    if found.get(path) != binary.sha256:
                        host.write(path, binaries.bytes_of(binary))
                return id, {"digests": _digests(inputs, repairs), "repairs": repairs, **_look(call, inputs, host)}
        except (Refused, Unreachable) as error:
            # The directory is ours from here on, which the state has to know: a destroy must give it back.
            known: Props = {"digests": {}, "observed": {}, "repairs": repairs, "missing": []}
            raise InitFailed(id, {**known, "user": call.outputs.get("user", "")}, str(error)) from None

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        with _reported(inputs):
            return call.outputs | _look(call, inputs, machine(inputs.connection))

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs, self.model.marked("unseen"))
        if names:
            return names
        if call.outputs.get("missing"):
            return ["directories"]
        wanted = {path: binary["sha256"] for path, binary in call.inputs.get("binaries", {}).items()}
        if call.outputs.get("binaries", {}) != wanted:
            return ["binaries"]
        drifted = call.outputs.get("observed") != _keyed(self.parse(call.inputs))
        return ["files"] if drifted else []

    def update(self, call: Call) -> Props:
        old, moved = call.old_inputs["stackDir"], call.old_inputs["stackDir"] != call.inputs["stackDir"]
        if not moved:
            _refuse_lost(self.parse(call.before))
        else:
            there = machine(self.parse(call.before).connection).is_directory(old)
            rest = f"what is in {old} stays there" if there else f"{old} is gone, or was moved"
            call.say("warning", f"the database, logs and secrets are in {call.inputs['stackDir']} now; {rest}")
        if call.preview:
            # Who reads other files than those that change is not to be announced as replaced.
            unknown = has_unknown([call.inputs["digestKey"], call.inputs["files"]])
            digests = {} if unknown else {"digests": _digests(self.parse(call.inputs), _repairs(call))}
            return {"user": call.outputs["user"], **digests}
        inputs, before = self.parse(call.inputs), self.parse(call.before)
        host = machine(inputs.connection)
        if moved:
            self.delete(replace(call, inputs=call.before))
        kept = {*inputs.files, *inputs.binaries, inputs.tls_mode, ""}
        remove_files(host, sorted({*before.files, *before.binaries, before.tls_mode} - kept), before.stack_dir)
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        """Remove secrets and whatever an interrupted `up` left running; never a directory with the user's data."""
        inputs = self.parse(call.inputs)
        host = machine(inputs.connection)
        # Somebody may have removed the first, with everything still running; a host of containers has neither.
        if any(host.exists(f"{inputs.stack_dir}/{path}") for path in ("run", "log/supervisord.log")):
            with _reported(inputs):
                Supervisord(host, inputs.stack_dir, inputs.stack_id).shut_down()
        with _reported(inputs):
            paths = [*filter(None, [inputs.tls_mode]), *inputs.files, *inputs.binaries]
            remove_files(host, paths, inputs.stack_dir)
            if host.is_directory(scratch := str(StackLayout(inputs.stack_dir).spark_scratch)):
                host.run(["rm", "-rf", "--", scratch])
            host.remove(f"{inputs.stack_dir}/{OWNER}")


def remove_files(host: Machine, paths: list[str], root: str = "") -> None:
    """Remove files, and the directories that are empty then.

    Args:
        root: the directory below which those that these are in are looked at too.
    """
    for path in paths:
        host.remove(path)
    directories = {PurePosixPath(path).parent for path in paths}
    directories |= {
        above for one in directories for above in one.parents if root and PurePosixPath(root) in above.parents
    }
    for directory in map(str, sorted(directories, key=lambda one: len(one.parts), reverse=True)):
        if host.is_directory(directory) and host.is_empty(directory):
            host.remove_directory(directory)


def mark_of(host: Machine, stack_dir: str) -> Mark | None:
    """Return whose a directory is; None when nobody's."""
    try:
        return Mark(*host.read(f"{stack_dir}/{OWNER}").split())
    except (OSError, ValueError, TypeError):
        return None


def _refuse_foreign(inputs: HostFilesInputs, host: Machine) -> None:
    mark = mark_of(host, inputs.stack_dir)
    if mark and mark.stack_id != inputs.stack_id:
        raise Refused(f"host '{inputs.host}': {inputs.stack_dir} belongs to stack '{mark.stack}' ({mark.stack_id})")
    if mark and mark.host != inputs.host:
        raise Refused(f"host '{inputs.host}': {inputs.stack_dir} is that of host '{mark.host}' of this stack")


def _refuse_lost(inputs: HostFilesInputs) -> None:
    """Refuse to write where the stack's mark is gone: to another disk than the one that the state knows, it may be."""
    if mark_of(machine(inputs.connection), inputs.stack_dir) is None:
        raise Refused(
            f"host '{inputs.host}': {inputs.stack_dir} has lost its mark ({OWNER}), and with it perhaps its data: is "
            "the disk mounted on which it is? Nothing was written; mount it and pulumi up. If it is gone for good: "
            "pulumi destroy, then pulumi up starts with an empty directory"
        )


@contextmanager
def _reported(inputs: HostFilesInputs) -> Generator[None]:
    """Report what a host refuses with its name, and its disk with the path."""
    try:
        yield
    except Refused as refused:
        raise Refused(f"host '{inputs.host}': {refused}") from None
    except OSError as error:
        path = error.filename or inputs.stack_dir
        raise Refused(f"host '{inputs.host}': {path}: {error.strerror or error}") from None


def _look(call: Call, inputs: HostFilesInputs, host: Machine) -> Props:
    there = host.is_directory(inputs.stack_dir)
    return {
        "observed": {path: _observed(inputs.digest_key, path, host) for path in inputs.files},
        "missing": [
            *(path for path in inputs.directories if not host.is_directory(path)),
            *([inputs.tls_mode] if inputs.tls_mode and not host.exists(inputs.tls_mode) else []),
        ],
        "binaries": binaries.digests(host, inputs.binaries),
        "user": "{}:{}".format(*host.owner(inputs.stack_dir)) if there else call.outputs.get("user", ""),
    }


def _first_mode(call: Call) -> str:
    """Return MongoDB's mode of TLS to start with: beside servers that are up without any, one that takes both."""
    old = call.old_inputs
    if not old or old["stackDir"] != call.inputs["stackDir"]:
        return REQUIRE
    # Its clients had the certificate of who signs: then all other servers speak TLS already.
    return REQUIRE if old.get("tlsMode") or str(StackLayout(old["stackDir"]).authority) in old["files"] else ALLOW


def _repairs(call: Call) -> dict[str, int]:
    """Count how often each file was found with another content than it was given: who read that is restarted."""
    repairs: dict[str, int] = dict(call.outputs.get("repairs") or {})
    digests: Mapping[str, str] = call.outputs.get("digests") or {}
    observed: Mapping[str, str] = call.outputs.get("observed") or {}
    given = _keyed(HostFiles.model.model_validate(call.old_inputs)) if call.old_inputs else {}
    for path, found in observed.items():
        digest = found.removesuffix(OPEN)
        if path in digests and digest.startswith(DIGEST) and digest != given.get(path):
            repairs[path] = repairs.get(path, 0) + 1
    return repairs


def _digests(inputs: HostFilesInputs, repairs: Mapping[str, int]) -> dict[str, str]:
    """Return what stands for the files in the digests of their readers."""
    contents = {**_keyed(inputs), **dict.fromkeys(inputs.reloaded, RELOADED)}
    return {path: f"{digest}+{repairs[path]}" if repairs.get(path) else digest for path, digest in contents.items()}


def _keyed(inputs: HostFilesInputs) -> dict[str, str]:
    return {path: _digest(inputs.digest_key, content) for path, content in inputs.files.items()}


def _observed(key: str, path: str, host: Machine) -> str:
    try:
        return _digest(key, host.read(path)) + (OPEN if host.mode(path) & 0o077 else "")
    except OSError as error:
        return error.strerror or "unreadable"


DIGEST = "hmac:"
"""What a digest begins with, so that it differs from the reason why there is none."""

RELOADED = "reloaded"
"""What stands for the content of a file that its readers read anew when they are told to."""

OPEN = " readable by others"
"""What it ends with where the file is not its owner's only."""


def _digest(key: str, content: str) -> str:
    """Return a keyed digest, since the state shows it and a password that a person chose could be guessed."""
    return DIGEST + hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()[:16]
