"""`StackLayout`: where what is in a stack's directory on a host."""

from pathlib import PurePosixPath
from typing import NamedTuple

OWNER = ".mspass-stack"
"""The file that says which host of which stack a directory belongs to."""


class TlsFiles(NamedTuple):
    """What an end of TLS is made of: the certificate of who signs, and a certificate with its key."""

    authority: PurePosixPath
    certificate: PurePosixPath


class ClientLayout:
    """The user's own files on the control node, by which clients there find the cluster."""

    def __init__(self, directory: PurePosixPath) -> None:
        self.profile = directory / "profile.env"
        self.tls = TlsFiles(directory / "ca.pem", directory / "dask.pem")


class StackLayout:
    """The layout of a stack's directory on a host, the same under every runtime.

    Args:
        shared_by: the host, where others have the same directory: what is its own has its name.
    """

    def __init__(self, root: str, shared_by: str = "") -> None:
        self.root = PurePosixPath(root)
        self._own = shared_by and f"_{shared_by}"
        self.database = self.root / "db"
        self.config_data = self.root / f"data_config{self._own}"
        self.log = self.root / "log"
        self.scratch = self.root / "scratch"
        self.run = self.root / "run"
        # What a process that was killed goes on from: it is gone after an ordered stop, and at the start of a job.
        self.recovery = self.run / "recovery"
        self.images = self.root / "images"
        self.stage = self.root / "stage"
        self.secrets = self.root / "secrets"
        self.owner = self.root / OWNER
        # All that Spark has on a disk need not outlive the stack.
        self.spark_scratch = self.scratch / "spark"
        self.spark_work = self.spark_scratch / shared_by / "work"
        self.spark_daemon = self.secrets / "spark-daemon"
        self.spark_client = self.secrets / "spark-client"
        # What drivers and executors read beside their configuration, and is no secret.
        self.spark = self.root / "spark"
        self.trust_store = self.spark / "ca.p12"
        self.key_file = self.secrets / "keyfile"
        self.client_env = self.secrets / "client.env"
        self.jupyter_token = self.secrets / "jupyter-token"
        self.jupyter_config = self.secrets / "jupyter_server_config.json"
        self.jupyter_certificate = self.secrets / "jupyter.pem"
        # One path on every host and in every container: a client hands its address of the database to its tasks.
        self.authority = self.root / "ca.pem"
        self.tls = TlsFiles(self.authority, self.secrets / "dask.pem")
        # A directory, which a container sees as it is: a file that is bound alone stays what it was at the start.
        self.server = self.root / "tls"
        self.server_tls = TlsFiles(self.authority, self.server / "mongodb.pem")
        self.tls_mode = self.server / "mode.conf"
        self.client = ClientLayout(self.root / "client")

    def shard_data(self, key: str) -> PurePosixPath:
        """Return the directory of a shard's member: named as MsPASS's own script names it, one per shard and host."""
        return self.root / f"data_shard_{key}{self._own}"

    def size_of(self, process: str) -> PurePosixPath:
        """Return the file with what a process was given of its node."""
        return self.run / f"{process}.size"

    def log_of(self, process: str) -> PurePosixPath:
        return self.log / f"{process}.log"
