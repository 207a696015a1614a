"""The resources of the plugin, by the last part of their type token."""

from collections.abc import Mapping

from mspass_stack.provider.certificate import Certificate, CertificateAuthority
from mspass_stack.provider.files import HostFiles
from mspass_stack.provider.image import ContainerImage
from mspass_stack.provider.mongo.cluster import ShardedCluster
from mspass_stack.provider.mongo.users import DatabaseUsers
from mspass_stack.provider.preflight import Preflight
from mspass_stack.provider.processes import HostProcess
from mspass_stack.provider.readdress import Readdress
from mspass_stack.provider.ready import Ready
from mspass_stack.provider.resource import Resource
from mspass_stack.provider.retirement import Retirement
from mspass_stack.provider.secret import Random

RESOURCES: Mapping[str, Resource] = {
    "Secret": Random(),
    "StackId": Random(),
    "CertificateAuthority": CertificateAuthority(),
    "Certificate": Certificate(),
    "HostFiles": HostFiles(),
    "Preflight": Preflight(),
    "ContainerImage": ContainerImage(),
    "Readdress": Readdress(),
    "HostProcess": HostProcess(),
    "Retirement": Retirement(),
    "Ready": Ready(),
    "DatabaseUsers": DatabaseUsers(),
    "ShardedCluster": ShardedCluster(),
}
