"""A stack of a copy of the project on the hosts of a simulated lab."""

from typing import Any

import yaml

from mspass_stack.engine import STACK
from tests.harness import docker_plugin
from tests.harness.lab import Lab
from tests.harness.project import ROOT, Project, Stack


class LabStack(Stack):
    """A stack.

    Args:
        figure: the stack file of the project that it is made from; its hosts are the lab's, in their order.
        config: changes of its `mspass:cluster`.
    """

    def __init__(
        self, project: Project, lab: Lab, image: str, figure: str, name: str = "", config: dict[str, Any] | None = None
    ) -> None:
        said = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{figure}.yaml").read_text())["config"]["mspass:cluster"]
        self.lab = lab
        name = name or figure
        project.environment |= docker_plugin.environment()
        super().__init__(project, name, said | {"image": image, "datadir": f"/srv/mspass/{name}"} | (config or {}))

    def move_to_free_ports(self) -> None:
        """The hosts have all ports; what they have not is the addresses of the file."""
        self.find_hosts()

    def find_hosts(self) -> None:
        """Write the addresses that the hosts have now."""
        ssh = {"user": self.lab.user, "key": str(self.lab.key), "known_hosts": str(self.lab.known_hosts)}
        for key, name in zip(self.cluster["hosts"], self.lab.names, strict=False):
            self.cluster["hosts"][key] = {"address": self.lab.address(name), "ssh": ssh}
        self.write()

    def on(self, host: str) -> str:
        """The lab's name of a host of the stack."""
        return self.lab.names[list(self.cluster["hosts"]).index(host)]

    def close(self) -> None:
        """Remove what a failed test left on the hosts: containers, files, shared connections."""
        for name in filter(self.lab.is_on, self.lab.names):
            left = self.lab.docker(name, "ps", "--all", "--quiet", "--filter", f"label={STACK}").split()
            if left:
                self.lab.docker(name, "rm", "--force", *left)
            self.lab.execute(name, "sh", "-c", "rm -rf /srv/mspass/*")

    def containers(self) -> dict[str, str]:
        """Host by name of every container of ours that runs."""
        words = ("ps", "--filter", f"label={STACK}", "--format", "{{.Names}}")
        hosts = filter(self.lab.is_on, self.lab.names)
        return {container: host for host in hosts for container in self.lab.docker(host, *words).split()}

    def container(self, process: str) -> str:
        return f"mspass-{self.name}-{process}"

    def pid(self, process: str) -> tuple[str, str]:
        """The host of a process, and its pid there."""
        container = self.container(process)
        host = self.containers()[container]
        first = self.lab.docker(host, "inspect", "--format", "{{.State.Pid}}", container).strip()
        return host, self.lab.execute(host, "ps", "-o", "pid=", "--ppid", first).split()[0]
