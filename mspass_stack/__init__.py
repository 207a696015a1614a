"""A MsPASS cluster (MongoDB, Dask, Jupyter) declared as a Pulumi stack."""

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
