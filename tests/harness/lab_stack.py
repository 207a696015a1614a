"""A stack of a copy of the project on the hosts of a simulated lab."""

import shutil
from typing import Any

import yaml

from mspass_stack.managers.docker_labels import PROCESS, STACK
from tests.harness import docker_plugin
from tests.harness.lab import Lab
from tests.harness.ports import NUMBER
from tests.harness.project import ROOT, Project, Stack


class LabStack(Stack):
    """A stack.

    Args:
        figure: the stack file of the project that it is made from; its hosts are the lab's, in their order.
        config: changes of its `mspass:cluster`.

    Attributes:
        directory: of the stack on each host.
    """

    def __init__(
        self, project: Project, lab: Lab, image: str, figure: str, name: str = "", config: dict[str, Any] | None = None
    ) -> None:
        output = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{figure}.yaml").read_text())["config"]["mspass:cluster"]
        self.lab = lab
        name = name or figure
        project.environment |= docker_plugin.environment()
        # Of this process of the tests alone: clients on this machine find a file of the stack by that path too.
        self.directory = f"/srv/mspass/{name}-{NUMBER}"
        super().__init__(project, name, output | {"image": image, "datadir": self.directory} | (config or {}))

    def move_to_free_ports(self) -> None:
        """The hosts have all ports; what they have not is the addresses of the file."""
        self.find_hosts()

    def find_hosts(self) -> None:
        """Write the addresses that the hosts have now, and how each of them runs processes."""
        ssh = {"user": self.lab.user, "key": str(self.lab.key), "known_hosts": str(self.lab.known_hosts)}
        for key, name in zip(self.cluster["hosts"], self.lab.names, strict=False):
            self.cluster["hosts"][key] = {"address": self.lab.address(name), "ssh": ssh}
            if self.lab.is_native(name):
                self.cluster["hosts"][key] |= {"runtime": "native", "python": self.lab.native_python}
        self.write()

    def on(self, host: str) -> str:
        """The lab's name of a host of the stack."""
        return self.lab.names[list(self.cluster["hosts"]).index(host)]

    def close(self) -> None:
        """Remove what a failed test left on the hosts: processes, containers, files, shared connections."""
        for name in filter(self.lab.is_on, self.lab.names):
            if self.lab.is_native(name):
                self.lab.execute(name, "sh", "-c", f"pkill -KILL -u {self.lab.user} -f /srv/mspass; true")
            elif left := self.lab.docker(name, "ps", "--all", "--quiet", "--filter", f"label={STACK}").split():
                self.lab.docker(name, "rm", "--force", *left)
            self.lab.execute(name, "sh", "-c", "rm -rf /srv/mspass/*")
        shutil.rmtree(self.directory, ignore_errors=True)

    def running(self) -> dict[str, str]:
        """Host by name of every process of ours that runs, natively or in a container."""
        hosts = filter(self.lab.is_on, self.lab.names)
        return {process: host for host in hosts for process in self._on(host)}

    def container(self, process: str) -> str:
        return f"mspass-{self.name}-{process}"

    def pid(self, process: str) -> tuple[str, str]:
        """The host of a process, and its pid there.

        Raises:
            LookupError, LabError: it is down, or goes down meanwhile.
        """
        host = self.running()[process]
        if self.lab.is_native(host):
            return host, self.lab.execute(host, "cat", f"{self.directory}/run/{process}.pid").strip()
        first = self.lab.docker(host, "inspect", "--format", "{{.State.Pid}}", self.container(process)).strip()
        return host, self.lab.execute(host, "ps", "-o", "pid=", "--ppid", first).split()[0]

    def harm(self, process: str, *words: str) -> None:
        """Do something to a process behind its manager's back: `stop`, `kill` or `rm -f`, in Docker's words."""
        host, pid = self.pid(process)
        if self.lab.is_native(host):
            self.lab.execute(host, "kill", "-TERM" if words[0] == "stop" else "-KILL", pid)
        else:
            self.lab.docker(host, *words, self.container(process))

    def _on(self, host: str) -> list[str]:
        if self.lab.is_native(host):
            alive = 'pid=$(cat "$file"); [ -n "$pid" ] && [ -d "/proc/$pid" ] && basename "$file" .pid'
            look = f"for file in {self.directory}/run/*.pid; do {alive}; done 2> /dev/null; true"
            return [name for name in self.lab.execute(host, "sh", "-c", look).split() if name != "supervisord"]
        words = ("ps", "--filter", f"label={STACK}", "--format", f'{{{{.Label "{PROCESS}"}}}}')
        return self.lab.docker(host, *words).split()
