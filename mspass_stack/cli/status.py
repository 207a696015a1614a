"""`mspass-stack status`: what runs now, read from the inventory and seen by the probes."""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mspass_stack import state
from mspass_stack.cli.durability import durability
from mspass_stack.cli.entrances import pages
from mspass_stack.cli.job import JobView, job_by, job_of
from mspass_stack.cli.logs import Log, logs
from mspass_stack.cli.options import stack_option
from mspass_stack.cli.reverse import reverse
from mspass_stack.errors import NotUpError, StackError
from mspass_stack.machines import machine
from mspass_stack.managers import manager_of
from mspass_stack.polling import interrupted
from mspass_stack.provider.probes import probe
from mspass_stack.provider.probes.holders import Holders, holders
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import CONNECT, Entry, Inventory
from mspass_stack.spec.process import ProcessSpec

EVERY = 2.0
"""Seconds between two looks of `--watch`."""

# Without what takes a line beyond a terminal of 80 columns: incarnations are in `--json`.
HEAD = ("PROCESS", "HOST", "STATE", "ENDPOINT", "READY")


@dataclass(frozen=True)
class Row:
    """One process as it is now; `missing` is why it is not ready, or nothing."""

    process: str
    host: str
    state: str
    incarnation: str
    endpoint: str
    missing: str

    @property
    def cells(self) -> tuple[str, ...]:
        ready = f"no: {self.missing}" if self.missing else "yes"
        return self.process, self.host, self.state, self.endpoint or "-", ready


@click.command("status")
@stack_option
@click.option("--watch", "-w", is_flag=True, help="look again and again, until Ctrl-C")
@click.option("--json", "as_json", is_flag=True, help="for programs; the secrets of addresses are in it")
def command(stack: str, watch: bool, as_json: bool) -> None:
    """Show which processes run and are ready, and where Jupyter is. Exit status 1: one is not ready."""
    try:
        outputs, inventory = state.deployed(stack)
    except NotUpError:
        if not (known := logs(state.resources(stack))):
            raise
        _show_unfinished(stack, known)
        sys.exit(1)
    if watch:
        _watch(inventory, outputs)
        return
    table, job, held = rows(inventory), job_of(inventory), held_in(inventory)
    if as_json:
        known = {key: value for key, value in outputs.items() if key != "inventory"}
        known |= {"job": job.dump()} if job else {}
        known |= {"pool": held.dump()} if held else {}
        click.echo(json.dumps({"processes": [asdict(row) for row in table], **known}, indent=2))
    else:
        click.echo("\n".join(lines(table)))
        click.echo("\n".join(after(inventory, outputs, job, held)))
    sys.exit(any(row.missing for row in table))


def _show_unfinished(stack: str, known: Mapping[str, Log]) -> None:
    """Show what its state knows of a stack whose first `up` goes on, or has not ended well: no outputs."""
    with ThreadPoolExecutor(len(known)) as pool:
        click.echo("\n".join(lines(list(pool.map(_unfinished, known.values())))))
    first = next(iter(known.values()))
    job = job_by(first.connection, stack, first.stack_id, first.process.stack_dir)
    click.echo(
        "\n".join(["", *([str(job)] if job else []), f"no first `pulumi up` has ended well: pulumi up -s {stack}"])
    )


def rows(inventory: Inventory) -> list[Row]:
    """Return a row per process, all of them looked at at once."""
    with ThreadPoolExecutor(len(inventory.processes)) as pool:
        return list(pool.map(partial(_row, inventory), inventory.processes))


def lines(table: list[Row]) -> list[str]:
    """Return the table in columns; the last one may be long."""
    cells = [HEAD, *(row.cells for row in table)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def held_in(inventory: Inventory) -> Holders | None:
    """Return who holds the cores of a stack's pool; None where its scheduler knows no applications, or is away."""
    for entry in inventory.serving("scheduler"):
        try:
            return holders(entry.spec.probe, machine(inventory.hosts[entry.spec.probe.host].connection))
        except StackError:
            return None
    return None


def after(
    inventory: Inventory, outputs: dict[str, Any], job: JobView | None = None, held: Holders | None = None
) -> list[str]:
    """Return what is to be known beside the table."""
    found = ["", *(str(known) for known in (job, held) if known)]
    if job and (kept := durability(inventory, outputs)):
        found.append(f"data: {kept}")
    for page in pages(outputs, inventory):
        way = f" after: {CONNECT} --stack {inventory.stack}" if page.inside else ""
        found.append(f"{page.label}: {page.url}{way}")
    found += reverse(inventory, outputs)
    if signs := inventory.pages_authority:
        found.append(f"Who signs Jupyter's certificate, for your browser:\n{signs.strip()}")
    if expiry := inventory.expiry():
        found.append(f"TLS: {expiry}")
    return found


def _unfinished(log: Log) -> Row:
    row = partial(Row, process=log.process.name, host=log.process.host, endpoint="")
    try:
        word, incarnation = _run_of(log.process, log.connection, log.stack_id)
    except StackError as error:
        return row(state="UNKNOWN", incarnation="", missing=str(error))
    return row(state=word, incarnation=incarnation, missing="not asked before an `up` has ended well")


def _run_of(process: ProcessSpec, connection: ConnectionSpec, stack_id: str) -> tuple[str, str]:
    """Return its manager's word on a process, and which run of it is up."""
    manager, name = manager_of(process.manager, connection, process.stack_dir, stack_id), process.managed_name
    return manager.state(name).upper() or "ABSENT", manager.incarnation(name)


def _row(inventory: Inventory, entry: Entry) -> Row:
    row = partial(Row, process=entry.name, host=entry.host, endpoint=entry.endpoint)
    try:
        word, incarnation = _run_of(entry.spec, inventory.connection(entry), inventory.stack_id)
        sees_it = machine(inventory.hosts[entry.spec.probe.host].connection)
        missing = probe(entry.spec.probe, sees_it, inventory.authority_of(entry))
    except StackError as error:
        return row(state="UNKNOWN", incarnation="", missing=str(error))
    missing = missing or ("" if incarnation else "nobody keeps it up; pulumi up does")
    return row(state=word, incarnation=incarnation, missing=missing)


def _watch(inventory: Inventory, outputs: dict[str, Any]) -> None:
    """Show the table until Ctrl-C, in place."""

    def seen() -> Group:
        text = Text("\n".join(lines(rows(inventory))))
        text.highlight_regex(r"(?m)  yes$", "green")
        text.highlight_regex(r"(?m)  no: .*$", "red")
        return Group(text, *after(inventory, outputs, job_of(inventory), held_in(inventory)))

    try:
        with Live(seen(), console=Console(), auto_refresh=False) as live:
            while True:
                interrupted.wait(EVERY)
                live.update(seen(), refresh=True)
    except KeyboardInterrupt:
        return
