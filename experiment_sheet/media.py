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
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

from experiment_sheet.metrics import name_of

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]

_PANELS: Final = 12  # more can't be read in one picture
_POINTS: Final = 2_000  # per curve; a picture is not wider
_STYLES: Final = ("-", "--", ":")
_MARKERS: Final = ("o", "^", "s")
_SHADES: Final = "viridis"
_TICKS: Final = 12  # of one axis; more run into each other
_LONGEST: Final = 28  # characters of a name in a figure
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


@dataclass(frozen=True, slots=True)
class Points:
    """Points, and a number for the shade of each, where there are shades."""

    xs: list[float]
    ys: list[float]
    shades: list[float] = field(default_factory=list)
    log_shades: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of parallel coordinates: where each line crosses it, from 0 to 1, and what stands at its ticks."""

    name: str
    places: list[float | None]
    ticks: list[tuple[float, str]]


def figure_of_lines(lines: Mapping[str, tuple[Sequence[Any], Sequence[Any]]], *, title: str, x: str, y: str) -> Any:
    """Draw lines by name as a figure, the legend beside it where there are many."""
    axes = _axes(title, x, y, size=4.2)
    for place, (name, (xs, ys)) in enumerate(lines.items()):
        marker = "o" if len(xs) == 1 else None
        style = _STYLES[place // len(_COLOURS) % len(_STYLES)]
        colour = _COLOURS[place % len(_COLOURS)]
        axes.plot(xs, ys, color=colour, linewidth=1.5, linestyle=style, marker=marker, label=_label(name))
    if len(lines) > 1:
        _legend(axes, len(lines))
    return axes.figure


def figure_of_points(
    groups: Mapping[str, Points], *, x: str, y: str, title: str = "", logarithmic: bool = False, legend: str = ""
) -> Any:
    """Draw groups of points as a figure; those with shades have a colour bar."""
    axes = _axes(title, x, y, size=4.2)
    for place, (name, points) in enumerate(groups.items()):
        if points.shades:
            norm = "log" if points.log_shades else "linear"
            drawn = axes.scatter(points.xs, points.ys, c=points.shades, cmap=_SHADES, norm=norm, s=26)
            axes.figure.colorbar(drawn, ax=axes, label=_plain(name))
        else:
            colour, marker = _COLOURS[place % len(_COLOURS)], _MARKERS[place // len(_COLOURS) % len(_MARKERS)]
            axes.scatter(points.xs, points.ys, s=26, color=colour, marker=marker, alpha=0.8, label=_label(name))
    if logarithmic:
        axes.set_xscale("log")
    if len(groups) > 1:
        _legend(axes, len(groups), title=legend)
    return axes.figure


def figure_of_parallel(axes_of: Sequence[Axis], results: Sequence[float], *, higher: bool) -> Any:
    """Draw one line per run over several axes, coloured by its result, the best on top; a gap where there is no value.

    `higher`: more is better, so more is drawn stronger.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    axes = _axes(size=4.2, wide=max(1.35, 0.34 * len(axes_of)))
    low, high = min(results), max(results)
    shade: Any = ScalarMappable(
        Normalize(low, high if high > low else low + 1), colormaps[_SHADES if higher else f"{_SHADES}_r"]
    )
    order = sorted(range(len(results)), key=lambda run: results[run] if higher else -results[run])
    for rank, run in enumerate(order):
        heights = [math.nan if axis.places[run] is None else axis.places[run] for axis in axes_of]
        strength = 0.35 + 0.6 * rank / max(1, len(order) - 1)
        axes.plot(range(len(axes_of)), heights, color=shade.to_rgba(results[run]), alpha=strength, linewidth=1.4)
    for place, axis in enumerate(axes_of):
        axes.axvline(place, color="#888888", linewidth=0.8, zorder=0)
        for height, text in axis.ticks[:_TICKS]:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
            axes.text(place + 0.04, height, _label(text), fontsize=7, va="center", bbox=box)
    axes.set_xticks(range(len(axes_of)), [_label(axis.name) for axis in axes_of])
    axes.set_xlim(-0.1, len(axes_of) - 0.6)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.figure.colorbar(shade, ax=axes, label=_plain(axes_of[-1].name), pad=0.02)
    return axes.figure


def figure_of_importance(bars: Mapping[str, tuple[float, float]], *, title: str) -> Any:
    """Draw importance (a bar) and rank correlation (a dot) of each name, the first at the top; NaN is not drawn."""
    axes = _axes(title, size=max(2.4, 0.32 * len(bars) + 1.4), wide=5.6 / max(2.4, 0.32 * len(bars) + 1.4))
    names = list(bars)[::-1]
    if any(bars[name][0] == bars[name][0] for name in names):
        axes.barh(names, [bars[name][0] for name in names], color=_COLOURS[0], label="importance in a forest")
    axes.scatter([bars[name][1] for name in names], names, color=_COLOURS[1], s=30, zorder=3, label="rank correlation")
    axes.set_yticks(range(len(names)), [_label(name) for name in names])
    axes.axvline(0, color="#888888", linewidth=0.8)
    axes.set_xlim(-1.05, 1.05)
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return axes.figure


@lru_cache(maxsize=1)
def _kind_of_figure() -> Any:
    """Make the class of figures that show themselves in a notebook, also where pyplot was never imported."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            return _drawn(self)

    return Shown


def _label(text: str) -> str:
    """Shorten a name, and keep matplotlib from leaving it out of the legend because it begins with an underscore."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _plain(f" {short}" if short.startswith("_") else short)


def _legend(axes: Any, count: int, title: str = "") -> None:
    beside = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)} if count > len(_COLOURS) else {}
    axes.legend(fontsize=8, frameon=False, title=_plain(title) or None, title_fontsize=8, **beside)


def _axes(title: str = "", x: str = "", y: str = "", *, size: float = 3.6, wide: float = 1.35) -> Any:
    axes = _kind_of_figure()(figsize=(size * wide, size), layout="constrained").add_subplot()
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
