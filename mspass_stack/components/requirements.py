"""What the hosts of a plan must be and have: looked for before anything is touched. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mspass_stack.config.sections import KEY
from mspass_stack.plan import Plan
from mspass_stack.roles.base import Needs
from mspass_stack.roles.gpus import gpus_of
from mspass_stack.roles.registry import role_of, serving
from mspass_stack.roles.stage import stage_of
from mspass_stack.spec.gpus import key_of
from mspass_stack.spec.resources import DeclaredPort, HostRequirements
from mspass_stack.spec.topology import Host, Process


@dataclass(frozen=True)
class HostNeeds:
    """What all processes of a host need together.

    Attributes:
        python: the interpreter that must have the modules; empty where no role needs one.
    """

    programs: list[str]
    modules: list[str]
    versions: list[str]
    python: str

    def of_image(self) -> dict[str, object]:
        """Return what an image is looked into for."""
        return {
            "programs": self.programs,
            "python": self.python,
            "modules": self.modules,
            "distributions": self.versions,
        }


def needs(plan: Plan, *hosts: str) -> HostNeeds:
    """Return what the roles of hosts, which have one Python, are started with."""
    processes = [process for host in hosts for process in plan.topology.on(host)]
    every = [role_of(process).needs(process, plan.context(process.host)) for process in processes]
    modules = _united(every, "modules")
    python = plan.topology.hosts[hosts[0]].python if modules else ""
    return HostNeeds(_united(every, "programs"), modules, _united(every, "versions"), python)


def requirements(plan: Plan, hosts: Sequence[Host]) -> HostRequirements:
    """Return what the preflight looks for on a host, or on the disk that several have together.

    What is each host's own, as its ports and its memory, is looked for where it is one.
    """
    topology, host = plan.topology, hosts[0]
    names = [one.name for one in hosts]
    processes = [process for name in names for process in topology.on(name)]
    needed, alone = needs(plan, *names), not host.shares_disk
    # What containers are started with is in their image, which is looked into when it is there.
    in_file = host in topology.with_image_files()
    peers = {other.address for other in topology.hosts.values()} - {host.address}
    return HostRequirements(
        stack_dir=host.stack_dir,
        workdir=host.workdir if any(host.workdir in plan.command(process).writes for process in processes) else "",
        runtime=host.runtime,
        image="" if in_file else host.image,
        image_file=host.image if in_file else "",
        address=host.address if alone else "",
        peers=sorted(peers) if alone else [],
        ports=_ports(processes) if alone else {},
        processes=[process.name for process in processes],
        memory=plan.memory(processes) if alone else {},
        programs=[] if in_file else needed.programs,
        python="" if in_file else needed.python,
        modules=needed.modules,
        versions=needed.versions,
        gpus=_gpus(plan, processes) if alone else {},
        mongodb=alone and any(data_directory(plan, process) for process in processes),
        stage=next(filter(None, (stage_of(process, plan.context(process.host)) for process in processes)), None),
    )


def _gpus(plan: Plan, processes: Sequence[Process]) -> dict[str, str]:
    """Return the kind of the accelerators that processes have, by the YAML path that asks for them."""
    found = [(process.host, gpus_of(process, plan.cluster)) for process in processes]
    return {key_of(host): gpus.kind for host, gpus in found if gpus.count}


def data_directory(plan: Plan, process: Process) -> PurePosixPath | None:
    """Return the directory of data that outlive a process."""
    return role_of(process).data(process, plan.topology.hosts[process.host].layout)


def shards(plan: Plan) -> dict[str, dict[str, int]]:
    """Return the port of each member, by set and host."""
    found: dict[str, dict[str, int]] = {}
    for process in plan.topology.processes:
        if process.replica_set:
            found.setdefault(process.replica_set, {})[process.host] = process.port
    return found


def documents(plan: Plan) -> dict[str, str]:
    """Return where the documents are: on the host of the single database, or in the shards."""
    database = serving(plan.topology).get("database")
    if database is None:
        return {}
    single = data_directory(plan, database) is not None
    return {"host": database.host, "address": database.address} if single else {"shards": "all"}


def _united(needs: list[Needs], field: str) -> list[str]:
    return list(dict.fromkeys(name for one in needs for name in getattr(one, field)))


def _ports(processes: Sequence[Process]) -> dict[str, DeclaredPort]:
    return {
        str(port): DeclaredPort(path=f"{KEY}.{process.port_paths[name]}", process=process.name)
        for process in processes
        for name, port in process.ports.items()
    }
