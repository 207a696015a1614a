"""The whole command line of each process of the all-in-one figure."""

import shlex

from mspass_stack.config import Cluster
from mspass_stack.rendered import RenderedProcess
from mspass_stack.roles import client_environment, database_uri
from mspass_stack.runtimes import render
from mspass_stack.topology import plan

CLUSTER = Cluster.read(
    {
        "hosts": {"desktop": {}},
        "database": {"db": "desktop", "cache": "1GiB"},
        "pool": {"host": "desktop", "workers": {"desktop": {"processes": 2, "memory": "2GiB"}}},
        "frontend": {"host": "desktop"},
    }
)
TOPOLOGY = plan(CLUSTER, "desktop", {"desktop": 4})

LINES = {
    "mongod": (
        "mongod --dbpath /d/db --port 27017 --bind_ip 127.0.0.1 --nounixsocket --keyFile /d/secrets/keyfile"
        " --wiredTigerCacheSizeGB 1.00"
    ),
    "scheduler": (
        "/py/bin/python -m dask scheduler --host 127.0.0.1 --port 8786 --dashboard-address 127.0.0.1:8787 --no-show"
    ),
    "worker-desktop": (
        "/py/bin/python -m dask worker tcp://127.0.0.1:8786 --host 127.0.0.1 --name worker-desktop --nworkers 2"
        " --nthreads 1 --memory-limit 2147483648 --local-directory /d/scratch --dashboard-address 127.0.0.1:0"
    ),
    "frontend": (
        "/py/bin/python -m jupyterlab --no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port=8888"
        " --ServerApp.port_retries=0 --ServerApp.root_dir=/w --config=/d/secrets/jupyter_server_config.json"
        " --allow-root"
    ),
}


def _rendered() -> dict[str, RenderedProcess]:
    return {p.name: render(p, TOPOLOGY, "/d", "/w", "/py/bin/python") for p in TOPOLOGY.processes}


def test_each_process_has_exactly_this_command_line() -> None:
    assert {name: shlex.join(process.argv) for name, process in _rendered().items()} == LINES


def test_clients_find_database_and_scheduler_in_their_environment() -> None:
    expected = {
        "MSPASS_SCHEDULER": "dask",
        "MSPASS_SCHEDULER_ADDRESS": "tcp://127.0.0.1:8786",
        "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:8786",
        "DASK_SCHEDULER_PORT": "8786",
        "MONGODB_PORT": "27017",
    }
    assert client_environment(TOPOLOGY, "user") == expected
    for name in ("worker-desktop", "frontend"):
        process = _rendered()[name]
        assert expected.items() <= process.environment.items()
        assert process.env_files == ("/d/secrets/client.env",)


def test_a_cluster_without_a_pool_says_so_instead_of_giving_a_silent_local_cluster() -> None:
    cluster = Cluster.read({"hosts": {"desktop": {}}, "database": {"db": "desktop"}, "frontend": {"host": "desktop"}})
    assert client_environment(plan(cluster, "s", {}), "peer")["MSPASS_SCHEDULER"] == "none"


def test_the_database_address_names_one_host_and_port() -> None:
    uri = "mongodb://mspass:secret@127.0.0.1:27017/?authSource=admin"
    assert database_uri(TOPOLOGY, "secret", "user") == uri


def test_a_rendered_process_survives_the_state_and_names_itself() -> None:
    for process in _rendered().values():
        again = RenderedProcess.model_validate(process.dump())
        assert again == process
        assert again.digest("a") == process.digest("a") != process.digest("b")
