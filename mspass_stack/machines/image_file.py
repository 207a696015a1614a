"""The file of an image of Apptainer, or the directory of an unpacked one, on a machine."""

from mspass_stack.machines.base import Machine
from mspass_stack.spec.apptainer import SHA256, archive_of, image_path, is_built

DIGEST = 'while sleep 20 > /dev/null 2>&1; do echo; done & sha256sum "$1"; ended=$?; kill $!; exit $ended'
"""Reads a file of any size; a connection on which nothing is said for long is given up."""


class ImageFile:
    """An image at its path."""

    def __init__(self, machine: Machine, path: str) -> None:
        self._machine, self._path = machine, path

    def stamp(self) -> str:
        """Return size and time of its file; nothing where it is not there."""
        if self._machine.is_directory(self._path):
            return "directory"
        ran = self._machine.run(["stat", "--dereference", "--format=%s %Y", self._path])
        return "" if ran.status else _last(ran.stdout)

    def digest(self) -> str:
        """Return the digest of its file; nothing of a directory, or of what its user may not read."""
        if self._machine.is_directory(self._path):
            return ""
        ran = self._machine.run(["sh", "-c", DIGEST, "sh", self._path])
        return "" if ran.status else _last(ran.stdout).split()[0].removeprefix("\\")

    def pinned(self) -> str:
        """Return its path with its digest, as far as it has one."""
        digest = self.digest()
        return f"{self._path}{SHA256}{digest}" if digest else self._path


def lacking_image(machine: Machine, image: str, stack_dir: str) -> str:
    """Return the path of an image, or of the archive that it is built from, which is not there; empty where it is."""
    if not image or machine.exists(path := image_path(image, stack_dir)):
        return ""
    needed = archive_of(image) if is_built(image) else path
    return needed if needed and not machine.exists(needed) else ""


def _last(output: str) -> str:
    """Return the last line: what a shell of the site says goes before."""
    return output.strip().rpartition("\n")[2]
