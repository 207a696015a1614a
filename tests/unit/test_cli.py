"""The command `mspass-stack`: what needs no cluster."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

from mspass_stack.cli import init
from mspass_stack.cli.app import COMMANDS, group
from mspass_stack.cli.logs import new_lines
from mspass_stack.cli.pulumi import find, project_of, settings
from tests.harness.project import ROOT

OWN = Path(sys.executable).parent

REQUIRED = {"choose-runtime": ("--runtime", ""), "stage": ("in",)}
"""The words without which a command does nothing."""

STAND = "change to the folder of the project"


def test_each_command_says_what_it_is_for() -> None:
    shown = CliRunner().invoke(group, ["--help"]).output
    for name in COMMANDS:
        assert f"\n  {name} " in shown
        # `pulumi` hands every word on, and becomes it.
        assert name == "pulumi" or CliRunner().invoke(group, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("word", ["-s", "--stack"])
def test_a_stack_is_named_in_the_same_way_by_every_command(word: str) -> None:
    for name in COMMANDS:
        found = group.get_command(Context(group), name)
        assert found
        if "stack" in (parameter.name for parameter in found.params):
            context = found.make_context(name, [word, "lab", *REQUIRED.get(name, ())])
            assert context.params["stack"] == "lab", name
        else:
            assert name in ("init", "pulumi", "schema")
    verify = group.get_command(Context(group), "verify")
    assert verify
    context = verify.make_context("verify", ["-q", "-k", "mongod", word, "lab", "-x"])
    assert (context.params["stack"], context.params["words"]) == ("lab", ("-q", "-k", "mongod", "-x"))


def test_verify_leaves_it_to_its_suite_to_ask_for_the_stack(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mspass_stack", "verify", "-s", "lab"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (2, f"Exit: no Pulumi.yaml in {tmp_path} or above it: {STAND}\n")


def test_words_are_completed() -> None:
    line = f'eval "$(_MSPASS_STACK_COMPLETE=bash_source {OWN}/mspass-stack)"; '
    line += f"COMP_WORDS=({OWN}/mspass-stack stat) COMP_CWORD=1; _mspass_stack_completion {OWN}/mspass-stack; "
    line += 'echo "${COMPREPLY[@]}"'
    shown = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert shown.stdout.split() == ["status"], shown.stderr


def test_pulumi_gets_the_passphrase_and_the_state_of_the_project_whatever_its_path_is(tmp_path: Path) -> None:
    project = tmp_path / "proj #2?100%"
    (project / ".state").mkdir(parents=True)
    (project / "Pulumi.yaml").touch()
    for words in (("-C", str(project)), (f"-C{project}",), ("--cwd", str(project)), (f"--cwd={project}",)):
        assert project_of((*words, "up"), tmp_path, {}) == project_of((), project, {}) == project
    found = settings({"PATH": "/bin", "PYTHONPATH": "/theirs", "HOME": str(tmp_path)}, ("up",), project, OWN)
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{project}/.state/passphrase"
    assert found["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/proj%20%232%3F100%25/.state?metadata=skip"
    assert found["PATH"] == f"{OWN}:/bin"
    assert ("PYTHONPATH" in found, found["MSPASS_PYTHONPATH"]) == (False, "/theirs")


def test_what_the_user_has_chosen_stays(tmp_path: Path) -> None:
    chosen = {
        "PATH": "/bin",
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": "s3://theirs",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_PARALLEL": "3",
    }
    found = settings(chosen, ("up",), tmp_path, OWN)
    assert {key: found[key] for key in chosen if key != "PATH"} == {k: v for k, v in chosen.items() if k != "PATH"}
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in found
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "credentials.json").write_text('{"current": "https://theirs"}')
    assert "PULUMI_BACKEND_URL" not in settings({"HOME": str(tmp_path)}, ("up",), tmp_path, OWN)


@pytest.mark.parametrize("words", [("login", "--local"), ("-C", "/x", "--non-interactive", "logout")])
def test_a_login_does_not_see_our_choice(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "PULUMI_BACKEND_URL" not in settings({"HOME": str(tmp_path)}, words, tmp_path, OWN)


def test_where_addresses_are_few_pulumi_sets_none_aside(tmp_path: Path) -> None:
    plenty = {"PATH": "/bin", "HOME": str(tmp_path)}
    assert "MALLOC_ARENA_MAX" not in settings(plenty, ("up",), None, OWN)
    assert settings(plenty, ("up",), None, OWN, limited=True)["MALLOC_ARENA_MAX"] == "1"
    assert settings({**plenty, "MALLOC_ARENA_MAX": "2"}, ("up",), None, OWN, limited=True)["MALLOC_ARENA_MAX"] == "2"


def test_pulumi_is_the_first_on_path_that_is_not_our_own_stand_in(tmp_path: Path) -> None:
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pulumi").touch(mode=0o755)
    path = os.pathsep.join([str(tmp_path / "ours"), str(tmp_path / "theirs")])
    assert find(path, tmp_path / "ours") == str(tmp_path / "theirs" / "pulumi")
    assert find(str(tmp_path / "ours"), tmp_path / "ours") is None


def test_a_new_project_keeps_its_secrets_to_its_owner_and_names_the_plugin_of_its_environment(tmp_path: Path) -> None:
    init.write(tmp_path / "mine", OWN)
    state = tmp_path / "mine" / ".state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "passphrase").stat().st_mode) == 0o600
    assert f'path: "{OWN}"' in (tmp_path / "mine" / "Pulumi.yaml").read_text()
    assert (OWN / init.PLUGIN).exists()


@pytest.mark.parametrize(("name", "ours"), [("__main__.py", ROOT), ("Pulumi.desktop.yaml", ROOT / "stacks")])
def test_a_new_project_is_as_this_one(tmp_path: Path, name: str, ours: Path) -> None:
    init.write(tmp_path / "mine", OWN)
    (written,) = (tmp_path / "mine").rglob(name)
    own = ("runtime:", "encryptionsalt:")  # what a stack of this clone that is up has had written in
    lines = [line for line in (ours / name).read_text().splitlines() if not line.strip().startswith(own)]
    assert written.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ([], ["a"], ["a"]),
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b"], ["a", "bc", "d"], ["bc", "d"]),
        (["x", "x"], ["x", "x", "x"], []),
        (["a", "b"], ["y", "z"], ["y", "z"]),
    ],
)
def test_a_followed_log_shows_each_line_once(before: list[str], now: list[str], new: list[str]) -> None:
    assert new_lines(before, now) == new
