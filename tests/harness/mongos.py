#!/usr/bin/env python3
# pyright: basic
"""A double: stands in for `mongos` 6.0, MongoDB's router, of which no package registry carries one for Linux.

The routing code is inside of every genuine mongod 6.0 (`clusterFind`, `clusterInsert`, `_shardsvrCreateCollection`
and so on), so this file renames commands and passes them on; splitting, targeting, merging and balancing are MongoDB's
own. Clients authenticate with the config server over a connection of their own, and what they may do is what MongoDB
says there (`connectionStatus`); work on the shards is done as the internal user of the key file. One file that needs
pymongo and nothing else of this project: it is copied into an image as /usr/local/bin/mongos.

Known differences: no multi-document transactions and no change streams (both refused: a mongod 6.0.5 that is asked to
route them aborts); a write that a client repeats after a broken connection, as it is told that it may, may be done
twice (`txnNumber` is left out, for the same reason); a killed cursor lives on in its shard until it times out;
`explain` is that of one shard.
"""

import argparse
import base64
import hashlib
import hmac
import itertools
import json
import os
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

VERSION = "6.0.5"
PATIENCE = 20.0
"""Seconds for a primary to appear, as the genuine router's default for selecting a server."""
FRESH = 1.0
"""Seconds that a list of shards or of privileges is believed."""
BATCH = 1000
"""Documents of one write; 10,000 at once keep a shard busy for seconds."""

Doc = dict[str, Any]
Sections = dict[str, list[bytes]]

CODEC: CodecOptions[Any] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
PLAIN: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
MAJORITY = {"w": "majority"}
UNSHARDED = {"t": Timestamp(0, 0), "e": ObjectId(b"\0" * 12), "v": Timestamp(0, 0)}
NOT_PRIMARY = {91, 189, 10107, 11600, 11602, 13435, 13436}
STALE = {63, 249, 13388}
GOSSIP = ("$clusterTime", "operationTime", "lastCommittedOpTime", "$configTime", "$topologyTime", "$gleStats")
SESSION = ("lsid", "txnNumber", "stmtId", "stmtIds", "$clusterTime", "$readPreference", "$db")

CODES = {
    1: "InternalError",
    2: "BadValue",
    6: "HostUnreachable",
    13: "Unauthorized",
    20: "IllegalOperation",
    23: "AlreadyInitialized",
    26: "NamespaceNotFound",
    43: "CursorNotFound",
    59: "CommandNotFound",
    70: "ShardNotFound",
    73: "InvalidNamespace",
    133: "FailedToSatisfyReadPreference",
}


class Failure(Exception):
    """An answer with `ok: 0`."""

    def __init__(self, code: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.reply = {"ok": 0.0, "errmsg": text, "code": code, "codeName": CODES[code]} | more


class HangUp(Exception):
    """The client must connect, and authenticate, again."""


def log(text: str, severity: str = "I", **attributes: Any) -> None:
    entry = {"t": {"$date": datetime.now(UTC).isoformat(timespec="milliseconds")}, "s": severity, "c": "DOUBLE"}
    print(json.dumps(entry | {"msg": text} | ({"attr": attributes} if attributes else {}), default=str), flush=True)


# The wire: OP_MSG, and OP_QUERY for the first word of drivers.

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM, MORE_TO_COME = 1, 2
_numbers = itertools.count(1)


def receive(sock: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view, at = memoryview(data), 0
    while at < size:
        count = sock.recv_into(view[at:])
        if not count:
            raise ConnectionError("connection closed")
        at += count
    return bytes(data)


def receive_message(sock: socket.socket) -> tuple[int, int, bytes]:
    """The number of the next message, its kind and content."""
    size, number, _, kind = struct.unpack("<iiii", receive(sock, 16))
    return number, kind, receive(sock, size - 16)


def send_message(sock: socket.socket, kind: int, content: bytes, answers: int = 0) -> None:
    sock.sendall(struct.pack("<iiii", len(content) + 16, next(_numbers) & 0x7FFFFFFF, answers, kind) + content)


def split(data: bytes) -> list[bytes]:
    """Documents that follow one another."""
    documents: list[bytes] = []
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<i", data, at)
        documents.append(data[at : at + size])
        at += size
    return documents


def parse(content: bytes) -> tuple[int, Doc, Sections]:
    """Flags, body and document sequences of an OP_MSG; the body's inner documents stay as they are."""
    (flags,) = struct.unpack_from("<I", content)
    end, at = len(content) - (4 if flags & CHECKSUM else 0), 4
    body: Doc = {}
    sections: Sections = {}
    while at < end:
        kind = content[at]
        (size,) = struct.unpack_from("<i", content, at + 1)
        part = content[at + 1 : at + 1 + size]
        at += 1 + size
        if kind == 0:
            body = dict(RawBSONDocument(part, CODEC).items())
        else:
            name_end = part.index(b"\0", 4)
            sections[part[4:name_end].decode()] = split(part[name_end + 1 :])
    return flags, body, sections


def compose(body: Doc, sections: Sections | None = None) -> bytes:
    parts = [struct.pack("<I", 0), b"\0", bson.encode(body, codec_options=PLAIN)]
    for name, documents in (sections or {}).items():
        data = name.encode() + b"\0" + b"".join(documents)
        parts += [b"\1", struct.pack("<i", len(data) + 4), data]
    return b"".join(parts)


# The members.


class Tls:
    """How the router speaks TLS: mode, files, and what is made of them. Modes are MongoDB's own words."""

    def __init__(self, mode: str = "disabled", certificate: str = "", authority: str = "") -> None:
        self.mode, self.certificate, self.authority = mode, certificate, authority
        self.load()

    def load(self) -> None:
        """Read certificate and authority, also anew (`rotateCertificates`)."""
        if self.mode == "disabled":
            return
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context in (self.server, self.client):
            context.load_cert_chain(self.certificate)
            context.load_verify_locations(self.authority)
        # --tlsAllowConnectionsWithoutCertificates: one that is shown has to be the authority's.
        self.server.verify_mode = ssl.CERT_OPTIONAL

    def dial(self, sock: socket.socket, host: str) -> socket.socket:
        """A connection to a member, as the mode has it."""
        if self.mode in ("preferTLS", "requireTLS"):
            return self.client.wrap_socket(sock, server_hostname=host)
        return sock

    def accept(self, sock: socket.socket) -> socket.socket:
        """A connection of a client, by the first byte that it sends.

        Raises:
            OSError: the mode does not take it.
        """
        wants_tls = sock.recv(1, socket.MSG_PEEK) == b"\x16"
        if self.mode == ("disabled" if wants_tls else "requireTLS"):
            raise ConnectionError(f"the mode is {self.mode}")
        return self.server.wrap_socket(sock, server_side=True) if wants_tls else sock


TLS = Tls()
GENERATION = [0]
"""How often connections were dropped: those of before are used once more at most."""


class Link:
    """A connection to a member."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=3)
        self.socket = TLS.dial(plain, host.strip("[]"))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A member whose address is gone answers nothing at all.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 3), (socket.TCP_KEEPCNT, 3)):
            self.socket.setsockopt(socket.IPPROTO_TCP, option, value)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)
        self.address, self.generation = address, GENERATION[0]

    def call(self, db: str, body: Doc, sections: Sections | None = None, timeout: float | None = None) -> Doc:
        """A command's reply, also of one that failed.

        Raises:
            OSError: the connection broke.
        """
        self.socket.settimeout(timeout)
        send_message(self.socket, OP_MSG, compose(body | {"$db": db}, sections))
        reply = parse(receive_message(self.socket)[2])[1]
        return {key: value for key, value in reply.items() if key not in GOSSIP}

    def authenticate(self, key: str) -> None:
        """As the internal user: SCRAM-SHA-256 (RFC 7677) with the key file's content."""
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=__system,r={nonce}"
        start = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "options": {"skipEmptyExchange": True}}
        reply = self.call("local", start | {"payload": f"n,,{first}".encode()}, timeout=10)
        if not reply["ok"]:
            raise ConnectionError(reply["errmsg"])
        server_first = bytes(reply["payload"]).decode()
        said = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", key.encode(), base64.b64decode(said["s"]), int(said["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        last = f"c=biws,r={said['r']}"
        auth = f"{first},{server_first},{last}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), auth, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature, strict=True))).decode()
        more = {"saslContinue": 1, "conversationId": reply["conversationId"], "payload": f"{last},p={proof}".encode()}
        reply = self.call("local", more, timeout=10)
        if not reply["ok"]:
            raise ConnectionError(reply["errmsg"])

    def is_stale(self) -> bool:
        """An idle connection that has something to say was closed by the member."""
        patience = self.socket.gettimeout()
        self.socket.setblocking(False)  # with a timeout of its own, Python waits for it
        try:
            self.socket.recv(1)  # nothing that was not asked for: under TLS one cannot peek, and tickets are no answer
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            pass
        finally:
            self.socket.settimeout(patience)
        return True

    def close(self) -> None:
        self.socket.close()


class ReplicaSet:
    """A shard or the config servers: finds the primary and talks to it as the internal user."""

    def __init__(self, name: str, hosts: Iterable[str], key: str) -> None:
        self.name, self.key = name, key
        self.hosts = list(hosts)
        self.learned: list[str] = []
        """The members, in the last primary's words."""
        self.primary = ""
        self._idle: defaultdict[str, deque[Link]] = defaultdict(deque)

    def link(self) -> Link:
        """A connection to the primary, to be given `back`.

        Raises:
            OSError: there is none now.
        """
        while self.primary and self._idle[self.primary]:
            with suppress(IndexError):
                link = self._idle[self.primary].pop()
                if link.generation == GENERATION[0] and not link.is_stale():
                    return link
                link.close()
        link = self.open()
        if self.key:
            link.authenticate(self.key)
        return link

    def back(self, link: Link) -> None:
        if link.generation == GENERATION[0]:
            self._idle[link.address].append(link)
        else:
            link.close()

    def forget_primary(self) -> None:
        """The next command looks for the primary, by a connection that nobody has used."""
        self.primary = ""
        self._idle.clear()

    def open(self) -> Link:
        """A new connection to the primary, not authenticated."""
        error: Exception = ConnectionError(f"no primary in {self.name} at {','.join(self.hosts)}")
        known = [self.primary] if self.primary else []
        for address in dict.fromkeys([*known, *self.hosts, *self.learned]):
            try:
                link = Link(address)
                said = link.call("admin", {"hello": 1}, timeout=5)
                if said.get("isWritablePrimary") and said.get("setName") == self.name:
                    self.primary, self.learned = address, list(said.get("hosts", []))
                    return link
                link.close()
            except OSError as failure:
                error = failure
        self.primary = ""
        raise ConnectionError(f"{self.name}: {error}")

    def call(self, db: str, body: Doc, again: bool = False, patience: float = PATIENCE) -> Doc:
        """Wait for the primary and have it run a command.

        Args:
            again: the command may be repeated when the connection breaks before the reply.
            patience: how long to wait.

        Raises:
            Failure: there was no primary in time, or no reply.
        """
        return call_first(lambda: [self], db, body, None, again, patience)[0]


def call_first(
    sets: Callable[[], list[ReplicaSet]],
    db: str,
    body: Doc,
    sections: Sections | None,
    again: bool,
    patience: float = PATIENCE,
) -> tuple[Doc, ReplicaSet]:
    """The reply of the first of some sets that has a primary, and which it was."""
    deadline = time.monotonic() + patience
    while True:
        error: Exception | None = None
        for member in sets():
            try:
                link = member.link()
            except OSError as failure:
                error = failure
                continue
            try:
                reply = link.call(db, body, sections)
            except OSError as failure:
                link.close()
                member.forget_primary()
                error = failure
                if not again:
                    raise Failure(6, f"{member.name}: {failure}", errorLabels=["RetryableWriteError"]) from None
                continue
            if reply.get("code") in NOT_PRIMARY:
                link.close()
                member.forget_primary()
                error = Failure(133, str(reply["errmsg"]))
                continue
            member.back(link)
            return reply, member
        if time.monotonic() > deadline:
            text = f'Could not find host matching read preference {{ mode: "primary" }}: {error}'
            raise Failure(133, text, errorLabels=["RetryableWriteError"])
        time.sleep(0.2)


def must(reply: Doc) -> Doc:
    if not reply["ok"]:
        raise Refusal(reply)
    return reply


def labelled(reply: Doc) -> Doc:
    """A reply, with the word by which a driver writes again where a shard has changed its primary."""
    codes = {reply.get("code"), (reply.get("writeConcernError") or {}).get("code")}
    return dict(reply.items()) | {"errorLabels": ["RetryableWriteError"]} if codes & NOT_PRIMARY else reply


class Refusal(Exception):
    """A member's own refusal, passed on."""

    def __init__(self, reply: Doc) -> None:
        super().__init__(reply.get("errmsg"))
        self.reply = reply


class Cluster:
    """What the config servers know."""

    def __init__(self, config: ReplicaSet) -> None:
        self.config = config
        self.key = config.key
        self.cursors: dict[int, tuple[ReplicaSet | None, str]] = {}
        """Where a cursor is (None: on the config server, with its client's own rights) and what continues it."""
        self._shards: dict[str, ReplicaSet] = {}
        self._read_at = 0.0
        self._lock = threading.Lock()

    def find(self, collection: str, filter: Doc | None = None, patience: float = PATIENCE) -> list[Doc]:
        """Documents of the database `config`."""
        question = {"find": collection, "filter": filter or {}, "batchSize": 1_000_000, "singleBatch": True}
        question |= {"readConcern": {"level": "majority"}}
        reply = must(self.config.call("config", question, again=True, patience=patience))
        return [bson.decode(document.raw, PLAIN) for document in reply["cursor"]["firstBatch"]]

    def shards(self) -> dict[str, ReplicaSet]:
        """By name; those that are being drained come last. As last known while no config server answers."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH:
                try:
                    self._read_shards()
                except Failure:
                    if not self._shards:
                        raise
                self._read_at = time.monotonic()
            return self._shards

    def _read_shards(self) -> None:
        found = self.find("shards", patience=0 if self._shards else PATIENCE)
        shards: dict[str, ReplicaSet] = {}
        for shard in sorted(found, key=lambda shard: (bool(shard.get("draining")), shard["_id"])):
            name, _, hosts = shard["host"].partition("/")
            shards[shard["_id"]] = self._shards.get(shard["_id"]) or ReplicaSet(name, [], self.key)
            shards[shard["_id"]].hosts = hosts.split(",")
        self._shards = shards

    def forget(self) -> None:
        self._read_at = 0.0

    def database(self, db: str, create: bool = False) -> Doc | None:
        found = self.find("databases", {"_id": db})
        if not found and create:
            must(self.config.call("admin", {"_configsvrCreateDatabase": db, "writeConcern": MAJORITY}, again=True))
            found = self.find("databases", {"_id": db})
        return found[0] if found else None

    def collection(self, namespace: str) -> Doc | None:
        """A sharded collection's entry."""
        found = self.find("collections", {"_id": namespace})
        return found[0] if found else None

    def owners(self, namespace: str) -> dict[str, Doc]:
        """The version of a collection on each shard that has a part of it; nothing when it is not sharded."""
        entry = self.collection(namespace)
        if not entry:
            return {}
        newest: dict[str, Timestamp] = {}
        for chunk in self.find("chunks", {"uuid": entry["uuid"]}):
            newest[chunk["shard"]] = max(chunk["lastmod"], newest.get(chunk["shard"], Timestamp(0, 0)))
        return {
            shard: {"t": entry["timestamp"], "e": entry["lastmodEpoch"], "v": newest[shard]} for shard in sorted(newest)
        }

    def route(self, db: str, body: Doc, sections: Sections | None = None, again: bool = False) -> Doc:
        """Have a shard act as the router; `{}` where there is no shard."""
        if not self.shards():
            return {}
        reply, shard = call_first(lambda: list(self.shards().values()), db, body, sections, again)
        if reply.get("code") == 70:  # the acting shard remembers one that was removed
            self.flush()
            reply, shard = call_first(lambda: list(self.shards().values()), db, body, sections, again)
        return self.remember(reply, shard, "clusterGetMore")

    def flush(self) -> None:
        """Have every shard forget what it remembers as a router, as far as they answer."""
        self.forget()
        for shard in self.shards().values():
            with suppress(Failure):
                shard.call("admin", {"flushRouterConfig": 1}, again=True, patience=0)

    def remember(self, reply: Doc, where: ReplicaSet | None, verb: str) -> Doc:
        cursor = reply.get("cursor")
        if cursor is not None and (number := cursor["id"]):
            self.cursors[int(number)] = where, verb
        return reply

    def on_primary(
        self, db: str, body: Doc, create: bool = False, versioned: bool = True, on: str = "", again: bool = False
    ) -> Doc:
        """Have the primary shard of a database run a command; `{}` where there is no such database.

        Args:
            create: create the database first.
            versioned: say which version of the database is meant.
            on: the database that the command runs on, when it is another one.
        """
        for _ in range(5):
            entry = self.database(db, create)
            if not entry:
                return {}
            shard = self.shards().get(entry["primary"])
            if shard:
                version = {"databaseVersion": entry["version"]} if versioned else {}
                reply = shard.call(on or db, body | version, again=again)
                if reply.get("code") not in STALE:
                    return self.remember(reply, shard, "getMore")
            self.forget()
            time.sleep(0.2)
        raise Failure(1, f"the primary shard of {db} keeps moving")

    def everywhere(self, db: str, body: Doc, again: bool = False) -> dict[str, Doc]:
        return {name: must(shard.call(db, body, again=again)) for name, shard in self.shards().items()}


# The clients.

FREE = {"hello", "isMaster", "ismaster", "ping", "isdbgrid", "whatsmyuri", "endSessions", "getnonce"}
"""Answered without credentials."""

OWN = {
    *("saslStart", "saslContinue", "authenticate", "logout", "connectionStatus", "usersInfo", "rolesInfo"),
    *("createUser", "updateUser", "dropUser", "dropAllUsersFromDatabase", "grantRolesToUser", "revokeRolesFromUser"),
    *("createRole", "updateRole", "dropRole", "dropAllRolesFromDatabase", "grantRolesToRole", "revokeRolesFromRole"),
    *("grantPrivilegesToRole", "revokePrivilegesFromRole", "invalidateUserCache", "buildInfo", "buildinfo"),
    *("hostInfo", "getLog", "serverStatus", "getShardMap", "listCommands"),
    *("getDefaultRWConcern", "setDefaultRWConcern", "getClusterParameter", "setClusterParameter"),
}
"""Passed on to the config server on the client's own connection: MongoDB decides."""

ACTIONS = {
    **dict.fromkeys(("find", "aggregate", "count", "distinct", "explain"), "find"),
    **{
        "insert": "insert",
        "update": "update",
        "delete": "remove",
        "findAndModify": "update",
        "findandmodify": "update",
    },
    **{"create": "createCollection", "createIndexes": "createIndex", "drop": "dropCollection"},
    **{"dropIndexes": "dropIndex", "deleteIndexes": "dropIndex", "dropDatabase": "dropDatabase"},
    **{"renameCollection": "renameCollectionSameDB", "collstats": "collStats", "dbstats": "dbStats"},
    **dict.fromkeys(("shardCollection", "enableSharding"), "enableSharding"),
    **dict.fromkeys(("movePrimary", "moveChunk"), "moveChunk"),
    **{key: key for key in ("collMod", "collStats", "dbStats", "listCollections", "listIndexes", "validate", "dbHash")},
}
"""What a user must be allowed on the database or collection; for any other command of a database: `anyAction`."""

CLUSTER_ACTIONS = {
    **{key: key for key in ("addShard", "removeShard", "listShards", "shutdown", "fsync")},
    **{key: key for key in ("flushRouterConfig", "getCmdLineOpts")},
    **{"balancerStart": "addShard", "balancerStop": "addShard", "balancerStatus": "listShards"},
    **{key: key for key in ("rotateCertificates", "dropConnections", "getParameter", "setParameter")},
}
"""What a user must be allowed on the cluster."""

UNCHECKED = {"getMore", "killCursors", "killSessions", "refreshSessions", "startSession", "listDatabases"}
"""Open to whoever is authenticated."""

SERVERS_OWN = {"admin", "config", "local"}
"""Databases that live on the config server: the users' and the cluster's own."""


class Client:
    """A connection of a client, and its own connection to the config server."""

    def __init__(self, cluster: Cluster, sock: socket.socket, peer: str, number: int) -> None:
        self.cluster, self.socket, self.peer, self.number = cluster, sock, peer, number
        self.own_link: Link | None = None
        self.privileges: list[Doc] = []
        self.users: list[Doc] = []
        self.asked_at = 0.0

    def serve(self) -> None:
        try:
            self.socket = TLS.accept(self.socket)
            while True:
                self._answer(*receive_message(self.socket))
        except (OSError, HangUp):
            pass
        except Exception:
            log("a client's message was not understood", "E", trace=traceback.format_exc())
        finally:
            self.socket.close()
            if self.own_link:
                self.own_link.close()

    def _answer(self, number: int, kind: int, content: bytes) -> None:
        if kind == OP_QUERY:
            end = content.index(b"\0", 4)
            body = dict(RawBSONDocument(split(content[end + 9 :])[0], CODEC).items())
            if "$query" in body:
                body = dict(body["$query"].items())
            known = next(iter(body)) in ("isMaster", "ismaster", "hello")
            reply = self._run("admin", body, {}) if known else Failure(59, "OP_QUERY is no longer supported").reply
            head = struct.pack("<iqii", 8, 0, 0, 1)
            send_message(self.socket, OP_REPLY, head + bson.encode(reply, codec_options=PLAIN), number)
        elif kind == OP_MSG:
            flags, body, sections = parse(content)
            reply = self._run(str(body.get("$db", "admin")), body, sections)
            if not flags & MORE_TO_COME:
                send_message(self.socket, OP_MSG, compose(reply), number)
        else:
            raise HangUp

    def _run(self, db: str, body: Doc, sections: Sections) -> Doc:
        name = next(iter(body), "")
        try:
            if "autocommit" in body or name in ("commitTransaction", "abortTransaction"):
                raise Failure(20, "the test double of mongos has no multi-document transactions")
            body = {key: value for key, value in body.items() if key not in SESSION}
            if isinstance(body.get("writeConcern"), RawBSONDocument) and body["writeConcern"].get("w") == 0:
                body["writeConcern"] = {"w": 1}
            if name in WRITES:
                # The cluster's default, which a member does not apply to its internal user: a killed shard lost writes.
                body.setdefault("writeConcern", MAJORITY)
            reply = self._command(name, db, body, sections)
            return labelled(reply if "ok" in reply else reply | {"ok": 1.0})
        except (Failure, Refusal) as refusal:
            return labelled(refusal.reply)
        except (HangUp, OSError):
            raise
        except Exception as error:
            log("a command failed in the double", "E", command=name, trace=traceback.format_exc())
            return Failure(1, f"the test double of mongos failed: {error!r}").reply

    def _command(self, name: str, db: str, body: Doc, sections: Sections) -> Doc:
        if name in OWN:
            reply = self.own(db, body)
            if name == "serverStatus" and reply["ok"]:
                reply = {key: value for key, value in reply.items() if key != "repl"} | {"process": "mongos"}
            return reply
        if name not in FREE:
            self.authorize(name, db, body)
            if name.startswith("replSet"):
                raise Failure(59, f"no such command: '{name}'")
            if db in SERVERS_OWN and name not in ADMIN:
                return self.cluster.remember(self.own(db, body, sections), None, "getMore")
        return HANDLERS.get(name, Client.unknown)(self, db, body, sections)

    # Rights.

    def own(self, db: str, body: Doc, sections: Sections | None = None) -> Doc:
        """What the config server answers to this client itself."""
        if self.own_link and self.own_link.generation != GENERATION[0]:
            self._drop_own()
        for attempt in range(2):
            try:
                if self.own_link is None:
                    if self.users:
                        raise HangUp  # it was authenticated, and the new connection would not be
                    self.own_link = self._open()
                reply = self.own_link.call(db, body, sections)
            except OSError:
                self._drop_own()
                if attempt or self.users:
                    raise HangUp from None
                continue
            if reply.get("code") in NOT_PRIMARY:
                self._drop_own()
            if next(iter(body)) in ("saslContinue", "saslStart", "authenticate", "logout"):
                self.asked_at = 0.0
            return reply
        raise HangUp

    def _open(self) -> Link:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.cluster.config.open()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _drop_own(self) -> None:
        if self.own_link:
            self.own_link.close()
        self.own_link = None

    def authorize(self, name: str, db: str, body: Doc) -> None:
        """Refuse what MongoDB says that this client may not do.

        Raises:
            Failure: code 13, in MongoDB's words.
        """
        if not self.cluster.key:
            return
        if self.own_link and time.monotonic() - self.asked_at > FRESH:
            try:
                info = must(self.own_link.call("admin", {"connectionStatus": 1, "showPrivileges": True}))["authInfo"]
                info = bson.decode(info.raw, PLAIN)
                self.users, self.privileges = info["authenticatedUsers"], info["authenticatedUserPrivileges"]
                self.asked_at = time.monotonic()
            except (OSError, Refusal):
                self._drop_own()  # what it was allowed last holds until the client connects again
        if not self.users:
            raise Failure(13, f"command {name} requires authentication")
        if not self._may(name, db, body):
            raise Failure(13, f"not authorized on {db} to execute command {{ {name}: {body[name]!r} }}")

    def _may(self, name: str, db: str, body: Doc) -> bool:
        if name in CLUSTER_ACTIONS or name.startswith("replSet"):
            return self._has(CLUSTER_ACTIONS.get(name, "replSetStateChange"), None, "")
        if name in UNCHECKED:
            return True
        value = body[name]
        if name in ("shardCollection", "moveChunk", "renameCollection"):
            db, _, value = str(value).partition(".")
        elif name in ("enableSharding", "movePrimary"):
            db, value = str(value), ""
        elif db in SERVERS_OWN:
            return True  # the config server decides
        elif name == "explain" and isinstance(value, RawBSONDocument):
            value = value[next(iter(value))]
        return self._has(ACTIONS.get(name, "anyAction"), db, value if isinstance(value, str) else "")

    def _has(self, action: str, db: str | None, collection: str) -> bool:
        for privilege in self.privileges:
            if action not in privilege["actions"] and "anyAction" not in privilege["actions"]:
                continue
            on = privilege["resource"]
            if on.get("anyResource") or (db is None and on.get("cluster")):
                return True
            if db is not None and on.get("db") in ("", db) and on.get("collection") in ("", collection):
                return True
        return False

    # What the router answers itself.

    def hello(self, db: str, body: Doc, sections: Sections) -> Doc:
        old = next(iter(body)) != "hello"
        reply = {
            "ismaster" if old else "isWritablePrimary": True,
            "msg": "isdbgrid",
            "helloOk": True,
            "maxBsonObjectSize": 16777216,
            "maxMessageSizeBytes": 48000000,
            "maxWriteBatchSize": 100000,
            "localTime": datetime.now(UTC),
            "logicalSessionTimeoutMinutes": 30,
            "connectionId": self.number,
            "minWireVersion": 0,
            "maxWireVersion": 17,
        }
        if "saslSupportedMechs" in body:
            said = self.own("admin", {"hello": 1, "saslSupportedMechs": body["saslSupportedMechs"]})
            reply |= {key: said[key] for key in ("saslSupportedMechs",) if key in said}
        return reply

    def ok(self, db: str, body: Doc, sections: Sections) -> Doc:
        return {}

    def is_router(self, db: str, body: Doc, sections: Sections) -> Doc:
        return {"isdbgrid": 1, "hostname": socket.gethostname()}

    def whats_my_uri(self, db: str, body: Doc, sections: Sections) -> Doc:
        return {"you": self.peer}

    def command_line(self, db: str, body: Doc, sections: Sections) -> Doc:
        return {"argv": ["mongos", *sys.argv[1:]], "parsed": {}}

    def shutdown(self, db: str, body: Doc, sections: Sections) -> Doc:
        log("Shutting down", peer=self.peer)
        os._exit(0)

    # Reading and writing.

    def write(self, db: str, body: Doc, sections: Sections) -> Doc:
        """`insert`, `update` and `delete`, in batches."""
        name = next(iter(body))
        field = {"insert": "documents", "update": "updates", "delete": "deletes"}[name]
        documents = sections.get(field)
        if documents is None:
            documents = [document.raw for document in body[field]]
        common = {f"cluster{name.capitalize()}": body[name]}
        common |= {key: value for key, value in body.items() if key not in (name, field)}
        total: Doc = {"n": 0} | ({"nModified": 0} if name == "update" else {})
        for start in range(0, max(len(documents), 1), BATCH):
            part = documents[start : start + BATCH]
            reply = self.cluster.route(db, common, {field: part}) or self._no_shards(db, name)
            must(reply)
            if moved := [one for one in reply.get("writeErrors", []) if one["code"] in NOT_PRIMARY]:
                raise Refusal({"ok": 0.0, "code": moved[0]["code"], "errmsg": moved[0]["errmsg"]})
            for key in ("n", "nModified"):
                if key in reply:
                    total[key] = total.get(key, 0) + reply[key]
            for key in ("writeErrors", "upserted"):
                for entry in reply.get(key, []):
                    total.setdefault(key, []).append(dict(entry.items()) | {"index": entry["index"] + start})
            if "writeConcernError" in reply:
                total["writeConcernError"] = reply["writeConcernError"]
            if body.get("ordered", True) and "writeErrors" in reply:
                break
        return total

    def _no_shards(self, db: str, name: str) -> Doc:
        if name == "insert":
            raise Failure(70, f"Database {db} could not be created :: caused by :: No shards found")
        return {"n": 0, "ok": 1.0}

    def read(self, db: str, body: Doc, sections: Sections) -> Doc:
        """`find` and `aggregate`."""
        name = next(iter(body))
        stages = [next(iter(stage), "") for stage in body.get("pipeline", [])]
        if "$changeStream" in stages:
            raise Failure(20, "the test double of mongos has no change streams")
        common = {f"cluster{name.capitalize()}": body[name]} | {k: v for k, v in body.items() if k != name}
        again = not {"$out", "$merge"} & set(stages[-1:])
        return self.cluster.route(db, common, again=again) or self._empty(f"{db}.{body[name]}")

    def _empty(self, namespace: str) -> Doc:
        return {"cursor": {"id": bson.Int64(0), "ns": namespace, "firstBatch": []}}

    def get_more(self, db: str, body: Doc, sections: Sections) -> Doc:
        number = int(body["getMore"])
        if number not in self.cluster.cursors:
            raise Failure(43, f"cursor id {number} not found")
        where, verb = self.cluster.cursors[number]
        more = {verb: body["getMore"]} | {key: value for key, value in body.items() if key != "getMore"}
        reply = where.call(db, more) if where else self.own(db, more)
        if not reply["ok"] or not reply["cursor"]["id"]:
            self.cluster.cursors.pop(number, None)
        return reply

    def kill_cursors(self, db: str, body: Doc, sections: Sections) -> Doc:
        killed, unknown = [], []
        for number in body["cursors"]:
            where, verb = self.cluster.cursors.pop(int(number), (None, ""))
            if verb == "getMore":
                one = {"killCursors": body["killCursors"], "cursors": [number]}
                _ = where.call(db, one) if where else self.own(db, one)
            (killed if verb else unknown).append(number)
        return {"cursorsKilled": killed, "cursorsNotFound": unknown, "cursorsAlive": [], "cursorsUnknown": []}

    def _aggregate(self, db: str, body: Doc, pipeline: list[Doc]) -> list[Any]:
        """The documents of an aggregation that answers with few."""
        kept = ("collation", "hint", "maxTimeMS", "readConcern", "comment", "let")
        common = {key: body[key] for key in kept if key in body}
        name = next(iter(body))
        reply = self.cluster.route(
            db, {"clusterAggregate": body[name], "pipeline": pipeline, "cursor": {}} | common, again=True
        )
        return list(must(reply)["cursor"]["firstBatch"]) if reply else []

    def count(self, db: str, body: Doc, sections: Sections) -> Doc:
        pipeline: list[Doc] = [{"$match": body.get("query") or {}}]
        pipeline += [{"$skip": body["skip"]}] if body.get("skip") else []
        pipeline += [{"$limit": abs(body["limit"])}] if body.get("limit") else []
        found = self._aggregate(db, body, [*pipeline, {"$count": "n"}])
        return {"n": found[0]["n"] if found else 0}

    def distinct(self, db: str, body: Doc, sections: Sections) -> Doc:
        key = str(body["key"])
        words = key.split(".")
        paths = [".".join(words[: end + 1]) for end in range(len(words))]
        unwound = [{"$unwind": {"path": f"${path}", "preserveNullAndEmptyArrays": True}} for path in paths]
        present = {"$match": {"$expr": {"$ne": [{"$type": f"${key}"}, "missing"]}}}
        group = {"$group": {"_id": None, "values": {"$addToSet": f"${key}"}}}
        found = self._aggregate(db, body, [{"$match": body.get("query") or {}}, *unwound, present, group])
        return {"values": found[0]["values"] if found else []}

    def find_and_modify(self, db: str, body: Doc, sections: Sections) -> Doc:
        """On the shard that owns the document; the shard looks for it among what it owns only."""
        name = next(iter(body))
        collection = str(body[name])
        for _ in range(10):
            owners = self.cluster.owners(f"{db}.{collection}")
            if not owners:
                reply = self.cluster.on_primary(db, body | {"shardVersion": UNSHARDED}, create=bool(body.get("upsert")))
                reply = reply or {"lastErrorObject": {"n": 0, "updatedExisting": False}, "value": None, "ok": 1.0}
            else:
                reply = self._modify_one(db, body, owners)
            if reply.get("code") not in STALE:
                return reply
            self.cluster.forget()
            time.sleep(0.1)
        return reply

    def _modify_one(self, db: str, body: Doc, owners: dict[str, Doc]) -> Doc:
        reply: Doc = {}
        for shard, version in owners.items():
            member = self.cluster.shards().get(shard)
            if not member:
                return {"ok": 0.0, "code": 63}
            reply = member.call(db, body | {"upsert": False, "shardVersion": version})
            if not reply["ok"] or reply["value"] is not None or reply["lastErrorObject"]["n"]:
                return reply
        if body.get("upsert"):
            one = {"q": body["query"], "u": body["update"], "upsert": True}
            one |= {key: body[key] for key in ("arrayFilters", "collation") if key in body}
            name = next(iter(body))
            made = self.write(db, {"update": body[name], "updates": [RawBSONDocument(bson.encode(one))]}, {})
            if "writeErrors" in made:
                error = dict(made["writeErrors"][0].items())
                raise Refusal({"ok": 0.0} | {key: error[key] for key in error if key != "index"})
            upserted = made["upserted"][0]["_id"]
            found = self._aggregate(db, {"aggregate": body[name]}, [{"$match": {"_id": upserted}}])
            state = {"n": 1, "updatedExisting": False, "upserted": upserted}
            return {"lastErrorObject": state, "value": found[0] if body.get("new") and found else None}
        return reply

    # Collections and databases.

    def create(self, db: str, body: Doc, sections: Sections) -> Doc:
        return self.cluster.on_primary(db, body, create=True)

    def create_indexes(self, db: str, body: Doc, sections: Sections) -> Doc:
        first = must(self.cluster.on_primary(db, body, create=True, versioned=False, again=True))
        entry = self.cluster.database(db)
        for shard in self.cluster.owners(f"{db}.{body['createIndexes']}"):
            if entry and shard != entry["primary"]:
                must(self.cluster.shards()[shard].call(db, body, again=True))
        return first

    def on_shard(self, db: str, body: Doc, sections: Sections) -> Doc:
        """Read from the database's primary shard."""
        name = next(iter(body))
        if name in ("listIndexes", "collStats", "collstats", "validate"):
            # A primary shard may own no part of a collection.
            for shard in self.cluster.owners(f"{db}.{body[name]}"):
                member = self.cluster.shards()[shard]
                return self.cluster.remember(member.call(db, body, again=True), member, "getMore")
        reply = self.cluster.on_primary(db, body, versioned=False, again=True)
        if not reply and name == "listIndexes":
            raise Failure(26, f"ns does not exist: {db}.{body[name]}")
        return reply or self._empty(f"{db}.$cmd.{name}")

    def unknown(self, db: str, body: Doc, sections: Sections) -> Doc:
        name = next(iter(body))
        reply = {} if name.startswith("_") else self.cluster.on_primary(db, body, versioned=False)
        if not reply:
            raise Failure(59, f"no such command: '{name}'")
        return reply

    def through_primary(self, db: str, body: Doc, sections: Sections) -> Doc:
        """What `_shardsvr...` of the primary shard does for all shards."""
        name = next(iter(body))
        verb = {"drop": "DropCollection", "collMod": "CollMod"}.get(name, "DropIndexes")
        known = {key: value for key, value in body.items() if key not in (name, "writeConcern")}
        asked = {f"_shardsvr{verb}": body[name]} | known | {"writeConcern": MAJORITY}
        reply = self.cluster.on_primary(db, asked)
        if not reply:
            raise Failure(26, "ns not found")
        return reply

    def rename(self, db: str, body: Doc, sections: Sections) -> Doc:
        source, _, collection = str(body["renameCollection"]).partition(".")
        asked = {"_shardsvrRenameCollection": collection, "to": body["to"]}
        asked |= {"dropTarget": bool(body.get("dropTarget")), "writeConcern": MAJORITY}
        reply = self.cluster.on_primary(source, asked)
        if not reply:
            raise Failure(26, f"Source collection {body['renameCollection']} does not exist")
        return {"ok": 1.0} if reply["ok"] else reply

    def drop_database(self, db: str, body: Doc, sections: Sections) -> Doc:
        asked = {"_shardsvrDropDatabase": 1, "writeConcern": MAJORITY}
        if not must(self.cluster.on_primary(db, asked) or {"ok": 1.0}):
            return {"info": "database does not exist"}
        return {"dropped": db}

    def list_databases(self, db: str, body: Doc, sections: Sections) -> Doc:
        found: dict[str, Doc] = {}
        replies = list(self.cluster.everywhere("admin", body, again=True).items())
        replies.append(("config", must(self.cluster.config.call("admin", body, again=True))))
        for shard, reply in replies:
            for entry in reply["databases"]:
                name = entry["name"]
                if name == "local" or (name in ("admin", "config")) != (shard == "config"):
                    continue
                known = found.setdefault(name, dict(entry.items()) | ({"sizeOnDisk": 0, "shards": {}}))
                if body.get("nameOnly"):
                    found[name] = {"name": name}
                    continue
                known["sizeOnDisk"] += entry["sizeOnDisk"]
                known["shards"][shard] = entry["sizeOnDisk"]
                known["empty"] = known["empty"] and entry["empty"]
        databases = [found[name] for name in sorted(found)]
        if self.cluster.key and not self._has("listDatabases", None, ""):
            databases = [entry for entry in databases if self._has("find", entry["name"], "")]
        if body.get("nameOnly"):
            return {"databases": databases}
        size = sum(entry["sizeOnDisk"] for entry in databases)
        return {"databases": databases, "totalSize": size, "totalSizeMb": size // 2**20}

    def statistics(self, db: str, body: Doc, sections: Sections) -> Doc:
        """`dbStats` and `collStats`: sums over the shards."""
        name = next(iter(body))
        replies = self.cluster.everywhere(db, body, again=True)
        total: Doc = {"db": db} if name.lower() == "dbstats" else {"ns": f"{db}.{body[name]}"}
        for reply in replies.values():
            for key, value in reply.items():
                if isinstance(value, int | float) and not isinstance(value, bool) and key != "ok":
                    biggest = key in ("collections", "views", "indexes", "nindexes", "scaleFactor", "avgObjSize")
                    total[key] = max(total.get(key, 0), value) if biggest else total.get(key, 0) + value
        if "ns" in total:
            total |= {"sharded": bool(self.cluster.collection(total["ns"])), "capped": False, "shards": replies}
            return total
        return total | {"raw": replies}

    # TLS.

    def parameter(self, db: str, body: Doc, sections: Sections) -> Doc:
        """`getParameter` and `setParameter`: the router's own of TLS, else the config server's."""
        if "tlsMode" not in body:
            return self.own(db, body)
        if "getParameter" in body:
            return {"tlsMode": TLS.mode}
        was, now = TLS.mode, str(body["tlsMode"])
        if (was, now) not in (("allowTLS", "preferTLS"), ("preferTLS", "requireTLS")):
            raise Failure(2, f"Illegal state transition for tlsMode, attempt to change from {was} to {now}")
        TLS.mode = now
        return {"was": was}

    def rotate_certificates(self, db: str, body: Doc, sections: Sections) -> Doc:
        TLS.load()
        return {}

    def drop_connections(self, db: str, body: Doc, sections: Sections) -> Doc:
        """What is held idle is closed before it is used again, what is in use when it comes back."""
        GENERATION[0] += 1
        return {}

    # The cluster.

    def add_shard(self, db: str, body: Doc, sections: Sections) -> Doc:
        asked = {"_configsvrAddShard": body["addShard"], "writeConcern": MAJORITY}
        asked |= {key: body[key] for key in ("name", "maxSize") if key in body}
        reply = self.cluster.config.call("admin", asked)
        self.cluster.forget()
        return reply

    def remove_shard(self, db: str, body: Doc, sections: Sections) -> Doc:
        asked = {"_configsvrRemoveShard": body["removeShard"], "writeConcern": MAJORITY}
        reply = self.cluster.config.call("admin", asked, again=True)
        if reply.get("state") == "completed":
            self.cluster.flush()
        self.cluster.forget()
        return reply

    def list_shards(self, db: str, body: Doc, sections: Sections) -> Doc:
        return {"shards": self.cluster.find("shards")}

    def enable_sharding(self, db: str, body: Doc, sections: Sections) -> Doc:
        asked = {"_configsvrCreateDatabase": body["enableSharding"], "writeConcern": MAJORITY}
        asked |= {"primaryShardId": body["primaryShard"]} if "primaryShard" in body else {}
        must(self.cluster.config.call("admin", asked, again=True))
        return {}

    def shard_collection(self, db: str, body: Doc, sections: Sections) -> Doc:
        namespace = str(body["shardCollection"])
        db, _, collection = namespace.partition(".")
        if not db or not collection:
            raise Failure(73, f"Invalid namespace specified '{namespace}'")
        key = bson.decode(body["key"].raw)
        entry = self.cluster.collection(namespace)
        if entry and (list(entry["key"].items()) != list(key.items()) or entry["unique"] != bool(body.get("unique"))):
            raise Failure(23, f"sharding already enabled for collection {namespace} with options {entry['key']}")
        if not entry:
            asked = {"_shardsvrCreateCollection": collection, "shardKey": key, "unique": bool(body.get("unique"))}
            asked |= {key: body[key] for key in ("numInitialChunks", "presplitHashedZones") if key in body}
            must(self.cluster.on_primary(db, asked | {"writeConcern": MAJORITY}, create=True))
        return {"collectionsharded": namespace}

    def move_chunk(self, db: str, body: Doc, sections: Sections) -> Doc:
        """`moveChunk` by its bounds."""
        low, high = body["bounds"]
        asked = {"_configsvrMoveRange": body["moveChunk"], "toShard": body["to"], "min": low, "max": high}
        asked |= {"waitForDelete": bool(body.get("_waitForDelete"))}
        return self.cluster.config.call("admin", asked | {"writeConcern": MAJORITY}, again=True)

    def move_primary(self, db: str, body: Doc, sections: Sections) -> Doc:
        db = str(body["movePrimary"])
        if body["to"] not in self.cluster.shards():
            raise Failure(70, f"Could not drop database '{db}': shard {body['to']} not found")
        asked = {"_shardsvrMovePrimary": db, "to": body["to"], "writeConcern": MAJORITY}
        reply = self.cluster.on_primary(db, asked, on="admin")
        if not reply:
            raise Failure(26, f"database {db} not found")
        self.cluster.flush()
        return reply

    def balancer(self, db: str, body: Doc, sections: Sections) -> Doc:
        name = next(iter(body))
        return self.cluster.config.call("admin", {f"_configsvrB{name[1:]}": 1}, again=True)

    def flush(self, db: str, body: Doc, sections: Sections) -> Doc:
        self.cluster.flush()
        return {}

    def fsync(self, db: str, body: Doc, sections: Sections) -> Doc:
        self.cluster.everywhere("admin", body)
        return {}


Handler = Callable[[Client, str, Doc, Sections], Doc]

WRITES = {"insert", "update", "delete", "findAndModify", "findandmodify", "create", "createIndexes"}

ADMIN: dict[str, Handler] = {
    "addShard": Client.add_shard,
    "removeShard": Client.remove_shard,
    "listShards": Client.list_shards,
    "enableSharding": Client.enable_sharding,
    "shardCollection": Client.shard_collection,
    "movePrimary": Client.move_primary,
    "moveChunk": Client.move_chunk,
    **dict.fromkeys(("getParameter", "setParameter"), Client.parameter),
    "rotateCertificates": Client.rotate_certificates,
    "dropConnections": Client.drop_connections,
    "balancerStart": Client.balancer,
    "balancerStop": Client.balancer,
    "balancerStatus": Client.balancer,
    "flushRouterConfig": Client.flush,
    "fsync": Client.fsync,
    "renameCollection": Client.rename,
    "listDatabases": Client.list_databases,
    "shutdown": Client.shutdown,
    "getCmdLineOpts": Client.command_line,
    "killSessions": Client.ok,
    "refreshSessions": Client.ok,
    "startSession": Client.ok,
    "getMore": Client.get_more,
    "killCursors": Client.kill_cursors,
}
"""Commands that are ours on any database."""

HANDLERS: dict[str, Handler] = ADMIN | {
    **dict.fromkeys(("hello", "isMaster", "ismaster"), Client.hello),
    **dict.fromkeys(("ping", "endSessions"), Client.ok),
    "isdbgrid": Client.is_router,
    "whatsmyuri": Client.whats_my_uri,
    **dict.fromkeys(("insert", "update", "delete"), Client.write),
    **dict.fromkeys(("find", "aggregate"), Client.read),
    "count": Client.count,
    "distinct": Client.distinct,
    **dict.fromkeys(("findAndModify", "findandmodify"), Client.find_and_modify),
    "create": Client.create,
    "createIndexes": Client.create_indexes,
    **dict.fromkeys(("listCollections", "listIndexes", "validate", "explain"), Client.on_shard),
    **dict.fromkeys(("drop", "collMod", "dropIndexes", "deleteIndexes"), Client.through_primary),
    "dropDatabase": Client.drop_database,
    **dict.fromkeys(("dbStats", "dbstats", "collStats", "collstats"), Client.statistics),
}


# The process.


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("mongos", allow_abbrev=False)
    parser.add_argument("--configdb", metavar="NAME/HOST:PORT[,HOST:PORT]")
    parser.add_argument("--port", type=int, default=27017)
    parser.add_argument("--bind_ip", default="127.0.0.1")
    parser.add_argument("--logpath", type=Path)
    parser.add_argument("--keyFile", type=Path)
    parser.add_argument("--nounixsocket", action="store_true")
    parser.add_argument("--config", type=Path, help="a file of which the mode of TLS is read, and nothing else")
    parser.add_argument("--tlsCertificateKeyFile", default="")
    parser.add_argument("--tlsCAFile", default="")
    parser.add_argument("--tlsAllowConnectionsWithoutCertificates", action="store_true", help="always so")
    parser.add_argument("--setParameter", action="append", help="taken for the real one; it has no localhost exception")
    parser.add_argument("--version", action="version", version=f"mongos version v{VERSION}")
    options = parser.parse_args()
    if not options.configdb or "/" not in options.configdb:
        parser.error("--configdb must be NAME/HOST:PORT[,HOST:PORT]")
    return options


def read_mode(path: Path | None) -> str:
    """The mode of TLS: `net.tls.mode` of a server's settings."""
    lines = path.read_text().split("\n") if path else []
    return next((line.split(":")[1].strip() for line in lines if line.strip().startswith("mode:")), "disabled")


def read_key(path: Path | None) -> str:
    if path is None:
        return ""
    if path.stat().st_mode & 0o077:
        log("permissions on the key file are too open", "E", path=path)
        sys.exit(1)
    return "".join(path.read_text().split())


def listeners(hosts: str, port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    for host in hosts.split(","):
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
        except OSError as error:
            log("Failed to set up listener", "E", error=f"SocketException: {error.strerror}", address=address)
            sys.exit(48)
        sock.listen(512)
        sockets.append(sock)
    return sockets


def end(*_: object) -> None:
    log("Shutting down")
    os._exit(0)


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if options.logpath:
        output = os.open(options.logpath, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
    try:
        TLS.__init__(read_mode(options.config), options.tlsCertificateKeyFile, options.tlsCAFile)
    except OSError as error:
        log("Can not set up PEM key file", "E", error=error)
        sys.exit(1)
    name, _, hosts = options.configdb.partition("/")
    config = ReplicaSet(name, hosts.split(","), read_key(options.keyFile))
    log("A test double of mongos", version=VERSION, argv=sys.argv[1:], pid=os.getpid())
    said = ""
    while True:
        try:
            config.back(config.link())
            break
        except OSError as error:
            if str(error) != said:
                log("Waiting for the config server", "W", error=error)
            said = str(error)
            time.sleep(0.25)
    cluster = Cluster(config)
    sockets = listeners(options.bind_ip, options.port)
    log("Waiting for connections", port=options.port)
    for number in itertools.count(1):
        for ready in select.select(sockets, [], [])[0]:
            sock, peer = ready.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(cluster, sock, f"{peer[0]}:{peer[1]}", number)
            threading.Thread(target=client.serve, daemon=True).start()


if __name__ == "__main__":
    main()
