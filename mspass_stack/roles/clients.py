"""What clients of a cluster find in their environment: MsPASS's `Client()`, pymongo and distributed."""

from typing import Literal

from mspass_stack.rendered import Home
from mspass_stack.topology import Topology

DATABASE_USER = "mspass"
DATABASE_ROLES = ("readWriteAnyDatabase", "dbAdminAnyDatabase")
"""MsPASS makes databases by name as it goes, and its indexes; it administers no users and no cluster."""


def client_environment(topology: Topology, side: Literal["peer", "user"]) -> dict[str, str]:
    """All of it but the database's address, which holds a password, and the paths of certificates.

    Source: mspasspy/client.py. A missing scheduler address would silently give a local cluster.
    """
    environment = {"MSPASS_SCHEDULER": "none"}
    if scheduler := topology.one("scheduler"):
        assert scheduler.endpoint
        address = scheduler.endpoint.for_peers() if side == "peer" else scheduler.endpoint.for_user()
        environment = {
            "MSPASS_SCHEDULER": "dask",
            "MSPASS_SCHEDULER_ADDRESS": address,
            "DASK_SCHEDULER_ADDRESS": address,
            "DASK_SCHEDULER_PORT": str(scheduler.ports["dask"]),
        }
    if database := topology.one("mongos", "mongod"):
        environment["MONGODB_PORT"] = str(database.ports["mongodb"])
    return environment


def tls_environment(topology: Topology, home: Home) -> dict[str, str]:
    """Dask's own variables for its end of a TLS connection (distributed, "TLS/SSL"); empty where it speaks none."""
    if not topology.tls:
        return {}
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    ends = {f"{tls}{end}__{part}": str(home.certificate) for end in _ENDS for part in ("CERT", "KEY")}
    return {
        "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tls",
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
        f"{tls}CA_FILE": str(home.certificates),
        **ends,
    }


def certificates(topology: Topology, home: Home) -> tuple[str, ...]:
    """The files by which Dask speaks TLS; none where it does not."""
    return (str(home.certificates), str(home.certificate)) if topology.tls else ()


_ENDS = ("SCHEDULER", "WORKER", "CLIENT")


def database_uri(topology: Topology, password: str, side: Literal["peer", "user"]) -> str | None:
    """The address of the database with its user: one host and port, since MsPASS parses no list of hosts."""
    if (database := topology.one("mongos", "mongod")) is None:
        return None
    assert database.endpoint
    place = database.endpoint.peer if side == "peer" else database.endpoint.user
    return f"mongodb://{DATABASE_USER}:{password}@{place}/?authSource=admin"
