"""Which mongod may open which data: those of its own release and of the one before."""

from pathlib import Path

import pytest

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.preflight.compatibility import note, refusal


def _refusal(directory: Path, program: str, data: str) -> str | None:
    Path(note(str(directory))).write_text(f"{data}\n")
    return refusal(LocalMachine(), str(directory), f"db version v{program}\nBuild Info: {{}}")


@pytest.mark.parametrize(("program", "data"), [("6.0.5", "6.0"), ("6.0.5", "5.0"), ("5.0.1", "4.4"), ("8.2.0", "8.2")])
def test_data_of_its_own_release_and_of_the_one_before_are_opened(tmp_path: Path, program: str, data: str) -> None:
    assert _refusal(tmp_path, program, data) is None


@pytest.mark.parametrize(("program", "data"), [("6.0.5", "7.0"), ("6.0.5", "4.4"), ("8.0.0", "6.0"), ("16.0.0", "6.0")])
def test_data_of_any_other_release_are_refused_with_both(tmp_path: Path, program: str, data: str) -> None:
    release = program.rpartition(".")[0]
    assert (_refusal(tmp_path, program, data) or "").startswith(
        f"its mongod is {release}, but the data in {tmp_path} are of MongoDB {data}: "
    )


def test_where_nothing_is_known_of_the_data_or_the_program_nothing_is_refused(tmp_path: Path) -> None:
    assert refusal(LocalMachine(), str(tmp_path), "db version v6.0.5") is None
    Path(note(str(tmp_path))).write_text("4.4\n")
    assert refusal(LocalMachine(), str(tmp_path), "Python 3.11.7") is None
