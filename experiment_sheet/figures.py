"""Figures of many runs: curves over steps, parallel coordinates, one column against another, what matters most."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from experiment_sheet import compare, groups, importance, media
from experiment_sheet.errors import UsageError
from experiment_sheet.metrics import Goal
from experiment_sheet.values import to_cell

if TYPE_CHECKING:
    import pandas as pd

_CURVES: Final = 12  # more can't be told apart
_AXES: Final = 8
_BARS: Final = 15
_TICKS: Final = 5  # numbers of an axis that are all named; of more, the ends
_WIDE: Final = 50  # the largest value by the smallest, from which an axis is logarithmic


class Runs(Protocol):
    """What figures need of a sheet."""

    def read(self) -> pd.DataFrame:
        """Everything in the sheet."""

    def top(self, metric: str, count: int = 5, *, mode: Goal | None = None, where: str | None = None) -> pd.DataFrame:
        """The best runs."""

    def history(self, runs: str | Iterable[str], metric: str | None = None) -> pd.DataFrame:
        """What runs logged step by step."""


def curves(sheet: Runs, metric: str, runs: str | Iterable[str] | None = None, *, title: str | None = None) -> Any:
    """Draw a metric of several runs over their steps; without `runs`, of the last twelve that there are.

    Returns a matplotlib figure. Raises RunNotFound, UnknownColumn.
    """
    if runs is None:
        runs = [run for run in sheet.read().index if isinstance(run, str)][-_CURVES:]
        if not runs:
            raise UsageError("the sheet has no runs")
    table = sheet.history(runs, metric)
    lines = {}
    for name in table.columns:
        points = table[name].dropna()
        if len(points):
            lines[str(name)] = (points.index.tolist(), points.tolist())
    return media.figure_of_lines(lines, title=title or metric, x="step", y=metric)


def scatter(
    runs: Runs | pd.DataFrame, x: str, y: str, *, color: str | None = None, where: str | None = None, title: str = ""
) -> Any:
    """Draw one column of the runs against another, coloured by a third; returns a matplotlib figure.

    Runs without a number in both are left out. A wide range of positive numbers gets a logarithmic axis. Raises
    UnknownColumn, and UsageError where nothing is left.
    """
    frame = _chosen(runs, where)
    across, up = compare.numbers(frame, x), compare.numbers(frame, y)
    there = ((across.abs() < math.inf) & (up.abs() < math.inf)).to_numpy()
    if not there.any():
        raise UsageError(f"no run has numbers in both {x!r} and {y!r}")
    points = media.Points(across[there].tolist(), up[there].tolist())
    if color is None:
        return media.figure_of_points({"": points}, x=x, y=y, title=title, logarithmic=_spans(points.xs))
    shades = frame[compare.column_in(frame, color)][there]
    if shades.dtype.kind == "f" or (shades.dtype.kind == "i" and shades.nunique() > _AXES):
        points = media.Points(points.xs, points.ys, shades.tolist(), log_shades=_spans(shades.tolist()))
        return media.figure_of_points({color: points}, x=x, y=y, title=title, logarithmic=_spans(points.xs))
    names = [_name(cell) for cell in shades.tolist()]
    by_name: dict[str, media.Points] = {}
    for name, at, to in zip(names, points.xs, points.ys, strict=True):
        one = by_name.setdefault(name, media.Points([], []))
        one.xs.append(at)
        one.ys.append(to)
    return media.figure_of_points(by_name, x=x, y=y, title=title, logarithmic=_spans(points.xs), legend=color)


def parallel(
    runs: Runs | pd.DataFrame,
    metric: str,
    columns: Iterable[str] | None = None,
    *,
    mode: Goal | None = None,
    where: str | None = None,
) -> Any:
    """Draw each run as a line over its inputs to the metric, coloured by it; returns a matplotlib figure.

    `columns` are at most the eight inputs that matter most, where none are named. Raises UnknownColumn, and UsageError
    where no run has the metric.
    """
    frame = groups.inherited(_chosen(runs, where))
    results = compare.numbers(frame, metric)
    there = results.abs() < math.inf  # false for NaN, too
    frame, results = frame[there], results[there]
    if not len(frame):
        raise UsageError(f"no run has a number in {metric!r}")
    names = groups.names_in(frame, columns) if columns is not None else groups.differing_settings(frame)[:_AXES]
    axes = [_axis(name, frame[name].tolist()) for name in names if name != metric]
    way = compare.known_direction(metric, mode)
    return media.figure_of_parallel([*axes, _axis(metric, results.tolist())], results.tolist(), higher=way != "min")


def importances(runs: Runs | pd.DataFrame, metric: str, *, where: str | None = None) -> Any:
    """Draw how much each input has to do with a metric; returns a matplotlib figure.

    The bar is a forest's importance, where scikit-learn is installed, the dot the rank correlation. Below 30 runs a
    message says that it is little to go by. Raises UnknownColumn, UsageError.
    """
    table = importance.importance(_chosen(runs, where), metric).head(_BARS)
    if table.empty:
        raise UsageError("no input differs between the runs")
    bars = {name: (float(row["importance"]), float(row["correlation"])) for name, row in table.iterrows()}
    return media.figure_of_importance({str(name): pair for name, pair in bars.items()}, title=f"what {metric} hangs on")


def _chosen(runs: Runs | pd.DataFrame, where: str | None) -> pd.DataFrame:
    frame: Any = runs if hasattr(runs, "iloc") else cast("Any", runs).read()
    return frame if where is None else compare.query(frame, where)


def _spans(values: list[float]) -> bool:
    """Tell whether values need a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) >= _WIDE


def _axis(name: str, cells: list[Any]) -> media.Axis:
    """Place the cells of a column on an axis from 0 to 1: numbers as they are, texts evenly; None where is none."""
    values = [to_cell(cell) for cell in cells]
    there = [value for value in values if value not in (None, "") and value == value]
    numbers = [float(v) for v in there if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if numbers and len(numbers) == len(there):
        return _axis_of_numbers(name, values, numbers)
    words = list(dict.fromkeys(_name(value) for value in there))
    places = {word: place / max(1, len(words) - 1) for place, word in enumerate(words)}
    found = [None if value in (None, "") or value != value else places[_name(value)] for value in values]
    return media.Axis(name, found, [(place, word) for word, place in places.items()])


def _axis_of_numbers(name: str, values: list[Any], numbers: list[float]) -> media.Axis:
    scale = math.log10 if _spans(numbers) else float
    low, high = scale(min(numbers)), scale(max(numbers))
    width = high - low or 1.0
    distinct = sorted(set(numbers))
    shown = distinct if len(distinct) <= _TICKS else [min(numbers), max(numbers)]
    places = [None if v is None or v != v else (scale(float(v)) - low) / width for v in values]
    return media.Axis(name, places, [((scale(number) - low) / width, f"{number:.4g}") for number in shown])


def _name(cell: Any) -> str:
    return "none" if cell is None or cell != cell else f"{cell:g}" if isinstance(cell, float) else str(cell)
