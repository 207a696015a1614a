"""`ClientProfile`: the user's own files on the control node, by which clients there find the cluster."""

import sys
from collections.abc import Mapping
from pathlib import Path

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.files import OWN_MODE, remove_files
from mspass_stack.provider.resources.guest import Welcome, is_own, welcome
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import HERE, OWN_PYTHON, ClientProfileInputs

ALONE = (
    "# MSPASS_DB_ADDRESS holds on this machine only: tasks cannot use it. The one that Jupyter has holds everywhere.\n"
)
"""What the env file says where the certificate of who signs cannot be where the hosts have it."""


class ClientProfile(Resource[ClientProfileInputs]):
    """Outputs: `intact`, whether all files are there with their content, for the owner only; `trusts`, the path of the
    certificate of who signs those of the database, empty where it speaks no TLS; `guest`, the address by which hosts
    connect back to clients here, and why they cannot, found when the files are written."""

    model = ClientProfileInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/client-profile"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        outputs: Props = {"intact": True, "trusts": _share_authority(call, inputs)}
        if inputs.guest and inputs.guest_connection:
            outputs["guest"] = welcome(inputs.guest, inputs.guest_connection)._asdict()
        for path, content in _files(inputs, outputs).items():
            _write(path, content)
        return id, outputs

    def read(self, call: Call) -> Props:
        files, address = _files(self.parse(call.inputs), call.outputs), _welcome(call.outputs).address
        return call.outputs | {"intact": _is_intact(files) and (not address or is_own(address))}

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("intact") else ["files"])

    def update(self, call: Call) -> Props:
        if not call.preview:
            old, new = self.parse(call.old_inputs), self.parse(call.inputs)
            kept = {*new.files, *new.guest_files, new.authority_path}
            remove_files(LocalMachine(), sorted(set(_files(old, call.outputs)) - kept))
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        remove_files(LocalMachine(), list(_files(self.parse(call.inputs), call.outputs)))


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


def _files(inputs: ClientProfileInputs, outputs: Props) -> dict[str, str]:
    """Return all files by what was found out of this machine, content by path."""
    files, trusts = dict(inputs.files), outputs.get("trusts", "")
    if inputs.authority and trusts == inputs.authority_path:
        files[trusts] = inputs.authority
    elif inputs.authority:
        files[inputs.path] = f"{ALONE}{inputs.alone}"
    if not inputs.guest:
        return files
    address, why = _welcome(outputs)
    if not address:
        return files | {inputs.path: f"# {inputs.guest.remark}\n# Not on this machine: {why}.\n{files[inputs.path]}"}
    known = {HERE: address, OWN_PYTHON: sys.executable}
    # What comes over the wire has no order.
    lines = [f"{key}='{known.get(value, value)}'\n" for key, value in sorted(inputs.guest.environment.items())]
    return {**files, **inputs.guest_files, inputs.path: files[inputs.path] + "".join(lines)}


def _welcome(outputs: Props) -> Welcome:
    return Welcome(**outputs.get("guest", {}))


def _write(path: str, content: str) -> None:
    LocalMachine().make_directory(path.rpartition("/")[0], OWN_MODE)
    LocalMachine().write(path, content)


def _is_intact(files: Mapping[str, str]) -> bool:
    here = LocalMachine()
    try:
        return all(here.read(path) == content and here.mode(path) & 0o077 == 0 for path, content in files.items())
    except OSError:
        return False
