"""What came before a run: what it changed against an earlier run, and what it gained over the best so far.

Both are cells of the run's own row, made before the event that carries them: the journal holds them as absolute values
like any other cell, so nothing of this can be applied twice, or be lost with a row. What was before is remembered
beside the journal (`memory`), never looked for in the sheet; what isn't known isn't told.

A run is compared with the run that was chosen as its baseline, else with its parent, else with the one before it in its
group, else in its sheet. Folds and seeds (runs with a parent) count neither as the run before nor as the best: the
parent does, with their mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from experiment_sheet.changed import difference, in_words, settings, steps
from experiment_sheet.columns import Column, RunId
from experiment_sheet.memory import Memory, is_better
from experiment_sheet.metrics import Goal, main_metric
from experiment_sheet.values import Cell

CHANGED: Final = Column("run", "changed")
GAIN: Final = Column("run", "gain")

_GROUP: Final = Column("run", "group")
_PARENT: Final = Column("run", "parent")

Judged = tuple[str, Goal, float]
"""The metric that a run is judged by, which way of it is better, and its value."""


class Place(Protocol):
    """What is needed of a sheet."""

    @property
    def name(self) -> str:
        """The sheet, for people."""

    @property
    def files(self) -> Path:
        """The files folder."""

    @property
    def goals(self) -> Mapping[str, Goal]:
        """Which way of an output is better, as far as the sheet's look says."""


def memory_of(place: Place) -> Memory:
    """Return what is remembered of a sheet's runs."""
    return Memory(place.files, re.split(r"[/\\]", place.name)[-1])


@dataclass(slots=True)
class Before:
    """What one run knows of those before it. `against` are inputs it is compared with, where they were chosen."""

    place: Place
    run: RunId
    against: Mapping[str, Cell] | None = None
    _chosen: bool = False  # what the run is compared with
    _mine: Mapping[str, Cell] | None = None  # its own settings
    _noted: Mapping[str, Cell] | None = None  # … as they are remembered
    _judged: Judged | None = None
    _best: tuple[float, RunId] | None = None  # so far, of what the run is judged by

    def cells(self, cells: Mapping[Column, Cell], goals: Mapping[str, Goal], *, ended: bool) -> dict[Column, Cell]:
        """Return the cells that can be told of a run with these cells."""
        found: dict[Column, Cell] = {}
        mine = self._mine = settings({column.key: cell for column, cell in cells.items() if column.role == "input"})
        if mine and not self._chosen:
            self._choose(cells)
        if mine and self.against is not None:
            # A fold or seed takes over from its parent what it doesn't say itself.
            earlier = {k: v for k, v in self.against.items() if k in mine} if _is_part(cells) else self.against
            found[CHANGED] = in_words(steps(earlier, mine))
        if ended and not _is_part(cells) and (gain := self._gain(cells, goals)) is not None:
            found[GAIN] = gain
        return found

    def note(self, cells: Mapping[Column, Cell]) -> None:
        """Remember a run for those that come after it, with the cells that `cells` was asked for. Raises OSError."""
        if _is_part(cells):
            return
        memory = memory_of(self.place)  # in another folder than before, where the first choice was another sheet's
        if self._mine and self._mine != self._noted:
            self._noted = self._mine
            for group in {None, _group(cells)}:
                memory.keep_latest(group, self.run, self._mine)
        if self._judged is not None:
            metric, way, value = self._judged
            if is_better(value, way, self._best):
                memory.keep_best(self.run, metric, way, value)

    def _choose(self, cells: Mapping[Column, Cell]) -> None:
        self._chosen = True
        if self.against is not None:
            self.against = settings(self.against)
            return
        memory, group = memory_of(self.place), _group(cells)
        found = memory.latest(group) if group else None
        run, known = found or memory.latest(None) or (None, None)
        if not _is_part(cells) or run == cells[_PARENT]:
            self.against = known

    def _gain(self, cells: Mapping[Column, Cell], goals: Mapping[str, Goal]) -> float | None:
        self._judged = judged = _judge(cells, goals)
        if judged is None:
            return None
        metric, way, value = judged
        self._best = memory_of(self.place).best().get(metric)
        if self._best is None or self._best[1] == self.run:
            return None
        return difference(value, self._best[0]) if way == "max" else difference(self._best[0], value)


def remember_all(place: Place, runs: Sequence[tuple[RunId, Mapping[Column, Cell]]]) -> None:
    """Remember rows that came all at once: the last one's settings, and the best. Never raises for the world."""
    best: dict[str, tuple[float, RunId, Goal]] = {}
    last: tuple[RunId, Mapping[Column, Cell]] | None = None
    goals = place.goals
    for run, cells in runs:
        if _is_part(cells):
            continue
        last = (run, cells)
        if (judged := _judge(cells, goals)) is not None:
            metric, way, value = judged
            if is_better(value, way, best[metric][:2] if metric in best else None):
                best[metric] = (value, run, way)
    memory = memory_of(place)
    with suppress(OSError):  # the journal says what can't be written
        if last is not None and (mine := settings({c.key: cell for c, cell in last[1].items() if c.role == "input"})):
            memory.keep_latest(None, last[0], mine)
        for metric, (value, run, way) in best.items():
            memory.keep_best(run, metric, way, value)


def _judge(cells: Mapping[Column, Cell], goals: Mapping[str, Goal]) -> Judged | None:
    numbers = {c.key: cell for c, cell in cells.items() if c.role == "output" and type(cell) in (int, float)}
    chosen = _chosen(tuple(numbers), tuple(goals.items()))
    if chosen is None:
        return None
    try:
        value = float(numbers[chosen[0]])  # type: ignore[arg-type] # chosen by type
    except OverflowError:  # an int that no float can hold
        return None
    return (*chosen, value) if math.isfinite(value) else None


@lru_cache(maxsize=256)
def _chosen(keys: tuple[str, ...], said: tuple[tuple[str, Goal], ...]) -> tuple[str, Goal] | None:
    return main_metric(keys, dict(said))  # remembered, because most runs have the same keys


def _is_part(cells: Mapping[Column, Cell]) -> bool:
    return bool(cells.get(_PARENT))


def _group(cells: Mapping[Column, Cell]) -> str | None:
    group = cells.get(_GROUP)
    return str(group) if group else None
