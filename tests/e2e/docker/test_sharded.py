"""A sharded database on one machine, in containers."""

from tests.e2e.clients import expect_whole, write_documents
from tests.e2e.docker.client import containers
from tests.e2e.native.test_sharded import sharded
from tests.harness import image
from tests.harness.project import Project, Stack


def test_it_comes_up_verifies_and_goes_down(project: Project) -> None:
    stack = Stack(project, "sharded", sharded(runtime="docker", image=image.name()), keep_database_port=True)
    stack.up()
    write_documents(stack, 500)
    expect_whole(stack, 500)
    stack.destroy()
    assert not {name for name in containers() if name.startswith("mspass-sharded-")}
