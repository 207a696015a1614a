"""Everything that happens to a lab is healed by one `pulumi up`, and no document is lost."""

import signal
import subprocess
from collections.abc import Iterator

import pytest

from mspass_stack.polling import wait_until
from tests.e2e.clients import expect_running, expect_whole, write_documents
from tests.harness.killed import killed_after
from tests.harness.lab import Lab
from tests.harness.lab_stack import LabStack
from tests.harness.project import PULUMI

DOCUMENTS = 500


@pytest.fixture
def written(sharded: LabStack, lab: Lab) -> Iterator[LabStack]:
    """A lab with documents in it; its network is whole again afterwards, and its hosts are on."""
    write_documents(sharded, DOCUMENTS)
    yield sharded
    lab.heal()
    for name in lab.names:
        if not lab.is_on(name):
            lab.power_on(name)


def _begin_up(stack: LabStack) -> "subprocess.Popen[str]":
    words = [PULUMI, "--non-interactive", "up", "--yes", "--skip-preview", "--stack", stack.name]
    place, pipe = stack.project, subprocess.PIPE
    return subprocess.Popen(
        words, cwd=place.path, env=place.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


def test_a_host_powered_off_and_on(written: LabStack, lab: Lab) -> None:
    """A container's engine starts it again, a native process `pulumi up`; a user may have it done at boot."""
    for name in ("lab2", "lab1"):
        lab.power_off(name)
        lab.power_on(name)
    written.up()
    expect_running(written, DOCUMENTS)


def test_each_host_powered_off_and_on_by_itself(written: LabStack, lab: Lab) -> None:
    for name in lab.names[:4]:
        lab.power_off(name)
        lab.power_on(name)
        written.up()
        expect_running(written, DOCUMENTS)


def test_an_engine_restarted(written: LabStack, lab: Lab) -> None:
    lab.stop_engine("lab2")
    lab.start_engine("lab2")
    written.up()
    expect_running(written, DOCUMENTS)


def test_a_network_cut_between_two_hosts_and_healed(written: LabStack, lab: Lab) -> None:
    lab.cut("lab1", "lab2")
    output = written.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", timeout=300).stdout
    assert "Traceback" not in output
    lab.heal()
    written.up()
    expect_running(written, DOCUMENTS)


def test_a_host_that_is_down_stops_every_command_before_a_change_and_is_named(written: LabStack, lab: Lab) -> None:
    written.cluster["pool"]["workers"]["lab4"]["processes"] = 1
    written.write()
    before = written.running()
    lab.power_off("lab2")
    for words in (("up", "--skip-preview"), ("refresh",), ("destroy", "--skip-preview")):
        ran = written.pulumi(*words, "--yes", "--suppress-outputs")
        assert ran.returncode != 0, ran.stdout
        assert f"host 'lab2' ({lab.address('lab2')}) cannot be reached by ssh" in ran.stdout
        assert "Traceback" not in ran.stdout
    assert written.running() == {name: host for name, host in before.items() if host != "lab2"}
    # The rest of the lab can be worked on without it.
    runs = written.runs()
    written.up("--refresh=false", "--exclude", "**@lab2", "--exclude", "**::preflight")
    after = written.runs()
    assert {name for name in runs if runs[name] != after[name]} == {"worker-lab4"}
    lab.power_on("lab2")
    written.cluster["pool"]["workers"]["lab4"]["processes"] = 2
    written.write()
    written.up()
    expect_running(written, DOCUMENTS)


def test_an_up_killed_after_ten_different_steps(written: LabStack) -> None:
    written.destroy()
    # Each `up` goes on where the last one was killed, so that these are steps all over a start.
    for steps in (3, 9, 15, 18, 20, 22, 24, 27, 30, 34):
        killed_after(written, steps)
        written.pulumi("cancel", "--yes")
    written.up()
    written.expect_unchanged()
    expect_whole(written, DOCUMENTS)


def test_two_ups_at_once(written: LabStack) -> None:
    written.cluster["pool"]["workers"]["lab4"]["processes"] = 1
    written.write()
    both = [_begin_up(written) for _ in range(2)]
    output = [one.communicate(timeout=300)[0] for one in both]
    refused = [text for text, one in zip(output, both, strict=True) if one.returncode]
    # Pulumi looks for another's lock before and after it writes its own: of two in the same moment both may give way.
    for text in refused:
        assert "lock" in text
    written.cluster["pool"]["workers"]["lab4"]["processes"] = 2
    written.write()
    written.up()
    expect_running(written, DOCUMENTS)


def test_an_interrupted_up_says_so_and_the_next_one_goes_on(written: LabStack) -> None:
    written.destroy()
    running = _begin_up(written)
    assert wait_until(lambda: len(written.running()) >= 2, 120)
    running.send_signal(signal.SIGINT)
    output = running.communicate(timeout=200)[0]
    assert running.returncode != 0, output
    written.up()
    expect_running(written, DOCUMENTS)
