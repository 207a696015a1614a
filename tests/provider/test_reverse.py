"""The way from a login host to a page, which the job keeps up: it begins anew after a cut, and leaves nothing there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent.reverse import PREPARE, report_of
from mspass_stack.polling import wait_until
from tests.harness.project import ROOT

SSH = """\
#!/bin/sh
cd {directory}
for word; do last=$word; done
case "$*" in
*" -N -R /"*) kind=socket ;;
*" -N -R "*) kind=port ;;
*) echo prepare >> asked; echo "$*" >> words; exit $(cat prepares 2>/dev/null || echo 0) ;;
esac
echo "$*" >> words
echo $kind >> asked
if grep -q $kind refused 2>/dev/null; then
    echo "Error: remote port forwarding failed for listen path /tmp/x" >&2
    exit 255
fi
echo 'debug1: something else' >&2
echo 'debug1: remote forward success for: listen /tmp/x:-2, connect 127.0.0.1:8888' >&2
case "$*" in *127.0.0.1:0:*) echo 'Allocated port 40123 for remote forward to 127.0.0.1:8888' >&2 ;; esac
echo $$ > pid
while [ ! -e cut ]; do sleep 0.05; done
rm cut
echo 'Connection to login1 closed by remote host.' >&2
exit 255
"""
"""A double of OpenSSH: what it says was copied from that of Debian."""

PLACE = f"/tmp/mspass-{os.getuid()}"
SOCKET = f"{PLACE}/jupyter-hpc"
ALLOCATION: dict[str, Any] = {"job": "7", "restart": 0, "nodes": {}}


class Way:
    """The program, with a double of ssh that may be told how to answer."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "run").mkdir()
        (directory / "run" / "allocation.json").write_text(json.dumps(ALLOCATION))
        ssh = directory / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(SSH.format(directory=directory))
        ssh.chmod(0o755)

    def start(self) -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "mspass_stack.agent", "reverse"]
        environment = {**os.environ, "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [*words, str(self.directory), "login1", "127.0.0.1", "8888", "jupyter-hpc"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def report(self) -> dict[str, Any]:
        return report_of(lambda path: Path(path).read_text(), f"{self.directory}/run", "login1", ALLOCATION)

    def begins(self, at: str) -> bool:
        return bool(wait_until(lambda: self.report["at"] == at, 20))

    def asked(self, file: str = "asked") -> list[str]:
        return (self.directory / file).read_text().splitlines()

    def tell(self, file: str, text: str = "") -> None:
        (self.directory / file).write_text(text)


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


@pytest.fixture
def start(way: Way) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        started.append(way.start())
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


Start = Callable[[], "subprocess.Popen[str]"]


def test_a_socket_of_its_user_alone_leads_to_the_page_and_none_is_left(way: Way, start: Start) -> None:
    process = start()
    assert way.begins(SOCKET)
    prepare, lead = way.asked("words")
    options = (
        "-T -n -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=3 "
        "-o ExitOnForwardFailure=yes -o ControlMaster=no -o ControlPath=none -o ForwardAgent=no -o ForwardX11=no "
        "-o PermitLocalCommand=no -o LogLevel=DEBUG1"
    )
    assert lead == f"{options} -N -R {SOCKET}:127.0.0.1:8888 login1"
    assert prepare.startswith(f"{options} login1 exec sh -c 'umask 077; ")
    assert prepare.endswith(f" sh {PLACE} jupyter-hpc")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert way.asked() == ["prepare", "socket", "prepare"]
    assert way.report["at"] == ""


def test_after_a_cut_it_begins_anew_and_an_old_socket_is_removed_first(way: Way, start: Start) -> None:
    start()
    assert way.begins(SOCKET)
    way.tell("cut")
    assert wait_until(lambda: way.report["why"] == "ssh login1: Connection to login1 closed by remote host.", 20)
    assert way.begins(SOCKET)
    assert way.asked() == ["prepare", "socket"] * 2


def test_where_sockets_are_refused_it_is_a_port_and_the_same_after_a_cut(way: Way, start: Start) -> None:
    way.tell("refused", "socket")
    start()
    assert way.begins("40123")
    way.tell("cut")
    assert wait_until(lambda: way.asked().count("port") == 2, 20)
    ports = [words.split(" -R ")[1] for words in way.asked("words") if " -R 127" in words]
    assert ports == ["127.0.0.1:0:127.0.0.1:8888 login1", "127.0.0.1:40123:127.0.0.1:8888 login1"]


def test_what_keeps_it_from_beginning_is_said(way: Way, start: Start) -> None:
    way.tell("prepares", "3")
    start()
    assert wait_until(lambda: way.report["why"] == f"{PLACE} of login1 is not its user's alone", 20)
    way.tell("prepares", "0")
    assert way.begins(SOCKET)


@pytest.mark.parametrize("kind", ["none", "others", "link", "open"])
def test_the_directory_of_the_socket_is_its_users_alone(kind: str, tmp_path: Path) -> None:
    # Nobody but root can give one away.
    place = Path("/usr") if kind == "others" and os.getuid() else tmp_path / "place"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    elif kind == "open" or not (kind == "none" or os.getuid()):
        place.mkdir()
        place.chmod(0o755)
        (place / "socket").touch()
    if kind == "others":
        os.chown(place, 65534, 65534)
    status = subprocess.run(["sh", "-c", PREPARE, "sh", place, "socket"]).returncode
    assert status == (3 if kind in ("others", "link") else 0)
    if status == 0:
        assert place.stat().st_mode & 0o777 == 0o700
        assert not list(place.iterdir())


def test_a_report_of_another_job_says_nothing_of_this_one(way: Way, start: Start) -> None:
    start()
    assert way.begins(SOCKET)

    def report(allocation: dict[str, Any]) -> dict[str, Any]:
        return report_of(lambda path: Path(path).read_text(), f"{way.directory}/run", "login1", allocation)

    assert report({"job": "7", "restart": 1})["why"] == "its process has not said anything yet"
    assert report({})["why"] == "no job runs"
