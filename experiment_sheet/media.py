"""Figures: the room of matplotlib, which is imported only where a figure is at hand or curves are drawn.

What is a figure is known by how it looks, so that nobody pays for matplotlib who doesn't use it. The
caller's pyplot state (current figure, open figures, canvas, settings) is as before afterwards.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

from experiment_sheet.metrics import name_of

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]

_PANELS: Final = 12  # more can't be read in one picture
_POINTS: Final = 2_000  # per curve; a picture is not wider
_COLOURS: Final = ("#4878a8", "#d1813f", "#5b9a68", "#a85c8a", "#7b6bb0", "#8a7a52")


def is_figure(value: object) -> bool:
    """Tell whether a value is something that draws: a matplotlib Figure or Axes, what holds one, or pyplot itself."""
    # Most values are numbers, and nothing is drawn that matplotlib didn't make.
    if "matplotlib.figure" not in sys.modules or isinstance(value, int | float | str) or hasattr(type(value), "dtype"):
        return False
    return _is_pyplot(value) or _figure_of(value) is not None


def png_of(value: object) -> bytes:
    """Draw a figure as PNG. Raises whatever drawing raises, ValueError if there is nothing to draw."""
    if _is_pyplot(value):
        if not value.get_fignums():  # type: ignore[attr-defined]
            raise ValueError("pyplot has no open figure")
        value = value.gcf()  # type: ignore[attr-defined]
    figure = _figure_of(value)
    if figure is None:
        raise ValueError(f"{type(value).__name__} is no figure")
    return _drawn(figure)


def draw_curves(curves: Curves, title: str) -> bytes:
    """Draw curves as PNG: one panel per metric, with the splits (``loss``, ``val_loss``) of one metric together."""
    from matplotlib.figure import Figure

    panels = _grouped(curves)
    columns = min(len(panels), 2 if len(panels) <= 4 else 3)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.0 * rows + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for place, (name, keys) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        for colour, key in zip(_COLOURS * len(keys), keys, strict=False):
            steps, values = curves[key]
            stride = math.ceil(len(steps) / _POINTS)
            axes.plot(steps[::stride], values[::stride], color=colour, linewidth=1.5, label=_plain(key))
        axes.set_xlabel("step", fontsize=8)
        axes.set_title(_plain(name), fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if len(keys) > 1:
            axes.legend(fontsize=8, frameon=False)
    return _drawn(figure)


def draw_histogram(counts: Sequence[float], edges: Sequence[float]) -> bytes:
    """Draw counts by bins as PNG; `edges` are one more than `counts`. Raises ValueError for other lengths."""
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
    axes = _axes()
    axes.bar(edges[:-1], counts, width=[b - a for a, b in pairwise(edges)], align="edge", color=_COLOURS[0])
    return _drawn(axes.figure)


def draw_lines(lines: Mapping[str, tuple[Sequence[Any], Sequence[Any]]], *, title: str, x: str, y: str) -> bytes:
    """Draw lines by name as PNG."""
    axes = _axes(title, x, y)
    for colour, (name, (xs, ys)) in zip(_COLOURS * len(lines), lines.items(), strict=False):
        axes.plot(xs, ys, color=colour, linewidth=1.5, label=_plain(name))
    if len(lines) > 1:
        axes.legend(fontsize=8, frameon=False)
    return _drawn(axes.figure)


def draw_points(xs: Sequence[Any], ys: Sequence[Any], *, title: str, x: str, y: str) -> bytes:
    """Draw points as PNG."""
    axes = _axes(title, x, y)
    axes.scatter(xs, ys, s=14, color=_COLOURS[0], alpha=0.7)
    return _drawn(axes.figure)


def draw_bars(names: Sequence[str], heights: Sequence[float], *, title: str, x: str, y: str) -> bytes:
    """Draw bars as PNG, one per name, in the given order."""
    axes = _axes(title, x, y)
    axes.bar(range(len(names)), heights, color=_COLOURS[0])
    axes.set_xticks(range(len(names)), [_plain(name) for name in names], rotation=30 if len(names) > 6 else 0)
    return _drawn(axes.figure)


def draw_matrix(counts: Sequence[Sequence[int]], names: Sequence[str], *, title: str) -> bytes:
    """Draw a confusion matrix as PNG: rows are the actual classes, columns the predicted ones."""
    axes = _axes(title, "predicted", "actual", size=max(3.6, 0.5 * len(names) + 1.5))
    axes.imshow(counts, cmap="Blues")
    axes.grid(visible=False)
    ticks = [_plain(name) for name in names]
    axes.set_xticks(range(len(names)), ticks, rotation=45 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), ticks)
    dark = max((max(row) for row in counts), default=0) / 2
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            axes.text(column, row, str(count), ha="center", va="center", color="white" if count > dark else "black")
    return _drawn(axes.figure)


def _axes(title: str = "", x: str = "", y: str = "", *, size: float = 3.6) -> Any:
    from matplotlib.figure import Figure

    axes = Figure(figsize=(size * 1.35, size), layout="constrained").add_subplot()
    axes.set_title(_plain(title), fontsize=10)
    axes.set_xlabel(_plain(x), fontsize=9)
    axes.set_ylabel(_plain(y), fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _plain(text: str) -> str:
    """Keep matplotlib from reading a dollar sign as mathematics."""
    return text.replace("$", r"\$")


def _grouped(curves: Curves) -> dict[str, list[str]]:
    panels: dict[str, list[str]] = {}
    for key in curves:
        panels.setdefault(name_of(key), []).append(key)
    return {name: keys[: len(_COLOURS)] for name, keys in list(panels.items())[:_PANELS]}


def _drawn(figure: Any) -> bytes:
    out = io.BytesIO()
    # A missing glyph or a tight layout is nobody's concern while a training runs.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.savefig(out, format="png")
    return out.getvalue()


def _is_pyplot(value: object) -> bool:
    return isinstance(value, ModuleType) and value.__name__ in ("matplotlib.pyplot", "pylab")


def _figure_of(value: object) -> Any:
    """Find the figure that a value is or holds: Axes, seaborn's grids, scikit-learn's displays."""
    if _is_a("Figure", value):
        return value
    if isinstance(value, type | ModuleType):
        return None
    for name in ("figure", "figure_", "fig"):
        try:
            inner: Any = getattr(value, name, None)
        except Exception:  # noqa: BLE001 - anybody's property may raise anything
            inner = None
        if _is_a("Figure", inner):
            return inner
        if _is_a("SubFigure", inner):
            return inner.figure
    return None


def _is_a(name: str, value: object) -> bool:
    return any(base.__name__ == name and base.__module__.startswith("matplotlib.") for base in type(value).__mro__)
