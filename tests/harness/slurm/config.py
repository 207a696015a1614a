"""Slurm's own configuration of the cluster. Pure."""

from collections.abc import Collection
from pathlib import Path

SLURM = """\
ClusterName=mspass
SlurmctldHost=login
SlurmUser=root
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/cgroup
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=400
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=30
MinJobAge=300
SlurmdTimeout=10
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
"""

CPUS = 4
MEMORY = 4000
"""What a node poses as, whatever this machine has."""


def slurm(names: Collection[str]) -> str:
    """What slurm.conf says."""
    nodes = f"NodeName={','.join(names)} CPUs={CPUS} RealMemory={MEMORY} State=UNKNOWN\n"
    main = "PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP\n"
    short = "PartitionName=short Nodes=ALL MaxTime=10 MaxNodes=2 State=UP\n"
    return SLURM + nodes + main + short


def cgroup() -> str:
    """What cgroup.conf says: of the version that this machine has, whose hybrid form Slurm takes for version 1."""
    version = 1 if Path("/sys/fs/cgroup/freezer").exists() else 2
    return f"CgroupPlugin=cgroup/v{version}\nIgnoreSystemd=yes\n"
