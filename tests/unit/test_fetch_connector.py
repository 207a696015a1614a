"""The jars of Spark's connector get into the user's cache as they are known, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

from mspass_stack.config.connector import COORDINATES
from tests.harness.project import ROOT


def test_a_repository_with_other_jars_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    repository, cache = tmp_path / "repository", tmp_path / "cache"
    for group, artifact, version, _ in COORDINATES:
        jar = repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")
        jar.parent.mkdir(parents=True)
        jar.write_bytes(b"another file")
    environment = os.environ | {"MAVEN_REPOSITORY": repository.as_uri(), "XDG_CACHE_HOME": str(cache)}
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fetch-connector"], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr.endswith("fetch-connector: the repository has other jars than those of connector.txt\n")
    assert not [path for path in cache.rglob("*") if path.is_file()]
