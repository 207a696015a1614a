"""A MsPASS cluster (MongoDB, Dask, Jupyter) declared as a Pulumi stack.

The public names are loaded when they are asked for: the plugin, which the engine starts anew for every command, is a
module of this package too and needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mspass_stack.components.frontend import Frontend
    from mspass_stack.components.mongo import MongoDatabase, MongoShardedCluster
    from mspass_stack.components.pools import DaskPool
    from mspass_stack.components.site import Site
    from mspass_stack.components.virtual_cluster import VirtualCluster
    from mspass_stack.config import Cluster, ConfigError
    from mspass_stack.inventory import Inventory
    from mspass_stack.topology import Topology, plan

__all__ = [
    "Cluster",
    "ConfigError",
    "DaskPool",
    "Frontend",
    "Inventory",
    "MongoDatabase",
    "MongoShardedCluster",
    "Site",
    "Topology",
    "VirtualCluster",
    "plan",
]

_MODULES = {
    "components.frontend": ("Frontend",),
    "components.mongo": ("MongoDatabase", "MongoShardedCluster"),
    "components.pools": ("DaskPool",),
    "components.site": ("Site",),
    "components.virtual_cluster": ("VirtualCluster",),
    "config": ("Cluster", "ConfigError"),
    "inventory": ("Inventory",),
    "topology": ("Topology", "plan"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
