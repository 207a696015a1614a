"""A cluster in a Slurm allocation: its nodes are the hosts, and what cannot be is refused with its YAML path."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_figures import FIGURES

from mspass_stack.agent.words import DATA
from mspass_stack.config import rules
from mspass_stack.config.durations import Duration, TimeLimit
from mspass_stack.config.load import read_cluster
from mspass_stack.config.sections import IMAGE, Cluster
from mspass_stack.config.slurm_rules import slurm_violations
from mspass_stack.errors import ConfigError
from mspass_stack.plan import Plan, make_plan, violations
from mspass_stack.roles.registry import placements
from mspass_stack.spec.apptainer import image_path
from mspass_stack.spec.process import SlurmProcess
from tests.harness.project import ROOT

SLURM: dict[str, Any] = {"nodes": 5, "time": "4:00:00"}


def _hpc(slurm: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "slurm": SLURM | (slurm or {}),
        "workdir": "/scratch/me/work",
        "datadir": "/scratch/me/mspass",
        "database": {"db": "node1"},
        "pool": {"host": "node0", "workers": {"node[2-4]": {"memory": "4GiB"}}},
        "frontend": {"host": "node0"},
    } | changes


def _planned(value: dict[str, Any]) -> Plan:
    return make_plan(read_cluster(value), "hpc", {}, Path("/project"), "/py/bin/python")


def _broken(cluster: Cluster) -> list[str]:
    return [*rules.violations(cluster), *slurm_violations(cluster)]


def _directives(**options: object) -> dict[str, Any]:
    return _hpc({"directives": {name.replace("_", "-"): value for name, value in options.items()}})


LOGIN: dict[str, Any] = {"address": "login.example.org", "ssh": {"user": "me"}}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no nodes": (_hpc({"nodes": 0}), "slurm.nodes: 0: expected 1 or more"),
    "a datadir that Apptainer would split": (
        _hpc(datadir="/scratch/me:you/mspass"),
        "datadir: '/scratch/me:you/mspass': expected a path without comma and colon",
    ),
    "a workdir that Apptainer would split": (
        _hpc(workdir="/scratch/a,b"),
        "workdir: '/scratch/a,b': expected a path without comma and colon",
    ),
    "an image that Apptainer would split": (
        _hpc(image="/apps/mspass:2.sif"),
        "image: '/apps/mspass:2.sif': expected a path without comma and colon",
    ),
    "nodes that are no number": (_hpc({"nodes": "many"}), "slurm.nodes: 'many': expected a whole number"),
    "half a node": (_hpc({"nodes": 2.5}), "slurm.nodes: 2.5: expected a whole number"),
    "nodes that no site has": (_hpc({"nodes": 10**9}), "slurm.nodes: 1000000000: expected 4096 or less"),
    "nodes by a boolean": (_hpc({"nodes": True}), "slurm.nodes: True: got a boolean"),
    "nothing but the section": (_hpc(slurm={}) | {"slurm": {}}, "slurm.time: required"),
    "no section": (_hpc() | {"slurm": True}, "slurm: True: got a boolean"),
    "a list of keys": (_hpc() | {"slurm": []}, "slurm: []: expected a mapping of keys and values"),
    "unknown key": (_hpc({"walltime": "4:00:00"}), "slurm.walltime: unknown key"),
    "a key as Python writes it": (_hpc({"queue_wait": "15m"}), "slurm.queue_wait: unknown key"),
    "no end": (_hpc({"time": "UNLIMITED"}), "slurm.time: 'UNLIMITED': expected minutes, M:S, H:M:S, D-H"),
    "an end of zero": (_hpc({"time": "0:00"}), "slurm.time: '0:00': expected an end"),
    "no minutes": (_hpc({"time": 0}), "slurm.time: 0: expected an end"),
    "minutes below zero": (_hpc({"time": -5}), "slurm.time: -5: expected minutes"),
    "a time in words of others": (_hpc({"time": "4h"}), "slurm.time: '4h': expected minutes"),
    "too many minutes of an hour": (_hpc({"time": "4:75:00"}), "slurm.time: '4:75:00': expected minutes"),
    "time by a boolean": (_hpc({"time": True}), "slurm.time: True: got a boolean"),
    "a wait without a unit": (_hpc({"queueWait": "15"}), "slurm.queueWait: '15': expected a duration such as 15m"),
    "a wait that is a number": (_hpc({"queueWait": 15}), "slurm.queueWait: 15: expected a duration such as 15m"),
    "a stop as long as the job": (
        _hpc({"time": 10}),
        "slurm.stopBefore: '10m': expected less than slurm.time, '10'",
    ),
    "a stop that Slurm cannot announce": (_hpc({"stopBefore": "5s"}), "slurm.stopBefore: '5s': expected 60s to 65535s"),
    "a stop before more than Slurm counts": (
        _hpc({"stopBefore": "1d", "time": "2-0"}),
        "slurm.stopBefore: '1d': expected 60s to 65535s",
    ),
    "a partition with a blank": (_hpc({"partition": "a b"}), "slurm.partition: 'a b': expected a word without blanks"),
    "an account that is an option": (
        _hpc({"account": "-x"}),
        "slurm.account: '-x': expected a word without blanks that does not begin with -",
    ),
    "a qos that is a number": (_hpc({"qos": 3}), "slurm.qos: 3: expected a text"),
    "no cores": (_hpc({"cores": 0}), "slurm.cores: 0: expected 1 or more"),
    "memory in words of others": (_hpc({"memory": "all"}), "slurm.memory: 'all': expected a size such as 8GiB"),
    "memory for nothing": (_hpc({"memory": "1MiB"}), "slurm.memory: '1MiB': expected at least 128MiB"),
    "a log elsewhere": (
        _directives(output="x.log"),
        "slurm.directives.output: 'output' may be neither set nor dropped",
    ),
    "an option shortened as getopt takes it": (
        _directives(outp="x.log"),
        "slurm.directives.outp: 'output' may be neither set nor dropped",
    ),
    "another signal": (_directives(signal="USR2"), "slurm.directives.signal: 'signal' may be neither"),
    "no signal": (_directives(signal=None), "slurm.directives.signal: 'signal' may be neither"),
    "no requeue by its other name": (
        _directives(no_requeue=True),
        "slurm.directives.no-requeue: 'no-requeue' may be neither set nor dropped: expected requeue: null",
    ),
    "many jobs": (_directives(array="1-4"), "slurm.directives.array: 'array' may be neither set nor dropped"),
    "nodes said twice": (
        _directives(nodes=4),
        "slurm.directives.nodes: 'nodes' may be neither set nor dropped: expected slurm.nodes",
    ),
    "memory said twice": (_directives(mem="4G"), "slurm.directives.mem: '4G': expected slurm.memory, or null to drop"),
    "an option that is off": (_directives(hold=False), "slurm.directives.hold: False: expected a text, a whole number"),
    "an option with a list": (_directives(exclude=["a"]), "slurm.directives.exclude: ['a']: expected a text"),
    "an option of two lines": (_directives(constraint="a\n#SBATCH -A b"), "slurm.directives.constraint: 'a\\n"),
    "an option with dashes": (
        _hpc({"directives": {"--constraint": "a"}}),
        "slurm.directives.--constraint: '--constraint': expected a long option of sbatch without its dashes",
    ),
    "options as a list": (
        _hpc({"directives": ["constraint=a"]}),
        "slurm.directives: ['constraint=a']: expected a mapping of keys and values",
    ),
    "a login without a way": (_hpc({"login": {"address": "login"}}), "slurm.login.ssh: required"),
    "a login without an address": (_hpc({"login": {"ssh": {}}}), "slurm.login.address: required"),
    "a way that there is not": (_hpc({"access": ["ssh", "vpn"]}), "slurm.access[1]: 'vpn': expected 'direct', "),
    "no way": (_hpc({"access": {"ways": []}}), "slurm.access.ways: []: expected at least one"),
    "a login host that is none": (
        _hpc({"access": {"reverse": ["login1", "me@login2"]}}),
        "slurm.access.reverse[1]: 'me@login2': expected the name of a host, without user and port",
    ),
    "a login host that is an option": (
        _hpc({"access": {"reverse": ["-oProxyCommand=x"]}}),
        "slurm.access.reverse[0]: '-oProxyCommand=x': expected the name of a host",
    ),
    "a login host twice": (
        _hpc({"access": {"reverse": ["login1", "login1"]}}),
        "slurm.access.reverse: ['login1', 'login1']: expected each once: login1",
    ),
    "a login host by its word": (_hpc({"access": {"reverse": "login1"}}), "slurm.access.reverse: 'login1': expected a"),
    "nothing to lead to": (
        _hpc({"access": {"reverse": ["login1"]}}, frontend=None),
        "slurm.access.reverse: expected a frontend: nothing but Jupyter asks for a password",
    ),
    "a login with an unknown key": (_hpc({"login": LOGIN | {"user": "me"}}), "slurm.login.user: unknown key"),
    "a login that runs something": (_hpc({"login": LOGIN | {"runtime": "native"}}), "slurm.login.runtime: 'native': "),
    "a profile of another kind": (
        _hpc({"profile": "site.json"}),
        "slurm.profile: 'site.json': expected the name of a profile",
    ),
    "hosts of one's own": (
        _hpc(hosts={"node0": {}}),
        "hosts: Slurm gives the hosts: expected none beside slurm",
    ),
    "too few nodes for the workers": (
        _hpc(pool={"host": "node0", "workers": {"node[4-7]": {}}}),
        "pool.workers.node7: unknown host 'node7' (slurm.nodes: 5 gives node0 to node4)",
    ),
    "too few nodes for the frontend": (
        _hpc({"nodes": 1}, frontend={"host": "node1"}),
        "frontend.host: unknown host 'node1' (slurm.nodes: 1 gives node0)",
    ),
    "an image as Docker names it": (
        _hpc(image=IMAGE),
        f"image: '{IMAGE}': expected the absolute path of a .sif file",
    ),
    "an image beside something": (_hpc(image="mspass.sif"), "image: 'mspass.sif': expected the absolute path"),
    "an image from elsewhere": (
        _hpc(image="library://mspass"),
        "image: 'library://mspass': expected the absolute path",
    ),
    "an image that is none": (_hpc(image="docker://"), "image: 'docker://': expected the absolute path"),
    "an unpacked image for many nodes": (
        _hpc({"nodes": 17}, image="/images/mspass"),
        "image: '/images/mspass': expected a .sif file for more than 16 nodes",
    ),
    "programs of the nodes": (
        _hpc(runtime="native"),
        "runtime: 'native': expected 'apptainer', which is what nodes have",
    ),
    "words for everybody": (_hpc(encryption=False), "encryption: false: nodes and their network are shared"),
    "pages for everybody": (_hpc(frontend={"host": "node0", "expose": "tls"}), "frontend.expose: 'tls': nodes and"),
    "no directory for the data": (
        _hpc(datadir=None),
        "datadir: None: expected an absolute path on the file system that",
    ),
    "a directory that starts nowhere": (_hpc(workdir="work"), "workdir: 'work': expected an absolute path on the file"),
    "a workdir among the data": (
        _hpc(workdir="/scratch/me/mspass/work"),
        "workdir: '/scratch/me/mspass/work' is in the stack's own directory",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_allocation_is_refused_with_its_yaml_path(case: str) -> None:
    value, expected = WRONG[case]
    try:
        cluster = read_cluster(value)
        lines = [*violations(cluster), *slurm_violations(cluster)]
    except ConfigError as refused:
        lines = str(refused).splitlines()
    assert any(line.startswith(f"mspass:cluster.{expected}") for line in lines), lines


def test_the_allocation_that_the_wrong_ones_are_made_of_is_right() -> None:
    assert _broken(read_cluster(_hpc())) == []


def test_all_problems_of_an_allocation_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        read_cluster(_hpc({"nodes": 0, "time": 0, "stopBefore": "x", "directives": {"wrap": "a", "array": 1}}))
    assert len(str(refused.value).splitlines()) == 5


def test_an_allocation_has_defaults_for_all_but_its_size_and_time() -> None:
    cluster = read_cluster(_hpc())
    slurm = cluster.slurm
    assert slurm
    assert slurm.time
    assert (slurm.profile, slurm.queue_wait.seconds, slurm.stop_before.seconds) == ("generic", 900, 600)
    assert (slurm.time, slurm.time.seconds) == ("4:00:00", 4 * 3600)
    assert (cluster.runtime, cluster.image) == ("apptainer", f"docker://{IMAGE}")
    assert tuple(cluster.hosts) == slurm.hosts == ("node0", "node1", "node2", "node3", "node4")


def test_what_the_config_says_goes_before_what_an_allocation_gives() -> None:
    cluster = read_cluster(_hpc({"login": LOGIN, "cores": 8, "memory": "64GiB"}, image="/apps/mspass.sif"))
    assert cluster.image == "/apps/mspass.sif"
    assert cluster.slurm
    assert cluster.slurm.login
    assert cluster.slurm.memory == 64 * 1024**3
    assert _broken(cluster) == []


@pytest.mark.parametrize(
    "image",
    ["docker://registry.example.org:5000/a/b:v1", "oras://a/b", "docker-archive:/a/b.tar", "oci-archive:/a/b.tar"],
)
def test_an_image_may_be_what_one_is_built_from_for_any_number_of_nodes(image: str) -> None:
    assert _broken(read_cluster(_hpc({"nodes": 17}, image=image))) == []


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("docker://registry.example.org:5000/team/mspass:v2.4.3", "mspass-v2.4.3"),
        ("docker://mspass@sha256:0123", "mspass"),
        ("oci-archive:/a b/MsPASS,1.tar", "MsPASS-1.tar"),
    ],
)
def test_what_is_built_has_a_name_that_apptainer_takes_as_it_is(image: str, name: str) -> None:
    assert re.fullmatch(rf"/d/images/{re.escape(name)}-[0-9a-f]{{8}}\.sif", image_path(image, "/d"))
    assert image_path(image, "/d") != image_path(f"{image}x", "/d")
    assert image_path("/a/b.sif", "/d") == "/a/b.sif"


@pytest.mark.parametrize("nodes", [3, "3", 3.0, " 3 "], ids=repr)
def test_there_are_as_many_hosts_as_nodes_however_their_number_is_written(nodes: object) -> None:
    cluster = read_cluster(_hpc({"nodes": nodes}))
    assert cluster.slurm
    assert tuple(cluster.hosts) == cluster.slurm.hosts == ("node0", "node1", "node2")
    assert read_cluster(_hpc() | {"slurm": cluster.slurm}).hosts == cluster.hosts


def test_options_are_added_and_ours_are_dropped() -> None:
    options = {"constraint": "cpu", "mem": None, "requeue": None, "exclusive": True, "ntasks": 5}
    cluster = read_cluster(_hpc({"directives": options}))
    assert cluster.slurm
    assert cluster.slurm.directives == options
    assert cluster.slurm.directives["exclusive"] is True


def test_a_config_without_an_allocation_still_names_its_hosts() -> None:
    with pytest.raises(ConfigError) as refused:
        read_cluster({"database": {"db": "a"}})
    assert str(refused.value) == "mspass:cluster.hosts: required"
    with pytest.raises(ConfigError) as refused:
        read_cluster({"slurm": None, "database": {"db": "a"}})
    assert str(refused.value) == "mspass:cluster.slurm: empty: expected nodes and time"
    assert read_cluster({"slurm": None, "hosts": {"a": {}}, "database": {"db": "a"}}).slurm is None


def test_a_node_that_plays_no_role_is_worth_a_word() -> None:
    planned = _planned(_hpc({"nodes": 7, "memory": "64GiB"}))
    assert "mspass:cluster.slurm.nodes: 7: node5, node6 would be asked for and play no role" in (
        planned.topology.warnings
    )


def test_a_node_with_less_memory_than_is_put_on_it_is_refused() -> None:
    pool = {"host": "node0", "workers": {"node1": {"processes": 4, "memory": "20GiB"}}}
    with pytest.raises(ConfigError) as refused:
        _planned(_hpc({"memory": "64GiB"}, pool=pool))
    assert str(refused.value) == (
        "mspass:cluster.slurm.memory: 64.0 GiB: less than is put on node1: "
        "mspass:cluster.pool.workers.node1.memory x 4 = 80.0 GiB"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        (90, 5400),
        ("90:30", 5430),
        ("48:00:00", 172800),
        ("1-12", 129600),
        ("1-12:30", 131400),
        ("1-12:30:15", 131415),
        ("0-1", 3600),
    ],
)
def test_a_time_limit_is_read_as_slurm_reads_it(text: object, seconds: int) -> None:
    assert TimeLimit.read(text).seconds == seconds


@given(st.text(max_size=12) | st.from_regex(r"[0-9:-]{1,12}", fullmatch=True))
def test_any_text_is_a_time_limit_above_zero_or_a_clear_error(text: str) -> None:
    try:
        assert TimeLimit.read(text).seconds > 0
    except ValueError as error:
        assert "expected" in str(error)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("0s", 0)])
def test_a_duration_is_its_number_times_its_unit(text: str, seconds: int) -> None:
    assert Duration.read(text).seconds == seconds


NODES = {"desktop": "node0", **{f"node{number}": f"node{number - 1}" for number in range(1, 6)}}
"""The hosts of the figures, as nodes of an allocation."""


def _as_nodes(part: Any) -> Any:
    """Return a part of a figure, with nodes in the place of its hosts."""
    if isinstance(part, dict):
        return {NODES.get(key, key): _as_nodes(value) for key, value in part.items()}  # pyright: ignore
    if isinstance(part, list):
        return [_as_nodes(value) for value in part]  # pyright: ignore
    return NODES.get(part, part) if isinstance(part, str) else part


def _renamed(expected: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what a figure expects, by node."""
    return {NODES[host]: [name.replace(host, NODES[host]) for name in names] for host, names in expected.items()}


def _placed(cluster: Cluster) -> dict[str, list[str]]:
    placed: dict[str, list[str]] = {}
    for _, placement in placements(cluster):
        placed.setdefault(placement.host, []).append(placement.name)
    return placed


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_of_the_manual_is_one_of_an_allocation(figure: str) -> None:
    value, expected = FIGURES[figure]
    roles = {key: _as_nodes(value[key]) for key in ("database", "pool", "frontend")}
    cluster = read_cluster(_hpc({"nodes": len(expected)}) | roles)
    assert _broken(cluster) == []
    renamed = _renamed(expected)
    assert _placed(cluster) == renamed
    assert set(renamed) == set(cluster.hosts)


@pytest.mark.parametrize(("stack", "figure"), [("hpc", "five nodes"), ("hpc-sharded", "five nodes, sharded")])
def test_the_stack_files_are_the_manuals_five_nodes(stack: str, figure: str) -> None:
    config = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]
    cluster = read_cluster(config["mspass:cluster"])
    assert _broken(cluster) == []
    assert list(rules.warnings(cluster)) == []
    assert _placed(cluster) == _renamed(FIGURES[figure][1])


@pytest.mark.parametrize(
    ("database", "servers"),
    [
        ({"db": "node0"}, ["mongod"]),
        (
            {"router": ["node0"], "shards": {"a": ["node0"], "b": ["node0"]}, "cache": "1GiB"},
            ["configsvr-node0", "shard-a-node0", "shard-b-node0", "mongos-node0"],
        ),
    ],
    ids=["one server", "sharded"],
)
def test_one_node_takes_every_role(database: dict[str, Any], servers: list[str]) -> None:
    pool: dict[str, Any] = {"host": "node0", "workers": {"node0": {"memory": "1GiB"}}}
    cluster = read_cluster(_hpc({"nodes": 1}, database=database, pool=pool))
    assert _broken(cluster) == []
    assert _placed(cluster) == {"node0": [*servers, "scheduler", "worker-node0", "frontend"]}


def test_a_thousand_nodes_are_named_by_one_list() -> None:
    cluster = read_cluster(_hpc({"nodes": 1001}, pool={"host": "node0", "workers": {"node[1-1000]": {}}}))
    assert cluster.pool
    assert len(cluster.pool.workers) == 1000
    assert not [line for line in violations(cluster) if "unknown host" in line]


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ({"storage": "shared"}, "shared: all that was acknowledged, on the file system of datadir"),
        ({"storage": "local"}, "local: data of the last ordered stop"),
        (
            {"storage": "local", "checkpoint": "90s"},
            "local: data of the last ordered stop or checkpoint (every 90s)",
        ),
        (
            {"storage": "local", "checkpoint": "1800s"},
            "local: data of the last ordered stop or checkpoint (every 30m)",
        ),
    ],
)
def test_what_outlives_a_job_is_said_in_words(storage: dict[str, str], said: str) -> None:
    job = _planned(_hpc(database={"db": "node1", **storage})).topology.job
    assert job
    assert job.durability == said


@pytest.mark.parametrize("storage", ["shared", "local"])
def test_a_server_works_where_its_storage_is_and_by_the_same_name(storage: str) -> None:
    plan = _planned(_hpc(database={"db": "node1", "storage": storage}))
    (server,) = (process for process in plan.topology.processes if process.kind == "mongod")
    spec, data = plan.render(server), "/scratch/me/mspass/db"
    assert isinstance(spec, SlurmProcess)
    bound = {"shared": data, "local": f"{DATA}:{data}"}[storage]
    assert spec.wrapper[spec.wrapper.index("--pwd") + 1] == data
    assert ("--bind", bound) in pairwise(spec.wrapper)
    assert spec.writes == ((data,) if storage == "shared" else ())
    assert spec.argv[spec.argv.index("--dbpath") + 1] == data
    assert plan.topology.job
    assert plan.topology.job.storage == storage


SITE = "access: {ways: [relay], reverse: [login1]}\n"


@pytest.mark.parametrize(
    ("own", "ways", "reverse"),
    [
        (None, ("relay",), ("login1",)),
        (["direct", "ssh"], ("direct", "ssh"), ("login1",)),
        ({"reverse": ["login2"]}, ("relay",), ("login2",)),
        ({"reverse": []}, ("relay",), ()),
    ],
)
def test_what_a_stack_says_of_the_way_in_goes_before_its_sites_profile(
    own: Any, ways: tuple[str, ...], reverse: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    known = {"profile": "site.yaml"} | ({"access": own} if own is not None else {})
    topology = make_plan(read_cluster(_hpc(known)), "hpc", {}, tmp_path, "python3").topology
    assert topology.job
    assert topology.job.reverse == reverse
    assert {host.connection.access for host in topology.hosts.values()} == {ways}


def test_a_profile_leads_nowhere_without_a_frontend(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    cluster = read_cluster(_hpc({"profile": "site.yaml"}, frontend=None))
    topology = make_plan(cluster, "hpc", {}, tmp_path, "python3").topology
    assert topology.job
    assert topology.job.reverse == ()
