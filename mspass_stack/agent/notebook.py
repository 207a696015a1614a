"""Runs a notebook, and saves it after each cell with its results and its error. Argument: its path."""

import os
import sys

sys.path[:] = [path for path in sys.path if path]  # not what happens to lie in the working directory

import shutil  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, cast  # noqa: E402


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

    def save() -> None:
        """Write it as a whole or not at all, for whom it was readable."""
        partial = f"{path}.partial"
        Path(partial).touch(mode=0o600)
        nbformat.write(notebook, partial)
        shutil.copymode(path, partial)
        Path(partial).replace(path)

    def executed(cell: Any, **_: Any) -> None:
        nonlocal done
        save()
        if cell.cell_type == "code" and cell.source.strip():
            done += 1
            first = cell.source.strip().splitlines()[0]
            print(f"[{done}/{total}] {first[:100]}", flush=True)
            for output in cell.outputs:
                print(_text(output), end="", flush=True)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(Path(path).parent)}},
        on_cell_executed=executed,
    )
    if not client.has_trait("on_cell_executed"):
        sys.exit(f"{sys.executable} has an nbclient that is too old: pip install 'nbclient>=0.7'")
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"{path}: a cell has failed: {error.ename}: {error.evalue}")
    except Exception as error:  # told to end, or its kernel was killed
        sys.exit(f"{path}: ended before its last cell: {type(error).__name__}: {error}")
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
