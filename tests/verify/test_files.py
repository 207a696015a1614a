"""The stack's folder: what is secret is its owner's alone."""

from tests.verify.deployed import Deployed


def test_every_secret_file_is_readable_by_its_owner_only(deployed: Deployed) -> None:
    machine = deployed.here
    folder = machine.file(str(deployed.secrets))
    assert (folder.user, folder.mode) == (deployed.inventory.user, 0o700)
    names = folder.listdir()
    assert names
    for name in names:
        file = machine.file(str(deployed.secrets / name))
        assert (name, file.user, file.mode) == (name, deployed.inventory.user, 0o600)


def test_the_client_profile_is_there(deployed: Deployed) -> None:
    machine = deployed.here
    profile = machine.file(deployed.outputs["clientProfile"])
    assert "MSPASS_SCHEDULER=" in profile.content_string
    assert deployed.outputs.get("databaseUri", "") in profile.content_string


def test_the_workdir_is_the_users(deployed: Deployed) -> None:
    machine = deployed.here
    folder = machine.file(deployed.inventory.workdir)
    assert folder.is_directory
    assert folder.user == deployed.inventory.user
