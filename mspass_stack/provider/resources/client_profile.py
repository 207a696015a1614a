"""`ClientProfile`: the user's own files on the control node, by which clients there find the cluster."""

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.files import OWN_MODE, remove_files
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import ClientProfileInputs


class ClientProfile(Resource[ClientProfileInputs]):
    """Output: `intact`, whether all files are there with their content, for the owner only."""

    model = ClientProfileInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/client-profile"
        if call.preview:
            return id, {}
        inputs, here = self.parse(call.inputs), LocalMachine()
        for path, content in inputs.files.items():
            here.make_directory(path.rpartition("/")[0], OWN_MODE)
            here.write(path, content)
        return id, {"intact": True}

    def read(self, call: Call) -> Props:
        return call.outputs | {"intact": _is_intact(self.parse(call.inputs))}

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("intact") else ["files"])

    def update(self, call: Call) -> Props:
        if not call.preview:
            old, new = self.parse(call.old_inputs), self.parse(call.inputs)
            remove_files(LocalMachine(), sorted(set(old.files) - set(new.files)))
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        remove_files(LocalMachine(), list(self.parse(call.inputs).files))


def _is_intact(inputs: ClientProfileInputs) -> bool:
    here = LocalMachine()
    try:
        return all(
            here.read(path) == content and here.mode(path) & 0o077 == 0 for path, content in inputs.files.items()
        )
    except OSError:
        return False
