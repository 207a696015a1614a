"""Mends the addresses of peers in the data of a config server or a shard. Arguments: folder, set, addresses (JSON).

`{"configserver": "configserver/HOST:PORT"}` for a shard, `{NAME: "NAME/HOST:PORT"}` of each shard for a config server.
"""

import json
import subprocess
import sys
import time
from tempfile import TemporaryFile
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

PORT = 27017
"""In a network of its own, so that it is free."""

SECONDS = 300.0
"""For the recovery of data that were not closed."""

ALONE = {"_id": 0, "host": f"127.0.0.1:{PORT}"}


def main(folder: str, name: str, text: str) -> None:
    argv = ["mongod", "--dbpath", folder, "--replSet", name, "--port", str(PORT), "--bind_ip", "127.0.0.1"]
    argv += [
        "--nounixsocket",
        "--wiredTigerCacheSizeGB",
        "0.25",
        "--setParameter",
        "skipShardingConfigurationChecks=true",
    ]
    # Not a pipe, which nobody would read while it fills.
    with TemporaryFile("w+") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            mend(connected(server), json.loads(text))
        finally:
            server.terminate()
            server.wait()
            log.seek(0)
            end = log.read()[-2000:]
            if server.returncode:
                sys.exit(f"mongod ended with {server.returncode}: {end}")


def connected(server: "subprocess.Popen[bytes]") -> MongoClient[dict[str, Any]]:
    """A client of the server once it is the primary of a set of its own."""
    said = ""
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", PORT, directConnection=True, serverSelectionTimeoutMS=500
    )
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            sys.exit("mongod has ended")
        try:
            if client.admin.command("hello")["isWritablePrimary"]:
                return client
            config = client.admin.command("replSetGetConfig")["config"]
            if [member["host"] for member in config["members"]] != [ALONE["host"]]:
                client.admin.command("replSetReconfig", {**config, "members": [ALONE]}, force=True)
        except PyMongoError as error:
            said = str(error)
        time.sleep(0.1)
    sys.exit(f"it has no primary after {SECONDS:.0f} s: {said}")


def mend(client: MongoClient[dict[str, Any]], addresses: dict[str, str]) -> None:
    if (config := addresses.get("configserver")) is not None:
        client["admin"]["system.version"].update_one(
            {"_id": "shardIdentity"}, {"$set": {"configsvrConnectionString": config}}
        )
        return
    for shard, address in addresses.items():
        client["config"]["shards"].update_one({"_id": shard}, {"$set": {"host": address}})


if __name__ == "__main__":
    main(*sys.argv[1:])
