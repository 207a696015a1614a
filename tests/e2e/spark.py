"""Programs for Spark, as users write them without master, secret or any other setting, and what a lab shows of them."""

import json
import subprocess
from typing import Any
from urllib.parse import urlsplit

from tests.harness.lab import Lab
from tests.harness.lab_stack import LabStack

BEGIN = """\
import os, sys, time
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
context = session.sparkContext
"""

COUNT = f"""{BEGIN}
print("sum", context.parallelize(range(1000), 4).sum(), context.master)
session.stop()
"""

HELD = f"""{BEGIN.replace(".builder", ".builder.appName('held')")}
go = sys.argv[1]
def held(number):
    open(go + ".begun", "w").close()
    while not os.path.exists(go):
        time.sleep(0.1)
    return number
print("sum", context.parallelize(range(40), 8).map(held).sum())
session.stop()
"""
"""Tasks that say by a file `ARGUMENT.begun` of their host that they run, and end once the file ARGUMENT is there."""

CACHED = f"""{BEGIN}
computed = context.accumulator(0)
def slow(number):
    import platform
    computed.add(1)
    time.sleep(0.5)
    return platform.node(), number
kept = context.parallelize(range(24), 24).map(slow).cache()
print("ready", *sorted(kept.keys().distinct().collect()), flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
print("sum", kept.values().sum(), "computed", computed.value)
session.stop()
"""
"""Holds results, says `ready` and where they are, and adds them up once there is a file, its argument."""

READ = f"""{BEGIN}
uri = os.environ["MSPASS_DB_ADDRESS"]
def texts(_):
    from pymongo import MongoClient
    with MongoClient(uri) as client:
        return [found["text"] for found in client["mspass"]["told"].find()]
found = context.parallelize(range(6), 6).flatMap(texts).collect()
print("found", len(found), *set(found))
session.stop()
"""
"""Hands the address of the database to its tasks, which bring home what they read there."""


def secret_of(defaults: str) -> str:
    """What lets one in, by the text of a `spark-defaults.conf`."""
    secret = next(line.split()[1] for line in defaults.splitlines() if line.startswith("spark.authenticate.secret"))
    assert len(secret) > 20
    return secret


def alive(page: dict[str, Any]) -> dict[str, str]:
    """The workers that a master has, by the page it shows: id by address."""
    return {str(one["host"]): str(one["id"]) for one in page["workers"] if one["state"] == "ALIVE"}


def ends_with(running: "subprocess.Popen[str]", line: str) -> None:
    """A command that runs ends well, and has said this."""
    said, _ = running.communicate(timeout=200)
    expect_said(running.returncode, said, line)


def expect_said(status: int, said: str, line: str) -> None:
    """Fail unless a program has ended well and has said a line: Spark's own may come after it."""
    assert (status, line in said.splitlines()) == (0, True), said


def master(stack: LabStack) -> dict[str, Any]:
    """What Spark's master on a native host shows there."""
    look = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/json/', timeout=10).read().decode())"
    return json.loads(stack.lab.execute(stack.on(stack.cluster["pool"]["host"]), stack.lab.native_python, "-c", look))


def javas(lab: Lab, host: str) -> set[tuple[str, int]]:
    """Where the Javas of a host listen."""
    lines = [line.split() for line in lab.execute(host, "ss", "--no-header", "-ltnp").splitlines() if "java" in line]
    places = (words[3].rpartition(":") for words in lines)
    return {(address.strip("[]").removeprefix("::ffff:"), int(port)) for address, _, port in places}


def has_begun(stack: LabStack, host: str, go: str) -> bool:
    """Whether tasks of `HELD` run on a host."""
    return bool(stack.lab.execute(host, "sh", "-c", f"ls {go}.begun 2> /dev/null; true"))


def let_go(stack: LabStack, go: str) -> None:
    """End the tasks of `HELD` on all hosts of the pool."""
    for host in stack.cluster["pool"]["workers"]:
        stack.lab.execute(stack.on(host), "touch", go)


def secrets(stack: LabStack) -> set[str]:
    """What lets one in: Spark's secret and the password of the database."""
    host, file = stack.on(stack.cluster["pool"]["host"]), f"{stack.directory}/secrets/spark-daemon/spark-defaults.conf"
    password = urlsplit(str(stack.outputs()["databaseUri"])).password
    assert password
    return {secret_of(stack.lab.execute(host, "cat", file)), password}
