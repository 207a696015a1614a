"""A login host and compute nodes, and what may happen to them."""

import json
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.engine import install_tools
from tests.harness.lab.command import LabError, run
from tests.harness.lab.host import START
from tests.harness.slurm import access, config, network, quota, remains, role_image, tree, worlds
from tests.harness.slurm.hostile import Hostile, furnish, wall
from tests.harness.slurm.network import LOGIN, NETWORK, address, number
from tests.harness.slurm.node import Node
from tests.harness.slurm.remains import SlurmClaim
from tests.harness.slurm.worlds import World

GOOD = ("idle", "mixed", "allocated", "draining", "drained", "completing")
"""The states of a node that answers."""


class SlurmCluster:
    """A cluster.

    Args:
        directory: for its disks and keys; on a file system that can lie below an overlay.
        nodes: how many compute nodes there are.
        kept: the cluster goes on when this process ends; `SlurmCluster.attach` finds it again.
        hostile: what makes it harder to use, by the words of `Hostile`.
        lent: folders of this machine that the login host has too, at their own paths.
        release: of Debian, whose Slurm it is.
        gpus: how many accelerators each node poses to have: files that are /dev/null.

    Attributes:
        key: the private key that alice and bob have at the login host.
        known_hosts: the hosts' own keys.
        ssh_config: all that one needs to log in: `ssh -F ssh_config login`.
        home: alice's home, which all hosts share, as this machine sees it.
        image: an image of all that the roles run, as the hosts see it.
        strict_port: the login host's sshd there asks for the key and for alice's password.
    """

    user = "alice"
    password = tree.PASSWORDS["alice"]
    strict_port = access.STRICT_PORT
    login_address = address(LOGIN)
    image = f"/apps/{role_image.FILE}"

    def __init__(
        self,
        directory: Path,
        nodes: int = 6,
        kept: bool = False,
        hostile: Collection[str] = (),
        lent: Collection[Path] = (),
        release: str = tree.SID,
        gpus: int = 0,
    ) -> None:
        self.directory, self._lent, self._release = directory.absolute(), lent, release
        self._gpus = gpus
        self.hostile = frozenset(map(Hostile, hostile))
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self.key, self.known_hosts = self.directory / "key", self.directory / "known_hosts"
        self.ssh_config = self.directory / "ssh_config"
        self.home = self.directory / "home" / self.user
        self._claim = SlurmClaim(self.directory, kept)
        hosts = self.directory / remains.HOSTS
        self._nodes = {name: Node(name, hosts / name) for name in (LOGIN, *self.names)}

    @classmethod
    def attach(cls, directory: Path) -> "SlurmCluster":
        """The cluster that another process has up in a folder.

        Raises:
            LabError: there is none.
        """
        state = directory / "slurm.json"
        if not (state.exists() and NETWORK.is_up()):
            raise LabError(f"no cluster is up in {directory}")
        return cls(directory, **json.loads(state.read_text()))

    def up(self) -> None:
        """Start all hosts from empty disks; Slurm has every node idle when this returns."""
        install_tools()
        self._claim.take()
        remains.remove(self.directory)
        base, image = tree.ensure(self._release), role_image.ensure()
        self.directory.mkdir(parents=True, exist_ok=True)
        access.prepare(self.directory, self._nodes)
        if Hostile.QUOTA in self.hostile:
            quota.set_up(self.directory)
        for node in self._nodes.values():
            self._prepare(node, base, image)
        state = {
            "nodes": len(self.names),
            "hostile": sorted(self.hostile),
            "release": self._release,
            "gpus": self._gpus,
        }
        (self.directory / "slurm.json").write_text(json.dumps(state))
        NETWORK.up()
        self._start(LOGIN)
        self._each(self._start)
        if not wait_until(lambda: self._good() >= set(self.names), START):
            raise LabError(f"no idle nodes:\n{self.execute(LOGIN, 'sinfo', check=False)}{self._log()}")

    def close(self) -> None:
        """End all hosts and remove every trace of them; also of a cluster that was killed, or never came up."""
        if self._claim.is_mine:
            remains.end(self.directory)
        remains.remove(self.directory)
        self._claim.release()

    def is_on(self, name: str) -> bool:
        return self._nodes[name].is_on

    def address(self, name: str) -> str:
        return address(name)

    def execute(self, name: str, *argv: str, check: bool = True) -> str:
        """Run a command in a host as root, past its network; its stdout."""
        return self._nodes[name].execute(*argv, check=check)

    def as_user(self, name: str, *argv: str, user: str = user, check: bool = True, stdin: str = "") -> str:
        """Run a command in a host as a user who logged in, past its network; its stdout."""
        return self._nodes[name].as_user(user, *argv, check=check, stdin=stdin)

    def user_words(self, name: str, user: str, *argv: str) -> list[str]:
        """The command that runs another one in a host as a user, past its network."""
        return self._nodes[name].user_words(user, *argv)

    def ssh(self, name: str, *words: str, check: bool = True) -> str:
        """Log in to a host as alice and run a command line; its stdout."""
        return run("ssh", "-F", str(self.ssh_config), name, *words, check=check)

    def processes(self, name: str, pattern: str) -> list[int]:
        """The pids in a host whose command lines match a pattern, as that host counts them."""
        return [int(pid) for pid in self.execute(name, "pgrep", "--full", "--", pattern, check=False).split()]

    def states(self) -> dict[str, str]:
        """The state of each node, by Slurm's words; nothing while slurmctld does not answer."""
        # Of all nodes: one that is asked for by its name may be told as `mixed*` when it is down.
        lines = self.execute(LOGIN, "sinfo", "--noheader", "--Node", "--format=%N %T", check=False).splitlines()
        return dict(line.split() for line in lines)

    def crash(self, name: str) -> None:
        """Kill a host's PID 1, and so all that runs in it; nobody hears of it."""
        NETWORK.unplug(name)
        self._nodes[name].crash()

    def power_on(self, name: str) -> None:
        """Start a host with the disk that it has; Slurm knows it when this returns."""
        began = self._began(name) if name != LOGIN else ""
        self._nodes[name].cut_power()
        self._start(name)
        if not wait_until(self._knows_all if name == LOGIN else lambda: self._is_back(name, began), START):
            raise LabError(f"{name} does not answer:\n{self.execute(name, 'cat', '/var/log/boot.log')}{self._log()}")

    def drain(self, name: str) -> None:
        """Let a node take no more jobs."""
        self._update(name, "state=drain", "reason=test")

    def resume(self, name: str) -> None:
        """Let a node take jobs again; it answers when this returns.

        Raises:
            LabError: it does not.
        """
        self._update(name, "state=resume")
        if not wait_until(lambda: name in self._good(), START):
            raise LabError(f"{name} does not answer: {self.states()[name]}")

    def kill_slurmctld(self) -> None:
        """Kill it; what it has not written down yet, some five seconds later, it will not know."""
        for pid in self.processes(LOGIN, "^slurmctld"):
            self.execute(LOGIN, "kill", "-KILL", str(pid), check=False)

    def start_slurmctld(self) -> None:
        self.execute(LOGIN, "slurmctld")
        if not wait_until(self._knows_all, START):
            raise LabError(f"slurmctld does not start:\n{self._log()}")

    def unplug(self, name: str = LOGIN) -> None:
        """Cut a host's cable; the host runs on."""
        NETWORK.unplug(name)

    def plug(self, name: str = LOGIN) -> None:
        NETWORK.plug(name)

    def firewall(self, shut: bool = True) -> None:
        """Shut this machine out of all but the login host's sshd; or let it in again."""
        (network.shut if shut else network.unshut)()

    def enter(self, world: World) -> None:
        """Have it allow what another site does; connections that stand go on."""
        self.firewall(shut=world != World.OPEN)
        for name, node in self._nodes.items():
            self.configure_sshd("world.conf", worlds.FORWARDING.get(world, ""), name)
            if name != LOGIN:
                NETWORK.filter(node.name, *worlds.rules(world))

    def configure_sshd(self, file: str, text: str, name: str = LOGIN) -> None:
        """Have a host's sshd go by another file of its configuration for whoever comes from now on."""
        access.configure_sshd(self._nodes[name], file, text)

    def fill_quota(self, left: int = 0) -> None:
        """Fill alice's folder of /scratch up to so many bytes; of a cluster with a quota."""
        quota.fill(self.directory, left)

    def fill_inodes(self) -> None:
        """Let alice's folder of /scratch take no more files."""
        quota.fill_inodes(self.directory)

    def free_quota(self) -> None:
        quota.free(self.directory)

    def _prepare(self, node: Node, base: Path, image: Path) -> None:
        node.prepare(base)
        for shared in remains.SHARED:
            if shared != "home" or node.name == LOGIN or Hostile.NO_HOME not in self.hostile:
                node.share(shared, self.directory / shared)
        node.share("apps", image)
        for directory in self._lent if node.name == LOGIN else ():
            node.share(str(directory).lstrip("/"), directory)
        node.write("/etc/slurm/slurm.conf", config.slurm(self.names, Hostile.TASK_PLUGINS in self.hostile, self._gpus))
        if self._gpus:
            node.write("/etc/slurm/gres.conf", config.gres(self._gpus))
        node.write("/etc/slurm/cgroup.conf", config.cgroup(Hostile.TASK_PLUGINS in self.hostile))
        access.enter(self.directory, node, self._release)
        furnish(node, self.hostile)

    def _start(self, name: str) -> None:
        NETWORK.add_space(name)
        NETWORK.connect(name, number(name), address(name))
        wall(self._nodes[name], self.hostile)
        self._nodes[name].boot()

    def _good(self) -> set[str]:
        """The nodes that answer; a mark behind a state says that one does not."""
        return {name for name, state in self.states().items() if state in GOOD}

    def _knows_all(self) -> bool:
        """Whether slurmctld answers, and has asked every node how it is."""
        states = self.states()
        return bool(states) and not any(state.startswith("unknown") for state in states.values())

    def _began(self, name: str) -> str:
        """When a node's slurmd began, as Slurm knows it."""
        output = self.execute(LOGIN, "scontrol", "--oneliner", "show", "node", name, check=False)
        return next((word for word in output.split() if word.startswith("SlurmdStartTime=")), "")

    def _is_back(self, name: str, began: str) -> bool:
        return self._began(name) != began and name in self._good()

    def _log(self) -> str:
        return self.execute(LOGIN, "tail", "/var/log/slurmctld.log", check=False)

    def _update(self, name: str, *words: str) -> None:
        self.execute(LOGIN, "scontrol", "update", f"nodename={name}", *words)

    def _each(self, do: Callable[[str], None]) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(do, self.names))
