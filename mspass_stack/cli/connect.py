"""`mspass-stack connect`: the pages of a stack, whose hosts keep them to themselves, on ports of this machine."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

import click

from mspass_stack import state
from mspass_stack.cli.entrances import Entrance, pages, ports
from mspass_stack.cli.job import JobView, job_of
from mspass_stack.cli.options import stack_option
from mspass_stack.errors import NoJob, Unreachable
from mspass_stack.machines import machine
from mspass_stack.spec.connection import ConnectionSpec

PAUSE, JOB_PAUSE = 5.0, 10.0
"""Seconds between two looks whether a host still answers, and whether a job still runs: those are asked of Slurm."""

FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds until a host that was cut off is tried again; each time twice as long."""

HINT = (
    "The database's address is for mongosh and Compass. Client() hands its own to the workers, where 127.0.0.1 is "
    "another machine: give it `pulumi stack output databaseUri`."
)


@click.command("connect")
@stack_option
@click.option("--all", "everything", is_flag=True, help="the database and the scheduler too")
def command(stack: str, everything: bool) -> None:
    """Open Jupyter and Dask's pages on ports of this machine, until Ctrl-C.

    They are carried by SSH and listen for this machine alone. After a cut they come back by themselves, and on a Slurm
    cluster they lead into the next job.
    """
    try:
        outputs, inventory = state.deployed(stack)
        entrances = [*pages(outputs, inventory), *(ports(outputs, inventory) if everything else ())]
        connect(entrances, click.echo, Event(), lambda: job_of(inventory))
    except KeyboardInterrupt:
        click.echo("\nClosed.")


def no_job() -> JobView | None:
    """Return the job of a stack that has its hosts without one."""
    return None


def connect(
    entrances: list[Entrance],
    say: Callable[[str], None],
    ended: Event,
    job: Callable[[], JobView | None] = no_job,
) -> None:
    """Open entrances, print their URLs, and keep them open until the end.

    Args:
        job: looks at the one that gives the hosts, where one does.

    Raises:
        Unreachable: a host does not answer at the beginning.
    """
    if not entrances:
        say("It has no pages: --all opens the database.")
        return
    hosts = list(dict.fromkeys(entrance.connection for entrance in entrances if entrance.connection.remote))
    for host in hosts:
        with suppress(NoJob):  # it is told of below, and the next one is waited for
            machine(host).look()
    width = max(len(entrance.label) for entrance in entrances)
    for entrance in entrances:
        say(f"{entrance.label + ':':{width + 1}} {entrance.open()}")
    if any(entrance.label == "Database" for entrance in entrances):
        say(HINT)
    if not hosts:
        say("All of it is on this machine: there is nothing to keep open.")
        return
    say("Open until Ctrl-C.")
    # The nodes of a job are there together, or not.
    watched = {host.job or str(host): host for host in hosts}.values()
    watches = [Thread(target=watch, args=(host, say, ended, job), daemon=True) for host in watched]
    for thread in watches:
        thread.start()
    ended.wait()


def watch(host: ConnectionSpec, say: Callable[[str], None], ended: Event, job: Callable[[], JobView | None]) -> None:
    """Look after a host until the end: one that was cut off, or whose job is over, is tried again until it is back."""
    pause, retry, told = JOB_PAUSE if host.job else PAUSE, 0.0, ""
    while True:
        try:
            machine(host).look()
        except NoJob as error:
            view = job()
            now = f"{view.id} {view.state}" if view else str(error)
            if now != told:
                say(str(view or error))
            told = now
        except Unreachable as error:
            if not retry:
                say(f"{error}; it is tried again")
            retry = min(2 * retry, LAST_RETRY) or FIRST_RETRY
        else:
            if told:
                say(f"{job() or host}: what is open leads there, as soon as its processes have started")
            elif retry:
                say(f"{host} is back")
            retry, told = 0.0, ""
        if ended.wait(retry or pause):
            return
