"""Every replica set, of a shard or of the config servers, has exactly the members declared and one primary."""

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed


def test_it_has_exactly_the_members_declared_and_one_primary(process: Entry, deployed: Deployed) -> None:
    declared = deployed.members(process.replica_set)
    with deployed.internal(process) as client:
        status = client.admin.command("replSetGetStatus")
    assert status["set"] == process.replica_set
    assert {member["name"] for member in status["members"]} == declared
    states = sorted(member["stateStr"] for member in status["members"])
    assert states == ["PRIMARY"] + ["SECONDARY"] * (len(declared) - 1)
