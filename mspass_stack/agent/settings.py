"""Say what stands in the files of supervisord, which are ours to write.

Paths go by its environment: in the file itself a `%` is the start of something, and ` #` or ` ;` the end of the value.
"""

from __future__ import annotations

from pathlib import Path

from .marks import HOME

CONFIG = """\
[unix_http_server]
file={local}/supervisor.sock
chmod=0700

[supervisord]
pidfile={local}/supervisord.pid
logfile={log}/supervisord.log
childlogdir={log}
directory={home}
identifier={stack_id}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{local}/supervisor.sock

[include]
files=programs/*.ini
"""

_LAUNCHED = """\
[program:{name}]
command=/bin/sh "{run}/{name}.sh"
priority={order}
autorestart=true
startsecs=3
startretries=3
stopsignal={signal}
stopwaitsecs={grace}
"""

PROGRAM = (
    _LAUNCHED
    + """\
killasgroup=true
redirect_stderr=true
stdout_logfile={log}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""
)

_HOME = f"%(ENV_{HOME})s"
PATHS = {"home": _HOME, "run": f"{_HOME}/run", "log": f"{_HOME}/log", "local": f"{_HOME}/run"}
"""The directory of the stack and what is in it, as the files have them."""


JOB_PROGRAM = (
    _LAUNCHED
    + """\
redirect_stderr=true
stdout_logfile={log}/{name}.srun.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
"""
)
"""Of a process in a Slurm job: supervisord holds its srun. Of the group of that one, a part outlives a SIGKILL unseen;
the log of the process is written on its own node."""

LOCAL = "MSPASS_JOB_LOCAL"
"""The variable that names the job's directory on a node."""

JOB_PATHS = {**PATHS, "local": f"%(ENV_{LOCAL})s"}


def of(program: Path) -> dict[str, str]:
    """Read what a program's file says; the defaults of a stop where the file is gone."""
    text = program.read_text(encoding="utf-8") if program.exists() else ""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {"priority": "0", "stopsignal": "TERM", "stopwaitsecs": "10", **said}


def write(path: Path, text: str) -> None:
    """Write a file of the owner only, whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
