"""The components in a Pulumi program that somebody else wrote."""

from pathlib import Path

import pulumi
import pytest
from mocked_engine import MARK, Run, Secret, opened, run

from mspass_stack import Cluster, DaskPool, Foundation, Frontend, MongoDatabase, Plan, VirtualCluster, make_plan
from mspass_stack.config.hosts import Host
from mspass_stack.config.sections import Database, Pool, Workers
from mspass_stack.config.sections import Frontend as FrontendConfig

BASE = Path("/srv/quakes")
PYTHON = "/opt/mspass/bin/python"
HERE = {"here": Host()}
DATABASE = Database(db="here", port=27117)
POOL = Pool(host="here", workers={"here": Workers(processes=2, memory=1024**3)})


def _plan(cluster: Cluster) -> Plan:
    return make_plan(cluster, pulumi.get_stack(), {"here": 2}, BASE, PYTHON)


def _foundation(name: str, cluster: Cluster) -> Foundation:
    return Foundation(name, _plan(cluster))


@pytest.fixture(scope="module")
def database_only() -> Run:
    """Only the foundation and the database; its address goes to whatever else the program has."""

    def program() -> None:
        foundation = _foundation("quakes", Cluster(hosts=HERE, database=DATABASE))
        database = MongoDatabase("catalogue", foundation)
        pulumi.export("uri", database.uri)
        pulumi.export("stackDir", foundation.topology.hosts["here"].stack_dir)

    return run(program, stack="prod")


def test_a_program_may_take_the_database_alone(database_only: Run) -> None:
    assert not database_only.error
    assert {key: kind for key, kind in database_only.types.items() if kind not in ("Secret", "StackId")} == {
        "quakes": "Foundation",
        "preflight": "Preflight",
        "files@here": "HostFiles",
        "client-profile": "ClientProfile",
        "catalogue": "MongoDatabase",
        "turn-mongod@here": "Turn",
        "mongod@here": "HostProcess",
        "ready-mongod@here": "Ready",
        "users@here": "DatabaseUsers",
    }


def test_the_resources_of_a_component_are_its_children(database_only: Run) -> None:
    parents = {found.name: found.parent for found in database_only.resources}
    assert parents["files@here"] == parents["client-profile"] == "quakes"
    assert {parents[name] for name in ("mongod@here", "ready-mongod@here", "users@here")} == {"catalogue"}


def test_its_address_is_a_secret_in_the_foreign_program_too(database_only: Run) -> None:
    assert isinstance(database_only.outputs["uri"], Secret)
    assert f"{MARK}mongodb-password@127.0.0.1:27117" in opened(database_only.outputs["uri"])
    assert database_only.outputs["stackDir"] == "/srv/quakes/data/prod"


def test_what_a_program_declares_after_a_component_waits_for_all_that_is_in_it() -> None:
    def program() -> None:
        foundation = _foundation("quakes", Cluster(hosts=HERE, database=DATABASE))
        database = MongoDatabase("catalogue", foundation)
        pulumi.ComponentResource("test:index:Mine", "mine", None, pulumi.ResourceOptions(depends_on=[database]))

    (mine,) = (found for found in run(program).resources if found.name == "mine")
    assert {"mongod@here", "ready-mongod@here", "users@here"} <= mine.after


def test_a_program_may_wire_the_components_itself() -> None:
    def program() -> None:
        frontend = FrontendConfig(host="here", port=9999)
        foundation = _foundation("quakes", Cluster(hosts=HERE, database=DATABASE, pool=POOL, frontend=frontend))
        database = MongoDatabase("catalogue", foundation)
        pool = DaskPool("cores", foundation, after=database.hosted)
        jupyter = Frontend("desk", foundation, after=[*database.hosted, *pool.hosted])
        pulumi.export("scheduler", pool.scheduler_address)
        pulumi.export("dashboard", pool.dashboard_url)
        pulumi.export("url", jupyter.url)

    result = run(program)
    assert result.outputs["scheduler"] == "tcp://127.0.0.1:8786"
    assert result.outputs["dashboard"] == "http://127.0.0.1:8787/status"
    assert isinstance(result.outputs["url"], Secret)
    processes = result.of("HostProcess")
    assert {"mongod@here", "scheduler@here", "worker-here@here"} <= processes["frontend@here"].after
    assert processes["frontend@here"].inputs["process"]["argv"][0] == PYTHON


@pytest.mark.parametrize(
    ("component", "missing"),
    [(MongoDatabase, "database"), (DaskPool, "pool"), (Frontend, "frontend")],
    ids=["MongoDatabase", "DaskPool", "Frontend"],
)
def test_a_component_without_its_part_of_the_config_says_which_it_lacks(
    component: type[MongoDatabase | DaskPool | Frontend], missing: str
) -> None:
    parts = {"database": DATABASE, "pool": POOL}
    other = Cluster.model_validate({"hosts": HERE, **{key: part for key, part in parts.items() if key != missing}})
    with pytest.raises(ValueError, match=f"the config declares no {missing}"):
        run(lambda: component("one", _foundation("quakes", other)) and None)


def test_a_whole_cluster_fits_beside_other_resources_of_a_program() -> None:
    def program() -> None:
        mine = pulumi.ComponentResource("test:index:Mine", "mine")
        plan = _plan(Cluster(hosts=HERE, database=DATABASE, pool=POOL))
        cluster = VirtualCluster("mspass", plan, opts=pulumi.ResourceOptions(parent=mine))
        pulumi.export("uri", cluster.outputs["databaseUri"])

    result = run(program)
    assert result.of("VirtualCluster")["mspass"].parent == "mine"
    assert isinstance(result.outputs["uri"], Secret)
