"""Folding: from the events of some runs to what their rows hold. Pure.

Events are ordered by stamp. A cell holds what the event with the highest stamp said of it; so the order in which
events are seen doesn't matter, and seeing one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from experiment_sheet.columns import Column, RunId
from experiment_sheet.events import Event, Stamp
from experiment_sheet.values import Cell


@dataclass(slots=True)
class Folded:
    """One run, as far as some events tell."""

    first: Stamp
    last: Stamp
    cells: dict[Column, Cell] = field(default_factory=dict)
    values: dict[Column, list[Cell]] = field(default_factory=dict)  # everything that was ever said of a cell
    overwrite: set[Column] = field(default_factory=set)  # cells to write whatever they hold
    stamps: set[Stamp] = field(default_factory=set)
    journal: str = ""  # of the process that started the run last
    made: bool = False  # one of the events may add the row
    drawn: bool = False  # … and the library drew its id
    ended: bool = False

    def _add(self, event: Event) -> None:
        for column, cell in event.cells.items():
            self.cells[column] = cell
            self.values.setdefault(column, []).append(cell)
            (self.overwrite.add if event.overwrite else self.overwrite.discard)(column)
        if event.makes_row:
            self.made, self.drawn = True, event.drawn
        if event.kind in ("start", "end"):
            self.ended, self.journal = event.kind == "end", event.journal
        self.last = event.stamp
        self.stamps.add(event.stamp)


def fold(events: Iterable[Event]) -> dict[RunId, Folded]:
    """Fold events to runs, in the order of the runs' first appearance."""
    by_run: dict[RunId, list[Event]] = {}
    for event in events:
        by_run.setdefault(event.run, []).append(event)
    return {run: _fold_run(events) for run, events in by_run.items()}


def _fold_run(events: list[Event]) -> Folded:
    events.sort(key=lambda event: event.stamp)
    folded = Folded(events[0].stamp, events[0].stamp)
    for event in events:
        folded._add(event)  # noqa: SLF001 - the class and this function are one piece
    return folded
