"""What came between a look and a batch, and how its traces are removed. Pure.

A batch is planned on a view and sets cells by row and column number. If a person sorted, inserted, deleted or moved
rows or columns in the meantime, some of these cells are another row's or another column's now. `is_sound` says whether
every cell that a batch has set is where it was meant; where not, `repairs` compares the view that the batch was
planned on with the tab as it is now and answers what the wrong cells held before:

- a row is known by its run_id; one without, or whose run_id was overwritten, by what else is in it;
- a column is known by its metadata, people's by their header;
- a cell that a person has typed into since then holds neither, and is left alone;
- formulas go to their row as Google would have moved them.

What is ours and didn't arrive needs no care here: it is planned anew, on the tab as it will be (`View` with the repairs
laid over). Repairs are cells that a batch sets, so a batch with repairs is judged in the same way; and repairs that
did not arrive are found again by what their cells still hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from experiment_sheet.backends.gsheet.batch import Batch, Place, Repair
from experiment_sheet.backends.gsheet.late import places_now
from experiment_sheet.backends.gsheet.view import View, filled, holds, value_of, written
from experiment_sheet.columns import RUN_ID
from experiment_sheet.ooxml.formula import copied_down

JSON = dict[str, Any]
_REFERENCE: Final = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|(\$?)([A-Za-z]{1,3})(?=\$?[0-9]{1,7}(?![\w.(!]))")


def is_sound(view: View, batch: Batch, after: View) -> bool:
    """Whether everything that a batch has set is where it was meant; `after` may show no more than those rows."""
    size = (view.size[0] + batch.inserted[0], view.size[1] + batch.inserted[1])
    if after.size != size or after.header != view.top:
        return False
    columns = [*view.columns, *batch.headers.values()]
    if any(columns[repair.place[1] : repair.place[1] + 1] == [RUN_ID] for repair in batch.repairs):
        return False  # rows that were given their names by this batch are no witnesses of where they stand
    for at in {at for _, at in batch.cells}:
        if at >= len(columns) or at >= after.width or after.columns[at] != columns[at]:
            return False
    rows = {row: run for run, row in batch.appends.items()}
    for row in {row for row, _ in batch.cells}:
        if row != view.top and after.run_at(row) != (rows[row] if row in rows else view.run_at(row)):
            return False
    if any(after.run_ids.get(run) != [row] for run, row in batch.appends.items()):
        return False
    return all(holds(after, *place, data) for place, data in batch.cells.items())


@dataclass(slots=True)
class Repaired:
    """What has to be put right, and the ids of metadata that a batch gave the wrong columns."""

    cells: list[Repair] = field(default_factory=list)
    metadata: list[int] = field(default_factory=list)


def repairs(view: View, batch: Batch, now: View, *, applied: bool, late: bool = False) -> Repaired:
    """What is wrong in a tab after a batch that was planned on `view`. `now` shows the whole tab.

    `late`: it isn't what the batch was answered with, but a look some time after that.
    """
    there = places_now(view, batch, now) if applied and late else {}
    rows = {planned: place for (planned, _), (place, _) in there.items()}
    moved = replace(
        batch,
        cells={there.get(place, place): data for place, data in batch.cells.items()},
        appends={run: rows.get(row, row) for run, row in batch.appends.items()},
    )
    moves = Moves(view, moved if applied else Batch(""), now, {spot: planned for planned, spot in there.items()})
    moves.was = repaired(view, [replace(one, right={"userEnteredValue": one.wrong}) for one in batch.repairs])
    found = {repair.place: repair for repair in moves.carried(batch.repairs)}
    if applied:
        found |= {repair.place: repair for repair in [*moves.displaced(), *moves.nameless()]}
    return Repaired(list(found.values()), moves.misplaced_metadata() if applied else [])


def repaired(view: View, found: Sequence[Repair]) -> View:
    """The tab as it will be when repairs are done."""
    grid = [list(cells) for cells in view.grid]
    for repair in found:
        row, column = repair.place
        grid.extend([] for _ in range(row + 1 - len(grid)))
        grid[row].extend({} for _ in range(column + 1 - len(grid[row])))
        grid[row][column] = repair.right
    return replace(view, grid=grid)


@dataclass
class Moves:
    """Which row and column of `now` was which of `view`, which a batch was planned on."""

    view: View
    batch: Batch
    now: View
    origin: Mapping[Place, Place] = field(default_factory=dict)  # place now → the one that the batch set, if not there

    def __post_init__(self) -> None:
        self.was = self.view  # what it held before the repairs that the batch was to bring

    @cached_property
    def columns(self) -> dict[int, int]:
        """Column now → column then. Those that a person renamed in the meantime are matched in order."""
        then = {column: at for at, column in enumerate(self.view.columns)}
        found = {at: then[column] for at, column in enumerate(self.now.columns) if column in then}
        new = set(self.batch.headers.values())
        unknown = [at for at, column in enumerate(self.now.columns) if at not in found and column not in new]
        lost = sorted(set(then.values()) - set(found.values()))
        return found | (dict(zip(unknown, lost, strict=True)) if len(unknown) == len(lost) else {})

    @cached_property
    def rows(self) -> dict[int, int]:
        """Row now → row then, for every row of the batch that stood before."""
        found: dict[int, int] = {self.now.top: self.view.top}
        unsure = []
        for row in sorted(self._touched - {self.now.top}):
            places = self._by_run_id(row)
            if places is None:
                unsure.append(row)
            elif places:
                found[row] = max(places, key=lambda place: self._agreement(row, place)[0])
        lost = [row for row in self._lost if row not in found.values()]
        for row in sorted(unsure, key=lambda row: row not in lost):  # most rows are where they were
            if (place := self._by_content(row, lost)) is not None:
                found[row] = place
                lost.remove(place)
        return found

    @cached_property
    def _touched(self) -> set[int]:
        return {row for row, _ in self.batch.cells}

    def _by_run_id(self, row: int) -> list[int] | None:
        """Where a row was, by its run_id; None if that says nothing: it has none, or one that the batch wrote."""
        run = self.now.run_at(row)
        if run is None or (row, self._run_id_column) in self.batch.cells:
            return None
        return self.view.run_ids.get(run, [])

    @cached_property
    def _run_id_column(self) -> int:
        return next((at for at, column in enumerate(self.now.columns) if column == RUN_ID), -1)

    def _by_content(self, row: int, lost: Sequence[int]) -> int | None:
        """Which of the rows that are missing a row is, by the cells that the batch has not set."""
        scored = [(*self._agreement(row, place), place) for place in lost]
        likely = [(agree, -place) for agree, differ, place in scored if agree > differ]
        if likely:
            return -max(likely)[1]
        bare = not any(self._seen(row))  # all that is left of it is what the batch wrote
        if row in self.batch.appends.values():
            shifted = row - (self.now.size[0] - self.view.size[0] - self.batch.inserted[0])
            return shifted if bare and shifted != row and shifted in lost else None
        empty = (place for _, differ, place in scored if bare and not differ)
        return row if bare and row in lost and not self._agreement(row, row)[1] else next(empty, None)

    def _seen(self, row: int) -> Iterator[int]:
        """Columns of a row that hold something which the batch has not set."""
        return (at for at in self.columns if (row, at) not in self.batch.cells and filled(self.now.data(row, at)))

    def _agreement(self, row: int, place: int) -> tuple[int, int]:
        """How many cells of a row agree with those of a row then, and how many differ."""
        agree = differ = 0
        for at, then in self.columns.items():
            if (row, at) in self.batch.cells:
                continue
            one, other = value_of(self.now.data(row, at)), value_of(self.view.data(place, then))
            if one or other:
                alike = one == other or ("formulaValue" in one and "formulaValue" in other)
                agree, differ = agree + alike, differ + (not alike)
        return agree, differ

    @cached_property
    def _lost(self) -> list[int]:
        """Rows then that none of the rows which the batch left alone can be."""
        touched = self._touched
        runs = {self.now.run_at(row) for row in self.now.rows() if row not in touched}
        plain = [self._content(self.now, row, {*self.columns}) for row in self.now.rows() if row not in touched]
        lost = []
        for row in self.view.rows():
            run = self.was.run_at(row)
            if run is not None:
                lost += [] if run in runs else [row]
            elif (content := self._content(self.was, row, {*self.columns.values()})) in plain:
                plain.remove(content)
            else:
                lost.append(row)
        return lost

    def _content(self, view: View, row: int, columns: set[int]) -> list[tuple[int, JSON]]:
        """What a row holds, by the column's place then; all formulas look alike."""
        back = self.columns if view is self.now else {at: at for at in columns}
        pairs = ((back[at], value_of(view.data(row, at))) for at in columns)
        shown = ((at, {"formulaValue": "="} if "formulaValue" in value else value) for at, value in pairs if value)
        return sorted(shown, key=lambda pair: pair[0])

    # What is wrong

    def displaced(self) -> Iterator[Repair]:
        """Cells that the batch has set in another row or column than it meant, and headers that are missing."""
        for (row, column), data in self.batch.cells.items():
            if self._is_meant(row, column):
                continue
            if row == self.view.top and column in self.batch.headers:
                yield from self._header(column, data)
            if not holds(self.now, row, column, data):
                continue  # somebody has typed there since
            right = self._right(row, column)
            if right or filled(self.now.data(row, column)):
                yield Repair((row, column), right, value_of(data))

    def nameless(self) -> Iterator[Repair]:
        """New rows whose run_id went into another column: with it the next plan finds them, and fills them."""
        for run, row in self.batch.appends.items():
            if self.rows.get(row) is None and self._run_id_column >= 0 and self.now.run_at(row) != run:
                wrong = value_of(self.now.data(row, self._run_id_column))
                yield Repair((row, self._run_id_column), {"userEnteredValue": {"stringValue": run}}, wrong)

    def _is_meant(self, row: int, column: int) -> bool:
        then = self.rows.get(row)
        planned = self.origin.get((row, column), (row, column))
        right_row = then is None if row in self.batch.appends.values() else then == planned[0]
        if planned[1] in self.batch.headers:
            here = self.now.columns[column] if column < len(self.now.columns) else None
            return right_row and here == self.batch.headers[planned[1]]
        return right_row and self.columns.get(column) == planned[1]

    def _right(self, row: int, column: int) -> JSON:
        """What a cell should hold: what its row and column held then, wherever they were."""
        place, then = self.rows.get(row), self.columns.get(column)
        if place is None or then is None:
            return {}
        return self._moved(self.view.data(place, then), row - place)

    def _moved(self, data: JSON, down: int) -> JSON:
        """A cell in its new place: a formula's references go along."""
        formula = data.get("userEnteredValue", {}).get("formulaValue")
        if not formula:
            return data
        moved = copied_down(formula, down) if down else formula
        there = {then: at for at, then in self.columns.items()}
        moved = _REFERENCE.sub(lambda match: _column_moved(match, there), moved)
        return {**data, "userEnteredValue": {"formulaValue": moved}}

    def _header(self, column: int, data: JSON) -> Iterator[Repair]:
        """The header of a new column, which stands without it."""
        identity = self.batch.headers[column]
        at = self.now.columns.index(identity) if identity in self.now.columns else -1
        if at >= 0 and self.now.header is not None and not filled(self.now.data(self.now.header, at)):
            yield Repair((self.now.header, at), data, {})

    def misplaced_metadata(self) -> list[int]:
        """Ids of metadata that says of a column that stood before that it is one of the batch's new ones."""
        before = {one.id for metas in self.view.attached.values() for one in metas}
        new = {written(column) for column in self.batch.headers.values()}
        return [
            one.id
            for at, metas in self.now.attached.items()
            for one in metas[1:]
            if one.id not in before and one.value in new and at in self.columns
        ]

    def carried(self, earlier: Sequence[Repair]) -> Iterator[Repair]:
        """Repairs that were planned on the view and have not arrived: where their cells are now."""
        there = {then: at for at, then in self.columns.items()}
        for repair in earlier:
            row, column = repair.place
            at = there.get(column)
            places = set(self._rows_now(row)) - set(self.batch.appends.values())
            for place in sorted(places) if at is not None else ():
                assert at is not None
                wounded = value_of(self.now.data(place, at)) == repair.wrong != value_of(repair.right)
                if wounded:
                    yield Repair((place, at), self._moved(repair.right, place - row), repair.wrong)
                    break

    def _rows_now(self, then: int) -> list[int]:
        """Where a row may be now."""
        if then == self.view.top:
            return [self.now.top]
        if known := [row for row, at in self.rows.items() if at == then]:  # its run_id may have been overwritten
            return known
        run = self.was.run_at(then)
        if run is not None:
            return [row for row in self.now.run_ids.get(run, []) if self.rows.get(row, then) == then]
        content = self._content(self.was, then, {*self.columns.values()})
        places = [row for row in self.now.rows() if self.now.run_at(row) is None]
        scored = [(*self._agreement(row, then), row) for row in places]
        same = [row for row in places if self._content(self.now, row, {*self.columns}) == content]
        return same[:1] or [row for agree, differ, row in sorted(scored, reverse=True) if agree > differ][:1]


def _column_moved(match: re.Match[str], there: dict[int, int]) -> str:
    if match[2] is None:
        return match[0]
    at = _number(match[2])
    return match[1] + letters(there.get(at, at))


def letters(column: int) -> str:
    """Letters of a column: 0 → ``A``, 26 → ``AA``."""
    text, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _number(text: str) -> int:
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
