"""The floor of a Slurm cluster: the steps of a sharded stack by hand, in a job of its nodes."""

import json
import sys
from typing import Any

from floor import first_unready
from secret_files import random_values, secret_files

from mspass_stack import make_plan, read_cluster
from mspass_stack.agent import slurm
from mspass_stack.agent.allocation import FILE, HOSTS
from mspass_stack.agent.preparation import ASKED, STEP
from mspass_stack.agent.words import HERE
from mspass_stack.machines import machine
from mspass_stack.machines.bundle import ensure_bundle
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority
from mspass_stack.roles.clients import CA, CERTIFICATE
from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.tls import REQUIRE, mode_file
from tests.harness.slurm_stack import SlurmStack

OWNER = "floor"

BATCH = """\
#!/usr/bin/python3
import json, os, socket, subprocess, sys
asked = json.load(open(asked_in))
names = subprocess.check_output(["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]], text=True).split()
nodes = {f"node{n}": {"name": name, "address": socket.gethostbyname(name)} for n, name in enumerate(names)}
for option in [name for name in os.environ if name.startswith(("SLURM_", "SRUN_", "SBATCH_"))]:
    if option not in ("SLURM_JOB_ID", "SLURM_CONF"):
        del os.environ[option]
with open(asked["hosts"], "w") as file:
    file.write("127.0.0.1 localhost\\n")
    file.writelines(f"{node['address']} {host}.{asked['domain']} {host}\\n" for host, node in nodes.items())
known = {"job": os.environ["SLURM_JOB_ID"], "restart": 0, "local": "/tmp", "nodes": nodes, "end": ""}
with open(asked["allocation"], "w") as file:
    json.dump(known, file)
def start(step):
    local = f"/tmp/floor-{step['name']}"
    words = ["srun", *asked["options"], f"--nodelist={nodes[step['host']]['name']}", "--input=none", "sh", "-c"]
    words += [f'umask 077; ulimit -S -n $(ulimit -H -n); mkdir -p {local}; exec "$@"', "sh"]
    words += [word.replace(asked["here"], local) for word in step["words"]]
    with open(step["log"], "ab") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
running = [start(step) for step in asked["steps"] if step["name"] not in ("frontend", "ensure")]
for name in ("ensure", "frontend"):
    (step,) = [step for step in asked["steps"] if step["name"] == name]
    last = start(step)
    if name == "ensure":
        last.wait()
for process in running:
    process.wait()
"""
"""A batch script as somebody writes it who knows the nodes of the day only when it runs."""


class SlurmFloor:
    """The processes of a stack, in the directory that the stack has.

    Args:
        stack: not up.
    """

    def __init__(self, stack: SlurmStack) -> None:
        base = stack.project.path
        self._stack, self._plan = stack, make_plan(read_cluster(stack.cluster), OWNER, {}, base, sys.executable)
        self._processes = [self._plan.render(process) for process in self._plan.topology.processes]
        self._first = next(iter(self._plan.topology.hosts.values()))
        self._run, self._log = str(self._first.layout.run), str(self._first.layout.log)
        self._login = machine(self._first.connection.login)
        _, self._authority = CertificateAuthority().create(Call("ca", {"stack": OWNER}))

    def prepare(self) -> None:
        """Make the directories and files that its processes work in and read, and write the batch script."""
        authority, topology = self._authority, self._plan.topology
        names = [*(host.address for host in topology.hosts.values()), *topology.hosts, "localhost", "127.0.0.1"]
        signing = {"authority": authority["certificate"], "authorityKey": authority["signer"]}
        _, signed = Certificate().create(Call("certificate", {**signing, "names": names}))
        values = {**random_values(topology), CA: authority["certificate"], CERTIFICATE: signed["pem"]}
        files = {str(self._first.layout.tls_mode): mode_file(REQUIRE)}
        for host in topology.hosts:
            files |= secret_files(self._plan, host, values)
        written = [path for one in self._processes for path in one.writes]
        directories = [self._log, f"{self._run}/{STEP}", *written, *(path.rpartition("/")[0] for path in files)]
        for directory in dict.fromkeys(directories):
            self._login.make_directory(directory, 0o700)
        for path, text in files.items():
            self._login.write(path, text)
        program = f"{self._run}/{STEP}/ensure.pyz"
        self._login.write(program, ensure_bundle())
        self._login.write(f"{self._run}/{STEP}/{ASKED}", json.dumps({"number": 1}))
        steps = [self._step(process) for process in self._processes if isinstance(process, SlurmProcess)]
        words = [*self._plan.preparation(), program, f"{self._run}/{STEP}"]
        steps.append({"name": STEP, "host": self._first.name, "words": words, "log": f"{self._log}/{STEP}.log"})
        assert topology.job
        asked = {
            **{"hosts": f"{self._run}/{HOSTS}", "allocation": f"{self._run}/{FILE}", "domain": topology.job.domain},
            **{"options": list(slurm.STEP), "here": HERE, "steps": steps},
        }
        self._login.write(f"{self._run}/floor.json", json.dumps(asked))
        self._login.write(f"{self._run}/floor.py", BATCH.replace("asked_in", repr(f"{self._run}/floor.json")))

    def start(self) -> None:
        """Submit it, and return when all processes are ready."""
        job = self._plan.topology.job
        assert job
        words = ["--parsable", f"--output={self._log}/floor.log", *job.directives, f"{self._run}/floor.py"]
        self._stack.on.as_user("login", "rm", "-f", f"{self._run}/{FILE}")
        self._job = self._stack.on.as_user("login", "sbatch", *words).strip()
        assert wait_until(lambda: self._login.exists(f"{self._run}/{FILE}"), 120), self._said("floor")
        if unready := first_unready(self._plan, self._processes, self._authority["certificate"]):
            raise SystemExit(f"{unready.name} is not ready; the end of its log:\n{self._said(unready.name)[-2000:]}")

    def stop(self) -> None:
        """End its job."""
        self._stack.on.as_user("login", "scancel", self._job)
        assert wait_until(lambda: not self._stack.jobs(), 120), self._stack.jobs()

    def _step(self, process: SlurmProcess) -> dict[str, Any]:
        words = [*process.wrapper, *process.argv]
        return {"name": process.name, "host": process.host, "words": words, "log": f"{self._log}/{process.name}.log"}

    def _said(self, name: str) -> str:
        return self._stack.on.as_user("login", "cat", f"{self._log}/{name}.log", check=False)
