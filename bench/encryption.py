"""What TLS costs at a mongod: the same documents written and read with it and without, in one run.

    .venv/bin/python bench/encryption.py [--rounds N]

Two servers of this machine, one of them as a lab starts it; each round writes the documents in batches of a hundred,
reads all of them, and drops them. A first round warms the caches and is not counted. Exits with 1 when a promise is
broken: with TLS each takes at most 2.5 times as long. Loopback and memory move several hundred MB/s, where a lab's
network moves about a hundred: what TLS costs there is less.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from figures import Promise, report, seconds, tell
from pymongo import MongoClient

from mspass_stack.mongo.client import hello, tls_options
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority
from mspass_stack.spec.tls import REQUIRE, mode_file
from tests.harness.mongod import mongod_path
from tests.harness.ports import free_ports

DOCUMENTS, SIZE, BATCH = 5000, 16 * 1024, 100
"""A waveform of MsPASS has some ten thousand samples; its metadata much less."""

PROMISES = (Promise("TLS insert", ("insert",), 2.5), Promise("TLS read", ("read",), 2.5))


@contextmanager
def server(directory: Path, authority: str, *words: str) -> Generator["MongoClient[dict[str, Any]]"]:
    """Start a mongod, and yield a client of it.

    Args:
        authority: certificate of who signs its own; empty for no TLS.
    """
    directory.mkdir()
    (port,) = free_ports(1)
    argv = [mongod_path(), "--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
    with (directory / "log").open("wb") as log:
        running = subprocess.Popen([*argv, "--wiredTigerCacheSizeGB", "0.5", *words], stdout=log, stderr=log)
    try:

        def answers() -> bool:
            try:
                return bool(hello("127.0.0.1", port, 1.0, authority))
            except OSError:
                return False

        if not wait_until(answers, 30):
            raise SystemExit((directory / "log").read_text()[-2000:])
        with tls_options(authority) as tls:
            client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", port, **tls)
        with client:
            yield client
    finally:
        running.terminate()
        running.wait()


def insert(client: "MongoClient[dict[str, Any]]") -> None:
    waveform = bytes(range(256)) * (SIZE // 256)
    for start in range(0, DOCUMENTS, BATCH):
        numbers = range(start, start + BATCH)
        client["bench"]["wf"].insert_many([{"_id": number, "data": waveform} for number in numbers])


def read(client: "MongoClient[dict[str, Any]]") -> None:
    found = sum(len(one["data"]) for one in client["bench"]["wf"].find())
    assert found == DOCUMENTS * SIZE


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: 5)")
    rounds = max(1, parser.parse_args().rounds)
    _, authority = CertificateAuthority().create(Call("ca", {"stack": "bench"}))
    signing = {"authority": authority["certificate"], "authorityKey": authority["signer"], "names": ["127.0.0.1"]}
    _, signed = Certificate().create(Call("certificate", signing))
    with ExitStack() as kept:
        directory = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="mspass-bench-")))
        for name, text in (("ca.pem", authority["certificate"]), ("own.pem", signed["pem"])):
            (directory / name).write_text(text)
        (directory / "mode.conf").write_text(mode_file(REQUIRE))
        words = ["--config", str(directory / "mode.conf"), "--tlsCAFile", str(directory / "ca.pem")]
        words += ["--tlsCertificateKeyFile", str(directory / "own.pem"), "--tlsAllowConnectionsWithoutCertificates"]
        plain = kept.enter_context(server(directory / "plain", ""))
        encrypted = kept.enter_context(server(directory / "encrypted", authority["certificate"], *words))
        times: list[dict[str, float]] = []
        for round in range(rounds + 1):
            taken: dict[str, float] = {}
            for name, client in (("", plain), ("TLS ", encrypted)):
                taken[f"{name}insert"] = seconds(lambda client=client: insert(client))
                taken[f"{name}read"] = seconds(lambda client=client: read(client))
                client.drop_database("bench")
            times.append(taken)
            tell(round, taken, PROMISES)
    return int(not report(times[1:], PROMISES))


if __name__ == "__main__":
    sys.exit(main())
