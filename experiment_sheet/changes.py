"""What is to be written of a run, and what its cells may hold. Pure.

A cell is the library's while it holds one of the values that the library may have left there: what was applied last, or
what an event that is about to be applied says (its write may have happened, and its state been lost). ``None`` is among
them where nothing was written yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from experiment_sheet.backends.base import ANYTHING, Anything
from experiment_sheet.columns import SHARED, Column
from experiment_sheet.fold import Folded
from experiment_sheet.state import Live
from experiment_sheet.values import EMPTY, Cell

Last = dict[Column, Sequence[Cell] | Anything]


@dataclass(slots=True)
class Change:
    """What is to be written of one run, and what its cells may hold."""

    folded: Folded
    cells: dict[Column, Cell]
    last: Last
    new: bool  # the row is added if it is not there
    unseen: bool = False  # the sheet can't hold the row, unless it changed since our last write

    def leave_out_extras(self, there: Collection[str]) -> None:
        """Take out what nobody asked for: of the run's own columns a sheet of people's gets only those it has."""
        said = {column.key for event in self.folded.events if event.kind == "update" for column in event.cells}
        known = _ASKED_FOR | said | set(there)  # what is said of a run afterwards, somebody asked for
        for column in [c for c in self.cells if c.role == "run" and c.key not in known]:
            del self.cells[column]


_ASKED_FOR: Final = frozenset((*SHARED, "verdict", "plots")) - {"run"}


def needs_history(folded: Folded, live: Live | None) -> bool:
    """Whether a run is neither new nor known to go on: it ended long ago, or its events came out of order."""
    if folded.restored:
        return True
    return not folded.made if live is None else folded.first <= live.stamp


def of_new(folded: Folded) -> Change:
    """A run whose row was never written."""
    return Change(folded, dict(folded.cells), _last(folded, {}), new=True, unseen=folded.drawn)


def of_live(folded: Folded, live: Live) -> Change:
    """A run that goes on: the cells a person changed are left out."""
    cells = {column: cell for column, cell in folded.cells.items() if column not in live.theirs}
    return Change(folded, cells, _last(folded, {column: [cell] for column, cell in live.cells.items()}), new=False)


def of_remade(folded: Folded, live: Live) -> Change:
    """A run that goes on, while its sheet was replaced by one that may not know it."""
    return Change(folded, live.cells | dict(folded.cells), {}, new=True)


def of_ended(pending: Folded, before: Folded | None, full: Folded, *, remake: bool = False) -> Change:
    """A run of which we keep nothing but its history: the stamps of all of it decide each pending cell.

    `remake`: there is no sheet, so that a run which goes on, and whose history was deleted, has no row either.
    """
    cells = {column: full.cells[column] for column in pending.cells}
    last = _last(pending, before.values() if before else {})
    return Change(full, cells, last, new=before is None and (full.made or (remake and bool(full.journal))))


def again(full: Folded, *, added: bool) -> Change:
    """A run that the sheet forgot: all of it."""
    return Change(full, dict(full.cells), _last(full, {}), new=added)


def _last(folded: Folded, before: dict[Column, list[Cell]]) -> Last:
    """What the cells may hold, besides the value to be written."""
    if len(folded.events) == 1 and not before and not folded.overwrite:
        return {}  # no cell was written yet, which goes without saying
    return {
        column: ANYTHING if column in folded.overwrite else [*before.get(column, [EMPTY]), *values[:-1]]
        for column, values in folded.values().items()
    }
