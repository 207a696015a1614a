"""JupyterLab."""

import hashlib
import json
from collections.abc import Iterator, Mapping

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context, HealthCheck, Needs, Placement, Role, Turn, run_module
from mspass_stack.roles.clients import CERTIFICATE, CLIENT_ENV, tls_environment, tls_files, tls_paths
from mspass_stack.roles.spark import NEEDS as SPARK
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.topology import DASK, HTTP, MONGODB, Process

TOKEN, JUPYTER_PASSWORD = "jupyter-token", "jupyter-password"
"""Names of secret values; the password is the user's own, and may be empty."""

ROOM = 1024**3
"""Bytes that others leave to it and its kernels."""


class Frontend(Role):
    """JupyterLab with a generated token, on its host's loopback (`mspass-stack connect` leads there) or by HTTPS."""

    kind, role, order, serves = "frontend", "frontend", 400, "frontend"
    speaks = frozenset({HTTP, DASK, MONGODB})
    secrets: Mapping[str, str] = {TOKEN: "token"}

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if frontend := cluster.frontend:
            ports = {HTTP: (frontend.port, "frontend.port")}
            # In clear, token and notebooks would be for whoever reads along.
            inside = not frontend.expose
            yield Placement("frontend", frontend.host, "frontend.host", ports, "http", inside=inside)

    def command(self, process: Process, context: Context) -> Command:
        layout, workdir = context.layout, context.host.workdir
        token, client, config = (str(path) for path in (layout.jupyter_token, layout.client_env, layout.jupyter_config))
        words = ["--no-browser", f"--ServerApp.ip={process.address}", f"--ServerApp.port={process.port}"]
        words += ["--ServerApp.port_retries=0", "--ServerApp.base_url=/", f"--ServerApp.root_dir={workdir}"]
        words += [f"--config={config}", "--allow-root"]
        certificate = [str(layout.jupyter_certificate)] if HTTP in context.topology.encrypted else []
        words += [f"--ServerApp.certfile={path}" for path in certificate]  # its key is in the same file
        environment = {
            **tls_environment(context.topology, layout.tls),
            # The token arrives as a file: every user of the machine can read argv, and every kernel the environment.
            "JUPYTER_TOKEN_FILE": token,
            # The user's own ~/.jupyter could open it to everybody, or move it; settings made in this one are kept here.
            "JUPYTER_CONFIG_DIR": str(layout.scratch / "jupyter"),
            # Kernels of this environment go before those that the user has installed from another one.
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        api = Probe(
            kind="https" if certificate else "http",
            host=process.host,
            address=process.address,
            port=process.port,
            path="/api/status",
            token_file=token,
        )
        return Command(
            argv=run_module(context.host.python, "jupyterlab", *words),
            directory=workdir,
            environment=environment,
            env_files=(client,),
            reads=(client, token, config, *certificate, *tls_paths(context)),
            writes=(workdir, str(layout.scratch)),
            probe=api,
            # Who signs is not known in its container: there the port has to do.
            health=HealthCheck(process.address, process.port, "" if certificate else "/api"),
            stop_grace=15,
            oom_score=500,
            room=ROOM,
            gated=context.cluster.database is not None,
        )

    def needs(self, process: Process, context: Context) -> Needs:
        # What a kernel sends must be understood at the other end.
        if not (pool := context.cluster.pool):
            return Needs(modules=("jupyterlab",))
        if pool.spark:
            return Needs(modules=("jupyterlab", *SPARK.modules), versions=SPARK.versions)
        return Needs(modules=("jupyterlab",), versions=("distributed",))

    def turn(self, process: Process, context: Context) -> Turn:
        return Turn(halts="Jupyter restarts: its kernels end, and what only they hold is lost")

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        layout = context.layout
        encrypted = HTTP in context.topology.encrypted
        return {
            **({str(layout.jupyter_certificate): values[CERTIFICATE]} if encrypted else {}),
            str(layout.client_env): values[CLIENT_ENV],
            str(layout.jupyter_token): values[TOKEN],
            str(layout.jupyter_config): jupyter_config(values[TOKEN], values.get(JUPYTER_PASSWORD, "")),
            **tls_files(context.topology, layout.tls, values),
        }


def jupyter_config(token: str, password: str) -> str:
    """Return Jupyter's hashed password, with a salt that stays the same from one `up` to the next."""
    if not password:
        return "{}\n"
    salt = hashlib.sha256(token.encode()).hexdigest()[:12]
    hashed = hashlib.sha256(password.encode() + salt.encode()).hexdigest()
    return json.dumps({"PasswordIdentityProvider": {"hashed_password": f"sha256:{salt}:{hashed}"}}) + "\n"
