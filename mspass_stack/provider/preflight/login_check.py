"""The login host of a Slurm cluster, checked for all nodes of a job at once. Looks only; changes nothing."""

from collections.abc import Sequence

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines import slurm_node
from mspass_stack.machines.image_build import has_apptainer
from mspass_stack.machines.image_file import lacking_image
from mspass_stack.machines.slurm_login import SlurmLogin
from mspass_stack.provider.preflight import checks, login_facts, stage_check
from mspass_stack.provider.preflight.facts import Facts, gather
from mspass_stack.spec.apptainer import image_path
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.gpus import count_in
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.resources import HostRequirements
from mspass_stack.spec.topology import NODES

PASSING = (
    *("down, drained or reserved", "nodes are busy", "temporarily unavailable"),
    # Of nodes that are drained as well as of those that there are none of; these are refused at the submission.
    "node configuration is not available",
)
"""What Slurm says of a job that it would take, and cannot start yet: a maintenance is waited for."""


class LoginCheck:
    """A node of a job, checked by its login host. Has the attributes of `HostCheck`."""

    who = "the login host"

    def __init__(
        self, connection: ConnectionSpec, asked: HostRequirements, stack: str, stack_id: str, job: JobSpec | None = None
    ) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.versions: dict[str, str] = {}
        self.anchor = ""
        self._connection, self._asked, self._stack, self._stack_id = connection, asked, stack, stack_id
        self._login = slurm_node(connection).login
        try:
            self._look(job)
        except (Unreachable, Refused) as error:
            self.problems.append(str(error))

    def _look(self, job: JobSpec | None) -> None:
        asked = self._asked
        facts = gather(self._login, asked.stack_dir, asked.workdir, [])
        self.problems += checks.problems(facts, asked, NODES, self._stack_id, lambda port, process: None)
        anchor = facts.anchor.get(asked.stack_dir, asked.stack_dir)
        found = login_facts.ask(self._login, self._connection.python, anchor)
        lacks = SlurmLogin(self._login).lacks()
        self._tools(found, lacks)
        self._image(job)
        if asked.stage:
            self.problems += stage_check.on_login(self._login, asked.stage)
        if job:
            self._purged(job, found.path + asked.stack_dir.removeprefix(anchor))
        # What follows asks more of the host, and says no more than this where it lacks that.
        if job and not lacks:
            (self._is_there if job.current else self._test)(job)
            self._fits(job)
        if not self.problems:
            self._write(facts, anchor)

    def _tools(self, found: login_facts.LoginFacts, lacks: Sequence[str]) -> None:
        if lacks:
            self.problems.append(
                f"mspass:cluster.slurm.login: it has no {', '.join(lacks)} on the PATH of a login: name the "
                "cluster's login host, or load Slurm's module in ~/.bash_profile there"
            )
        # Here the agent is a part of this very program.
        if found.old and self._login.remote:
            versions = ", ".join(f"{name} is {version}" for name, version in found.old.items())
            self.problems.append(
                f"no Python 3.8 or newer ({versions}): a site has newer ones as modules: write `module load python` "
                "(its name there: `module avail python`) into ~/.bash_profile, or the path of one as `python:` of the "
                "profile"
            )

    def _image(self, job: JobSpec | None) -> None:
        image, stack_dir = self._asked.image, self._asked.stack_dir
        if lacking := lacking_image(self._login, image, stack_dir):
            self.problems.append(f"mspass:cluster.image: {lacking} is not there")
        elif job and not self._login.exists(image_path(image, stack_dir)):
            where = "on it" if has_apptainer(self._login, job) else "by a job of one node, as it has no Apptainer,"
            self.notes.append(f"the image is built {where} before the job is submitted: {image}")

    def _test(self, job: JobSpec) -> None:
        """Ask Slurm whether it takes such a job; when it would start is of interest while there is none."""
        slurm = SlurmLogin(self._login)
        try:
            said = slurm.test(job.options)
            if not self._has_job(slurm):
                self.notes.append(f"Slurm takes the job ({job}): {said}")
        except Refused as error:
            passes = any(words in str(error) for words in PASSING)
            (self.warnings if passes else self.problems).append(f"mspass:cluster.slurm: {error}")

    def _is_there(self, job: JobSpec) -> None:
        """Refuse an allocation that is over, or has fewer nodes than are asked for."""
        found = SlurmLogin(self._login).job(job.current)
        if found is None or found.state != "RUNNING":
            said = found.state if found else "unknown to Slurm"
            self.problems.append(f"mspass:cluster.slurm.job: job {job.current} is {said}: expected one that runs")
        elif int(found.count) < job.nodes:
            self.problems.append(
                f"mspass:cluster.slurm.nodes: {job.nodes}: job {job.current} has {found.count}: expected no more"
            )

    def _fits(self, job: JobSpec) -> None:
        """Refuse a placement on more nodes, or on more accelerators, than the job that runs has."""
        known = slurm_node(self._connection).allocation()
        if known and len(known["nodes"]) < job.nodes and not job.replace:
            self.problems.append(
                f"mspass:cluster.slurm.nodes: {job.nodes}: job {known['job']} runs with {len(known['nodes'])}: "
                "expected as many until it is over; pulumi config set mspass:replaceJob true stops it in order, once, "
                "and submits another"
            )
        if known and job.gpus and (has := count_in(SlurmLogin(self._login).resources(known["job"]))) < job.gpus:
            self.problems.append(
                f"mspass:cluster.pool.workers: gpus: {job.gpus}: job {known['job']} has {has} of each node: expected "
                "no more until it is over: pulumi destroy ends it in order, and keeps the data"
            )

    def _has_job(self, slurm: SlurmLogin) -> bool:
        own = slurm.own(self._stack, self._stack_id, self._asked.stack_dir) if self._stack_id else []
        return any(not job.is_over for job in own)

    def _purged(self, job: JobSpec, real: str) -> None:
        if place := login_facts.purged_part([self._asked.stack_dir, real], job.purged):
            self.warnings.append(
                f"removes files on {place} that nobody has used for a while, and a database does not read all of its "
                f"files: {checks.DATADIR}: {self._asked.stack_dir}: choose a directory that is kept, or copy it in time"
            )

    def _write(self, facts: Facts, anchor: str) -> None:
        if why := login_facts.refused_writing(self._login, anchor):
            self.problems.append(
                f"{checks.DATADIR}: {facts.user} cannot write 1 MiB in ten files in {anchor} ({why}): make room (bytes "
                "and number of files: `quota -s`, on Lustre `lfs quota`), or choose another"
            )
