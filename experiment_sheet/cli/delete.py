"""``experiment-sheet delete RUN…``: into the bin, and back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.runs import RunName, find_runs, name_of
from experiment_sheet.errors import UsageError
from experiment_sheet.sheet import Sheet
from experiment_sheet.status import DELETED

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("runs", nargs=-1, type=RunName(), metavar="RUN...")
@click.option("--restore", is_flag=True, help="Bring runs back from the bin.")
@click.option("--list", "listing", is_flag=True, help="List what is in the bin.")
@sheet_option
@json_option
def delete(sheet: str, runs: tuple[str, ...], restore: bool, listing: bool, as_json: bool) -> None:
    """Put runs into the bin, or bring them back.

    A deleted run's status is `deleted`, and ls, best and the like pass over it; its folder moves to _bin beside the
    others. The row itself stays in the sheet with all that people typed into it, because formulas and charts may point
    at it: your spreadsheet program can take it out without harm.

    Exit code 1: the change waits, because the sheet is open somewhere or out of reach.

    \b
    Example:
      experiment-sheet delete calm-fox-1 @last
      experiment-sheet delete --restore calm-fox-1
    """
    if not runs and not listing:
        raise UsageError("name a run: delete RUN")
    target = Sheet(sheet)
    frame = _binned(target) if restore or listing else target.read()
    chosen = [str(run) for run in frame.index] if listing else find_runs(frame, runs)
    act = _nothing if listing else target.restore if restore else target.delete
    done = {run: act(run) for run in chosen}
    names = {run: name_of(frame, run) for run in chosen}
    if as_json:
        found = [{"run_id": run, "run": names[run], "done": whole} for run, whole in done.items()]
        print_json({"sheet": target.name, "runs": found})
    else:
        for run in done:
            click.echo(f"{run}  {names[run]}" if names[run] != run else run)
    sys.exit(0 if all(done.values()) else 1)


def _binned(target: Sheet) -> pd.DataFrame:
    """Read what is in the bin."""
    frame = target.read(deleted=True)
    return frame[frame["status"] == DELETED] if "status" in frame else frame[:0]


def _nothing(_: str) -> bool:
    return True
