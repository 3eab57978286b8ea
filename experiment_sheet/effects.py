"""Which single changes were followed by better runs.

A run is held against the latest earlier runs from which exactly one input differs, seeds, folds and places of results
aside. A run that differs from every earlier one in several inputs at once proves nothing of any of them, and is only
counted.

Such pairs are found in one pass, however many runs there are: runs that agree in all settings but one share a slot,
named by that setting and a hash of the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

from experiment_sheet import compare, groups
from experiment_sheet.changed import Step, difference, is_setting, settings
from experiment_sheet.metrics import Goal
from experiment_sheet.values import Cell, to_cell

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ("gain", "seen", "better", "min", "max")


@dataclass(frozen=True, slots=True, repr=False)
class Changes:
    """Single changes, the best first, and what they do not prove. Shows itself in a notebook and as text."""

    frame: pd.DataFrame
    note: str

    def _repr_html_(self) -> str:
        return f"{self.frame.to_html()}<p>{escape(self.note)}</p>"

    def __repr__(self) -> str:
        return f"{self.frame.to_string()}\n\n{self.note}"

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(slots=True)
class _Slot:
    """Runs that agree in all settings but one: sum and count of what they came to by its value, the latest last."""

    results: dict[Cell, tuple[float, int]] = field(default_factory=dict)

    def other(self, value: Cell) -> tuple[Cell, float] | None:
        """Return the latest other value, and the mean of what it came to."""
        for other in reversed(self.results):
            if other != value:
                total, count = self.results[other]
                return other, total / count
        return None

    def add(self, value: Cell, result: float) -> None:
        total, count = self.results.pop(value, (0.0, 0))
        self.results[value] = (total + result, count + 1)


def changes(frame: pd.DataFrame, metric: str, mode: Goal) -> Changes:
    """Rank single changes by the improvement of a metric that followed. Raises UnknownColumn."""
    frame = groups.inherited(frame)
    numbers = compare.numbers(frame, metric)
    there = numbers.abs() < math.inf  # false for NaN, too
    frame, results = frame[there], numbers[there].tolist()
    names = _settings_in(frame)
    slots: dict[tuple[str, int], _Slot] = {}
    seen: set[int] = set()
    gains: dict[str, list[float]] = {}
    alone = 0
    several = -1  # the first run differs from none
    for inputs, result in zip(_rows(frame, names), results, strict=True):
        whole, found = _hash(inputs), False
        for name in names:
            value = inputs.get(name)
            slot = slots.setdefault((name, whole ^ _part(name, value)), _Slot())
            if (before := slot.other(value)) is not None:
                gain = difference(result, before[1]) if mode == "max" else difference(before[1], result)
                gains.setdefault(str(Step(name, before[0], value)), []).append(gain)
                found = True
            slot.add(value, result)
        alone += found
        several += not found and whole not in seen
        seen.add(whole)
    return Changes(_ranked(gains), _note(metric, mode, alone=alone, several=max(0, several)))


def _settings_in(frame: pd.DataFrame) -> list[str]:
    roles = frame.attrs.get("roles", {})
    inputs = [str(name) for name in frame.columns if roles.get(str(name)) == "input"]
    return [name for name in inputs if is_setting(name)]


def _rows(frame: pd.DataFrame, names: list[str]) -> Iterator[dict[str, Cell]]:
    """Yield the settings of each run; each value of a column is looked at once."""
    columns = []
    for name in names:
        known = {cell: settings({name: to_cell(cell)}).get(name) for cell in frame[name].unique().tolist()}
        columns.append([known.get(cell) if cell == cell else None for cell in frame[name].tolist()])
    for cells in zip(*columns, strict=True) if columns else ([()] * len(frame)):
        yield {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}


def _hash(inputs: Mapping[str, Cell]) -> int:
    found = 0
    for name, value in inputs.items():
        found ^= _part(name, value)
    return found


def _part(name: str, value: Cell) -> int:
    return 0 if value is None else hash((name, value))


def _ranked(gains: Mapping[str, list[float]]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (sum(found) / len(found), len(found), sum(gain > 0 for gain in found), min(found), max(found))
        for found in gains.values()
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS), index=pd.Index(list(gains), name="change", dtype=object))
    return table.sort_values(["gain", "seen"], ascending=False, kind="stable")


def _note(metric: str, mode: Goal, *, alone: int, several: int) -> str:
    way = "higher" if mode == "max" else "lower"
    said = f"gain: by how much {metric} ({way} is better) was better than in the runs that differ in this input alone."
    said += f" {_runs(alone)} changed one input of an earlier run."
    if several:
        verb = "differs" if several == 1 else "differ"
        said += (
            f" {_runs(several)} {verb} from every earlier one in several inputs at once, which proves nothing of any."
        )
    return f"{said} What was seen once may be chance."


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
