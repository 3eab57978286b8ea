"""``experiment-sheet history RUN…``: what runs logged step by step."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from experiment_sheet import history
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.runs import RunName, did_you_mean, find_runs, name_of
from experiment_sheet.cli.tables import cell_text, console, print_table
from experiment_sheet.columns import RunId
from experiment_sheet.errors import SheetError, UnknownColumn
from experiment_sheet.exports import plain
from experiment_sheet.folder import safe_name
from experiment_sheet.history import TIME, Steps
from experiment_sheet.metrics import goal
from experiment_sheet.sheet import Sheet
from experiment_sheet.sparkline import sparkline
from experiment_sheet.values import Cell, to_text

if TYPE_CHECKING:
    import pandas as pd

_SUMMARY: Final = ("run", "metric", "curve", "last", "best", "at step", "first", "steps")
_NUMBERS: Final = frozenset(("last", "best", "at step", "first", "steps"))


@dataclass(frozen=True, slots=True)
class Curves:
    """The steps of one run."""

    run: RunId
    name: str
    steps: Steps

    @property
    def keys(self) -> list[str]:
        """What was logged."""
        return history.keys_of(self.steps)

    def points(self, key: str) -> list[tuple[float, Cell]]:
        """Steps and values of one metric."""
        return [(step, values[key]) for step, values in self.steps.items() if key in values]


@click.command(name="history")
@click.argument("runs", nargs=-1, required=True, type=RunName(), metavar="RUN...")
@click.option(
    "-m", "--metric", "metrics", multiple=True, metavar="METRIC", help="This one, step by step; may be given twice."
)
@click.option(
    "-n", "--last", default=20, show_default=True, help="How many steps of a metric, the last ones; 0 for all."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print every step as CSV.")
@sheet_option
@json_option
def history_(
    sheet: str, runs: tuple[str, ...], metrics: tuple[str, ...], last: int, as_csv: bool, as_json: bool
) -> None:
    """Show what runs logged step by step: every metric as a curve, or with -m the values of one.

    Exit code 1: none of the runs logged a step.

    \b
    Example:
      experiment-sheet history @best
      experiment-sheet history @best old-owl-2 -m val_acc
      experiment-sheet history @last --csv > steps.csv
    """
    target = Sheet(sheet)
    frame = target.read()
    found = [_curves(target, frame, run) for run in find_runs(frame, runs)]
    chosen = [_metric(found, metric) for metric in metrics]
    if as_json:
        print_json([_as_json(one, chosen or one.keys) for one in found])
    elif as_csv:
        _print_csv(found, chosen or _keys(found))
    else:
        _print(found, chosen, last)
    sys.exit(0 if any(one.steps for one in found) else 1)


def _curves(target: Sheet, frame: pd.DataFrame, run: RunId) -> Curves:
    try:
        steps = history.read(target.files / safe_name(run))
    except OSError as error:
        raise SheetError(f"the steps of {run} can't be read: {error}") from error
    return Curves(run, name_of(frame, run), steps)


def _keys(found: Sequence[Curves]) -> list[str]:
    return list(dict.fromkeys(key for one in found for key in one.keys))


def _metric(found: Sequence[Curves], name: str) -> str:
    """Return the name if some run logged it. Raises UnknownColumn with the nearest one."""
    keys = _keys(found)
    if name in keys or not keys:
        return name
    raise UnknownColumn(f"no step of these runs has {name!r}{did_you_mean(name, keys)}")


def _as_json(one: Curves, keys: Sequence[str]) -> Mapping[str, object]:
    steps = [
        {"step": step, "seconds": values[TIME], **{key: plain(values[key]) for key in keys if key in values}}
        for step, values in one.steps.items()
    ]
    return {"run_id": one.run, "run": one.name, "steps": steps}


def _print_csv(found: Sequence[Curves], keys: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["run_id", "run", "step", "seconds", *map(history.guarded, keys)])
    for one in found:
        for step, values in one.steps.items():
            cells = [history.csv_cell(values, key) for key in keys]
            writer.writerow([one.run, history.guarded(one.name), to_text(step), to_text(values[TIME]), *cells])


def _print(found: Sequence[Curves], metrics: Sequence[str], last: int) -> None:
    without = [one.name for one in found if not one.steps]
    having = [one for one in found if one.steps]
    if having and metrics:
        _print_steps(having, metrics, last)
    elif having:
        _print_summary(having)
    for name in without:
        click.echo(f"{name} logged no steps; `experiment-sheet show {name}` has what its row says", err=True)


def _print_summary(found: Sequence[Curves]) -> None:
    rows = [[one.name, key, *_summary(key, one.points(key))] for one in found for key in one.keys]
    columns = dict(zip(_SUMMARY, map(list, zip(*rows, strict=True)), strict=True))
    if len(found) == 1:
        del columns["run"]
    print_table(columns, right=_NUMBERS)


def _summary(key: str, points: Sequence[tuple[float, Cell]]) -> Iterator[str]:
    numbers = [
        (step, float(value)) for step, value in points if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    finite = [(step, value) for step, value in numbers if math.isfinite(value)]
    yield sparkline([value for _, value in finite]) if len(finite) > 1 else ""
    yield _text(points[-1][1])
    better = goal(key)
    ranked = sorted(finite, key=lambda point: point[1], reverse=better == "max")
    best = ranked[0] if better and ranked else None
    yield _text(best[1]) if best else ""
    yield f"{best[0]:g}" if best else ""
    yield _text(points[0][1])
    yield str(len(points))


def _text(cell: Cell) -> str:
    return "NaN" if cell != cell else cell_text(cell)


def _print_steps(found: Sequence[Curves], metrics: Sequence[str], last: int) -> None:
    steps = sorted({step for one in found for key in metrics for step, _ in one.points(key)})
    shown = steps[-last:] if last > 0 else steps
    columns = {"step": [f"{step:g}" for step in shown]}
    for one in found:
        for key in metrics:
            values = dict(one.points(key))
            columns[_heading(one, key, found, metrics)] = [_text(values[s]) if s in values else "" for s in shown]
    print_table(columns, right=set(columns))
    if len(shown) < len(steps):
        console(stderr=True).print(f"{len(shown)} of {len(steps)} steps", style="dim")


def _heading(one: Curves, key: str, found: Sequence[Curves], metrics: Sequence[str]) -> str:
    if len(found) == 1:
        return key
    namesakes = sum(other.name == one.name for other in found) > 1
    name = one.run if namesakes else one.name
    return name if len(metrics) == 1 else f"{name} {key}"
