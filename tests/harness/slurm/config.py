"""Slurm's own configuration of the cluster. Pure."""

import os
from collections.abc import Collection
from pathlib import Path

LAUNCH_PORTS = "61001-62000"
"""Where srun listens for its steps, above the ports that Linux chooses by itself."""

SLURM = f"""\
ClusterName=mspass
SlurmctldHost=login
SlurmUser=root
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/cgroup
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=400
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0
ReturnToService=2
KillWait=30
MinJobAge=300
SlurmdTimeout=10
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurmctld.log
SrunPortRange={LAUNCH_PORTS}
# The limit of addresses at a login host is its own.
PropagateResourceLimitsExcept=AS
SlurmdLogFile=/var/log/slurmd.log
"""

CPUS = 4
MEMORY = 4000
"""What a node poses as, whatever this machine has."""


def slurm(names: Collection[str], bound: bool, gpus: int = 0) -> str:
    """What slurm.conf says.

    Args:
        gpus: how many accelerators a node poses to have.
        bound: tasks are held to their cores and memory, so a node cannot pose as more than there is.
    """
    plugins = "TaskPlugin=task/affinity,task/cgroup\n" if bound else "TaskPlugin=task/none\n"
    cpus = min(CPUS, len(os.sched_getaffinity(0))) if bound else CPUS
    gres = f" Gres=gpu:{gpus}" if gpus else ""
    nodes = f"NodeName={','.join(names)} CPUs={cpus} RealMemory={MEMORY}{gres} State=UNKNOWN\n"
    main = "PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP\n"
    short = "PartitionName=short Nodes=ALL MaxTime=10 MaxNodes=2 State=UP\n"
    return SLURM + plugins + ("GresTypes=gpu\n" if gpus else "") + nodes + main + short


def gres(gpus: int) -> str:
    """What gres.conf says: the files of accelerators, which a host makes that has this file."""
    return "".join(f"Name=gpu File=/dev/nvidia{number}\n" for number in range(gpus))


def cgroup(bound: bool) -> str:
    """What cgroup.conf says: of the version that this machine has, whose hybrid form Slurm takes for version 1."""
    version = 1 if Path("/sys/fs/cgroup/freezer").exists() else 2
    limits = "ConstrainCores=yes\nConstrainRAMSpace=yes\n" if bound else ""
    return f"CgroupPlugin=cgroup/v{version}\nIgnoreSystemd=yes\n{limits}"
