"""One build of an image by Apptainer: on a host, or in a job of one node. It outlives the `up` that began it."""

import shlex
from collections.abc import Callable, Sequence

from mspass_stack.errors import Refused
from mspass_stack.machines.base import Machine
from mspass_stack.machines.slurm_login import JobStatus, SlurmLogin
from mspass_stack.spec.job import JobSpec

MINUTES = 30
"""The time limit of a job that builds."""

NOT_ITS_OWN = ("--nodes=", "--ntasks=", "--nodelist=", "--time=", "--requeue")
"""Options of a stack's job that are not those of a job which builds for it."""

TRAP = """trap 'echo "$?" > "$work/ended"' EXIT"""

SCRIPT = """\
umask 022
export APPTAINER_CACHEDIR="$work/cache" APPTAINER_TMPDIR="$work/tmp"
mkdir -p "$APPTAINER_CACHEDIR" "$APPTAINER_TMPDIR" || exit
# Nodes may lack what a login has.
[ -d "$HOME" ] || export HOME="$work"
partial=$work/$(hostname)-$$.sif
# A login host is for many, and may give a process few addresses: mksquashfs takes a quarter of its memory else.
# Every kernel reads gzip, whose first level is much faster and little larger than the ninth, the default.
squash="-mem 512M -processors 4 -comp gzip -Xcompression-level 1"
if "$@" build --help 2>&1 | grep -q -e --mksquashfs-args
then set -- "$@" build --mksquashfs-args "$squash"
else set -- "$@" build
fi
"$@" "$partial" "$image" < /dev/null || exit
# Two builds may end at the same time, and the image of one may be in use.
mv -n "$partial" "$path"
"""
"""Builds an image at its path, whole or not at all. All else that is written is in the directory of the build."""

START = 'setsid bash -l "$1/build.sh" > "$1/log" 2>&1 < /dev/null & echo "$(hostname) $!" > "$1/pid"'

FIND = """\
read -r host pid < "$1/pid" && [ "$host" = "$(hostname)" ] &&
tr "\\0" " " < "/proc/$pid/cmdline" | grep -qF "$1/build.sh"\
"""
"""Whether a build that was started runs on this very machine: a login host may have several."""

KILL = f'{FIND} && kill -- "-$pid"'

REMOVE = 'chmod -R u+rwX "$1"; rm -rf "$1"'
"""What was unpacked may have directories that nobody may write."""


def build_script(image: str, path: str, work: str, command: Sequence[str], prelude: Sequence[str] = ()) -> str:
    """Return the script that builds an image. Pure.

    Args:
        path: where it is to be.
        work: the directory of the build.
        command: that of Apptainer, as words.
        prelude: shell lines that go before it.
    """
    lacks = f"there is no {command[0]}: say in the profile (prelude) which module has it"
    values = {"image": image, "path": path, "work": work}
    return "\n".join(
        [
            "#!/bin/bash -l",
            *prelude,
            *(f"{name}={shlex.quote(value)}" for name, value in values.items()),
            f"set -- {shlex.join(command)}",
            TRAP,
            f'command -v "$1" > /dev/null || {{ echo {shlex.quote(lacks)}; exit 127; }}',
            SCRIPT,
        ]
    )


def has_apptainer(login: Machine, job: JobSpec) -> bool:
    """Return whether a login host has the command that nodes have."""
    look = "\n".join([*job.prelude, f"command -v {shlex.quote(job.runtime[0])} > /dev/null"])
    return login.run(["bash", "-l", "-c", look]).status == 0


LIMIT = 3600.0
"""Seconds for a build that runs."""

PAUSE = 2.0
"""Seconds between two looks at one."""

TAIL = 15
"""Lines of a failed build that are shown."""


class ImageBuild:
    """A build on a host.

    Args:
        path: where the image is to be.
    """

    def __init__(self, machine: Machine, path: str) -> None:
        self._machine, self._path, self._work = machine, path, f"{path}.work"

    def runs_here(self) -> bool:
        """Return whether it runs on this very host."""
        return self._machine.run(["sh", "-c", FIND, "sh", self._work]).status == 0

    def runs(self) -> bool:
        """Return whether it runs, or waits to."""
        return self.runs_here()

    def is_to_begin(self) -> bool:
        """Return whether nobody builds it, and nobody has: in this order, since a build may end between two looks."""
        return not self.runs() and not self._machine.exists(self._path)

    def is_over(self, say: Callable[[str], object]) -> bool:
        """Return whether the image is there, or nobody builds it any more; say what the build has said last."""
        if said := self.said(1):
            say(said)
        return self._machine.exists(self._path) or not self.runs()

    def begin(self, image: str, command: Sequence[str], prelude: Sequence[str] = ()) -> None:
        """Start it.

        Raises:
            Refused: it cannot be started.
        """
        self._write(image, command, prelude)
        self._start()

    def said(self, lines: int) -> str:
        """Return the last lines of what it says."""
        try:
            log = self._machine.read(f"{self._work}/log")
        except OSError:
            return ""
        return "\n".join([line for line in log.splitlines() if line.strip()][-lines:])

    def has_failed(self) -> bool:
        """Return whether it says that it has."""
        try:
            return self._machine.read(f"{self._work}/ended").strip() != "0"
        except OSError:
            return False

    def end(self) -> None:
        """End it if it runs, and remove what it has left, but for the image."""
        self._machine.run(["sh", "-c", KILL, "sh", self._work])
        self._machine.run(["sh", "-c", REMOVE, "sh", self._work])

    def _write(self, image: str, command: Sequence[str], prelude: Sequence[str]) -> None:
        self._machine.make_directory(self._path.rpartition("/")[0], 0o700)
        self._machine.make_directory(self._work, 0o700)
        self._machine.remove(f"{self._work}/ended")
        self._machine.write(f"{self._work}/build.sh", build_script(image, self._path, self._work, command, prelude))

    def _start(self) -> None:
        ran = self._machine.run(["sh", "-c", START, "sh", self._work])
        if ran.status:
            raise Refused(f"it cannot be started: {ran.stderr.strip()}")


class JobImageBuild(ImageBuild):
    """A build on a login host, or in a job of one node.

    Args:
        name: of its job.
    """

    def __init__(self, login: Machine, path: str, name: str, stack_id: str) -> None:
        super().__init__(login, path)
        self._slurm, self._name = SlurmLogin(login), name
        self._comment = f"mspass stack={stack_id} image={path}"

    def job(self) -> JobStatus | None:
        """Return its job that waits or runs."""
        known = self._slurm.named(self._name, self._comment)
        return next((job for job in known if not job.is_over), None)

    def runs(self) -> bool:
        return bool(self.job()) or self.runs_here()

    def submit(self, image: str, job: JobSpec) -> None:
        """Start it on the login host, or else submit its job.

        Raises:
            Refused: Slurm does not take it.
        """
        self._write(image, job.runtime, job.prelude)
        if has_apptainer(self._machine, job):
            self._start()
        else:
            self._slurm.submit(self._words(job))

    def end(self) -> None:
        if job := self.job():
            self._slurm.cancel(job.id)
        super().end()

    def _words(self, job: JobSpec) -> list[str]:
        kept = [word for word in job.directives if not word.startswith(NOT_ITS_OWN)]
        return [
            f"--job-name={self._name}",
            f"--comment={self._comment}",
            f"--output={self._work}/log",
            *kept,
            "--nodes=1",
            f"--time={max(1, min(MINUTES, job.seconds // 60 or MINUTES))}",
            f"{self._work}/build.sh",
        ]
