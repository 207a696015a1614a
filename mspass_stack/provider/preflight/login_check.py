"""The login host of a Slurm cluster, checked for all nodes of a job at once. Looks only; changes nothing."""

from collections.abc import Collection

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines import slurm_node
from mspass_stack.provider.preflight import checks
from mspass_stack.provider.preflight.facts import gather
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import HostRequirements
from mspass_stack.spec.topology import NODES


class LoginCheck:
    """A node of a job, checked by its login host. Takes the arguments and has the attributes of `HostCheck`."""

    def __init__(
        self,
        connection: ConnectionSpec,
        asked: HostRequirements,
        stack: str,
        stack_id: str,
        known: Collection[str] = (),
    ) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.versions: dict[str, str] = {}
        self.anchor = ""
        # Ports, memory and processors are the nodes' own; the job looks at them.
        here = asked.model_copy(update={"ports": {}, "memory": {}, "peers": [], "mongodb": False})
        try:
            facts = gather(slurm_node(connection).login, asked.stack_dir, asked.workdir, [])
            self.problems += checks.problems(facts, here, NODES, stack_id, lambda port, process: None)
            self._look_for_image(connection, asked.image)
        except (Unreachable, Refused) as error:
            self.problems.append(str(error))

    def _look_for_image(self, connection: ConnectionSpec, image: str) -> None:
        if "://" not in image and not slurm_node(connection).exists(image):
            self.problems.append(f"mspass:cluster.image: {image} is not there")
