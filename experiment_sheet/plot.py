"""wandb's charts, drawn with matplotlib: ``run.log({"roc": plot.roc_curve(y_true, y_probas)})``; and figures of runs.

Pure until logged: what is wrong in the call raises at once, drawing comes with `log`. A chart is drawn from what the
table held when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

from experiment_sheet import arrays, figures, media
from experiment_sheet.arguments import say_unknown
from experiment_sheet.errors import UsageError
from experiment_sheet.exhibit import Exhibit, Parts
from experiment_sheet.figures import curves, parallel
from experiment_sheet.figures import importances as importance
from experiment_sheet.table import Table

__all__ = [
    "bar",
    "confusion_matrix",
    "curves",
    "histogram",
    "importance",
    "line",
    "line_series",
    "parallel",
    "pr_curve",
    "roc_curve",
    "scatter",
]

_THIN: Final = 1_000  # points of a curve; a picture is not wider


class Chart(Exhibit):
    """A chart to log."""

    def __init__(self, draw: Callable[[], bytes]) -> None:
        self._draw = draw

    def parts(self, name: str) -> Parts:
        """Draw it."""
        return {f"plots/{name}.png": self._draw()}


def line(table: Table, x: str, y: str, stroke: str | None = None, title: str = "", **unknown: Any) -> Chart:
    """Lines through the rows of a table, one per value of the column `stroke`. Raises UnknownColumn."""
    _say("line", unknown)
    _check(table)
    names = [str(name) for name in table.get_column(stroke)] if stroke else [y] * len(table.data)
    lines: dict[str, tuple[list[Any], list[Any]]] = {}
    for name, across, up in zip(names, table.get_column(x), table.get_column(y), strict=True):
        xs, ys = lines.setdefault(name, ([], []))
        xs.append(across)
        ys.append(up)
    return Chart(lambda: media.draw_lines(lines, title=title, x=x, y=y))


def line_series(
    xs: Any, ys: Any, keys: Sequence[str] | None = None, title: str = "", xname: str = "x", **unknown: Any
) -> Chart:
    """Several lines; `xs` is one list for all of them, or one list each."""
    _say("line_series", unknown)
    ups = [arrays.listed(one) for one in arrays.listed(ys)]
    across = arrays.listed(xs)
    acrosses = [arrays.listed(one) for one in across] if across and _is_list(across[0]) else [across] * len(ups)
    names = [str(key) for key in keys] if keys is not None else [f"line {number}" for number in range(1, len(ups) + 1)]
    if not len(names) == len(acrosses) == len(ups):
        raise UsageError(f"there are {len(ups)} lines, {len(acrosses)} lists of x and {len(names)} keys")
    lines = {name: (x, y) for name, x, y in zip(names, acrosses, ups, strict=True)}
    return Chart(lambda: media.draw_lines(lines, title=title, x=xname, y=""))


def scatter(table: Table | Any, x: str, y: str, title: str = "", **more: Any) -> Chart | Any:
    """Points, one per row of a table, or per run of a sheet or a DataFrame of runs. Raises UnknownColumn.

    Of runs they are a figure that shows itself in a notebook; `color` names a column to colour by, `where` is a query.
    """
    if hasattr(table, "read") or hasattr(table, "iloc"):
        return figures.scatter(cast("figures.Runs", table), x, y, title=title, **more)
    _say("scatter", more)
    _check(table)
    xs, ys = table.get_column(x), table.get_column(y)
    return Chart(lambda: media.draw_points(xs, ys, title=title, x=x, y=y))


def bar(table: Table, label: str, value: str, title: str = "", **unknown: Any) -> Chart:
    """Bars, one per row of a table. Raises UnknownColumn."""
    _say("bar", unknown)
    _check(table)
    names, heights = [str(name) for name in table.get_column(label)], table.get_column(value)
    return Chart(lambda: media.draw_bars(names, heights, title=title, x=label, y=value))


def histogram(table: Table, value: str, title: str = "", **unknown: Any) -> Chart:  # noqa: ARG001 - wandb's keyword
    """Count a column of a table by its values. Raises UnknownColumn."""
    _say("histogram", unknown)
    _check(table)
    values = table.get_column(value)
    return Chart(lambda: media.draw_histogram(*arrays.counted(values, min(64, max(10, len(values) // 20)))))


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix",
    **unknown: Any,
) -> Chart:
    """Count actual against predicted classes. Give `preds`, or `probs` with a row of probabilities each.

    Classes are numbers from 0, or among `class_names`. Raises UsageError.
    """
    _say("confusion_matrix", unknown)
    if y_true is None or (preds is None) == (probs is None):
        raise UsageError("confusion_matrix takes y_true, and either preds or probs")
    guesses = arrays.listed(preds) if preds is not None else [_top(row) for row in arrays.listed(probs)]
    actual = arrays.listed(y_true)
    if len(actual) != len(guesses):
        raise UsageError(f"there are {len(actual)} actual and {len(guesses)} predicted classes")
    names, counts = _confused(actual, guesses, class_names)
    return Chart(lambda: media.draw_matrix(counts, names, title=title))


def roc_curve(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "ROC Curve",
    **unknown: Any,
) -> Chart:
    """Draw true against false positive rate, one curve per class. `y_probas`: a row of probabilities each."""
    _say("roc_curve", unknown)
    lines = _by_class(y_true, y_probas, labels, classes_to_plot, _roc)
    return Chart(lambda: media.draw_lines(lines, title=title, x="false positive rate", y="true positive rate"))


def pr_curve(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "Precision-Recall Curve",
    **unknown: Any,
) -> Chart:
    """Draw precision against recall, one curve per class. `y_probas`: a row of probabilities each."""
    _say("pr_curve", unknown)
    lines = _by_class(y_true, y_probas, labels, classes_to_plot, _pr)
    return Chart(lambda: media.draw_lines(lines, title=title, x="recall", y="precision"))


Line = tuple[list[float], list[float]]


def _by_class(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    chosen: Iterable[Any] | None,
    curve: Callable[[list[tuple[float, bool]]], Line],
) -> dict[str, Line]:
    actual = arrays.listed(y_true)
    rows = [row if _is_list(row) else [1 - row, row] for row in arrays.listed(y_probas)]
    if len(actual) != len(rows) or not rows:
        raise UsageError(f"there are {len(actual)} actual classes and {len(rows)} rows of probabilities")
    classes = sorted(set(actual)) if any(isinstance(one, str) for one in actual) else list(range(len(rows[0])))
    wanted = set(classes if chosen is None else chosen)
    lines = {}
    for place, one in enumerate(classes):
        if one in wanted and any(is_it == one for is_it in actual):
            ranked = sorted(((row[place], is_it == one) for row, is_it in zip(rows, actual, strict=True)), reverse=True)
            name = str(labels[place]) if labels is not None and place < len(labels) else str(one)
            xs, ys = curve(ranked)
            stride = 1 + len(xs) // _THIN
            lines[name] = ([*xs[::stride], xs[-1]], [*ys[::stride], ys[-1]])
    return lines


def _cumulated(ranked: list[tuple[float, bool]]) -> list[tuple[int, int]]:
    """True and false positives at each threshold, the highest first; equal scores are one threshold."""
    found, hits = [(0, 0)], 0
    for place, (score, is_hit) in enumerate(ranked, 1):
        hits += is_hit
        if place == len(ranked) or ranked[place][0] != score:
            found.append((hits, place - hits))
    return found


def _roc(ranked: list[tuple[float, bool]]) -> Line:
    points = _cumulated(ranked)
    right, wrong = points[-1]
    return [no / max(wrong, 1) for _, no in points], [yes / max(right, 1) for yes, _ in points]


def _pr(ranked: list[tuple[float, bool]]) -> Line:
    points = _cumulated(ranked)
    right = points[-1][0]
    return [yes / max(right, 1) for yes, _ in points], [yes / (yes + no) if yes + no else 1.0 for yes, no in points]


def _confused(actual: list[Any], guesses: list[Any], names: Sequence[str] | None) -> tuple[list[str], list[list[int]]]:
    if names is None:
        classes = sorted({*actual, *guesses}, key=lambda one: (isinstance(one, str), one))
    elif all(isinstance(one, str) for one in (*actual, *guesses)):
        classes = list(names)
    else:
        classes = list(range(len(names)))
    places = {one: place for place, one in enumerate(classes)}
    if strange := [one for one in (*actual, *guesses) if one not in places]:
        raise UsageError(f"class {strange[0]!r} is none of the {len(places)} classes")
    counts = [[0] * len(classes) for _ in classes]
    for is_it, guess in zip(actual, guesses, strict=True):
        counts[places[is_it]][places[guess]] += 1
    return [str(name) for name in names or classes], counts


def _top(row: Any) -> int:
    items = arrays.listed(row)
    return max(range(len(items)), key=items.__getitem__)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or bool(getattr(value, "shape", ()))


def _check(table: object) -> None:
    if not isinstance(table, Table):
        raise UsageError(f"a chart is drawn of a Table(columns=[...], data=[...]), not of {type(table).__name__}")


def _say(call: str, unknown: dict[str, Any]) -> None:
    for known in ("split_table", "interp", "xname"):
        unknown.pop(known, None)
    say_unknown(f"plot.{call}", unknown)
