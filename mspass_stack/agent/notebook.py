"""Runs a notebook, and saves it after each cell with its results and its error. Argument: its path.

What a cell says is printed as it comes. An interrupt goes to the cell that runs, and ends the notebook with it.
"""

import os
import sys

sys.path[:] = [path for path in sys.path if path]  # not what happens to lie in the working directory

import asyncio  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, cast  # noqa: E402

INTERRUPTED = 130
"""Exit status after an interrupt, as a shell has it."""


def main(path: str) -> None:
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        sys.exit(f"{sys.executable} cannot run notebooks: {error} (pip install nbclient ipykernel)")
    path = os.path.realpath(path)
    notebook = cast("Any", nbformat.read(path, as_version=4))
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    done = 0
    interrupts: list[Any] = []

    def save() -> None:
        """Write it as a whole or not at all, for whom it was readable."""
        partial = f"{path}.partial"
        Path(partial).touch(mode=0o600)
        nbformat.write(notebook, partial)
        shutil.copymode(path, partial)
        Path(partial).replace(path)

    def started(cell: Any, **_: Any) -> None:
        nonlocal done
        if interrupts:
            raise InterruptedError
        if cell.source.strip():
            done += 1
            first = cell.source.strip().splitlines()[0]
            print(f"[{done}/{total}] {first[:100]}", flush=True)

    def executed(**_: Any) -> None:
        save()

    class Client(NotebookClient):
        async def async_start_new_kernel(self, **kwargs: Any) -> None:
            def interrupt() -> None:  # instead of nbclient's own handler, which kills the kernel
                # A kernel that is about to start is waited for; then no cell is begun.
                interrupts.append(asyncio.ensure_future(cast("Any", self.km).interrupt_kernel()) if done else None)

            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
            await super().async_start_new_kernel(**kwargs)

        def output(self, *words: Any, **more: Any) -> Any:
            said = super().output(*words, **more)
            if said:
                print(_text(said), end="", flush=True)
            return said

    client = Client(
        notebook,
        timeout=None,
        kernel_name="python3",
        # It speaks on loopback, by messages that are signed, and warns about that each time.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(Path(path).parent)}},
        on_cell_execute=started,
        on_cell_executed=executed,
    )
    if not client.has_trait("on_cell_executed"):
        sys.exit(f"{sys.executable} has an nbclient that is too old: pip install 'nbclient>=0.7'")
    try:
        client.execute()
    except Exception as error:
        if interrupts:
            print(f"{path}: interrupted", file=sys.stderr)
            sys.exit(INTERRUPTED)
        if not isinstance(error, CellExecutionError):  # told to end, or its kernel was killed
            sys.exit(f"{path}: ended before its last cell: {type(error).__name__}: {error}")
        sys.exit(f"{path}: a cell has failed: {error.ename}: {error.evalue}")
    finally:
        save()


def _text(output: Any) -> str:
    """Return what a terminal can show of an output."""
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return "\n".join([*output.traceback, ""])
    return str(output.data.get("text/plain", f"({', '.join(output.data)})")) + "\n"


if __name__ == "__main__":
    main(sys.argv[1])
