"""Where the cells of a batch are, when its answer was lost and people have moved rows or columns since. Pure.

Nothing but the cells themselves can tell: a row that holds everything that the batch has set in one row is that row, if
it is the one that was meant, or if it held something else before and no later batch has changed it. Its cells are
looked for under the columns that they were meant for, wherever those stand now, and where they were set, further right
by as many columns as were inserted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from experiment_sheet.backends.gsheet.batch import Batch, Place, changed_later, short
from experiment_sheet.backends.gsheet.view import View, filled, holds

JSON = dict[str, Any]


def places_now(view: View, batch: Batch, now: View) -> dict[Place, Place]:
    """Where each cell of a batch is now, as far as that isn't where the batch has set it."""
    rows: dict[int, dict[int, JSON]] = {}
    for (row, at), data in batch.cells.items():
        if row != view.top:  # a header that is missing is found by its column
            rows.setdefault(row, {})[at] = data
    runs = {row: run for run, row in batch.appends.items()}
    later = changed_later(now, batch)
    search = _Search(view, batch, now)
    found: dict[Place, Place] = {}
    for row, cells in rows.items():
        tried = {place: search.spots(place, cells) for place in now.rows()} if any(map(filled, cells.values())) else {}
        holding = {place: spots for place, spots in tried.items() if spots}
        meant = [place for place in holding if now.run_at(place) == runs.get(row, view.run_at(row))]
        wrong = [place for place in holding if _differed(view, now, place, cells, later)]
        chosen = next((place for group in (meant, wrong) for place in sorted(group, key=lambda at: at != row)), None)
        if chosen is not None:
            found |= {(row, at): (chosen, spot) for at, spot in holding[chosen].items()}
    return found


class _Search:
    """In which columns cells may be that were set in others."""

    def __init__(self, view: View, batch: Batch, now: View) -> None:
        self.now = now
        self.slack = max(0, now.size[1] - view.size[1] - batch.inserted[1])
        then = dict(enumerate(view.columns)) | batch.headers
        there = {column: at for at, column in enumerate(now.columns)}
        self.moved = {at: there[column] for at, column in then.items() if column in there}

    def spots(self, row: int, cells: Mapping[int, JSON]) -> dict[int, int] | None:
        """Columns in which a row holds cells; None if it doesn't hold them all."""
        return self._where_the_columns_are(row, cells) or self._further_right(row, cells)

    def _where_the_columns_are(self, row: int, cells: Mapping[int, JSON]) -> dict[int, int] | None:
        found = {at: self.moved.get(at, at) for at in cells}
        return found if all(holds(self.now, row, found[at], d) for at, d in cells.items() if filled(d)) else None

    def _further_right(self, row: int, cells: Mapping[int, JSON]) -> dict[int, int] | None:
        shift, found = 0, {}
        for at, data in sorted(cells.items()):
            if filled(data):
                held = (by for by in range(shift, self.slack + 1) if holds(self.now, row, at + by, data))
                if (by := next(held, None)) is None:
                    return None
                shift = by
            found[at] = at + shift
        return found


def _differed(view: View, now: View, place: int, cells: Mapping[int, JSON], later: Collection[str]) -> bool:
    """Whether cells of a row held something else before, and no later batch has changed them."""
    run = now.run_at(place)
    before = view.run_ids.get(run, []) if run else []
    if not before:
        return True
    return short(run or "") not in later and not all(holds(view, before[0], at, data) for at, data in cells.items())
