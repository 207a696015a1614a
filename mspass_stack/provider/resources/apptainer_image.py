"""`ApptainerImage`: the image of a job's containers, which all nodes read as one file; built first where it is none."""

import socket

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.machines import slurm_node
from mspass_stack.machines.image_build import LIMIT, PAUSE, TAIL, JobImageBuild
from mspass_stack.machines.image_file import ImageFile
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.apptainer import digest_of, image_path, is_built
from mspass_stack.spec.job import job_name
from mspass_stack.spec.job_resources import ApptainerImageInputs

LAG = 60.0
"""Seconds until a login host sees a file that a node has made: network file systems remember what was not there."""


class ApptainerImage(Resource[ApptainerImageInputs]):
    """Outputs: `pinned`, its path and digest; `stamp`, by which another file in its place is known."""

    model = ApptainerImageInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/image"
        if call.preview:
            same = call.old_inputs.get("image") == call.inputs["image"] and call.outputs.get("pinned")
            return id, {key: call.outputs.get(key) for key in ("pinned", "stamp")} if same else {}
        return id, _Image(call, self.parse(call.inputs), id).ensure()

    def read(self, call: Call) -> Props:
        stamp = _Image(call, self.parse(call.inputs), call.id).file.stamp()
        same = stamp == call.outputs.get("stamp")
        return call.outputs if same else {**call.outputs, "pinned": "", "stamp": stamp}

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("pinned") else ["pinned"])

    def delete(self, call: Call) -> None:
        """End a build that was not waited for; an image stays."""
        _Image(call, self.parse(call.inputs), call.id).forget()


class _Image:
    """An image on the file system that the login host and all nodes share."""

    def __init__(self, call: Call, inputs: ApptainerImageInputs, id: str) -> None:
        self._call, self._inputs, self._id = call, inputs, id
        self._login = slurm_node(inputs.connection).login
        self._path = image_path(inputs.image, inputs.stack_dir)
        name = f"{job_name(inputs.stack, inputs.stack_id)}-image"
        self._build = JobImageBuild(self._login, self._path, name, inputs.stack_id)
        self.file = ImageFile(self._login, self._path)

    def ensure(self) -> Props:
        """Have it built where it is not there; return the outputs.

        Raises:
            InitFailed: the job that builds it waits for longer than the config says, and goes on to wait.
            Refused: it was not built.
        """
        own = is_built(self._inputs.image)
        if own and not self._login.exists(self._path):
            self._have_built()
        self._call.say("status", f"{self._path} is read for its digest")
        pinned = self.file.pinned()
        if own:
            self._build.end()
            self._login.write(f"{self._path}.sha256", f"{digest_of(pinned)}  {self._path.rpartition('/')[2]}\n")
        return {"pinned": pinned, "stamp": self.file.stamp()}

    def forget(self) -> None:
        if is_built(self._inputs.image):
            self._build.end()

    def _have_built(self) -> None:
        if self._build.is_to_begin():
            self._call.say("status", f"{self._inputs.image}: its build begins")
            try:
                self._build.submit(self._inputs.image, self._inputs.asked)
            except Refused as refused:
                raise self._failed(str(refused)) from None
        self._wait_for_its_job()
        if not wait_until(lambda: self._build.is_over(self._say), LIMIT, PAUSE):
            raise self._failed(f"no end within {LIMIT / 60:.0f} minutes")
        if not wait_until(lambda: self._login.exists(self._path), 0 if self._build.has_failed() else LAG, PAUSE):
            raise self._failed(self._build.said(TAIL) or "it has said nothing")

    def _wait_for_its_job(self) -> None:
        seconds = self._inputs.asked.queue_wait
        if not wait_until(self._has_started, seconds, PAUSE) and (job := self._build.job()):
            raise InitFailed(
                self._id,
                {"pinned": "", "stamp": ""},
                f"job {job.id}, which builds the image, waits: {job.reason}, estimated start {job.start}; pulumi up "
                "goes on from here",
            )

    def _has_started(self) -> bool:
        job = self._build.job()
        if job and job.state == "PENDING":
            self._call.say("status", f"job {job.id}, which builds the image, waits: {job.reason}")
        return not job or job.state != "PENDING"

    def _say(self, said: str) -> None:
        self._call.say("status", f"image: {said}")

    def _failed(self, why: str) -> Refused:
        """Return the error of a build, with what its user can do elsewhere."""
        image, connection = self._inputs.image, self._inputs.connection
        file = self._path.rpartition("/")[2]
        user = f"{connection.user}@" if connection.user else ""
        return Refused(
            f"mspass:cluster.image: {image}: it was not built here: {why}\nbuild it where there are Apptainer and the "
            f"internet, and bring it to this cluster:\n  apptainer build {file} {image}\n"
            f"  scp {file} {user}{connection.address or socket.gethostname()}:{self._path}"
        )
