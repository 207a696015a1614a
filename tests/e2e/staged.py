"""What the workers of a stack see of directories that are brought to their hosts, by tasks in them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness.project import Stack

PLACE, RESULTS = "/tmp/waveforms", "/tmp/results"
"""Where workers see what is brought, and write."""


def stage(source: str, to: str) -> dict[str, Any]:
    """What a stack file says of it."""
    return {"in": [{"from": source}], "out": [{"from": RESULTS, "to": to}]}


TASK = """\
import json, os
from distributed import Client
def look(word, place, results):
    with open(results + "/seen", "a") as file:
        file.write(word)
    texts = {name: open(place + "/" + name).read() for name in sorted(os.listdir(place))}
    return texts, bool(os.statvfs(place).f_flag & os.ST_RDONLY), os.environ["MSPASS_SCRATCH_DATA_DIR"]
with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    hosts = {worker["host"]: address for address, worker in client.scheduler_info()["workers"].items()}
    asked = [client.submit(look, *WORDS, workers=[address], pure=False) for address in hosts.values()]
    print(json.dumps(["seen", os.environ["MSPASS_SCRATCH_DATA_DIR"], *client.gather(asked)]))
"""


class Seen(NamedTuple):
    """What one worker of a host sees.

    Attributes:
        texts: content of files by name.
        is_closed: whether nothing can be written there.
        source: the variable that names it.
    """

    texts: dict[str, str]
    is_closed: bool
    source: str


def seen(stack: Stack, tmp_path: Path, word: str) -> list[Seen]:
    """Have a task on each host look, and write a word to its results; what the frontend has is the same source."""
    script = tmp_path / "look.py"
    script.write_text(f"WORDS = {[word, PLACE, RESULTS]!r}\n{TASK}")
    ran = stack.ask("run", str(script))
    assert ran.returncode == 0, ran.stdout
    (answer,) = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('["seen"')]
    found = [Seen(*one) for one in answer[2:]]
    assert {one.source for one in found} == {answer[1]}
    return found
