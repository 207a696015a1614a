"""What the login host of a Slurm cluster has for a job, asked in one go; and whether it lets us write."""

from collections.abc import Sequence
from dataclasses import dataclass

from mspass_stack.errors import Unreachable
from mspass_stack.machines.agent import LOGIN, NEWER, login_words
from mspass_stack.machines.base import Machine

PROGRAM = (
    'echo "path $(readlink -f "$DIRECTORY")"; for python in $PYTHONS; do '
    'found=$("$python" -I -c \'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.version_info >= (3, 8))\' '
    '2>/dev/null </dev/null) && echo "python $python $found"; done; true'
)
"""Prints where a directory really is, and which Pythons there are; of a login, as the agent starts."""

TRIAL = r"""
trial="$1/.mspass-probe-$$"
mkdir "$trial" || exit
trap 'rm -rf "$trial"' EXIT
for number in 0 1 2 3 4 5 6 7 8 9; do : > "$trial/$number" || exit; done
dd if=/dev/urandom of="$trial/0" bs=65536 count=16 conv=fsync status=none
"""
"""Writes ten files, and into one of them 1 MiB that no file system makes smaller; all goes at once."""


@dataclass(frozen=True)
class LoginFacts:
    """What a login host says of itself.

    Attributes:
        old: version by name, of its Pythons where all are too old.
        path: where the directory really is that was asked for.
    """

    old: dict[str, str]
    path: str


def ask(login: Machine, python: str, directory: str) -> LoginFacts:
    """Ask a login host.

    Args:
        python: that the profile names; it goes first.

    Raises:
        Unreachable: its shell does not work.
    """
    names = " ".join([*([python] if python else []), "python3", *NEWER])
    ran = login.run(["env", *login_words(PROGRAM), f"DIRECTORY={directory}", f"PYTHONS={names}", "sh", "-c", LOGIN])
    if ran.status:
        raise Unreachable(f"its shell does not work: {(ran.stderr or ran.stdout).strip()[-200:]}")
    return parse(ran.stdout)


def parse(text: str) -> LoginFacts:
    """Read what the program printed; what a shell says before is passed over."""
    lines = [line.split() for line in text.splitlines()]
    found = {line[1]: line[2:] for line in lines if len(line) == 4 and line[0] == "python"}
    is_new = any(new == "True" for _, new in found.values())
    return LoginFacts(
        old={} if is_new else {name: version for name, (version, _) in found.items()} or {"python3": "none"},
        path=next((line.removeprefix("path ") for line in text.splitlines() if line.startswith("path ")), ""),
    )


def refused_writing(login: Machine, directory: str) -> str:
    """Return why nothing can be written in a directory, in the system's words; nothing where it can."""
    ran = login.run(["sh", "-s", "--", directory], TRIAL)
    return (ran.stderr or ran.stdout).strip().splitlines()[-1].rpartition(": ")[2] if ran.status else ""


def purged_part(paths: Sequence[str], purged: Sequence[str]) -> str:
    """Return the file system, of those that are purged, on which a directory is by one of its paths; or nothing."""
    for path in paths:
        for place in purged:
            if f"{path}/".startswith(f"{place.rstrip('/')}/"):
                return place
    return ""
