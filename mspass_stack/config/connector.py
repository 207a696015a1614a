"""MongoDB's connector for the DataFrames of Spark: which jars it is made of, and where the control node has them."""

import os
from pathlib import Path

from mspass_stack.config.sections import KEY, Spark
from mspass_stack.spec.binary import Binary

COORDINATES = tuple(tuple(line.split()) for line in Path(__file__).with_suffix(".txt").read_text().splitlines())
"""Group, artifact, version and SHA-256 of each jar, the connector's own first."""

DIGESTS = {f"{artifact}-{version}.jar": sha256 for _, artifact, version, sha256 in COORDINATES}

FETCH = "make bootstrap SCHEDULER=spark"


def cache() -> Path:
    """Return the directory where `scripts/fetch-connector` puts the jars, once per user."""
    _, artifact, version, _ = COORDINATES[0]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mspass_stack", f"{artifact}-{version}")


def jars(spark: Spark) -> dict[str, Binary]:
    """Return the jars that a config asks for, by name."""
    if not spark.connector:
        return {}
    key, remedy = "connector", f"type: {FETCH}, or name a directory that has it by pool.spark.jars"
    if spark.jars:
        key, remedy = "jars", f"expected the jars that {FETCH} fetches"
    return {
        name: Binary(
            sha256=sha256,
            source=str(Path(spark.jars or cache(), name)),
            key=f"{KEY}.pool.spark.{key}",
            remedy=remedy,
        )
        for name, sha256 in DIGESTS.items()
    }
