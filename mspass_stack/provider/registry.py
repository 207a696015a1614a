"""The resources of the plugin, by the last part of their type token."""

from collections.abc import Mapping

from mspass_stack.provider.files import HostFiles
from mspass_stack.provider.image import ContainerImage
from mspass_stack.provider.mongo import DatabaseUsers
from mspass_stack.provider.preflight import Preflight
from mspass_stack.provider.processes import HostProcess
from mspass_stack.provider.ready import Ready
from mspass_stack.provider.resource import Resource
from mspass_stack.provider.secret import Random

RESOURCES: Mapping[str, Resource] = {
    "Secret": Random(),
    "StackId": Random(),
    "HostFiles": HostFiles(),
    "Preflight": Preflight(),
    "ContainerImage": ContainerImage(),
    "HostProcess": HostProcess(),
    "Ready": Ready(),
    "DatabaseUsers": DatabaseUsers(),
}
