"""Wrong configs are refused with the YAML path, the value and what was expected."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.config.load import check_keys, read_cluster
from mspass_stack.config.sections import IMAGE
from mspass_stack.config.sizes import bytes_of
from mspass_stack.errors import ConfigError
from mspass_stack.plan import check


def _desktop(**changes: Any) -> dict[str, Any]:
    desktop: dict[str, Any] = {
        "hosts": {"desktop": {}},
        "database": {"db": "desktop"},
        "pool": {"host": "desktop", "workers": {"desktop": {"processes": 2, "memory": "1GiB"}}},
        "frontend": {"host": "desktop"},
    }
    return desktop | changes


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": (_desktop(fronted={}), "mspass:cluster.fronted: unknown key"),
    "unknown nested key": (
        _desktop(frontend={"host": "desktop", "prot": 1}),
        "mspass:cluster.frontend.prot: unknown key",
    ),
    "a boolean, which Python takes for a number": (
        _desktop(pool={"host": "desktop", "workers": {"desktop": {"processes": True}}}),
        "mspass:cluster.pool.workers.desktop.processes: True: got a boolean, which yes, no, on and off are to YAML 1.1",
    ),
    "unknown host": (
        _desktop(frontend={"host": "laptop"}),
        "mspass:cluster.frontend.host: unknown host 'laptop' (hosts: desktop)",
    ),
    "unknown worker host": (
        _desktop(pool={"host": "desktop", "workers": {"node1": {}}}),
        "mspass:cluster.pool.workers.node1: unknown host 'node1' (hosts: desktop)",
    ),
    "port twice": (
        _desktop(frontend={"host": "desktop", "port": 8787}),
        "mspass:cluster: port 8787 twice on host 'desktop': pool.dashboard and frontend.port",
    ),
    "port out of range": (
        _desktop(database={"db": "desktop", "port": 70000}),
        "mspass:cluster.database.port: 70000: expected 65535 or less",
    ),
    "zero workers": (
        _desktop(pool={"host": "desktop", "workers": {"desktop": {"processes": 0}}}),
        "mspass:cluster.pool.workers.desktop.processes: 0: expected 1 or more",
    ),
    "no workers": (
        _desktop(pool={"host": "desktop", "workers": {}}),
        "mspass:cluster.pool.workers: {}: expected at least one",
    ),
    "size without a unit that exists": (
        _desktop(pool={"host": "desktop", "workers": {"desktop": {"memory": "2 gigs"}}}),
        "mspass:cluster.pool.workers.desktop.memory: '2 gigs': expected a size such as 8GiB or 500MB",
    ),
    "cache below MongoDB's least": (
        _desktop(database={"db": "desktop", "cache": "1MiB"}),
        "mspass:cluster.database.cache: '1MiB': expected at least 256MiB",
    ),
    "memory that no worker starts with": (
        _desktop(pool={"host": "desktop", "workers": {"desktop": {"memory": "1MiB"}}}),
        "mspass:cluster.pool.workers.desktop.memory: '1MiB': expected at least 128MiB",
    ),
    "host without braces": (
        _desktop(hosts={"desktop": None}),
        "mspass:cluster.hosts.desktop: None: expected a mapping of keys and values",
    ),
    "one host where a list is expected": (
        _desktop(database={"router": "desktop", "shards": {"a": ["desktop"]}}),
        "mspass:cluster.database.router: 'desktop': expected a list",
    ),
    "a list where one host is expected": (
        _desktop(database={"db": ["desktop"]}),
        "mspass:cluster.database.db: ['desktop']: expected a text",
    ),
    "half a worker": (
        _desktop(pool={"host": "desktop", "workers": {"desktop": {"processes": 1.5}}}),
        "mspass:cluster.pool.workers.desktop.processes: 1.5: expected a whole number",
    ),
    "scheduler that does not exist": (
        _desktop(pool={"host": "desktop", "scheduler": "ray", "workers": {"desktop": {}}}),
        "mspass:cluster.pool.scheduler: 'ray': expected 'dask'",
    ),
    "db and shards": (
        _desktop(database={"db": "desktop", "router": ["desktop"], "shards": {"a": ["desktop"]}}),
        "mspass:cluster.database: expected either db, or router and shards, not both",
    ),
    "shard keys without shards": (
        _desktop(database={"db": "desktop", "collections": {"mspass.arrival": "_id"}}),
        "mspass:cluster.database.collections: only a sharded database has shard keys",
    ),
    "no role at all": ({"hosts": {"desktop": {}}}, "mspass:cluster: nothing to deploy"),
    "missing hosts": ({"database": {"db": "desktop"}}, "mspass:cluster.hosts: required"),
    "not an object": ({"hosts": []}, "mspass:cluster.hosts: []:"),
    "host name with a capital": (
        {"hosts": {"Desktop": {}}, "database": {"db": "desktop"}},
        "mspass:cluster.hosts.Desktop: 'Desktop': expected a letter, then letters, digits and -, all small, at most 31",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_config_is_refused_with_its_yaml_path(case: str) -> None:
    value, expected = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        check(read_cluster(value))
    assert expected in str(refused.value)


def test_all_problems_are_reported_at_once() -> None:
    wrong = _desktop(frontend={"host": "laptop"}, database={"db": "server"})
    with pytest.raises(ConfigError) as refused:
        check(read_cluster(wrong))
    assert len(str(refused.value).splitlines()) == 2


def test_a_misspelt_flat_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="mspass:jupyterPasword: unknown key"):
        check_keys({"cluster", "jupyterPasword"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"runtime": "apptainer"},
            "mspass:cluster.image: required for apptainer: the absolute path of a .sif file, or ",
        ),
        (
            {"runtime": "apptainer", "image": IMAGE},
            f"mspass:cluster.image: '{IMAGE}': expected the absolute path of a .sif file",
        ),
        ({"runtime": "apptainer", "image": "~/a.sif"}, "mspass:cluster.image: '~/a.sif': expected the absolute path"),
        (
            {"runtime": "apptainer", "image": "/a,b.sif"},
            "mspass:cluster.image: '/a,b.sif': expected a path without comma and colon",
        ),
        (
            {"hosts": {"desktop": {"runtime": "podman"}}},
            "mspass:cluster.hosts.desktop.runtime: 'podman': expected 'native' or 'docker' or 'apptainer'",
        ),
        (
            {"hosts": {"desktop": {"address": "10.0.0.1"}}},
            "mspass:cluster.hosts.desktop: '10.0.0.1': without ssh this is this machine: expected '127.0.0.1', or ssh:",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_its_yaml_path(changes: dict[str, Any], expected: str) -> None:
    cluster = read_cluster(_desktop(**changes))
    with pytest.raises(ConfigError) as refused:
        check(cluster)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(expected)


LAB_HOSTS: dict[str, Any] = {
    "desktop": {"address": "10.0.0.1", "ssh": {}},
    "node1": {"address": "10.0.0.2", "ssh": {}, "runtime": "docker"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"database": {"router": ["desktop"], "shards": {"a": ["desktop"]}, "cache": "1GiB"}},
        {"database": {"router": ["desktop"], "shards": {"a": ["desktop"]}, "cache": "1GiB"}, "runtime": "docker"},
        {"hosts": LAB_HOSTS, "workdir": "/srv/work", "datadir": "/srv/data"},
    ],
    ids=["a sharded desktop", "a sharded desktop of containers", "a lab with both runtimes"],
)
def test_every_site_takes_every_runtime_and_every_database(changes: dict[str, Any]) -> None:
    check(read_cluster(_desktop(**changes)))


@given(st.integers(min_value=0, max_value=2**40), st.sampled_from(["", "B", "kB", "KiB", "MB", "MiB", "GiB", "TB"]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    size = bytes_of(f"{number}{unit}")
    assert isinstance(size, int)
    assert size >= number
    assert bytes_of(size) == size


@given(st.text(max_size=30))
def test_any_text_is_a_size_or_a_clear_error(text: str) -> None:
    try:
        assert isinstance(bytes_of(text), int)
    except ValueError as error:
        assert "expected a size" in str(error)
