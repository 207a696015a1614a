"""Simulated lab hosts: several Docker hosts reached over SSH, made of Linux namespaces on this one machine.

A host has its own root tree, network, processes, users, sshd and Docker engine. What is shared: the kernel, its clock
and sysctls, memory and processors. `python -m tests.harness.lab up|down|status` keeps a lab between commands.
"""

from tests.harness.lab.command import LabError
from tests.harness.lab.lab import Lab
from tests.harness.lab.template import ensure_test_image

__all__ = ["Lab", "LabError", "ensure_test_image"]
