"""Images of Apptainer on a host: files that are there, or are built there once."""

from collections.abc import Callable, Sequence

from mspass_stack.errors import Refused
from mspass_stack.machines import machine
from mspass_stack.machines.image_build import LIMIT, PAUSE, TAIL, ImageBuild
from mspass_stack.machines.image_file import ImageFile
from mspass_stack.managers.base import Exit
from mspass_stack.managers.supervised_containers import SupervisedContainers
from mspass_stack.polling import wait_until
from mspass_stack.spec.apptainer import COMMAND, image_path, is_built
from mspass_stack.spec.connection import ConnectionSpec


class ApptainerImages:
    """The images of a stack on a host."""

    def __init__(self, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> None:
        self._machine, self._stack_dir = machine(connection), stack_dir
        self._containers = SupervisedContainers(self._machine, stack_dir, stack_id)

    def pull(self, image: str, say: Callable[[str], None]) -> str:
        """Have an image built where it is none yet; return its path and digest.

        Raises:
            Refused: it was not built, or is not there.
        """
        path = self._path(image)
        if is_built(image) and not self._machine.exists(path):
            self._build(image, path, say)
        if not self._machine.exists(path):
            raise Refused(f"{path} is not there")
        say(f"{path} is read for its digest")
        return ImageFile(self._machine, path).pinned()

    def stamp(self, image: str) -> str:
        return ImageFile(self._machine, self._path(image)).stamp()

    def trouble(self, image: str) -> str | None:
        ended = self._containers.run_once(["true"], image)
        said = [line for line in ended.output.splitlines() if line.strip()]
        # A directory that is no unpacked image, a file that is none or not all of one.
        return f"no command runs in it: {said[-1] if said else ended.status}" if ended.status else None

    def run_once(self, argv: Sequence[str], image: str) -> Exit:
        return self._containers.run_once(argv, image)

    def clear(self, image: str) -> None:
        """End a build that was not waited for."""
        if is_built(image):
            ImageBuild(self._machine, self._path(image)).end()

    def _path(self, image: str) -> str:
        return image_path(image, self._stack_dir)

    def _build(self, image: str, path: str, say: Callable[[str], None]) -> None:
        build = ImageBuild(self._machine, path)
        if build.is_to_begin():
            say(f"{image}: its build begins")
            build.begin(image, COMMAND)
        in_time, said = wait_until(lambda: build.is_over(say), LIMIT, PAUSE), build.said(TAIL)
        build.end()
        if not in_time or not self._machine.exists(path):
            file = path.rpartition("/")[2]
            raise Refused(
                f"it was not built: {said or 'it has said nothing'}\nbuild it where there are Apptainer and the "
                f"internet (apptainer build {file} {image}), and bring it to this host as {path}"
            )
