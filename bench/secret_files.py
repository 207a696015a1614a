"""The secret files of a host, with values as the plugin makes them."""

from collections.abc import Mapping

from mspass_stack import Plan
from mspass_stack.provider.resources.secret import FORMS
from mspass_stack.roles.clients import CLIENT_ENV
from mspass_stack.roles.registry import client_env, role_of
from mspass_stack.spec.topology import Topology


def random_values(topology: Topology) -> dict[str, str]:
    """Return a value for every secret of the roles, by name."""
    forms = {key: form for process in topology.processes for key, form in role_of(process).secrets.items()}
    return {key: FORMS[form]() for key, form in forms.items()}


def secret_files(plan: Plan, host: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what the processes of a host read, content by path."""
    known = {**values, CLIENT_ENV: client_env(plan.topology, values, plan.topology.hosts[host].layout.authority)}
    files: dict[str, str] = {}
    for process in plan.topology.on(host):
        files |= role_of(process).files(process, plan.context(host), known)
    return files
