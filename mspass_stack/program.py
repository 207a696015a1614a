"""The Pulumi program of a cluster: config -> plan -> declaration -> stack outputs."""

import os
import sys
from pathlib import Path

import pulumi

from mspass_stack.components.virtual_cluster import VirtualCluster
from mspass_stack.config import connector
from mspass_stack.config.load import abandoned, asks_for_nodes, check_keys, may_interrupt, may_replace_job, read_cluster
from mspass_stack.config.slurm_rules import refused_by_up
from mspass_stack.errors import ConfigError, Refused
from mspass_stack.machines.binaries import bytes_of
from mspass_stack.machines.cores import cores
from mspass_stack.plan import ENGINE, check, make_plan
from mspass_stack.roles.registry import places


def deploy() -> VirtualCluster:
    """Declare the cluster that the stack's config describes, and export its outputs.

    Raises:
        RunError: the config cannot be deployed; the text has a line per problem, each with its YAML path.
    """
    config, stack, base = pulumi.Config("mspass"), pulumi.get_stack(), Path.cwd()
    try:
        check_keys(
            {key.removeprefix("mspass:") for key in pulumi.runtime.get_config_env() if key.startswith("mspass:")}
        )
        cluster = read_cluster(_value(config, "cluster"))
        check(cluster)
        if cluster.pool and cluster.pool.spark:
            for jar in connector.jars(cluster.pool.spark).values():
                bytes_of(jar)
        untried = [*refused_by_up(cluster)]
        if untried and not pulumi.runtime.is_dry_run():
            raise ConfigError("\n".join(untried))
        forgotten = abandoned(_value(config, "abandon"), places(cluster))
        interrupt = may_interrupt(_value(config, "interrupt"))
        engine = os.environ.get("DOCKER_HOST") or ENGINE
        replace_job = may_replace_job(_value(config, "replaceJob"))
        rescue = asks_for_nodes(_value(config, "rescue"))
        if rescue and cluster.slurm and cluster.slurm.job:
            raise ConfigError("mspass:rescue: true: expected none with slurm.job: current, which has its nodes")
        planned = make_plan(cluster, stack, cores(cluster, base), base, sys.executable, engine, replace_job, rescue)
    except (ConfigError, Refused) as error:
        raise pulumi.RunError(f"{stack}: the config cannot be deployed:\n{error}") from None
    for warning in (*planned.topology.warnings, *untried):
        pulumi.log.warn(warning)
    virtual_cluster = VirtualCluster("mspass", planned, config.get_secret("jupyterPassword"), forgotten, interrupt)
    for name, output in virtual_cluster.outputs.items():
        pulumi.export(name, output)
    return virtual_cluster


def _value(config: pulumi.Config, key: str) -> object:
    """Return an object of the config, or the text that is there in its place."""
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)
