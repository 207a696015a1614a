"""A MsPASS cluster (MongoDB, Dask, Jupyter) declared as a Pulumi stack.

The public names are loaded when they are asked for: the plugin, which the engine starts anew for every command, is a
module of this package too and needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mspass_stack._version import __version__

if TYPE_CHECKING:
    from mspass_stack.components.database import MongoDatabase, MongoShardedCluster
    from mspass_stack.components.foundation import Foundation
    from mspass_stack.components.frontend import Frontend
    from mspass_stack.components.pools import DaskPool, SparkPool
    from mspass_stack.components.virtual_cluster import VirtualCluster
    from mspass_stack.config.load import read_cluster
    from mspass_stack.config.sections import Cluster
    from mspass_stack.errors import ConfigError, StackError
    from mspass_stack.plan import Plan, make_plan
    from mspass_stack.program import deploy
    from mspass_stack.spec.inventory import Inventory
    from mspass_stack.spec.topology import Topology

__all__ = [
    "Cluster",
    "ConfigError",
    "DaskPool",
    "Foundation",
    "Frontend",
    "Inventory",
    "MongoDatabase",
    "MongoShardedCluster",
    "Plan",
    "SparkPool",
    "StackError",
    "Topology",
    "VirtualCluster",
    "__version__",
    "deploy",
    "make_plan",
    "read_cluster",
]

_MODULES = {
    "components.database": ("MongoDatabase", "MongoShardedCluster"),
    "components.foundation": ("Foundation",),
    "components.frontend": ("Frontend",),
    "components.pools": ("DaskPool", "SparkPool"),
    "components.virtual_cluster": ("VirtualCluster",),
    "config.load": ("read_cluster",),
    "config.sections": ("Cluster",),
    "errors": ("ConfigError", "StackError"),
    "plan": ("Plan", "make_plan"),
    "program": ("deploy",),
    "spec.inventory": ("Inventory",),
    "spec.topology": ("Topology",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
