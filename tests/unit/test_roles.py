"""The whole command line of each process of the all-in-one figure."""

import shlex
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mspass_stack.agent.programs import words_of
from mspass_stack.config.load import read_cluster
from mspass_stack.plan import Plan, make_plan
from mspass_stack.roles.base import OWN_MODULES_FIRST, RUN_MODULE
from mspass_stack.roles.clients import PASSWORD
from mspass_stack.roles.dask import SPAWN
from mspass_stack.roles.registry import ROLES, client_env
from mspass_stack.spec.process import ProcessSpec, parse_process

CLUSTER: dict[str, Any] = {
    "datadir": "/d",
    "workdir": "/w",
    "hosts": {"desktop": {}},
    "database": {"db": "desktop", "cache": "1GiB"},
    "pool": {"host": "desktop", "workers": {"desktop": {"processes": 2, "memory": "2GiB"}}},
    "frontend": {"host": "desktop"},
}

AUTHORITY = PurePosixPath("/d/ca.pem")
MODULE = f"/py/bin/python -c {shlex.quote(OWN_MODULES_FIRST + RUN_MODULE)}"
WORKER = f"/py/bin/python -c {shlex.quote(OWN_MODULES_FIRST + SPAWN + RUN_MODULE)}"

LINES = {
    "mongod": (
        "mongod --dbpath /d/db --port 27017 --bind_ip 127.0.0.1 --nounixsocket --keyFile /d/secrets/keyfile"
        " --setParameter enableLocalhostAuthBypass=false"
        " --setParameter shutdownTimeoutMillisForSignaledShutdown=2000 --wiredTigerCacheSizeGB 1.00"
    ),
    "scheduler": f"{MODULE} dask scheduler --host 127.0.0.1 --port 8786 --dashboard-address 127.0.0.1:8787 --no-show",
    "worker-desktop": (
        f"{WORKER} dask worker tcp://127.0.0.1:8786 --host 127.0.0.1 --name worker-desktop --nworkers 2"
        " --nthreads 1 --memory-limit 2147483648 --local-directory /d/scratch --dashboard-address 127.0.0.1:0"
    ),
    "frontend": (
        f"{MODULE} jupyterlab --no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port=8888"
        " --ServerApp.port_retries=0 --ServerApp.base_url=/ --ServerApp.root_dir=/w"
        " --config=/d/secrets/jupyter_server_config.json --allow-root"
    ),
}


def _plan(value: dict[str, Any] = CLUSTER) -> Plan:
    return make_plan(read_cluster(value), "desktop", {"desktop": 4}, Path("/project"), "/py/bin/python")


def _rendered() -> dict[str, ProcessSpec]:
    plan = _plan()
    return {process.name: plan.render(process) for process in plan.topology.processes}


def _environment(env_file: str, **outside: str) -> dict[str, str]:
    """What a shell has after it has read an env file."""
    script = f"set -a\n{env_file}set +a\n/usr/bin/env -0"
    ran = subprocess.run(["/bin/sh", "-c", script], env=outside, check=True, capture_output=True, text=True)
    found = dict(line.split("=", 1) for line in ran.stdout.rstrip("\0").split("\0"))
    return {key: value for key, value in found.items() if key not in ("PWD", "OLDPWD", "SHLVL", "_")}


def test_each_process_has_exactly_this_command_line() -> None:
    assert {name: shlex.join(process.argv) for name, process in _rendered().items()} == LINES


def test_a_module_in_the_working_directory_does_not_take_a_daemon_down(tmp_path: Path) -> None:
    for name in ("signal", "types", "functools", "warnings"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user\\'s own')\n")
    (tmp_path / "mine.py").write_text("import signal, sys; print(signal.SIGTERM.name, sys.argv[1:])\n")
    python = "python3"
    argv = [python, "-c", OWN_MODULES_FIRST + RUN_MODULE, "mine", "a", "b c"]
    ran = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout == "SIGTERM ['a', 'b c']\n"


def test_nor_a_program_that_is_run_beside_one(tmp_path: Path) -> None:
    """As the drain is, in the directory of the scheduler."""
    (tmp_path / "signal.py").write_text("raise SystemExit('the user\\'s own')\n")
    argv = words_of("python3", "import signal, sys; print(signal.SIGTERM.name, sys.argv[1:])", "a", "b c")
    ran = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout == "SIGTERM ['a', 'b c']\n"


def test_clients_find_database_and_scheduler_in_their_environment() -> None:
    found = _environment(client_env(_plan().topology, {PASSWORD: "secret"}, AUTHORITY))
    assert found == {
        "MSPASS_DB_ADDRESS": "mongodb://mspass:secret@127.0.0.1:27017/?authSource=admin&appName=mspass",
        "MSPASS_SCHEDULER": "dask",
        "MSPASS_SCHEDULER_ADDRESS": "tcp://127.0.0.1:8786",
        "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:8786",
        "DASK_SCHEDULER_PORT": "8786",
        "MONGODB_PORT": "27017",
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    for name, process in _rendered().items():
        reads = name in ("worker-desktop", "frontend")
        assert process.env_files == (("/d/secrets/client.env",) if reads else ())


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_stands_before_the_hosts_and_the_users_own_exceptions_stay(name: str) -> None:
    found = _environment(client_env(_plan().topology, {PASSWORD: "secret"}, AUTHORITY), **{name: "example.org"})
    assert found["no_proxy"] == found["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def test_a_cluster_without_a_pool_says_so_instead_of_giving_a_silent_local_cluster() -> None:
    plan = _plan({key: part for key, part in CLUSTER.items() if key != "pool"})
    assert _environment(client_env(plan.topology, {PASSWORD: "secret"}, AUTHORITY))["MSPASS_SCHEDULER"] == "none"


def test_the_database_address_takes_in_the_port_that_a_released_mspasspy_appends() -> None:
    found = _environment(client_env(_plan().topology, {PASSWORD: "secret"}, AUTHORITY))
    uri = f"{found['MSPASS_DB_ADDRESS']}:{found['MONGODB_PORT']}"
    assert uri == "mongodb://mspass:secret@127.0.0.1:27017/?authSource=admin&appName=mspass:27017"


def test_jupyter_keeps_its_settings_and_its_kernels_apart_from_the_users_own() -> None:
    assert _rendered()["frontend"].environment == {
        "JUPYTER_TOKEN_FILE": "/d/secrets/jupyter-token",
        "JUPYTER_CONFIG_DIR": "/d/scratch/jupyter",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def test_the_numbers_of_the_order_are_these_and_leave_gaps() -> None:
    assert {kind: role.order for kind, role in ROLES.items()} == {
        "mongod": 100,
        "configsvr": 110,
        "shard": 120,
        "mongos": 130,
        "scheduler": 200,
        "worker": 300,
        "spark-master": 200,
        "spark-worker": 300,
        "frontend": 400,
    }


def test_a_rendered_process_survives_the_state() -> None:
    for process in _rendered().values():
        assert parse_process(process.dump()) == process
