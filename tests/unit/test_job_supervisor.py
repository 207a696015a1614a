"""What the supervisord of a job says of processes."""

from pathlib import Path

from mspass_stack.agent.job_supervisor import JobSupervisor
from mspass_stack.agent.supervisor import Supervisor


def test_the_job_follows_up_a_supervisord_that_is_gone_so_that_nothing_is_given_up(tmp_path: Path) -> None:
    assert Supervisor(str(tmp_path), "mine").has_given_up("mongod")
    assert not JobSupervisor(str(tmp_path), "mine").has_given_up("mongod")
