"""``experiment-sheet ls``: list runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from experiment_sheet import groups
from experiment_sheet.cli.choice import Choice, choice_options, in_order, last_option
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.progress import busy
from experiment_sheet.cli.runs import ColumnName, column_in
from experiment_sheet.cli.tables import cell_text, console, print_runs, print_table, records
from experiment_sheet.errors import UsageError
from experiment_sheet.exports import plain
from experiment_sheet.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@last_option("-n", "--last")
@choice_options
@click.option("--group", type=ColumnName(), metavar="A,B,…", help="One row per value: how many runs, mean ± deviation.")
@sheet_option
@json_option
def ls(sheet: str, group: str | None, as_json: bool, **said: Any) -> None:
    """List runs: waiting ones, and rows that people typed, too.

    \b
    Example:
      experiment-sheet ls --sort val_acc --where "status == 'finished' and lr < 0.01"
      experiment-sheet ls --group model --sort val_acc
    """
    target, choice = Sheet(sheet), Choice(**said)
    with busy(f"Reading {target.name}"):
        frame = target.read()
    if group is not None:
        _print_groups(frame, group, choice, as_json=as_json)
        return
    chosen = choice.of(frame)
    if as_json:
        print_json(records(chosen))
    elif chosen.empty:
        click.echo(f"{target.name}: no runs" + ("" if frame.empty else " like that"))
    else:
        print_runs(chosen, list(chosen.columns) if choice.columns else None)
        if len(chosen) < len(frame):
            console(stderr=True).print(f"{len(chosen)} of {len(frame)} runs", style="dim")


def _print_groups(frame: pd.DataFrame, group: str, choice: Choice, *, as_json: bool) -> None:
    by = [column_in(frame, name.strip()) for name in group.split(",")]
    runs = replace(choice, last=0, sort=None, columns=None).runs(frame)
    grouped = groups.group(runs, by, agg=("mean", "std"))
    metrics = [
        name for name in (choice.names(frame) if choice.columns else _outputs(frame)) if f"{name}.mean" in grouped
    ]
    if choice.sort and choice.sort not in metrics:
        raise UsageError(f"groups are sorted by a result they have, not by {choice.sort!r}: {', '.join(metrics)}")
    if choice.sort:
        grouped = in_order(grouped, f"{choice.sort}.mean", reverse=choice.reverse)
    keys = [key if isinstance(key, tuple) else (key,) for key in grouped.index]
    named = {name: [key[place] for key in keys] for place, name in enumerate(by)}
    counts = [int(count) for count in grouped.iloc[:, 0]]
    if as_json:
        columns = named | {"runs": counts}
        for name in metrics:
            columns |= {f"{name}.{word}": list(grouped[f"{name}.{word}"]) for word in ("mean", "std")}
        print_json([dict(zip(columns, map(plain, row), strict=True)) for row in zip(*columns.values(), strict=True)])
        return
    shown = {name: [cell_text(cell) or "(none)" for cell in cells] for name, cells in named.items()}
    shown |= {"runs": list(map(str, counts))}
    shown |= {name: list(map(_spread, grouped[f"{name}.mean"], grouped[f"{name}.std"])) for name in metrics}
    print_table(shown, right={"runs", *metrics})


def _spread(mean: float, deviation: float) -> str:
    """Return a mean with its deviation, of which one run has none."""
    return cell_text(mean) if deviation != deviation else f"{cell_text(mean)} ± {deviation:.2g}"


def _outputs(frame: pd.DataFrame) -> list[str]:
    roles = frame.attrs.get("roles", {})
    return [str(name) for name in frame.columns if roles.get(str(name)) == "output"]
