"""The Pulumi program: config -> plan -> declaration -> stack outputs."""

import os
import sys
from pathlib import Path

import pulumi

from mspass_stack import Cluster, ConfigError, VirtualCluster, plan
from mspass_stack.config import check_keys
from mspass_stack.runtimes import check_deployable

config = pulumi.Config("mspass")
try:
    check_keys({key.removeprefix("mspass:") for key in pulumi.runtime.get_config_env() if key.startswith("mspass:")})
    cluster = Cluster.read(config.get_object("cluster"))
    topology = plan(cluster, pulumi.get_stack(), cores=dict.fromkeys(cluster.hosts, len(os.sched_getaffinity(0))))
    check_deployable(topology)
except (ConfigError, pulumi.ConfigTypeError) as error:
    raise pulumi.RunError(f"{pulumi.get_stack()}: the config cannot be deployed:\n{error}") from None

for warning in topology.warnings:
    pulumi.log.warn(warning)
virtual_cluster = VirtualCluster(
    "mspass", topology, Path.cwd(), sys.executable, jupyter_password=config.get_secret("jupyterPassword")
)
for name, value in virtual_cluster.outputs.items():
    pulumi.export(name, value)
