"""Containers of a Docker engine, on their host's network."""

import shlex

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context, HealthCheck
from mspass_stack.roles.stage import binds
from mspass_stack.runtimes.base import common
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ContainedProcess
from mspass_stack.spec.topology import Process

PYTHON = "python3"
"""The interpreter of an image, by its PATH: in MsPASS's own it is conda's."""


class Docker:
    """Containers of one image, kept up by their engine."""

    engine = True

    def python(self, declared: str | None, own: str | None) -> str:
        return declared or PYTHON

    def image(self, cluster: Cluster) -> str:
        return cluster.image

    def temporary(self, layout: StackLayout) -> str:
        return str(layout.scratch)

    def render(self, command: Command, process: Process, context: Context) -> ContainedProcess:
        fields = common(command, process, context)
        scratch = str(context.layout.scratch)
        if scratch in command.writes:
            # Inside a container the user has no entry in the list of users, and so neither name nor home.
            fields["environment"] = {**command.environment, "HOME": scratch, "USER": "mspass"}
        files = "".join(f". {shlex.quote(path)}; " for path in command.env_files)
        return ContainedProcess(
            **fields,
            container=container_name(context.topology.stack, process.name),
            entrypoint=("/bin/sh", "-c", f'set -a; {files}set +a; exec "$@"', "sh"),
            health=(PYTHON, "-c", _health(command.health)),
            binds=binds(process, context),
        )


def container_name(stack: str, process: str) -> str:
    """Return the name of a container: as Docker Compose names them, so that `docker ps` tells stacks apart."""
    return f"mspass-{stack}-{process}"


def _health(check: HealthCheck) -> str:
    """Return a program that fails when a process does not answer; whether it is ready is asked by its probe."""
    if check.path:
        url = f"http://{check.address}:{check.port}{check.path}"
        # Past the proxies of the environment, which do not see this port.
        opener = "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({}))"
        return f"{opener}.open('{url}', timeout=3)"
    return f"import socket; socket.create_connection(('{check.address}', {check.port}), 3)"
