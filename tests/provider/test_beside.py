"""A command beside a process of a job ends with it."""

import socket
from pathlib import Path
from threading import Thread

import pytest

from mspass_stack.agent import beside


def test_a_process_that_ends_while_it_is_asked_is_one_that_is_not_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(beside.socket_of(tmp_path)))
        listener.listen(1)

        def end() -> None:
            near, _ = listener.accept()
            with near, near.makefile("rb") as request:
                request.readline()

        ender = Thread(target=end)
        ender.start()
        with pytest.raises(OSError, match="has ended before the command did"):
            beside.ask(tmp_path, ["true"], 5)
        ender.join()
