"""A Docker engine for the tests: the one that runs, or one of our own on Debian as root, ended by its pid.

One of our own keeps its images in the user's cache, so that the test image is built once; it listens on a socket of its
own and is stopped with the session, whatever happens to the tests.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import docker
import psutil

from mspass_stack.errors import EngineError
from mspass_stack.managers.docker_engine import DockerEngine, address
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec

PACKAGES = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "tcpdump": "tcpdump",
    "tcsh": "tcsh",
}
"""Of Debian, by program: the engine, what its networks need, what the test image is made with, a registry, what a
lab of several hosts is made and overheard with, and a login shell of another family."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mspass_stack", "docker")


class NoEngine(Exception):
    """There is no engine and none can be started here; the text says why."""


class TestEngine:
    """The engine of a test session.

    Attributes:
        address: for DOCKER_HOST.
    """

    __test__ = False

    def __init__(self) -> None:
        """Find an engine or start one.

        Raises:
            NoEngine: neither is possible.
        """
        self._daemon: subprocess.Popen[bytes] | None = None
        self.address = address()
        install_tools()
        if _answers(self.address):
            return
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            raise NoEngine("no Docker engine answers, and only root on Debian can start one here")
        CACHE.mkdir(parents=True, exist_ok=True)
        # One engine at a time works on these images; another session of tests waits.
        self._lock = CACHE.with_suffix(".lock").open("a+")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._end_leftover()
        self._folder = Path(tempfile.mkdtemp(prefix="mspass-docker-"))
        self._lock.write(str(self._folder))
        self._lock.flush()
        self.address = f"unix://{self._folder}/docker.sock"
        self._start()
        self._remove_leftovers()

    @property
    def ours(self) -> bool:
        """Whether it may be restarted."""
        return self._daemon is not None

    def restart(self) -> None:
        """End the engine and start it again, as a reboot does."""
        self._stop()
        self._start()

    def close(self) -> None:
        if self._daemon:
            self._stop()
            for space in self._folder.glob("exec/netns/*"):  # of the host's network, which the engine leaves mounted
                subprocess.run(["umount", space], check=True)
            shutil.rmtree(self._folder)
            self._lock.truncate(0)
            self._lock.close()

    def _start(self) -> None:
        directories = [f"--data-root={CACHE}", f"--exec-root={self._folder}/exec", f"--pidfile={self._folder}/pid"]
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                ["dockerd", f"--host={self.address}", *directories],
                # Another client of a newer Docker may lead PATH; the engine's own helpers are Debian's.
                env={"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(Path.home())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        daemon = self._daemon
        wait_until(lambda: _answers(self.address) or daemon.poll() is not None, 60)
        if not _answers(self.address):
            raise NoEngine(f"dockerd did not start:\n{(self._folder / 'log').read_text()[-2000:]}")

    def _stop(self) -> None:
        assert self._daemon
        _end(psutil.Process(self._daemon.pid))

    def _end_leftover(self) -> None:
        """End the engine of a session that was killed, which the lock names."""
        self._lock.seek(0)
        if directory := self._lock.read():
            with suppress(OSError, ValueError, psutil.NoSuchProcess):
                daemon = psutil.Process(int(Path(directory, "pid").read_text()))
                if daemon.name() == "dockerd" and f"--data-root={CACHE}" in daemon.cmdline():
                    _end(daemon)
            shutil.rmtree(directory, ignore_errors=True)
        self._lock.truncate(0)

    def _remove_leftovers(self) -> None:
        """Remove what such a session left in the engine; its images are kept."""
        with closing(docker.DockerClient(base_url=self.address)) as client:
            for container in client.containers.list(all=True):
                container.remove(force=True)
            client.networks.prune()


def _end(daemon: psutil.Process) -> None:
    """End an engine, and what it started."""
    children = daemon.children(recursive=True)
    daemon.terminate()
    daemon.wait(60)
    _, alive = psutil.wait_procs(children, timeout=20)
    for process in alive:
        process.kill()


def _answers(address: str) -> bool:
    try:
        return bool(DockerEngine(ConnectionSpec(engine=address)).version())
    except EngineError:
        return False


def install_tools() -> None:
    """Debian's packages where they are missing and can be had."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    # Runlevel 1: their services are not started; what the tests start, they end.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        ran = subprocess.run([*quiet, *words], env=environment, capture_output=True, text=True)
        if ran.returncode:
            raise NoEngine(f"apt-get {words[0]} failed:\n{ran.stderr[-2000:]}")
