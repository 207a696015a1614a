"""Containers of Apptainer, each in the foreground of what keeps it up (Apptainer manual, "apptainer exec")."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from mspass_stack.agent.words import DATA, HERE
from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context
from mspass_stack.roles.registry import role_of
from mspass_stack.roles.stage import binds, stage_of
from mspass_stack.runtimes.base import common
from mspass_stack.spec.apptainer import COMMAND, bound, image_path
from mspass_stack.spec.gpus import Gpus
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ProcessSpec, SlurmProcess, SupervisedContainer
from mspass_stack.spec.topology import Process

PYTHON = "python3"
"""The interpreter of an image, by its PATH: in MsPASS's own it is conda's."""

FLAGS: Mapping[str, str] = {"nvidia": "--nv", "rocm": "--rocm"}
"""Options by which a container sees accelerators, with the drivers of its host, by their kind."""

HOSTS = "hosts"
"""The file of the run directory by which the nodes of a job know each other."""


class Apptainer:
    """Containers of one image, which see nothing of their host but what is declared."""

    engine = False

    def python(self, declared: str | None, own: str | None) -> str:
        return declared or PYTHON

    def image(self, cluster: Cluster) -> str:
        return cluster.image

    def temporary(self, layout: StackLayout) -> str:
        return "/tmp"  # on the node's own disk, by `--workdir`

    def render(self, command: Command, process: Process, context: Context) -> ProcessSpec:
        fields = common(command, process, context)
        # What runs beside it looks there for whether it has ended.
        pid = () if context.topology.job else (str(context.layout.run / f"{process.name}.pid"),)
        own = (f"{DATA}:{command.directory}",) if command.holds_data and context.keeps_data_local else ()
        shown = [f"{one.source}:{one.target}{':ro' if one.read_only else ''}" for one in binds(process, context)]
        fields["wrapper"] = (
            *enclosed(
                context,
                command.directory,
                (*command.reads, *pid),
                (*own, *command.writes, *shown),
                _devices(fields["gpus"]),
            ),
            *_environment(command.environment, command.env_files),
        )
        if not context.topology.job:
            return SupervisedContainer(**fields)
        return SlurmProcess(
            **fields,
            holds_data=command.holds_data,
            oom_score=command.oom_score,
            room=command.room,
            parts=command.parts,
            gated=command.gated,
            python=context.host.python,
            modules=role_of(process).needs(process, context).modules,
            stage=stage_of(process, context),
        )


def _devices(gpus: Gpus) -> Sequence[str]:
    return (FLAGS[gpus.kind],) if gpus.count else ()


def enclosed(
    context: Context, directory: str, reads: Sequence[str], writes: Sequence[str], more: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the words that run a command in the image of a host.

    Args:
        directory: where it works.
        reads: files, which it does not change.
        writes: directories.
        more: options of the container.
    """
    layout, scratch = context.layout, str(context.layout.scratch)
    job = context.topology.job
    # Not --containall, whose processes end with the first of them: what runs beside one has to outlive the asker.
    yield from [*(job.runtime if job else COMMAND), "--silent", "exec", "--contain", "--ipc", "--cleanenv", *more]
    yield from ["--home", scratch, "--workdir", HERE, "--pwd", directory]
    names = [f"{layout.run / HOSTS}:/etc/hosts:ro"] if job else []
    yield from bound([*names, *(path for path in writes if path != scratch)], reads)
    yield image_path(context.host.image, context.host.stack_dir)


def _environment(environment: Mapping[str, str], env_files: Sequence[str]) -> Iterator[str]:
    """Yield what goes before a command inside: neither `--env`, which splits at commas, nor `--env-file`, which
    evaluates.
    """
    yield from ["env", *(f"{name}={value}" for name, value in sorted({"USER": "mspass", **environment}.items()))]
    files = "".join(f". {shlex.quote(path)}; " for path in env_files)
    yield from ["/bin/sh", "-c", f'set -a; {files}set +a; exec "$@"', "sh"]
