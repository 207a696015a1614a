"""`mspass-stack login`: log in to the login host of a cluster once, by password or token, for all commands after it.

A plugin of Pulumi has no terminal, and each command would be another login. OpenSSH asks here and keeps the connection,
in the background and with a socket that only its user can reach; nothing that is typed is read by this program.
"""

import subprocess
from pathlib import Path
from typing import Any

import click

from mspass_stack import state
from mspass_stack.cli.options import stack_option
from mspass_stack.config.load import read_cluster
from mspass_stack.config.sections import KEY
from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines import openssh
from mspass_stack.machines.forward import own_directory
from mspass_stack.machines.master import ON_THE_LOGIN_HOST, SESSIONS, Master
from mspass_stack.sites import site_of
from mspass_stack.spec.connection import ConnectionSpec


@click.command("login")
@stack_option
@click.option("--close", is_flag=True, help="end it")
def command(stack: str, close: bool) -> None:
    """Log in to a cluster's login host by password or token, once for all commands until `--close`.

    OpenSSH asks, and keeps the connection; it ends when nobody has used it for 8 hours.
    """
    connection = login_of(state.config(stack, KEY), stack, state.project_directory())
    master = Master(connection)
    if close:
        stood = master.stands()
        if stood:
            master.close()
        click.echo(f"{connection}: {'the login is ended' if stood else 'nobody is logged in'}.")
        return
    if master.stands():
        click.echo(f"{connection}: the login stands; mspass-stack login --close -s {stack} ends it.")
        return
    own_directory()
    master.path.unlink(missing_ok=True)  # of one that was killed: ssh would make another connection and share none
    if subprocess.run(openssh.master(connection, master.path)).returncode or not master.stands():
        raise Unreachable(f"{connection}: ssh has not logged in; its own words are above")
    if (room := master.room()) < SESSIONS:
        master.close()
        raise Refused(f"{connection}: {ON_THE_LOGIN_HOST} ({room} of {SESSIONS})")
    click.echo(
        f"{connection}: logged in. Pulumi and mspass-stack go through it until it is not used for {openssh.IDLE}."
    )


def login_of(value: Any, stack: str, base: Path) -> ConnectionSpec:
    """Return how the login host of a stack is reached.

    Args:
        value: of `mspass:cluster`.
        base: the directory that relative paths start from.

    Raises:
        Refused: there is nothing to log in to.
    """
    cluster = read_cluster(value)
    here = site_of(cluster).connection(cluster, stack, next(iter(cluster.hosts)), base)
    if not here.enter:
        raise Refused(
            f"stack '{stack}' has no mspass:cluster.slurm.login with ssh: there is nothing to log in to; its commands "
            "go by key, or this machine is the login host"
        )
    return here.login
