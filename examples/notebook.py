"""Builds `waveforms.ipynb` from `waveforms.py`, so that the two cannot drift apart.

    python examples/notebook.py            writes the notebook
    python examples/notebook.py --check    exits 1 when the notebook does not have the script's cells

The script is in the percent format: a line `# %%` starts a cell of code, `# %% [markdown]` one of commented text.
"""

import argparse
import re
from pathlib import Path
from typing import Any, cast

import nbformat
from nbformat import v4

SCRIPT = Path(__file__).with_name("waveforms.py")
NOTEBOOK = SCRIPT.with_suffix(".ipynb")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def cells(script: str) -> list[tuple[str, str]]:
    """The (type, source) of each cell of a script in the percent format."""
    head, *parts = re.split(r"^# %%(.*)\n", script, flags=re.MULTILINE)
    if head.strip():
        raise ValueError("the script must begin with a cell")
    found: list[tuple[str, str]] = []
    for marker, source in zip(parts[::2], parts[1::2], strict=True):
        if marker.strip() == "[markdown]":
            found.append(("markdown", re.sub(r"^# ?", "", source.strip(), flags=re.MULTILINE)))
        else:
            found.append(("code", source.strip()))
    return found


def build(script: str) -> Any:
    """The notebook of a script. Cell ids are numbers, so that the same script gives the same file."""
    make: dict[str, Any] = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    made = [make[kind](source, id=f"cell-{number}") for number, (kind, source) in enumerate(cells(script), 1)]
    return v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def is_fresh(script: str, notebook: Path) -> bool:
    """Whether the notebook has the script's cells; outputs of a run do not matter."""
    if not notebook.exists():
        return False
    stored = cast(Any, nbformat.read(str(notebook), as_version=4))
    return [(cell.cell_type, cell.source) for cell in stored.cells] == cells(script)


def main() -> int:
    """Writes or checks the notebook; returns the exit status."""
    parser = argparse.ArgumentParser(description="Builds waveforms.ipynb from waveforms.py.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the notebook is stale")
    script = SCRIPT.read_text(encoding="utf-8")
    if parser.parse_args().check:
        if is_fresh(script, NOTEBOOK):
            return 0
        print(f"{NOTEBOOK.name} is stale: run python {Path(__file__).name}")
        return 1
    NOTEBOOK.write_text(nbformat.writes(build(script)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
