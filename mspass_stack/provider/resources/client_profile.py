"""`ClientProfile`: the user's own files on the control node, by which clients there find the cluster."""

from collections.abc import Mapping
from pathlib import Path

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.files import OWN_MODE, remove_files
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import ClientProfileInputs

ALONE = (
    "# MSPASS_DB_ADDRESS holds on this machine only: tasks cannot use it. The one that Jupyter has holds everywhere.\n"
)
"""What the env file says where the certificate of who signs cannot be where the hosts have it."""


class ClientProfile(Resource[ClientProfileInputs]):
    """Outputs: `intact`, whether all files are there with their content, for the owner only; `trusts`, the path of the
    certificate of who signs those of the database, empty where it speaks no TLS."""

    model = ClientProfileInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/client-profile"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        trusts = _share_authority(call, inputs)
        for path, content in _files(inputs, trusts).items():
            _write(path, content)
        return id, {"intact": True, "trusts": trusts}

    def read(self, call: Call) -> Props:
        files = _files(self.parse(call.inputs), call.outputs.get("trusts", ""))
        return call.outputs | {"intact": _is_intact(files)}

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("intact") else ["files"])

    def update(self, call: Call) -> Props:
        if not call.preview:
            old, new = self.parse(call.old_inputs), self.parse(call.inputs)
            former = _files(old, call.outputs.get("trusts", ""))
            remove_files(LocalMachine(), sorted(set(former) - {*new.files, new.authority_path}))
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        remove_files(LocalMachine(), list(_files(self.parse(call.inputs), call.outputs.get("trusts", ""))))


def _share_authority(call: Call, inputs: ClientProfileInputs) -> str:
    """Write the certificate of who signs where all hosts have it; return where clients here find it."""
    path = inputs.authority_path
    if not inputs.authority:
        return path
    try:
        there = Path(path).exists() and call.outputs.get("trusts") != path
        if not there or LocalMachine().read(path) == inputs.authority:
            _write(path, inputs.authority)
            return path
        why = "another stack's is there"
    except OSError as error:
        why = error.strerror or str(error)
    call.say(
        "warning",
        f"{path}: {why}: on this machine the database's address names {inputs.alone_path} instead. Tasks on the "
        "workers cannot use that address; they have their own in MSPASS_DB_ADDRESS, and Jupyter has one for all",
    )
    return inputs.alone_path


def _files(inputs: ClientProfileInputs, trusts: str) -> dict[str, str]:
    """Return all files, content by path.

    Args:
        trusts: where clients here find the certificate of who signs.
    """
    if not inputs.authority:
        return inputs.files
    if trusts == inputs.authority_path:
        return {**inputs.files, trusts: inputs.authority}
    return {**inputs.files, inputs.path: f"{ALONE}{inputs.alone}"}


def _write(path: str, content: str) -> None:
    LocalMachine().make_directory(path.rpartition("/")[0], OWN_MODE)
    LocalMachine().write(path, content)


def _is_intact(files: Mapping[str, str]) -> bool:
    here = LocalMachine()
    try:
        return all(here.read(path) == content and here.mode(path) & 0o077 == 0 for path, content in files.items())
    except OSError:
        return False
