"""Repairs the addresses of peers in the data of a config server or a shard, by a mongod of its own for that.

Arguments: the mongod, directory, set, key file, addresses (JSON): `{"configserver": "configserver/HOST:PORT"}` for a
shard, `{NAME: "NAME/HOST:PORT"}` of each shard for a config server.
"""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

SECONDS = 300.0
"""For the recovery of data that were not closed."""


ATTEMPTS = 3
"""Another process may take the port before mongod does."""


class EndedError(Exception):
    """The mongod has ended by itself."""


def main(mongod: str, directory: str, name: str, key_file: str, text: str) -> None:
    argv = [mongod, "--dbpath", directory, "--replSet", name, "--bind_ip", "127.0.0.1"]
    # Never without authentication: whoever is on this machine could read and write the data.
    argv += ["--keyFile", key_file, "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
    argv += ["--setParameter", "skipShardingConfigurationChecks=true"]
    argv += ["--setParameter", "enableLocalhostAuthBypass=false"]
    output = ""
    for _ in range(ATTEMPTS):
        try:
            return run(argv, Path(key_file).read_text(), json.loads(text))
        except EndedError as error:
            output = str(error)
    sys.exit(output)


def run(argv: "list[str]", key: str, addresses: "dict[str, str]") -> None:
    """Repair the data with a mongod for that.

    Raises:
        EndedError: it ended before, or not in order.
    """
    port = free_port()
    # Not a pipe, which nobody would read while it fills.
    with TemporaryFile("w+") as log:
        server = subprocess.Popen([*argv, "--port", str(port)], stdout=log, stderr=log)
        try:
            repair(connected(server, port, key), addresses)
        finally:
            server.terminate()
            server.wait()
            log.seek(0)
            end = log.read()[-2000:]
            if server.returncode:
                raise EndedError(f"mongod ended with {server.returncode}: {end}")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def connected(server: "subprocess.Popen[bytes]", port: int, key: str) -> "MongoClient[dict[str, Any]]":
    """Return a client of the server once it is the primary of a set of its own.

    Raises:
        EndedError: it ended before.
    """
    output = ""
    alone = {"_id": 0, "host": f"127.0.0.1:{port}"}
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=500,
        username="__system",
        password=key,
        authSource="local",
        authMechanism="SCRAM-SHA-256",
    )
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise EndedError("mongod has ended")
        try:
            if client.admin.command("hello")["isWritablePrimary"]:
                return client
            config = client.admin.command("replSetGetConfig")["config"]
            if [member["host"] for member in config["members"]] != [alone["host"]]:
                client.admin.command("replSetReconfig", {**config, "members": [alone]}, force=True)
        except PyMongoError as error:
            output = str(error)
        time.sleep(0.1)
    sys.exit(f"it has no primary after {SECONDS:.0f} s: {output}")


def repair(client: "MongoClient[dict[str, Any]]", addresses: "dict[str, str]") -> None:
    config = addresses.get("configserver")
    if config is not None:
        client["admin"]["system.version"].update_one(
            {"_id": "shardIdentity"}, {"$set": {"configsvrConnectionString": config}}
        )
        return
    for shard, address in addresses.items():
        client["config"]["shards"].update_one({"_id": shard}, {"$set": {"host": address}})


if __name__ == "__main__":
    main(*sys.argv[1:])
