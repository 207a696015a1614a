"""What a job is told of the database that it prepares (`mspass_stack.mongo.prepare`)."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mspass_stack.agent.preparation import SPEC, STEP
from mspass_stack.roles.base import Context
from mspass_stack.roles.clients import DATABASE_ROLES, DATABASE_USER, PASSWORD
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.topology import CONFIG_SET, MONGODB, Process


def directory(layout: StackLayout) -> PurePosixPath:
    """Return the directory of what the step reads and writes."""
    return layout.run / STEP


def reads(context: Context) -> tuple[str, ...]:
    """Return the secret files that it reads elsewhere."""
    layout = context.layout
    return (str(layout.key_file), *([str(layout.authority)] if MONGODB in context.topology.encrypted else []))


def files(context: Context, values: Mapping[str, str]) -> dict[str, str]:
    """Return the file that says what the database is to have, content by path; none where no job prepares it."""
    topology, database = context.topology, context.cluster.database
    if not topology.job or not database:
        return {}
    servers = [process for process in topology.processes if MONGODB in process.ports]
    spec: dict[str, Any] = {
        "key_file": str(context.layout.key_file),
        "authority": str(context.layout.authority) if MONGODB in topology.encrypted else "",
        "users": {DATABASE_USER: {"password": values[PASSWORD], "roles": list(DATABASE_ROLES)}},
    }
    if database.db:
        (server,) = servers
        spec["server"] = _place(server)
    else:
        members = [server for server in servers if server.replica_set]
        names = dict.fromkeys(server.replica_set for server in members)
        sets = {name: [_place(one) for one in members if one.replica_set == name] for name in names}
        spec |= {"config_set": CONFIG_SET, "config": sets.pop(CONFIG_SET), "shards": sets}
        spec["routers"] = [_place(server) for server in servers if not server.replica_set]
        spec["collections"] = database.collections
        if context.keeps_data_local:
            spec["balanced"] = False
    return {str(directory(context.layout) / SPEC): json.dumps(spec, indent=1, sort_keys=True) + "\n"}


def _place(server: Process) -> list[Any]:
    return [server.address, server.port]
