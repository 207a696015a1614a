"""`mspass-stack pulumi ARGS...`: Pulumi's CLI as a project of ours needs it, so that `pulumi up` works as typed.

What the user has set in the environment, or chosen by `pulumi login`, goes before what is set here.
"""

import json
import os
import resource
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import click

from mspass_stack.errors import Refused

PROJECT = "MSPASS_PROJECT"
"""Names the project of a clone, whose Pulumi is called from other folders too."""

GET_PULUMI = (
    "there is no pulumi on PATH. Get it (https://www.pulumi.com/docs/install):\n"
    "    curl -fsSL https://get.pulumi.com | sh\n"
    "and type this again"
)

GIVE_BACK = "In a clone: make bootstrap; one that another user has made: sudo chown -R USER {}"

AFTER = {"-C", "--cwd", "--color", "--logtostderr", "--profiling", "--tracing", "-v", "--verbose", "-s", "--stack"}
"""Pulumi's options whose value is a word of its own."""


@click.command(
    "pulumi",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> None:
    """Run Pulumi's CLI with this environment's Python, and the project's passphrase and state."""
    project = project_of(words, Path.cwd(), os.environ)
    if project and not os.access(project / ".state", os.R_OK | os.W_OK | os.X_OK):
        raise Refused(f"{project / '.state'} is not there, or not this user's. {GIVE_BACK.format(project)}")
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    environment = settings(os.environ, words, project, Path(sys.executable).parent, limited)
    program = find(environment["PATH"], Path(sys.executable).parent)
    if program is None:
        click.echo(GET_PULUMI, err=True)
        sys.exit(2)
    sys.stdout.flush()
    os.execve(program, [program, *words], environment)


def find(path: str, own: Path) -> str | None:
    """Return Pulumi's CLI: the first on PATH that is not our own stand-in, which leads here."""
    # A clone's bootstrap may have brought one of its own.
    with suppress(OSError):
        path = os.pathsep.join([path, (own.parent / ".pulumi").read_text().strip()])
    folders = [folder for folder in path.split(os.pathsep) if folder and Path(folder).resolve() != own.resolve()]
    return shutil.which("pulumi", path=os.pathsep.join(folders))


def project_of(words: Sequence[str], here: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the project that Pulumi is going to find: of the folder, or of the one that is named."""
    for word, following in pairwise([*words, ""]):
        if word in ("-C", "--cwd"):
            here = here / following
        elif word.startswith(("-C", "--cwd=")):
            here = here / word.removeprefix("-C").removeprefix("--cwd=")
    for folder in (here.resolve(), *here.resolve().parents):
        if (folder / "Pulumi.yaml").exists():
            return folder if (folder / ".state").is_dir() else _named(environment)
    return _named(environment)


def _named(environment: Mapping[str, str]) -> Path | None:
    return Path(environment[PROJECT]) if environment.get(PROJECT) else None


def settings(
    environment: Mapping[str, str], words: Sequence[str], project: Path | None, own: Path, limited: bool = False
) -> dict[str, str]:
    """Return the environment that Pulumi's CLI gets.

    Args:
        words: that are typed to it.
        project: whose state and passphrase are in its folder `.state`; None leaves both to Pulumi.
        own: the folder of our own interpreter.
        limited: a process may have so many addresses and no more, as at some login hosts.
    """
    found = dict(environment)
    if limited:
        # glibc sets 64 MiB or more aside for each thread that allocates: 2.1 GiB for Pulumi, which does with 1.5.
        found.setdefault("MALLOC_ARENA_MAX", "1")
    # The language host runs the `python` that PATH leads to.
    found["PATH"] = os.pathsep.join([str(own), found.get("PATH", os.defpath)])
    # Our own tools import nothing but what their environment has; the daemons get what the user has there.
    if path := found.pop("PYTHONPATH", ""):
        found["MSPASS_PYTHONPATH"] = path
    # Pulumi and its plugins speak to each other on loopback, where no proxy is to stand between.
    proxied = found.get("no_proxy") or found.get("NO_PROXY", "")
    found["no_proxy"] = found["NO_PROXY"] = ",".join(filter(None, [proxied, "127.0.0.1,localhost,::1"]))
    # A process that waits for another holds one of these; Pulumi's default is 4 per core.
    found.setdefault("PULUMI_PARALLEL", "64")
    found.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
    # The provider is part of the project: nothing is to be downloaded for a program that lacks a plugin.
    found.setdefault("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    # Some builds of Pulumi take the home of the password file and not $HOME: what is read here and there is one file.
    home = found.setdefault("PULUMI_HOME", str(Path(found.get("HOME", "~")).expanduser() / ".pulumi"))
    if project is None:
        return found
    if "PULUMI_CONFIG_PASSPHRASE" not in found and not found.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        found["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(project / ".state" / "passphrase")
    # `login` itself must not see our choice.
    if _command(words) not in ("login", "logout") and not _has_chosen(found, Path(home)):
        # metadata=skip: Pulumi rewrites a sidecar file beside the state in place, and a kill just then leaves it
        # unreadable. The path is quoted, since `#`, `?` and `%` mean something in an address.
        found["PULUMI_BACKEND_URL"] = f"{(project / '.state').resolve().as_uri()}?metadata=skip"
    return found


def _command(words: Sequence[str]) -> str:
    """Return the first word that is no option, nor the value of one."""
    before = ""
    for word in words:
        if not word.startswith("-") and before not in AFTER:
            return word
        before = word
    return ""


def _has_chosen(environment: Mapping[str, str], home: Path) -> bool:
    """Whether the user has chosen a backend: by the variable, or by a login (`pulumi login`)."""
    if environment.get("PULUMI_BACKEND_URL"):
        return True
    file = Path(environment.get("PULUMI_CREDENTIALS_PATH") or home) / "credentials.json"
    try:
        text = file.read_text()
    except OSError:
        return False
    if "pulumiSecureStore" in text:  # only Pulumi can read it
        return True
    try:
        return bool(json.loads(text).get("current"))
    except (ValueError, AttributeError):
        return False
