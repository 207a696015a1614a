"""Processes of the user, as they are."""

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context
from mspass_stack.runtimes.base import common
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import SupervisedProcess
from mspass_stack.spec.topology import Process


class Native:
    """Processes of the user, kept up by supervisord."""

    engine = False

    def python(self, declared: str | None, own: str | None) -> str:
        return own or "python3"

    def image(self, cluster: Cluster) -> str:
        return ""

    def temporary(self, layout: StackLayout) -> str:
        return str(layout.scratch)

    def render(self, command: Command, process: Process, context: Context) -> SupervisedProcess:
        return SupervisedProcess(**common(command, process, context), python=context.host.python)
