"""``experiment-sheet ls``: list runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiment_sheet import compare
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.tables import console, print_runs, records
from experiment_sheet.errors import UnknownColumn
from experiment_sheet.metrics import goal
from experiment_sheet.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.option("-n", "--last", default=20, show_default=True, help="How many runs, the last ones; 0 for all.")
@click.option("--sort", metavar="COLUMN", help="The best first where it is known which way is better, else ascending.")
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option("--where", metavar="QUERY", help="Only runs for which a pandas query is true.")
@click.option("--columns", metavar="A,B,…", help="These columns, instead of those that fit.")
@sheet_option
@json_option
def ls(sheet: str, last: int, columns: str | None, as_json: bool, **order: Any) -> None:
    """List runs: waiting ones, and rows that people typed, too.

    \b
    Example:
      experiment-sheet ls --sort val_acc --where "status == 'finished' and lr < 0.01"
    """
    target = Sheet(sheet)
    frame = target.read()
    chosen = _ordered(frame, last, **order)
    if columns:
        chosen = chosen[[_column(frame, name.strip()) for name in columns.split(",")]]
    if as_json:
        print_json(records(chosen))
    elif chosen.empty:
        click.echo(f"{target.name}: no runs" + ("" if frame.empty else " like that"))
    else:
        print_runs(chosen, list(chosen.columns) if columns else None)
        if len(chosen) < len(frame):
            console(stderr=True).print(f"{len(chosen)} of {len(frame)} runs", style="dim")


def _ordered(frame: pd.DataFrame, last: int, *, sort: str | None, reverse: bool, where: str | None) -> pd.DataFrame:
    """Choose and order runs."""
    chosen = compare.query(frame, where) if where else frame
    if sort:
        chosen = _sorted(chosen, _column(frame, sort), reverse=reverse)
        return chosen.head(last) if last > 0 else chosen
    chosen = chosen.tail(last) if last > 0 else chosen
    return chosen.iloc[::-1] if reverse else chosen


def _sorted(frame: pd.DataFrame, name: str, *, reverse: bool) -> pd.DataFrame:
    """Order by a column of any kinds: by its numbers, or as text where it has none; runs without it last."""
    values = frame[name]
    if values.dtype == object:
        numbers = compare.numbers(frame, name)
        values = values.astype(str).where(values.notna()) if numbers.isna().all() else numbers
    upwards = (goal(name) != "max") is not reverse
    order = values.reset_index(drop=True).sort_values(ascending=upwards, kind="stable", na_position="last")
    return frame.iloc[order.index]


def _column(frame: pd.DataFrame, name: str) -> str:
    """Return the name if there is such a column. Raises UnknownColumn with the nearest one."""
    if name in frame.columns:
        return name
    raise UnknownColumn(f"there is no column {name!r}{compare.nearest(name, frame)}")
