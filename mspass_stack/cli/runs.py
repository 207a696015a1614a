"""The programs that run, or ran, beside a process of a stack, on whatever machine and under whatever runtime."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any

from mspass_stack.agent.run import NO_RUN
from mspass_stack.errors import NoJob, Refused, StackError
from mspass_stack.machines import machine
from mspass_stack.managers import manager_of
from mspass_stack.polling import interrupted
from mspass_stack.spec.inventory import Entry, Inventory
from mspass_stack.spec.layout import StackLayout

PROGRAM = files("mspass_stack.agent").joinpath("run.py").read_text()
NOTEBOOK = files("mspass_stack.agent").joinpath("notebook.py").read_text()

CALL = 30.0
"""Seconds for one call there."""

LOOK = 2.0
"""Seconds that a look waits for something new, so that a silent program costs little."""

AGAIN = 1.0
"""Seconds until a lost connection is tried again."""

RESTART = 120.0
"""Seconds that a process may take to be there again."""


class NoRun(Refused):
    """There is no such run."""


def place_for_runs(inventory: Inventory) -> Entry:
    """Return the process beside which programs run: the frontend, else a worker.

    Raises:
        Refused: the stack has neither.
    """
    try:
        return inventory.place_for_programs
    except KeyError as error:
        raise Refused(error.args[0]) from None


class Runs:
    """Programs beside one process."""

    def __init__(self, inventory: Inventory, entry: Entry) -> None:
        self._entry, place, connection = entry, inventory.hosts[entry.host], inventory.connection(entry)
        self._layout, self.workdir = StackLayout(place.stack_dir), PurePosixPath(place.workdir)
        self._directory = str(self._layout.scratch / "runs")
        self._machine = machine(connection)
        self._manager = manager_of(entry.spec.manager, connection, entry.spec.stack_dir, inventory.stack_id)
        self.place = f"{entry.name} on host '{entry.host}'"

    def start(self, file: str, arguments: tuple[str, ...]) -> str:
        """Start a script or a notebook; return its ID.

        Args:
            file: of this machine, or within the workdir of the other one.

        Raises:
            Refused: there is no such file, or it cannot be started.
        """
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
        path = self._brought(Path(file), name)
        program = ["-c", NOTEBOOK] if path.endswith(".ipynb") else ["-u"]
        argv = [*self._entry.as_client, self._entry.argv[0], *program, path, *arguments]
        return self._ask("start", name, str(self.workdir), str(self._layout.client_env), *argv)

    def follow(self, name: str, write: Callable[[str], object], warn: Callable[[str], object]) -> tuple[int, str]:
        """Hand on what it says until it ends; return its exit status, and why it was ended if it was.

        Args:
            warn: hears of a connection that is lost, and of its return.

        Raises:
            Refused: there is no such run, or the process beside which it ran does not come back.
        """
        offset, lost = 0, 0.0
        while True:
            try:
                seen = self._ask("follow", name, str(offset), str(LOOK))
            except NoRun:
                raise
            except NoJob as error:
                raise Refused(f"{error}; {name} has ended with the last one") from None
            except StackError as error:
                # One that answers, and has no such process, may be about to start it anew.
                if isinstance(error, Refused) and lost and time.monotonic() - lost > RESTART:
                    raise
                if not lost:
                    warn(f"{error}\ntrying again; a lost connection does not end {name}")
                lost = lost or time.monotonic()
                interrupted.wait(AGAIN)
                continue
            if lost:
                warn("there again")
            lost, offset = 0.0, seen["offset"]
            write(seen["output"])
            if seen["status"] is not None:
                return seen["status"], seen["why"]

    def end(self, name: str) -> None:
        self._ask("end", name)

    def newest(self) -> str:
        """Return the ID of the last one.

        Raises:
            Refused: there is none.
        """
        if not (name := self._ask("newest")):
            raise Refused(f"nothing was run beside {self.place}")
        return name

    def _brought(self, file: Path, name: str) -> str:
        """Return where a file is on the machine of the process: what is not within its workdir is copied there."""
        inside = self.workdir / file.as_posix()
        if file.is_file():
            here = file.resolve()
            if not self._machine.remote and here.is_relative_to(Path(self.workdir).resolve()):
                return str(here)
            copy = self.workdir / "runs" / name / file.name
            self._machine.make_directory(str(copy.parent), 0o700)
            self._machine.write(str(copy), file.read_bytes())
            return str(copy)
        if self._machine.remote and self._machine.exists(str(inside)):
            return str(inside)
        raise Refused(f"no file {file}" + (f", nor {inside} on host '{self._entry.host}'" * self._machine.remote))

    def _ask(self, call: str, *words: str) -> Any:
        """Ask the program on the other side.

        Raises:
            Refused: it fails; with what it says.
        """
        # Past what lies in the working directory: a `signal.py` of the user's is none of ours.
        argv = [self._entry.argv[0], "-I", "-c", PROGRAM, call, self._directory, *words]
        ended = self._manager.execute(self._entry.spec.managed_name, argv, CALL)
        if ended.status == NO_RUN:
            raise NoRun(f"beside {self.place} {ended.output.strip()}")
        if ended.status:
            raise Refused(f"beside {self.place}: {ended.output.strip()[-2000:]}")
        return json.loads(ended.output.splitlines()[-1])
