"""`Profile`: what is particular to a Slurm site, read from a small YAML file of ours or of the user."""

from functools import cache
from pathlib import Path
from typing import Annotated, cast

import yaml
from pydantic import AfterValidator, Field, ValidationError

from mspass_stack.config.access import Access, AccessOrWays
from mspass_stack.config.directives import Directives, single
from mspass_stack.config.load import problems
from mspass_stack.config.model import Model, Text, like
from mspass_stack.config.sections import KEY
from mspass_stack.errors import ConfigError
from mspass_stack.sites.base import resolve_path
from mspass_stack.spec.apptainer import COMMAND

OURS = Path(__file__).parent / "profiles"

PATH = f"{KEY}.slurm.profile"

Absolute = Annotated[str, like(r"^/\S*$", "an absolute path without blanks")]
OnNode = Annotated[str, like(r"^[/$]\S+$", "an absolute path without blanks, or one that begins with a variable")]
Line = Annotated[str, like(r"^[^\r\n\x00]+$", "one line")]
Label = Annotated[str, like(r"^[\w.-]+$", "letters, digits, _, . and - alone")]


class Address(Model):
    """How a node's name becomes the address by which other nodes reach it; nothing said is the name itself."""

    suffix: Label | None = Field(default=None, description="what goes behind the name, as in `i` for `node1i`")
    domain: Label | None = Field(default=None, description="the domain that goes behind that, without its first dot")
    interface: Label | None = Field(
        default=None, description="the network interface whose address is taken, in place of a name"
    )


class Profile(Model):
    """What is particular to a Slurm site."""

    runtime: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        default=COMMAND, description="the command of Apptainer on nodes, as words"
    )
    prelude: tuple[Line, ...] = Field(
        default=(), description="shell lines that go before, in a login bash, as in `module load apptainer`"
    )
    python: str = Field(
        default="", description="Python, 3.8 or newer, on the login host and nodes; by default it is searched"
    )
    launcher: tuple[Text, ...] = Field(default=(), description="more words of each srun")
    address: Address = Field(default=Address(), description="how other nodes reach a node")
    local: OnNode = Field(
        default="/tmp", description="a directory on each node's own disk; the node's variables may stand in it"
    )
    local_directive: Annotated[Text, AfterValidator(single)] | None = Field(
        default=None, alias="localDirective", description="the option of sbatch that grants it, as in `gres=nvme:100`"
    )
    directives: Directives = Field(
        default={}, description="options of sbatch that the site wants, and null for those that it refuses"
    )
    access: AccessOrWays = Field(default=Access(), description="ways to what runs on nodes, or a list of them")
    purged: tuple[Absolute, ...] = Field(default=(), description="file systems on which unused files are removed")


def load_profile(name: str, base: Path) -> Profile:
    """Return a profile of ours by its name, or the user's own by its path.

    Args:
        base: the directory that relative paths of the config start from.

    Raises:
        ConfigError: there is no such profile, or it is none; a line per problem, with file and YAML path.
    """
    if not name.endswith(".yaml"):
        known = sorted(path.stem for path in OURS.glob("*.yaml"))
        if name not in known:
            raise ConfigError(f"{PATH}: {name!r}: expected one of {', '.join(known)}, or a path that ends in .yaml")
        file = OURS / f"{name}.yaml"
    else:
        file = _own(name, base)
    return _parse(_read(name, file), str(file))


def _own(name: str, base: Path) -> Path:
    try:
        return Path(resolve_path(name, base))
    except RuntimeError as error:
        raise ConfigError(f"{PATH}: {name!r}: {error}") from None


def _read(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{PATH}: {name!r}: {file}: cannot be read: {reason}") from None


@cache
def _parse(text: str, file: str) -> Profile:
    try:
        value = cast("object", yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: no YAML: {' '.join(str(error).split())}") from None
    try:
        return Profile.model_validate(value)
    except ValidationError as error:
        raise ConfigError(problems(error, file)) from None
