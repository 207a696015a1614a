"""Hold all servers of a database still while their files are copied (MongoDB manual, `fsync` with `lock`).

`python3 ensure.pyz DIRECTORY lock` does what `lock.json` asks (`what`: hold or free) and says in `locked.json` how far
it is. Whoever asks counts `beat` up meanwhile: without one for `silence` seconds, and after `longest`, the servers are
freed all the same.
"""

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from mspass_stack.errors import Refused
from mspass_stack.mongo import balancer
from mspass_stack.mongo.client import Client, Here, internal, said
from mspass_stack.polling import wait_until

ASKED, ANSWER = "lock.json", "locked.json"
"""What is asked, and how far it is."""

TURN = 0.1
"""Seconds between two looks at what is asked."""

FREED = 30.0
"""Seconds for a server to be free."""

ANSWERS = 5000
"""Milliseconds for a look at a server that is held: a read may wait behind a write there."""

PENDING = {"command.fsync": {"$exists": True}}
"""A lock that is taken at the moment, as `currentOp` shows it."""


class StillLocked(Refused):
    """Tell that a server may be held still."""


def main(directory: str) -> int:
    """Hold the servers until they are to be freed, or free them; return the exit status, 1 where it went wrong."""
    place, told = Path(directory), Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: told.set())
    asked = _read(place / ASKED)
    answer: dict[str, Any] = {"state": "free", "error": ""}

    def tell(**known: object) -> None:
        partial = place / f"{ANSWER}.partial"
        partial.write_text(json.dumps({"id": asked["id"], **known}) + "\n", encoding="utf-8")
        partial.replace(place / ANSWER)

    try:
        spec = _read(place.joinpath("spec.json"))
        with ExitStack() as stack:
            config, others = (
                {name: stack.enter_context(client) for name, client in found.items()} for found in _clients(spec)
            )
            if asked["what"] == "free":
                _free_all([*config.values(), *others.values()])
            else:
                answer |= hold(config, others, tell, _Asker(place / ASKED, asked, told).why)
    except (PyMongoError, Refused, OSError) as failure:
        answer |= {"error": said(failure), "state": "locked" if isinstance(failure, StillLocked) else "free"}
    tell(**answer)
    print(answer["error"] or "the servers are free", flush=True)
    return 1 if answer["error"] else 0


def hold(
    config: Mapping[str, Client], others: Mapping[str, Client], tell: Callable[..., None], why: Callable[[], str | None]
) -> dict[str, Any]:
    """Hold all servers, and free them.

    Args:
        config: clients of config servers; none where the database is a single server.
        others: clients of all others that have data.
        tell: takes `state` and `when`, the moment of which the data are, once all are held.
        why: returns why they are to be freed before they were asked to, empty where they were asked to; else None.

    Returns:
        `pause`, the seconds in which no write went on, and `error`, empty where all were held to the end.

    Raises:
        PyMongoError, Refused: they could not be held; they are free.
    """
    clients = [*config.values(), *others.values()]
    _refuse_moving(config, others, stop=True)
    when, begun, reason, held = time.time(), time.monotonic(), None, list[bool]()
    with ThreadPoolExecutor(len(clients)) as pool:
        try:
            taken = [pool.submit(_take, client) for client in clients]
            while _going(taken) and reason is None:
                reason = why()
            if reason is None:
                for future in taken:
                    future.result()
                _refuse_moving(config, others, stop=False)
                tell(state="locked", when=when)
            while reason is None:
                time.sleep(TURN)
                reason = why()
        finally:
            held = _free_all(clients)
    lost = "" if all(held) else "a server was not held to the end"
    return {"pause": time.monotonic() - begun, "error": reason or lost}


def free(client: Client) -> bool:
    """Free a server, whoever holds it; return whether it was held.

    Raises:
        PyMongoError, Refused: it may stay held.
    """
    was_held = False

    def is_free() -> bool:
        nonlocal was_held
        now: dict[str, Any] = client.admin.command({"currentOp": 1, **PENDING})
        if now.get("fsyncLock"):
            with suppress(OperationFailure):  # somebody else has freed it
                client.admin.command("fsyncUnlock")
                was_held = True
        for pending in now["inprog"]:
            client.admin.command("killOp", op=pending["opid"])
        return not now["inprog"] and not now.get("fsyncLock")

    if not wait_until(is_free, FREED, TURN):
        raise Refused(f"{client.address} stays locked: db.fsyncUnlock() there")
    return was_held


def _take(client: Client) -> None:
    client.admin.command("fsync", lock=True)


def _refuse_moving(config: Mapping[str, Client], others: Mapping[str, Client], stop: bool) -> None:
    """Refuse while documents move between shards: some would be in none of the copies, or in two.

    Args:
        stop: whether the balancer is kept from beginning another.
    """
    for name, client in config.items():
        if stop and not balancer.is_off(client) and client.admin.command("hello")["isWritablePrimary"]:
            balancer.stop(client)
        if moving := balancer.moving(client, ANSWERS):
            raise Refused(f"documents move between shards ({moving} of {name})")
    for name, client in others.items() if config else ():
        if moving := balancer.moving(client, ANSWERS):
            raise Refused(f"documents move between shards ({moving} of {name})")


class _Asker:
    """Who asked, as this program sees it."""

    def __init__(self, file: Path, asked: Mapping[str, Any], told: Event) -> None:
        self._file, self._id, self._told = file, asked["id"], told
        self._beat, self._seen = asked["beat"], time.monotonic()
        self._end, self._silence = self._seen + float(asked["longest"]), float(asked["silence"])

    def why(self) -> str | None:
        """Return why the servers are to be freed; empty where that is asked, None where it is not to be."""
        now = time.monotonic()
        try:
            asked = _read(self._file)
        except (OSError, ValueError):
            asked = {"id": self._id, "what": "hold", "beat": self._beat}
        if asked["id"] != self._id:
            return "another one is asked for"
        if asked["beat"] != self._beat:
            self._beat, self._seen = asked["beat"], now
        if asked["what"] == "free":
            return ""
        if self._told.is_set():
            return "it was told to end"
        if now - self._seen > self._silence:
            return f"the job has said nothing for {self._silence:.0f} s"
        return "it took too long" if now > self._end else None


def _clients(spec: Mapping[str, Any]) -> tuple[dict[str, Client], dict[str, Client]]:
    """Return clients of the config servers and of all others that have data, by address."""
    key_file = Path(spec["key_file"]).read_text(encoding="utf-8")
    authority = Path(spec["authority"]).read_text(encoding="utf-8") if spec["authority"] else ""

    def of(places: Sequence[Sequence[Any]]) -> dict[str, Client]:
        return {f"{host}:{port}": internal(Here(), host, port, key_file, authority) for host, port in places}

    if server := spec.get("server"):
        return {}, of([server])
    return of(spec["config"]), of([place for places in spec["shards"].values() for place in places])


def _going(futures: Sequence[Future[None]]) -> bool:
    return bool(wait(futures, TURN).not_done)


def _free_all(clients: Sequence[Client]) -> list[bool]:
    """Free all servers, each of them whatever becomes of the others; return which were held.

    Raises:
        StillLocked: one may be held still.
    """
    with ThreadPoolExecutor(len(clients)) as pool:
        futures = [pool.submit(free, client) for client in clients]
    try:
        return [future.result() for future in futures]
    except (PyMongoError, Refused) as failure:
        raise StillLocked(said(failure)) from None


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
