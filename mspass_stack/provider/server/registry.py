"""The resources of the plugin, by the last part of their type token."""

from collections.abc import Mapping
from typing import Any

from mspass_stack.provider.mongo.cluster import ShardedCluster
from mspass_stack.provider.mongo.encryption import Encryption
from mspass_stack.provider.mongo.users import DatabaseUsers
from mspass_stack.provider.preflight.preflight import Preflight
from mspass_stack.provider.resources.address_repair import AddressRepair
from mspass_stack.provider.resources.allocation import Allocation
from mspass_stack.provider.resources.apptainer_image import ApptainerImage
from mspass_stack.provider.resources.base import Resource
from mspass_stack.provider.resources.batch import Batch
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority, TrustStore
from mspass_stack.provider.resources.client_profile import ClientProfile
from mspass_stack.provider.resources.files import HostFiles
from mspass_stack.provider.resources.image import ContainerImage
from mspass_stack.provider.resources.job import SlurmJob
from mspass_stack.provider.resources.node_processes import NodeProcesses
from mspass_stack.provider.resources.nodes_ready import NodesReady
from mspass_stack.provider.resources.process import HostProcess
from mspass_stack.provider.resources.ready import Ready
from mspass_stack.provider.resources.reverse_access import ReverseAccess
from mspass_stack.provider.resources.secret import Random
from mspass_stack.provider.resources.staged import Staged
from mspass_stack.provider.resources.turn import Turn
from mspass_stack.provider.resources.version_match import VersionMatch

RESOURCES: Mapping[str, Resource[Any]] = {
    "Secret": Random(),
    "StackId": Random(),
    "CertificateAuthority": CertificateAuthority(),
    "Certificate": Certificate(),
    "TrustStore": TrustStore(),
    "HostFiles": HostFiles(),
    "ClientProfile": ClientProfile(),
    "Preflight": Preflight(),
    "ContainerImage": ContainerImage(),
    "VersionMatch": VersionMatch(),
    "AddressRepair": AddressRepair(),
    "HostProcess": HostProcess(),
    "NodeProcesses": NodeProcesses(),
    "ApptainerImage": ApptainerImage(),
    "SlurmJob": SlurmJob(),
    "Allocation": Allocation(),
    "Staged": Staged(),
    "Batch": Batch(),
    "ReverseAccess": ReverseAccess(),
    "Turn": Turn(),
    "Retirement": Resource(),  # what a state has of it is forgotten: turns have taken its place
    "Ready": Ready(),
    "NodesReady": NodesReady(),
    "DatabaseUsers": DatabaseUsers(),
    "ShardedCluster": ShardedCluster(),
    "Encryption": Encryption(),
}
