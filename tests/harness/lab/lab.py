"""Several hosts on one network, and what may happen to them."""

import json
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.engine import install_tools
from tests.harness.lab import environment, remains, template, tree
from tests.harness.lab.claim import Claim
from tests.harness.lab.command import LabError, run
from tests.harness.lab.host import START, Host
from tests.harness.lab.network import LAB

SSH = """\
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  IdentitiesOnly yes
  BatchMode yes
  ConnectTimeout 5
  LogLevel ERROR
"""


NATIVE = "native"
"""What follows such a host's address in the lab's file."""


class Lab:
    """A lab.

    Args:
        folder: for its disks and keys; on a file system that can lie below an overlay.
        image: of the engine at DOCKER_HOST; all Docker hosts have it and share its layers.
        sshd: further lines of every host's sshd configuration.
        kept: the hosts go on when this process ends; `Lab.attach` finds them again.
        native: the names of the hosts without Docker, which have SSH and environments of Python instead.

    Attributes:
        native_python: of native hosts: has what a cluster runs, and mongod and mongos beside it.
        other_python: of native hosts: has Dask of another release, and nothing else.
        key: the private key that mspass and root of every host take.
        known_hosts: the hosts' own keys.
        ssh_config: all that one needs to log in: `ssh -F ssh_config lab1`.
    """

    user = tree.USER
    native_python = environment.PYTHON
    other_python = environment.OTHER_PYTHON

    def __init__(
        self,
        directory: Path,
        count: int = 4,
        image: str = "",
        sshd: Sequence[str] = (),
        kept: bool = False,
        native: Collection[str] = (),
    ) -> None:
        self.directory = directory.absolute()
        self.key, self.known_hosts = self.directory / "key", self.directory / "known_hosts"
        self.ssh_config = self.directory / "ssh_config"
        self._image, self._sshd = image, list(sshd)
        self._claim = Claim(self.directory, kept)
        names = [f"lab{number}" for number in range(1, count + 1)]
        if strangers := set(native).difference(names):
            raise LabError(f"native hosts that are none of this lab: {', '.join(sorted(strangers))}")
        disks = self.directory / remains.DISKS
        self._hosts = {name: Host(name, disks / name, name in native) for name in names}
        self._addresses = {name: f"{LAB.subnet}.{11 + i}" for i, name in enumerate(self._hosts)}

    @classmethod
    def attach(cls, directory: Path) -> "Lab":
        """The lab that another process has up in a folder.

        Raises:
            LabError: there is none.
        """
        state = directory / "lab.json"
        if not (state.exists() and LAB.is_up()):
            raise LabError(f"no lab is up in {directory}")
        known = {name: output.split() for name, output in json.loads(state.read_text()).items()}
        lab = cls(directory, len(known), native=[name for name, (_, *kind) in known.items() if kind == [NATIVE]])
        lab._addresses = {name: address for name, (address, *_) in known.items()}
        return lab

    @property
    def names(self) -> list[str]:
        return list(self._hosts)

    def address(self, name: str) -> str:
        return self._addresses[name]

    def is_native(self, name: str) -> bool:
        return self._hosts[name].native

    def is_on(self, name: str) -> bool:
        return self._hosts[name].is_on

    def up(self) -> None:
        """Start all hosts from empty disks; each answers over SSH when this returns, and so does its Docker."""
        install_tools()
        self._claim.take()
        remains.remove(self.directory)
        kinds = {host.native for host in self._hosts.values()}
        bases = {native: tree.ensure_native() if native else tree.ensure() for native in kinds}
        layers = template.ensure(self._image) if self._image and False in kinds else None
        self.directory.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.key))
        LAB.up()
        self._each(lambda name: self._prepare(name, bases[self.is_native(name)], layers))
        self._write_addresses()
        self._each(self.power_on)

    def close(self) -> None:
        """End all hosts and remove every trace of them; also of a lab that was not closed, or never came up."""
        if self._claim.is_mine:
            remains.end(self.directory)
        remains.remove(self.directory)
        self._claim.release()

    def power_on(self, name: str) -> None:
        """Plug a host in and start it with the disk that it has."""
        number = self.names.index(name) + 1
        LAB.add_space(name)
        LAB.connect(name, number, self.address(name))
        self._hosts[name].boot()
        words, answer = (["hostname"], name) if self.is_native(name) else (["docker", "version"], "Server:")
        if not wait_until(lambda: answer in self.ssh(name, *words, check=False), START):
            self.ssh(name, *words)  # that fails, and says why

    def power_off(self, name: str) -> None:
        """Cut its power; the others hear nothing, not even that connections end."""
        if self.is_on(name):
            LAB.unplug(name)
        self._hosts[name].cut_power()

    def unplug(self, name: str) -> None:
        """Pull its network cable."""
        LAB.unplug(name)

    def plug(self, name: str) -> None:
        LAB.plug(name)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two hosts any more; this machine is `controller`."""
        LAB.cut(one, other)

    def heal(self) -> None:
        """Undo all cuts."""
        LAB.heal()

    def renumber(self, name: str, address: str) -> None:
        """Cut its power, and start it with another address, which all hosts know."""
        self.power_off(name)
        self._addresses[name] = address
        self._write_addresses()
        self.power_on(name)

    def share(self, *names: str) -> None:
        """Give hosts one /srv/mspass, as a file system of the network does; they are rebooted."""
        shared = self.directory / remains.DISKS / "shared"
        shared.mkdir(exist_ok=True)
        os.chown(shared, tree.USER_ID, tree.USER_ID)
        for name in names:
            (self._hosts[name].directory / "shared").symlink_to(shared)
            self.power_off(name)
            self.power_on(name)

    def stop_engine(self, name: str) -> None:
        """End its Docker engine, and so its containers."""
        self._hosts[name].stop_engine()

    def start_engine(self, name: str) -> None:
        self._hosts[name].start_engine()

    def execute(self, name: str, *argv: str, check: bool = True) -> str:
        """Run a command in a host as root, past its network; its stdout."""
        return self._hosts[name].execute(*argv, check=check)

    def docker(self, name: str, *words: str) -> str:
        return self._hosts[name].docker(*words)

    def ssh(self, name: str, *words: str, check: bool = True) -> str:
        """Log in to a host as mspass and run a command line; its stdout."""
        return run("ssh", "-F", str(self.ssh_config), name, *words, check=check)

    def _prepare(self, name: str, base: Path, layers: Path | None) -> None:
        host = self._hosts[name]
        host.prepare(base, layers)
        if layers and not host.native:
            template.share(layers, host.docker_data)
        own_key = self._host_key(name)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(own_key))
        host.write("/etc/ssh/ssh_host_ed25519_key", own_key.read_text(), 0o600)
        host.write("/etc/ssh/sshd_config.d/lab.conf", "".join(f"{line}\n" for line in self._sshd))
        for home in ("/root", f"/home/{self.user}"):
            host.write(f"{home}/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text(), 0o600)

    def _write_addresses(self) -> None:
        """Tell everybody: the hosts, those who log in to them, and who attaches to this lab."""
        lines = [f"{address} {name}\n" for name, address in self._addresses.items()]
        for host in self._hosts.values():
            host.write("/etc/hosts", "".join(["127.0.0.1 localhost\n", *lines]))
        keys = {name: self._host_key(name).with_suffix(".pub").read_text() for name in self.names}
        self.known_hosts.write_text("".join(f"{self.address(name)},{name} {key}" for name, key in keys.items()))
        where = [f"Host {name}\n  HostName {address}\n" for name, address in self._addresses.items()]
        ours = f'  User {self.user}\n  IdentityFile "{self.key}"\n  UserKnownHostsFile "{self.known_hosts}"\n'
        self.ssh_config.write_text("".join([*where, "Host *\n", ours, SSH]))
        kinds = {name: f" {NATIVE}" if host.native else "" for name, host in self._hosts.items()}
        state = {name: f"{address}{kinds[name]}" for name, address in self._addresses.items()}
        (self.directory / "lab.json").write_text(json.dumps(state))

    def _host_key(self, name: str) -> Path:
        return self._hosts[name].directory / "host_key"

    def _each(self, do: Callable[[str], None]) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(do, self._hosts))
