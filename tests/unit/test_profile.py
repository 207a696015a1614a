"""Profiles of Slurm sites: ours are read, a user's own is, and a wrong one is refused with its file and path."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mspass_stack.config.access import Access
from mspass_stack.config.directives import REFUSED
from mspass_stack.errors import ConfigError
from mspass_stack.sites.profile import OURS, Profile, load_profile
from tests.harness.project import ROOT


@pytest.mark.parametrize("name", sorted(path.stem for path in OURS.glob("*.yaml")))
def test_every_profile_of_ours_is_read_by_its_name(name: str, tmp_path: Path) -> None:
    assert load_profile(name, tmp_path)


def test_the_generic_profile_says_every_key_and_each_as_it_is_by_default(tmp_path: Path) -> None:
    assert load_profile("generic", tmp_path) == Profile()
    written = yaml.safe_load((OURS / "generic.yaml").read_text())
    assert set(written) == {field.alias or name for name, field in Profile.model_fields.items()}


def test_the_manuals_site_has_its_module_and_refuses_memory(tmp_path: Path) -> None:
    profile = load_profile("tacc-stampede3", tmp_path)
    assert profile.prelude == ("module load tacc-apptainer",)
    assert profile.directives["mem"] is None
    assert profile.purged == ("/scratch",)


def test_a_profile_of_the_users_own_is_read_from_its_path(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(
        "runtime: [singularity, -q]\n"
        "prelude: ['module load singularity']\n"
        "python: /opt/python/bin/python3\n"
        "launcher: [--mpi=none]\n"
        "address: {suffix: i, domain: cluster.example.org, interface: ib0}\n"
        "local: $LOCAL_SCRATCH\n"
        "localDirective: gres=nvme:100\n"
        "directives: {constraint: cpu, mem: null, ntasks-per-node: 1, hold: true}\n"
        "access: [ssh, relay]\n"
        "purged: [/scratch, /work]\n"
    )
    profile = load_profile("site.yaml", tmp_path)
    assert profile == load_profile(str(tmp_path / "site.yaml"), Path("/elsewhere"))
    assert profile.runtime == ("singularity", "-q")
    assert (profile.address.suffix, profile.address.domain, profile.address.interface) == (
        "i",
        "cluster.example.org",
        "ib0",
    )
    assert profile.local_directive == "gres=nvme:100"
    assert profile.access == Access(ways=("ssh", "relay"))
    assert profile.directives == {"constraint": "cpu", "mem": None, "ntasks-per-node": 1, "hold": True}


WRONG: dict[str, tuple[str, str]] = {
    "unknown key": ("modules: [apptainer]", "modules: unknown key"),
    "nothing": ("", "None: expected a mapping of keys and values"),
    "a list": ("- apptainer", "['apptainer']: expected a mapping of keys and values"),
    "a text": ("apptainer", "'apptainer': expected a mapping of keys and values"),
    "a command that is no list": ("runtime: apptainer", "runtime: 'apptainer': expected a list"),
    "no command": ("runtime: []", "runtime: []: expected at least one"),
    "an empty word": ("runtime: [apptainer, '']", "runtime[1]: '': expected a text that is not empty"),
    "a number as a word": ("launcher: [1]", "launcher[0]: 1: expected a text"),
    "lines that are one": ("prelude: module load apptainer", "prelude: 'module load apptainer': expected a list"),
    "a line that is two": ('prelude: ["a\\nb"]', "prelude[0]: 'a\\nb': expected one line"),
    "a Python that is a number": ("python: 3.9", "python: 3.9: expected a text"),
    "unknown part of an address": ("address: {prefix: i}", "address.prefix: unknown key"),
    "a domain with a blank": ("address: {domain: a b}", "address.domain: 'a b': expected letters, digits"),
    "an address without parts": ("address: ib0", "address: 'ib0': expected a mapping of keys and values"),
    "a local directory that starts nowhere": ("local: tmp", "local: 'tmp': expected an absolute path"),
    "a local directory that is off": ("local: no", "local: False: got a boolean"),
    "a directive with dashes": (
        "localDirective: --gres=nvme",
        "localDirective: '--gres=nvme': expected an option of sbatch without its dashes",
    ),
    "a directive that breaks us": ("localDirective: output=x", "localDirective: 'output=x': 'output' may be neither"),
    "a key as Python writes it": ("local_directive: gres=nvme", "local_directive: unknown key"),
    "an option that is ours": ("directives: {job-name: x}", "directives.job-name: 'job-name' may be neither set nor"),
    "an option that is off": ("directives: {hold: false}", "directives.hold: False: expected a text"),
    "an unknown way": ("access: [direct, vpn]", "access[1]: 'vpn': expected 'direct', 'ssh' or 'relay'"),
    "no way": ("access: []", "access: []: expected at least one"),
    "a way twice": ("access: [ssh, ssh]", "access: ['ssh', 'ssh']: expected each once: ssh"),
    "a purged path that starts nowhere": ("purged: [scratch]", "purged[0]: 'scratch': expected an absolute path"),
    "no YAML": ("runtime: [apptainer", "no YAML: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_profile_is_refused_with_its_file_and_path(case: str, tmp_path: Path) -> None:
    text, expected = WRONG[case]
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_profile("site.yaml", tmp_path)
    assert str(refused.value).startswith(f"{file}: {expected}"), str(refused.value)


def test_all_problems_of_a_profile_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("runtime: []\naccess: [ssh, ssh]\nwhat: 1\n")
    with pytest.raises(ConfigError) as refused:
        load_profile("site.yaml", tmp_path)
    assert len(str(refused.value).splitlines()) == 3


def test_a_profile_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_profile("stampede", tmp_path)
    assert str(refused.value) == (
        "mspass:cluster.slurm.profile: 'stampede': expected one of generic, tacc-stampede3, or a path that ends in "
        ".yaml"
    )


@pytest.mark.parametrize(("make", "reason"), [("", "No such file or directory"), ("dir", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(make: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    if make:
        file.mkdir()
    with pytest.raises(ConfigError) as refused:
        load_profile("site.yaml", tmp_path)
    assert str(refused.value) == f"mspass:cluster.slurm.profile: 'site.yaml': {file}: cannot be read: {reason}"


def test_a_home_that_nobody_has_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mspass:cluster\.slurm\.profile: '~nobody-here/site.yaml': "):
        load_profile("~nobody-here/site.yaml", tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read: it is no text"):
        load_profile("site.yaml", tmp_path)


def test_no_name_of_a_site_is_in_the_code() -> None:
    names = {path.stem for path in OURS.glob("*.yaml")} - {"generic"}
    words = {word for name in names for word in name.split("-")}
    code = {path: path.read_text().lower() for path in (ROOT / "mspass_stack").rglob("*.py")}
    assert [(str(path), word) for path, text in code.items() for word in words if word in text] == []


def test_profiles_drop_nothing_that_the_stack_needs() -> None:
    for path in OURS.glob("*.yaml"):
        written: dict[str, Any] = yaml.safe_load(path.read_text()).get("directives", {})
        assert not set(written) & set(REFUSED)
