"""Curves as a few characters of text, so that a glance at the row is enough: ``▇▅▃▂▁``.

Pure. A curve keeps at most some hundred points, whatever comes: when it is full it keeps every other one and from then
on takes half as many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

WIDTH: Final = 10
"""Most characters of a sparkline."""

_LEVELS: Final = "▁▂▃▄▅▆▇"  # the full block would touch the line above
_MOST: Final = 256


@dataclass(slots=True)
class Curve:
    """A thinned curve of one metric."""

    points: list[tuple[float, float]] = field(default_factory=list)  # step, value
    _seen: int = 0
    _stride: int = 1

    def add(self, step: float, value: float) -> None:
        """Take a point, or pass over it."""
        self._seen += 1
        if self._seen % self._stride or not math.isfinite(value):
            return
        self.points.append((step, value))
        if len(self.points) > _MOST:
            self.points = self.points[1::2]
            self._stride *= 2

    def text(self) -> str | None:
        """Return the sparkline; None of fewer than two points."""
        if len(self.points) < 2:
            return None
        return sparkline([value for _, value in sorted(self.points)])


def sparkline(values: Sequence[float]) -> str:
    """Draw values as text: the mean of as many of them as one character stands for."""
    count = min(WIDTH, len(values))
    edges = [len(values) * place // count for place in range(count + 1)]
    means = [math.fsum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    span = high - low
    if not span or not math.isfinite(span):
        return _LEVELS[len(_LEVELS) // 2] * count
    return "".join(_LEVELS[min(int((mean - low) / span * len(_LEVELS)), len(_LEVELS) - 1)] for mean in means)
