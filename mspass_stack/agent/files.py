"""Find, write and read what stands in a stack's directory."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import settings
from .marks import DIGEST


class Files:
    """Name the files of a stack's directory: launchers, pids and programs under `run`, and logs under `log`.

    Attributes:
        local: where pids and the socket are.
    """

    paths = settings.PATHS
    program = settings.PROGRAM

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self.run, self.log = self.directory / "run", self.directory / "log"
        self.local = self.run
        self._programs = self.run / "programs"

    @property
    def socket(self) -> Path:
        return self.local / "supervisor.sock"

    def prepare(self, stack_id: str) -> Path:
        """Write the config of a supervisord that starts anew, without any program; its path."""
        for directory in (self.run, self._programs, self.log):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in (*self._programs.iterdir(), self.socket):
            stale.unlink(missing_ok=True)
        config = self.run / "supervisord.conf"
        settings.write(config, settings.CONFIG.format(**self.paths, stack_id=stack_id))
        return config

    def add(self, name: str, launcher: str, order: int, stop_signal: str, grace: int, step: str = "") -> None:
        """Write the launcher of a process, what its step runs in a job, and how it is stopped."""
        for directory in (self._programs, self.log):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if step:
            settings.write(self.step(name), step)
        settings.write(self._launcher(name), launcher)
        self.restate(name, order, stop_signal, grace)

    def restate(self, name: str, order: int, stop_signal: str, grace: int) -> None:
        """Write how a process is stopped, where that is something new."""
        values = {"name": name, "order": order, "signal": stop_signal, "grace": grace}
        text = self.program.format(**self.paths, **values)
        if _read(self._program(name)) != text:
            settings.write(self._program(name), text)

    def forget(self, name: str) -> None:
        """Remove what says that a process runs; its log stays."""
        of_it = (self._program(name), self._launcher(name), self.step(name), self.size(name))
        for path in (*of_it, self.local / f"{name}.pid"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything but the logs."""
        shutil.rmtree(self.run, ignore_errors=True)

    def names(self) -> list[str]:
        """List the processes that were started here, last started first."""
        ranked = sorted((int(settings.of(path)["priority"]), path.stem) for path in self._programs.glob("*.ini"))
        return [name for _, name in reversed(ranked)]

    def order(self, name: str) -> int:
        """Read the place of a process in the order of starting."""
        return int(settings.of(self._program(name))["priority"])

    def digest(self, name: str) -> str:
        """Read what the launcher says that it starts; empty when there is none."""
        lines = _read(self._launcher(name)).splitlines()
        return next((line.split("=", 1)[1] for line in lines if line.startswith(f"export {DIGEST}=")), "")

    def stop_signal(self, name: str) -> str:
        """Read the signal that stops a process, without SIG."""
        return settings.of(self._program(name))["stopsignal"]

    def grace(self, name: str) -> float:
        """Read the seconds until a process is killed after that signal."""
        return float(settings.of(self._program(name))["stopwaitsecs"])

    def pid(self, name: str) -> int:
        """Read the pid that a process wrote when it started, or supervisord's; 0 when there is none."""
        try:
            return int(_read(self.local / f"{name}.pid"))
        except ValueError:
            return 0

    def log_tail(self, name: str, lines: int) -> str:
        """Read the last lines of a process's log, or supervisord's."""
        try:
            said = (self.log / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(said.splitlines()[-lines:])

    def step(self, name: str) -> Path:
        """Return the file that says what a process's step runs."""
        return self.run / f"{name}.json"

    def size(self, name: str) -> Path:
        """Return the file that says what a process's step was given of its node."""
        return self.run / f"{name}.size"

    def _launcher(self, name: str) -> Path:
        return self.run / f"{name}.sh"

    def _program(self, name: str) -> Path:
        return self._programs / f"{name}.ini"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
