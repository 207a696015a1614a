"""The same jobs by Dask and by Spark: seconds and memory, on this machine in one run.

    .venv/bin/python bench/pools.py [--rounds N]

Each desktop has two cores in its pool, and is up alone. A program is started beside Jupyter as a user starts it; it
takes the time from its own start until it has a sum of 1000 numbers, and then that of a job in the pool that it has:
400 tasks, each a trace of 20,000 samples filtered by obspy. Memory is what each process of the stack has to itself, of
a shared page its part: idle before any program, and the most while the job ran. A first round is not counted.
Promises nothing: which of both is the faster is not ours to say.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from desktop import FILES, Desktop, stack_config
from memory import Watch, proportional

from mspass_stack.agent.marks import marked
from mspass_stack.spec.layout import OWNER

MIB = 1 << 20

BEGIN = """
import json, os, time
begun = time.monotonic()

def work(number):
    import numpy
    from obspy import Trace
    trace = Trace(numpy.random.default_rng(number).standard_normal(20000), {"sampling_rate": 20.0})
    trace.detrend("linear").taper(0.05).filter("bandpass", freqmin=0.5, freqmax=5.0)
    return float(numpy.abs(trace.data).max())
"""

END = """
begun = time.monotonic()
found = job()
print(json.dumps({"first sum": first, "job": time.monotonic() - begun, "found": round(sum(found), 6)}))
"""

PROGRAMS = {
    "dask": f"""{BEGIN}
from distributed import Client
client = Client(os.environ["DASK_SCHEDULER_ADDRESS"])
assert sum(client.gather(client.map(int, range(1000)))) == 499500
first = time.monotonic() - begun
def job():
    return client.gather(client.map(work, range(400)))
{END}""",
    "spark": f"""{BEGIN}
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
assert context.parallelize(range(1000), 8).map(int).sum() == 499500
first = time.monotonic() - begun
def job():
    return context.parallelize(range(400), 8).map(work).collect()
{END}
context.stop()
""",
}
"""What a user writes, by the kind of scheduler: 8 partitions are four for each core, as Spark's manual has it."""


def measure(scheduler: str, rounds: int, directory: Path) -> tuple[dict[str, float], dict[str, int], int]:
    """Return the median of seconds by step, bytes of each process when idle, and the most of all during a program."""
    config = stack_config(directory, {}, scheduler)
    desktop = Desktop(config, directory / "project")
    program = directory / "program.py"
    program.write_text(PROGRAMS[scheduler])
    try:
        desktop.up()
        stack_id = (Path(config["datadir"]) / OWNER).read_text().split()[1]

        def ours() -> dict[int, str]:
            return marked(stack_id, config["datadir"])

        idle: dict[str, int] = {}
        for pid, name in ours().items():
            idle[name or "supervisord"] = idle.get(name or "supervisord", 0) + proportional(pid)
        times: list[dict[str, float]] = []
        with Watch(ours) as watch:
            for _ in range(rounds + 1):
                times.append(json.loads(desktop.run(program).splitlines()[-1]))
        if len({taken.pop("found") for taken in times}) > 1:
            raise SystemExit("the job has found something else")
    finally:
        desktop.clean()
    return {step: median(taken[step] for taken in times[1:]) for step in times[0]}, idle, watch.most


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: 3)")
    rounds = max(1, parser.parse_args().rounds)
    print(
        "| pool | first sum, s | job, s | all idle, MiB | the most, MiB | idle, each, MiB |\n|---|---|---|---|---|---|"
    )
    for scheduler in FILES:
        directory = Path(tempfile.mkdtemp(prefix="mspass-bench-", dir="/tmp"))
        try:
            seconds, idle, most = measure(scheduler, rounds, directory)
        finally:
            shutil.rmtree(directory)
        each = ", ".join(f"{name} {size / MIB:.0f}" for name, size in sorted(idle.items()))
        taken = " | ".join(f"{value:.1f}" for value in seconds.values())
        print(f"| {scheduler} | {taken} | {sum(idle.values()) / MIB:.0f} | {most / MIB:.0f} | {each} |", flush=True)
    print(f"\n{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
