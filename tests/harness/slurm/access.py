"""Who may log in where: users' keys in the shared homes, the hosts' own keys, and this machine's ssh_config."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.lab.command import LabError, run
from tests.harness.lab.lab import SSH
from tests.harness.slurm.network import LOGIN, address
from tests.harness.slurm.node import Node
from tests.harness.slurm.tree import SID, USERS

STRICT_PORT = 2222
"""At the login host: who enters there has both a key and a password."""

STRICT = "strict"
"""How ssh_config calls that."""

SSHD = """\
Port 22
PasswordAuthentication no
"""

PATIENT = "PerSourcePenalties no\n"
"""What a sshd is told that has such penalties: all users come from one address."""

FILE = "cluster.conf"
"""Of the configuration of every sshd, what is the cluster's own."""

TWO_FACTORS = f"""\
Port {STRICT_PORT}
Match LocalPort {STRICT_PORT}
  PasswordAuthentication yes
  AuthenticationMethods publickey,password
"""


def prepare(directory: Path, nodes: Iterable[str]) -> None:
    """Make the keys and the shared homes in a cluster's folder, and what one needs to log in from this machine."""
    hosts = directory / "hosts"
    for name in nodes:
        hosts.joinpath(name).mkdir(parents=True)
        _make_key(hosts / name / "host_key", name)
    _make_key(directory / "key", "slurm")
    known = directory / "known_hosts"
    known.write_text("".join(f"{_names(name)} {_public(hosts / name / 'host_key')}" for name in nodes))
    for user, number in USERS.items():
        home = directory / "home" / user
        home.mkdir(parents=True)
        keys = home / ".ssh"
        keys.mkdir(mode=0o700)
        shutil.copy2(directory / "key", keys / "id_ed25519")
        (keys / "authorized_keys").write_text(_public(directory / "key"))
        for path in (home, keys, *keys.iterdir()):
            os.chown(path, number, number)
        home.chmod(0o700)
    scratch = directory / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    ours = f'  User alice\n  IdentityFile "{directory / "key"}"\n  UserKnownHostsFile "{known}"\n'
    where = [f"Host {name}\n  HostName {address(name)}\n" for name in nodes]
    strict = f"Host {STRICT}\n  HostName {address(LOGIN)}\n  Port {STRICT_PORT}\n  BatchMode no\n"
    # Those who come from this machine enter by the login host.
    jump = f"Host * !{LOGIN} !{STRICT}\n  ProxyJump {LOGIN}\n"
    (directory / "ssh_config").write_text("".join([*where, strict, jump, "Host *\n", ours, SSH]))


def enter(directory: Path, node: Node, release: str) -> None:
    """Give a host of a release its key, the names and keys of all, and its sshd's configuration."""
    known = (directory / "known_hosts").read_text()
    names = [path.name for path in (directory / "hosts").iterdir()]
    node.write("/etc/hosts", "".join(["127.0.0.1 localhost\n", *(f"{address(name)} {name}\n" for name in names)]))
    node.write("/etc/ssh/ssh_known_hosts", known)
    node.write("/etc/ssh/ssh_host_ed25519_key", (node.directory / "host_key").read_text(), 0o600)
    said = [SSHD, PATIENT if release == SID else "", TWO_FACTORS if node.name == LOGIN else ""]
    node.write(f"/etc/ssh/sshd_config.d/{FILE}", "".join(said))


def configure_sshd(node: Node, file: str, text: str) -> None:
    """Have a host's sshd go by another file of its configuration for whoever comes from now on."""

    def listens() -> int:
        return node.execute("cat", "/var/log/sshd.log").count("Server listening on 0.0.0.0 port 22.")

    before = listens()
    script = 'printf %s "$2" > "/etc/ssh/sshd_config.d/$1"; kill -HUP $(cat /run/sshd.pid)'
    node.execute("sh", "-c", script, "sh", file, text)
    if not wait_until(lambda: listens() > before, 10):
        raise LabError(f"the sshd of {node.name} does not start:\n{node.execute('cat', '/var/log/sshd.log')}")


def _make_key(path: Path, comment: str) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))


def _public(key: Path) -> str:
    return key.with_suffix(".pub").read_text()


def _names(name: str) -> str:
    ports = f",[{address(name)}]:{STRICT_PORT},[{name}]:{STRICT_PORT}" if name == LOGIN else ""
    return f"{address(name)},{name}{ports}"
