"""The README says what is there."""

import re

from tests.harness.project import ROOT

README = (ROOT / "README.md").read_text()


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named and named <= there


def test_the_tree_of_the_architecture_is_the_tree() -> None:
    tree = re.search(r"^Pulumi\.yaml .*?^```", README, re.DOTALL | re.MULTILINE)
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
