"""What clients of a cluster find in their environment: MsPASS's `Client()`, pymongo and distributed."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from mspass_stack.roles.base import Context
from mspass_stack.spec.layout import TlsFiles
from mspass_stack.spec.topology import DASK, MONGODB, Process, Topology

DATABASE_USER = "mspass"
DATABASE_ROLES = ("readWriteAnyDatabase", "dbAdminAnyDatabase")
"""MsPASS makes databases by name as it goes, and its indexes; it administers no users and no cluster."""

PASSWORD = "mongodb-password"
CA, CERTIFICATE = "ca", "certificate"
CLIENT_ENV, DATABASE, TRUST_STORE = "client-env", "database", "trust-store"
"""Names of secret values: the password of the database's user, what TLS is made of, the env file of clients, the
database's address, and who signs as a Java reads it."""

_ENDS = ("SCHEDULER", "WORKER", "CLIENT")


def database_uri(process: Process, password: str, authority: str = "") -> str:
    """Return the address of the database with its user: one host and port, since MsPASS parses no list of hosts.

    Every released mspasspy appends ":" and MONGODB_PORT to it, whatever it is (2.0.1 to 2.4.3, `DBClient`): the last
    option takes that in, which no server looks at.

    Args:
        authority: the path of who signs its certificate; empty where it speaks without encryption.
    """
    tls = f"&tls=true&tlsCAFile={quote(authority, safe='')}" if authority else ""
    return f"mongodb://{DATABASE_USER}:{password}@{process.place}/?authSource=admin{tls}&appName=mspass"


def java_uri(uri: str) -> str:
    """Return an address as the driver for Java takes it: that one trusts whom its Java trusts."""
    return re.sub("&tlsCAFile=[^&]*", "", uri)


def tls_environment(topology: Topology, tls: TlsFiles) -> dict[str, str]:
    """Return Dask's own variables for its end of a TLS connection (distributed, "TLS/SSL"); none where it has none."""
    if DASK not in topology.encrypted:
        return {}
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    ends = {f"{prefix}{end}__{part}": str(tls.certificate) for end in _ENDS for part in ("CERT", "KEY")}
    return {
        "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tls",
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
        f"{prefix}CA_FILE": str(tls.authority),
        **ends,
    }


def tls_files(topology: Topology, tls: TlsFiles, values: Mapping[str, str]) -> dict[str, str]:
    """Return the files by which clients speak TLS, content by path: Dask's show a certificate of their own."""
    files = {str(tls.authority): values[CA]} if topology.encrypted & {DASK, MONGODB} else {}
    return files | ({str(tls.certificate): values[CERTIFICATE]} if DASK in topology.encrypted else {})


def tls_paths(context: Context) -> tuple[str, ...]:
    """Return the paths of those files on a host."""
    return tuple(tls_files(context.topology, context.layout.tls, {CA: "", CERTIFICATE: ""}))


def env_file(environment: Mapping[str, str], addresses: Iterable[str], script: str = "") -> str:
    """Return an env file for a shell to read.

    Args:
        addresses: that no proxy is to stand before.
        script: what finds the rest where it is read.
    """
    direct = ",".join(dict.fromkeys(["127.0.0.1", "localhost", *addresses]))
    # Values are addresses, numbers and paths; single quotes keep the `&` and `?` of a URI from the shell.
    lines = [f"{key}='{value}'\n" for key, value in sorted(environment.items())]
    lines += ['no_proxy="${no_proxy:-${NO_PROXY-}}"\n', f'no_proxy="${{no_proxy:+$no_proxy,}}{direct}"\n']
    return "".join([*lines, 'NO_PROXY="$no_proxy"\n', script])
