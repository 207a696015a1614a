"""The Pulumi program: config -> plan -> declaration -> stack outputs."""

import os
import sys
from pathlib import Path

import pulumi

from mspass_stack import ConfigError, VirtualCluster, make_plan, read_cluster
from mspass_stack.config.load import abandoned, check_keys, may_interrupt
from mspass_stack.machines.cores import cores
from mspass_stack.plan import ENGINE, check
from mspass_stack.roles.registry import places

config = pulumi.Config("mspass")


def value(key: str) -> object:
    """Return an object of the config, or the text that is there in its place."""
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)


stack, base = pulumi.get_stack(), Path.cwd()
try:
    check_keys({key.removeprefix("mspass:") for key in pulumi.runtime.get_config_env() if key.startswith("mspass:")})
    cluster = read_cluster(value("cluster"))
    check(cluster)
    forgotten = abandoned(value("abandon"), places(cluster))
    interrupt = may_interrupt(value("interrupt"))
    engine = os.environ.get("DOCKER_HOST") or ENGINE
    planned = make_plan(cluster, stack, cores(cluster, base), base, sys.executable, engine)
except ConfigError as error:
    raise pulumi.RunError(f"{stack}: the config cannot be deployed:\n{error}") from None

for warning in planned.topology.warnings:
    pulumi.log.warn(warning)
virtual_cluster = VirtualCluster("mspass", planned, config.get_secret("jupyterPassword"), forgotten, interrupt)
for name, value in virtual_cluster.outputs.items():
    pulumi.export(name, value)
