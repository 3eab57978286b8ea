"""Folding: from the events of some runs to what their rows hold. Pure.

Events are ordered by stamp. A cell holds what the event with the highest stamp said of it; so the order in which
events are seen doesn't matter, and seeing one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from experiment_sheet.columns import Column, RunId
from experiment_sheet.events import Event, Stamp
from experiment_sheet.values import Cell


@dataclass(slots=True)
class Folded:
    """One run, as far as some events tell."""

    events: list[Event]  # in the order of their stamps; at least one
    cells: Mapping[Column, Cell]
    overwrite: set[Column] = field(default_factory=set)  # cells to write whatever they hold
    journal: str = ""  # of the process that started the run last
    made: bool = False  # one of the events may add the row
    drawn: bool = False  # … and the library drew its id
    ended: bool = False
    restored: bool = False  # somebody asked for a row that is gone

    @property
    def first(self) -> Stamp:
        """Stamp of the earliest event."""
        return self.events[0].stamp

    @property
    def last(self) -> Stamp:
        """Stamp of the latest event."""
        return self.events[-1].stamp

    @property
    def stamps(self) -> set[Stamp]:
        """Stamps of all its events."""
        return {event.stamp for event in self.events}

    def values(self) -> dict[Column, list[Cell]]:
        """Everything that was ever said of each cell."""
        values: dict[Column, list[Cell]] = {}
        for event in self.events:
            for column, cell in event.cells.items():
                values.setdefault(column, []).append(cell)
        return values


def fold(events: Iterable[Event]) -> dict[RunId, Folded]:
    """Fold events to runs, in the order of the runs' first appearance."""
    by_run: dict[RunId, list[Event]] = {}
    for event in events:
        by_run.setdefault(event.run, []).append(event)
    return {run: _fold_run(events) for run, events in by_run.items()}


def _fold_run(events: list[Event]) -> Folded:
    if len(events) > 1:
        events.sort(key=lambda event: event.stamp)
    folded = Folded(events, _merged(events))
    for event in events:
        if event.makes_row:
            folded.made, folded.drawn = True, event.drawn
        folded.restored |= event.kind == "restore"
        if event.kind in ("start", "end"):
            folded.ended, folded.journal = event.kind == "end", event.journal
        if event.overwrite:
            folded.overwrite.update(event.cells)
        elif folded.overwrite:
            folded.overwrite.difference_update(event.cells)
    folded.ended |= folded.restored and not folded.journal
    return folded


def _merged(events: list[Event]) -> Mapping[Column, Cell]:
    if len(events) == 1:
        return events[0].cells
    cells: dict[Column, Cell] = {}
    for event in events:
        cells.update(event.cells)
    return cells
