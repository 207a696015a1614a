"""README and docs say what is there, and every command in them is run by a test or says why it is not."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from mspass_stack.cli.app import COMMANDS
from mspass_stack.provider.server.registry import RESOURCES
from tests.harness.lab import __main__ as lab
from tests.harness.project import ROOT

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
}
HISTORY = "docs/decisions.md"
MAKEFILE = (ROOT / "Makefile").read_text()

CHOICE = "tests/e2e/docker/test_choice.py::"
SCENARIO = "tests/e2e/scenarios.py::"
USE = "tests/e2e/native/test_use.py::"
LIFE = f"{SCENARIO}test_destroy_leaves_the_data_and_nothing_else_and_new_secrets_open_them"
LAB = "tests/e2e/lab/test_lifecycle.py::test_from_nothing_to_verified_in_one_up"
LAB_DOWN = "tests/e2e/lab/test_lifecycle.py::test_destroy_keeps_the_data_which_open_on_hosts_with_other_addresses"
GIVEN_UP = "tests/e2e/lab/test_refusals.py::test_a_host_that_will_not_come_back_is_forgotten_on_demand_only"
PREVIEW = "tests/e2e/native/test_lifecycle.py::test_what_nobody_serves_meanwhile_is_announced_before_it_restarts"
PROFILE = f"{USE}test_the_profile_makes_plain_clients_work_in_a_shell"
STATUS = "tests/e2e/native/test_user_environment.py::test_every_command_speaks_past_a_proxy_of_the_environment"
VERIFY = f"{SCENARIO}test_the_verification_suite_passes_without_a_skip"
EXAMPLE = f"{SCENARIO}test_the_example_does_real_work"
DETACHED = f"{SCENARIO}test_a_program_ends_with_the_process_beside_which_it_runs_and_says_so"
ATTACHED = f"{SCENARIO}test_a_program_ends_by_ctrl_c_and_outlives_a_lost_terminal"
CONNECT = "tests/e2e/lab/test_native_lab.py::test_connect_opens_its_pages_on_this_machine_alone_until_an_interrupt"
LOGS = f"{USE}test_logs_show_a_process_and_name_what_there_is"
SECOND = "tests/e2e/native/test_lifecycle.py::test_a_second_stack_stands_beside_the_first_and_may_not_take_its_ports"

OVER = "tests/e2e/native/test_starting_over.py::test_the_data_open_again_when_the_state_or_its_passphrase_is_lost"

SLURM = "tests/e2e/slurm/test_lifecycle.py::"
BATCH = "tests/e2e/slurm/test_batch.py::"
JOB = f"{SLURM}test_it_comes_up_in_one_job_and_the_next_up_changes_nothing"

LOGIN = "tests/e2e/slurm/test_login.py::"

STAGE = "tests/e2e/slurm/test_worker_nodes.py::"

WHEEL = "tests/e2e/native/test_wheel.py::test_a_wheel_and_a_pulumi_cli_are_enough"

TESTED = {
    "make bootstrap": ".ci/run",
    "make test": ".ci/run",
    "make test-hpc": ".ci/run",
    ". .venv/bin/activate": ".ci/run",
    "make desktop": f"{CHOICE}test_a_new_desktop_takes_docker_where_it_can_be_had_and_keeps_it",
    "make desktop RUNTIME=native": f"{CHOICE}test_a_new_desktop_takes_docker_where_it_can_be_had_and_keeps_it",
    "make desktop RUNTIME=docker": f"{CHOICE}test_without_the_plugin_docker_is_refused_with_the_line_to_type",
    "make status": STATUS,
    "make status STACK=lab-cluster": f"{SCENARIO}test_verification_and_status_name_what_is_down",
    "make logs PROCESS=mongod": LOGS,
    "make verify": VERIFY,
    "make verify STACK=lab-cluster": VERIFY,
    "make example": EXAMPLE,
    "make example STACK=lab-cluster": EXAMPLE,
    "make destroy": LIFE,
    "mspass-stack status --stack desktop": f"{USE}test_status_lists_every_process_as_ready_with_jupyters_address",
    "mspass-stack logs mongod": LOGS,
    "mspass-stack logs mongod --stack desktop": LOGS,
    "mspass-stack verify --stack desktop": VERIFY,
    "mspass-stack run examples/waveforms.py": EXAMPLE,
    "mspass-stack run --detach examples/waveforms.py": DETACHED,
    "mspass-stack run --attach": ATTACHED,
    "mspass-stack connect --stack lab-cluster": CONNECT,
    "mspass-stack connect --all --stack lab-cluster": CONNECT,
    "mspass-stack schema --write stacks": "tests/unit/test_schema.py::test_the_schema_is_written_where_it_is_asked_for",
    "mspass-stack schema --reference > docs/config.md": (
        "tests/unit/test_schema.py::test_the_reference_in_the_docs_is_fresh"
    ),
    'eval "$(_MSPASS_STACK_COMPLETE=bash_source mspass-stack)"': "tests/unit/test_cli.py::test_words_are_completed",
    "mspass-stack init mine": WHEEL,
    "cd mine": WHEEL,
    "mspass-stack pulumi up -s desktop": WHEEL,
    "mspass-stack verify": WHEEL,
    "pulumi preview -s desktop": PREVIEW,
    "pulumi up -s desktop": f"{SCENARIO}test_a_second_up_changes_nothing",
    "pulumi destroy -s desktop": LIFE,
    "pulumi stack output jupyterUrl -s desktop --show-secrets": (
        f"{USE}test_a_jupyter_password_opens_jupyter_beside_the_token"
    ),
    "pulumi config set --secret mspass:jupyterPassword": (
        f"{USE}test_a_jupyter_password_opens_jupyter_beside_the_token"
    ),
    'set -a; . "$(pulumi stack output clientProfile -s desktop)"; set +a': PROFILE,
    "python -c 'import distributed; print(distributed.Client())'": PROFILE,
    "pulumi stack init NAME": SECOND,
    "pulumi stack init lab-cluster": LAB,
    "pulumi preview -s lab-cluster": (
        "tests/e2e/lab/test_refusals.py::test_all_that_is_wrong_with_all_hosts_is_in_one_table"
    ),
    "pulumi up -s lab-cluster": LAB,
    "pulumi destroy -s lab-cluster": LAB_DOWN,
    "pulumi up -s lab-cluster --refresh=false --exclude '**@node2' --exclude '**::preflight'": (
        "tests/e2e/lab/test_faults.py::test_a_host_that_is_down_stops_every_command_before_a_change_and_is_named"
    ),
    "pulumi config set -s lab-cluster --path 'mspass:abandon[0]' node2": GIVEN_UP,
    "pulumi up -s lab-cluster --refresh=false": GIVEN_UP,
    "pulumi config rm -s lab-cluster mspass:abandon": GIVEN_UP,
    "pulumi stack output startAtBoot -s lab-cluster": (
        "tests/e2e/lab/test_native_lab.py::test_a_power_cut_is_healed_and_the_line_of_the_docs_starts_it_at_boot"
    ),
    "pulumi stack rm desktop --force --preserve-config": OVER,
    "pid=$(cat data/desktop/run/supervisord.pid) && kill $pid && tail --pid=$pid -f /dev/null": OVER,
    "rm data/desktop/.mspass-stack": OVER,
    "sed -i '/^encryptionsalt:/d' stacks/Pulumi.desktop.yaml": OVER,
    "pulumi stack init desktop": OVER,
    "pulumi stack init hpc": JOB,
    "mspass-stack stage in -s hpc": f"{STAGE}test_what_has_changed_in_the_source_is_brought_alone",
    "mspass-stack stage out -s hpc": (f"{STAGE}test_results_are_brought_back_when_asked_and_after_the_ordered_stop"),
    "pulumi preview -s hpc": "tests/e2e/slurm/test_queue.py::test_a_preview_asks_slurm_and_neither_submits_nor_writes",
    "pulumi up -s hpc": JOB,
    "mspass-stack status --stack hpc": f"{SLURM}test_status_names_the_job_and_its_nodes",
    "mspass-stack run --stack hpc --batch work.ipynb": (
        f"{BATCH}test_one_that_fails_fails_the_job_and_no_up_which_warns"
    ),
    "mspass-stack logs -f batch --stack hpc": f"{BATCH}test_a_notebook_runs_once_the_queue_moves_with_nobody_there",
    "mspass-stack connect --stack hpc": f"{SLURM}test_connect_opens_its_pages_on_this_machine",
    "mspass-stack verify --stack hpc": f"{SLURM}test_every_role_does_its_job_and_lets_no_stranger_in",
    "mspass-stack login -s hpc": f"{LOGIN}test_the_password_is_typed_once_and_the_second_login_says_that_it_stands",
    "mspass-stack login --close -s hpc": f"{LOGIN}test_the_next_entry_destroys_it_and_is_closed",
    "pulumi stack output access -s hpc": f"{SLURM}test_a_laptop_reaches_its_pages_by_openssh_alone",
    "pulumi cancel -s desktop": (
        "tests/e2e/native/test_interrupted.py::test_an_up_killed_after_any_step_converges_and_leaves_nothing"
    ),
}
"""Every command of the docs, and the test that runs it, with names and ports of its own."""

RECIPES = {
    "status": "-m mspass_stack status --stack lab",
    "logs": "-m mspass_stack logs --stack lab mongod",
    "verify": "-m mspass_stack verify --stack lab",
    "example": "-m mspass_stack run --stack lab examples/waveforms.py",
    "destroy": "pulumi destroy -s lab --yes",
}
"""What a make target runs: the same as a test."""

GAP = "..."
"""What stands in a message of the docs for names, paths and numbers."""


def _blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield the fenced blocks of a page: info string and text."""
    yield from re.findall(r"^```([^\n`]*)\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def _commands(page: str) -> Iterator[str]:
    """Yield the commands that a test is to run."""
    for info, text in _blocks(page):
        if info == "sh":
            lines = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in text.splitlines())
            yield from filter(None, lines)


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 160


@pytest.mark.parametrize("page", PAGES)
def test_a_block_of_commands_is_tested_or_says_why_it_is_not(page: str) -> None:
    for info, _ in _blocks(page):
        language, _, rest = info.partition(" ")
        assert language in ("", "py", "python", "sh", "yaml"), f"{page}: ```{info}"
        assert not rest or re.fullmatch(r"untested: \S.*", rest), f"{page}: ```{info}"
    assert set(_commands(page)) <= set(TESTED), "write the test that runs it into TESTED, or why there is none"


def test_no_command_of_the_table_has_left_the_docs() -> None:
    assert set(TESTED) == {command for page in PAGES for command in _commands(page)}


@pytest.mark.parametrize("test", sorted(set(TESTED.values())))
def test_a_test_that_runs_a_command_exists(test: str) -> None:
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text()
    assert f"def {name}(" in text if name else "make test" in text


@pytest.mark.parametrize("target", RECIPES)
def test_a_make_target_is_the_command_that_a_test_runs(target: str) -> None:
    recipe = re.search(rf"^{target}:.*\n\t@?(.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    ran = recipe[1].replace("$(mspass_stack)", "python -I -m mspass_stack")
    assert RECIPES[target] in ran.replace("$(STACK)", "lab").replace("$(PROCESS)", "mongod")


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_and_every_command_that_a_page_names_exists(page: str) -> None:
    if page == HISTORY:
        return
    code = "\n".join([*(text for _, text in _blocks(page)), *re.findall(r"`([^`\n]+)`", PAGES[page])])
    targets = set(re.findall(r"(?:^|[;&] *)make ([a-z-]+)", code, re.MULTILINE))
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|[;&] *)mspass-stack ([a-z-]+)", code, re.MULTILINE)) <= set(COMMANDS)


def test_every_command_has_its_line_in_operations() -> None:
    table = PAGES["docs/operations.md"]
    assert [name for name in COMMANDS if not re.search(rf"^\| `{name}\b", table, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page}: {link}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([^)\s#]+\.md)\)", PAGES["README.md"]))
    assert set(PAGES) - {"README.md"} <= linked


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_are_python(page: str) -> None:
    for info, text in _blocks(page):
        if info.startswith("py"):
            ast.parse(text)


def test_the_tree_of_the_architecture_is_the_tree() -> None:
    tree = re.search(r"^Pulumi\.yaml .*?^```", PAGES["docs/architecture.md"], re.DOTALL | re.MULTILINE)
    assert tree
    lines = [line[:26] for line in tree[0].splitlines() if line.startswith("  ")]
    inside = set(re.findall(r"[a-z_]+\.py|[a-z]+/", "\n".join(lines)))
    package = ROOT / "mspass_stack"
    entries = {
        path.name + ("/" if path.is_dir() else "")
        for path in package.iterdir()
        if not path.name.startswith(("__", "py."))
    }
    assert inside == entries


def test_the_workflow_runs_the_command_that_everybody_types() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"].split()[-1] for step in steps if "run" in step] == [".ci/run"]
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()


def test_every_resource_has_its_line_in_the_architecture() -> None:
    named = set(re.findall(r"`([A-Z]\w+)`", PAGES["docs/architecture.md"])) | {"CertificateAuthority", "Retirement"}
    assert set(RESOURCES) <= named


@cache
def _sayings() -> tuple[str, ...]:
    """Return every text of the package, with a gap where something is filled in."""
    found: list[str] = []
    for path in (ROOT / "mspass_stack").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return tuple(found)


def test_no_message_points_to_a_page_that_a_project_of_ones_own_lacks() -> None:
    assert [text for text in _sayings() if re.search(r"docs/\S*\.md", text)] == []


def test_what_to_type_on_the_simulated_lab_is_what_the_docs_say() -> None:
    targets = re.findall(r"^    make (\S+)", lab.NEXT, re.MULTILINE)
    assert {"status", "verify", "example"} <= set(targets) <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert "pytest" not in lab.NEXT


def _messages() -> list[str]:
    rows = re.findall(r"^\| (`.*?) \| ", PAGES["docs/troubles.md"], re.MULTILINE)
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("message", _messages())
def test_a_message_of_the_troubles_is_one_of_the_programs(message: str) -> None:
    pieces = [piece for piece in message.split(GAP) if piece.strip(" :'()")]
    assert any(all(piece in text for piece in pieces) for text in _sayings()), pieces
