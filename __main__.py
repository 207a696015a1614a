"""The Pulumi program: config -> plan -> declaration -> stack outputs."""

import sys
from pathlib import Path

import pulumi

from mspass_stack import Cluster, ConfigError, VirtualCluster, plan
from mspass_stack.config import abandoned, check_keys
from mspass_stack.cores import cores
from mspass_stack.runtimes import check_deployable

config = pulumi.Config("mspass")


def value(key: str) -> object:
    """An object of the config, or the text that is there in its place."""
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)


try:
    check_keys({key.removeprefix("mspass:") for key in pulumi.runtime.get_config_env() if key.startswith("mspass:")})
    cluster = Cluster.read(value("cluster"))
    given_up = abandoned(value("abandon"), cluster)
    topology = plan(cluster, pulumi.get_stack(), cores(cluster, Path.cwd()))
    check_deployable(topology)
except ConfigError as error:
    raise pulumi.RunError(f"{pulumi.get_stack()}: the config cannot be deployed:\n{error}") from None

for warning in topology.warnings:
    pulumi.log.warn(warning)
virtual_cluster = VirtualCluster(
    "mspass", topology, Path.cwd(), sys.executable, config.get_secret("jupyterPassword"), given_up
)
for name, value in virtual_cluster.outputs.items():
    pulumi.export(name, value)
