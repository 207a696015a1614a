"""Prepare a database from within the job of its servers: sets, shards, users, collections.

`python3 ensure.pyz DIRECTORY` reads `spec.json`, what the database is to have, and `asked.json`, which start of which
job asks; it writes `answer.json`. It is done anew at every start, and changes nothing where nothing is to be changed.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pymongo.errors import PyMongoError

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.mongo import users
from mspass_stack.mongo.client import Client, Here, brief, internal, said
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.mongo.sharded import ShardedDatabase
from mspass_stack.polling import keep_trying


class User(NamedTuple):
    """A user as `spec.json` has it."""

    password: str
    roles: list[str]


def main(directory: str) -> int:
    """Prepare it; return the exit status, which is 1 where something is missing."""
    place = Path(directory)
    spec = (place / "spec.json").read_bytes()
    asked: dict[str, Any] = json.loads((place / "asked.json").read_text(encoding="utf-8"))
    error, found = "", {}
    try:
        found = prepare(json.loads(spec), asked.get("leaving", []))
    except (PyMongoError, Refused, Unreachable, OSError) as failure:
        error = said(failure)
    answer = {**asked, "spec": hashlib.sha256(spec).hexdigest(), "error": error, **found}
    partial = place / "answer.json.partial"
    partial.write_text(json.dumps(answer) + "\n", encoding="utf-8")
    partial.replace(place / "answer.json")
    say(error or "the database has all that is declared")
    return 1 if error else 0


def prepare(spec: Mapping[str, Any], leaving: list[str]) -> dict[str, Any]:
    """Return `found`, what the database has then, and `release`, of which its data are.

    Args:
        spec: `key_file` and `authority` (paths), `users`; `server`, or `config`, `shards`, `routers`, `collections`.
        leaving: shards that are drained after this.

    Raises:
        PyMongoError, Refused, Unreachable, OSError: it could not be done.
    """
    key_file = Path(spec["key_file"]).read_text(encoding="utf-8")
    authority = Path(spec["authority"]).read_text(encoding="utf-8") if spec["authority"] else ""
    declared = {name: User(**user) for name, user in spec["users"].items()}
    if spec.get("server"):
        member = _member(spec["server"])

        def ensured() -> dict[str, Any]:
            with internal(member.host, member.address, member.port, key_file, authority) as client:
                users.ensure(client, declared)
                found = {"present": users.present(client, declared, authority)}
                return {"found": found, "release": users.release(client)}

        return keep_trying(ensured, PyMongoError, users.READY_TIMEOUT, lambda failure: say(brief(failure)))

    def replica_set(name: str, members: list[list[Any]], is_config: bool = False) -> ReplicaSet:
        return ReplicaSet(name, tuple(map(_member, members)), key_file, (authority,), is_config)

    database = ShardedDatabase(
        replica_set(spec["config_set"], spec["config"], is_config=True),
        {name: replica_set(name, members) for name, members in spec["shards"].items()},
        tuple(map(_member, spec["routers"])),
        key_file,
        authority,
        spec["collections"],
        declared,
        balanced=spec.get("balanced", True),
    )
    found = database.ensure(say, leaving=leaving)
    client: Client = database.config.primary()
    with client:
        return {"found": found, "release": users.release(client)}


def say(text: str) -> None:
    """Say it in the log of the step."""
    print(text, flush=True)


def _member(place: list[Any]) -> Member:
    address, port = place
    return Member(Here(), str(address), int(port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
