"""Runs side by side: what differs between them, metric by metric and curve by curve. Pure; no package, no I/O.

The first run is the one that the others are compared with. A key whose value is the same in every run is set aside;
one that a run lacks differs. NaN is a value, and differs from none but a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.columns import Role, RunId
from experiment_sheet.history import TIME, Steps
from experiment_sheet.metrics import Goal, goal
from experiment_sheet.values import Cell, same

MOST_POINTS: Final = 1_000
"""Points of one curve that are compared; of a longer one every so many-th, the last always among them."""

MOST_CURVES: Final = 60
"""Metrics whose curves are compared: those with a known goal first."""

_ABOUT: Final = ("status", "started", "duration", "hypothesis", "verdict", "notes", "tags", "group", "error", "git")
"""Of the run's own columns those that tell something when runs are compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs."""

    run_id: RunId
    name: str
    cells: Mapping[str, Cell]
    steps: Steps = field(default_factory=dict)
    page: str | None = None  # path of its index.html
    plots: Mapping[str, str] = field(default_factory=dict)  # name → path


@dataclass(frozen=True, slots=True)
class Line:
    """One key with its value in each run; with differences to the first run where both are numbers."""

    key: str
    role: Role
    cells: tuple[Cell, ...]
    goal: Goal | None = None

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same."""
        return not all(same(cell, self.cells[0]) for cell in self.cells)

    @property
    def differences(self) -> tuple[float | None, ...]:
        """Value less the first run's."""
        return tuple(None if b is None else b - a for a, b in self._pairs)

    @property
    def relative(self) -> tuple[float | None, ...]:
        """Difference as a share of the first run's value; None where that is 0."""
        return tuple(None if b is None or not a else (b - a) / abs(a) for a, b in self._pairs)

    @property
    def best(self) -> frozenset[int]:
        """Places of the best runs, where it is known which way is better and they are not all equal."""
        numbers = {place: number for place, cell in enumerate(self.cells) if (number := _number(cell)) is not None}
        if self.goal is None or len(set(numbers.values())) < 2:
            return frozenset()
        top = (max if self.goal == "max" else min)(numbers.values())
        return frozenset(place for place, number in numbers.items() if number == top)

    @property
    def _pairs(self) -> list[tuple[float, float | None]]:
        first = _number(self.cells[0])
        return [(first or 0.0, None if first is None else _number(cell)) for cell in self.cells]


Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric over the steps, in each run that logged it."""

    metric: str
    points: Mapping[int, Points]  # by the run's place
    stride: int = 1  # every so many-th point was taken

    @property
    def steps(self) -> list[float]:
        """Every step at which some run has a value."""
        return sorted({step for points in self.points.values() for step, _ in points})


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Runs compared."""

    sides: Sequence[Side]
    about: Sequence[Line]
    inputs: Sequence[Line]  # those that differ
    outputs: Sequence[Line]  # all
    people: Sequence[Line]  # those that differ
    same: Sequence[Line]  # inputs and people's columns that don't differ
    curves: Sequence[Curve]
    left_out: int = 0  # curves


def side_by_side(sides: Sequence[Side], roles: Mapping[str, Role]) -> SideBySide:
    """Compare runs. `roles` tell whose each key is; its order is that of the lines."""
    lines = [
        Line(key, role, tuple(side.cells.get(key) for side in sides), goal(key) if role == "output" else None)
        for key, role in roles.items()
        if any(side.cells.get(key) is not None for side in sides)
    ]
    by_role = {role: [line for line in lines if line.role == role] for role in ("run", "input", "output", "people")}
    told = [line for line in by_role["run"] if line.key in _ABOUT]
    both = [*by_role["input"], *by_role["people"]]
    curves = _curves(sides)
    return SideBySide(
        sides,
        about=sorted(told, key=lambda line: _ABOUT.index(line.key)),
        inputs=[line for line in by_role["input"] if line.differs],
        outputs=sorted(by_role["output"], key=lambda line: line.goal is None),
        people=[line for line in by_role["people"] if line.differs],
        same=[line for line in both if not line.differs],
        curves=curves[:MOST_CURVES],
        left_out=max(0, len(curves) - MOST_CURVES),
    )


def _curves(sides: Sequence[Side]) -> list[Curve]:
    """Curves of the metrics that at least two of the runs logged."""
    found: dict[str, dict[int, Points]] = {}
    for place, side in enumerate(sides):
        for step, values in side.steps.items():
            for key, value in values.items():
                if key != TIME and (number := _number(value)) is not None:
                    found.setdefault(key, {}).setdefault(place, []).append((step, number))
    drawn = {key: {p: pts for p, pts in by.items() if len(pts) > 1} for key, by in found.items()}
    shared = [_thinned(key, by) for key, by in drawn.items() if len(by) > 1]
    return sorted(shared, key=lambda curve: goal(curve.metric) is None)


def _thinned(metric: str, points: Mapping[int, Points]) -> Curve:
    stride = 1 + max(map(len, points.values())) // MOST_POINTS
    return Curve(metric, {place: _every(some, stride) for place, some in points.items()}, stride)


def _every(points: Points, stride: int) -> Points:
    taken = points[::stride]
    return taken if taken[-1] == points[-1] else [*taken, points[-1]]


def _number(cell: Cell) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    try:
        return float(cell) if math.isfinite(cell) else None
    except OverflowError:
        return None
