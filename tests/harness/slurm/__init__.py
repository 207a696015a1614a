"""A simulated Slurm cluster: a login host and compute nodes, made of Linux namespaces on this one machine.

Slurm, Apptainer and sshd are genuine. A node has its own root tree, network, processes and control groups; /home and
/scratch are shared, and nothing leads out but this machine's cable. What is shared besides: the kernel, its clock,
memory and processors. `python -m tests.harness.slurm up|down|status` keeps a cluster between commands.
"""

from tests.harness.slurm.cluster import SlurmCluster

__all__ = ["SlurmCluster"]
