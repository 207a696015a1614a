"""The runtime is written into a stack file that a person keeps."""

import pytest

from mspass_stack.cli.choose_runtime import runs_as
from mspass_stack.cli.stack_file import with_key
from mspass_stack.errors import Refused

FILE = """\
# Our lab's desktop.
config:
  mspass:cluster:
    # the big disk
    workdir: /big/work
    hosts:
      desktop: {}
encryptionsalt: v1:abc
"""


def test_a_runtime_is_added_and_everything_else_stays() -> None:
    added = with_key(FILE, "runtime", "docker")
    assert added.splitlines()[3] == "    runtime: docker"
    assert [line for line in added.splitlines() if "runtime" not in line] == FILE.splitlines()


def test_a_runtime_that_is_there_is_changed_in_its_place() -> None:
    docker = with_key(FILE, "runtime", "docker")
    assert with_key(docker, "runtime", "native") == docker.replace("docker", "native")


def test_a_key_of_several_lines_is_changed_as_a_whole() -> None:
    text = FILE.replace("    hosts:", "    batch:\n      run: old.py # mine\n      args:\n        - a\n    hosts:")
    assert with_key(text, "batch", "{run: new.py}") == FILE.replace(
        "    hosts:", "    batch: {run: new.py}\n    hosts:"
    )


def test_the_runtime_of_a_host_is_not_taken_for_the_clusters() -> None:
    text = FILE.replace("desktop: {}", "desktop:\n        runtime: native")
    assert with_key(text, "runtime", "docker").count("runtime: native") == 1


def test_a_file_of_another_shape_is_left_to_a_person() -> None:
    with pytest.raises(Refused, match="write 'runtime: docker' under mspass:cluster"):
        with_key("config: {'mspass:cluster': {hosts: {a: {}}}}", "runtime", "docker")


def test_what_is_up_is_known_by_the_types_in_the_state() -> None:
    assert runs_as([]) is None
    assert runs_as([{"type": "mspassnode:index:Secret"}, {"type": "mspassnode:index:HostProcess"}]) == "native"
    assert runs_as([{"type": "docker:index/container:Container"}]) == "docker"
