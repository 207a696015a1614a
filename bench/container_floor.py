"""The floor of a stack of containers: the same daemons by `docker run`, on their host's network."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from floor import Floor

from mspass_stack.managers.docker_labels import STACK
from mspass_stack.spec.process import ContainedProcess, ProcessSpec

OWNER = "floor"
"""What the containers have in the place of their stack's id."""


def run_words(process: ProcessSpec, image: str, user: str) -> list[str]:
    """Return the words of `docker` that start a process in the container that its stack has for it.

    Args:
        user: uid:gid of the stack's files.
    """
    assert isinstance(process, ContainedProcess)
    words = ["run", "--detach", "--init", "--name", process.container, "--label", f"{STACK}={OWNER}", "--user", user]
    words += ["--network", "host", "--workdir", process.directory]
    words += ["--stop-signal", f"SIG{process.stop_signal}", "--stop-timeout", str(process.stop_grace)]
    words += [f"--env={key}={value}" for key, value in process.environment.items()]
    words += [f"--mount=type=bind,source={path},target={path}" for path in process.writes]
    words += [f"--mount=type=bind,source={path},target={path},readonly" for path in process.reads]
    if process.memory:
        words += [f"--memory={process.memory}", f"--memory-swap={process.memory}"]
    words += [f"--cpus={process.cpus}"] if process.cpus else []
    entrypoint, *rest = process.entrypoint
    return [*words, "--entrypoint", entrypoint, image, *rest, *process.argv]


class ContainerFloor(Floor):
    """The processes of a plan for this machine's engine."""

    def start(self) -> None:
        user = f"{os.getuid()}:{os.getgid()}"
        commands = [run_words(process, self.host.image, user) for process in self.processes]
        with ThreadPoolExecutor(len(commands)) as pool:
            list(pool.map(_docker, commands))
        self.wait()

    def stop(self) -> None:
        for process in reversed(self.processes):
            for words in (["stop"], ["rm", "--force"]):
                _docker([*words, process.managed_name], check=False)

    def log(self, process: ProcessSpec) -> str:
        return _docker(["logs", process.managed_name], check=False)


def _docker(words: list[str], check: bool = True) -> str:
    ran = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and ran.returncode:
        raise SystemExit(f"docker {' '.join(words)}: {ran.stdout}")
    return ran.stdout
