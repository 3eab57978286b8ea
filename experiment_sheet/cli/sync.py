"""``experiment-sheet sync``: put waiting rows into the sheet."""

from __future__ import annotations

import sys

import click

from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.progress import busy
from experiment_sheet.sheet import Sheet


@click.command()
@sheet_option
@json_option
def sync(sheet: str, as_json: bool) -> None:
    """Put rows that wait in the journal into the sheet.

    Rows wait while the sheet is open in another program, locked, or out of reach. Exit code 1: some still wait.

    \b
    Example:
      experiment-sheet sync -s results/runs.xlsx
    """
    target = Sheet(sheet)
    with busy(f"Writing {target.name}"):
        waited = len(target.pending())
        waiting = target.sync()
    if as_json:
        print_json({"sheet": target.name, "written": max(waited - waiting, 0), "waiting": waiting})
    elif waiting:
        click.echo(f"{target.name}: {_runs(waiting)} still waiting; the message above says why")
    else:
        click.echo(f"{target.name}: {_runs(waited)} written" if waited else f"{target.name}: nothing was waiting")
    sys.exit(1 if waiting else 0)


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
