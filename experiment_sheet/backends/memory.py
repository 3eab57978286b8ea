"""Sheets that live in the process and nowhere else: ``memory://name``.

For tests, for notebooks that want no file, and as the shortest complete example of a backend. A sheet is one
immutable value; a write puts another in its place. So a write is atomic, and a person's edit (any code that
puts a sheet into `SHEETS`) is seen by comparing identities. Every type of cell comes back as it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.headers import labels, owned, stand
from experiment_sheet.backends.rows import Found, Plan, first_columns, named, plan
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetChanged, SheetMissing
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.values import EMPTY, Cell


@dataclass(frozen=True, slots=True)
class MemorySheet:
    """One sheet. People's columns have the role ``people``; `columns`, `headers` and every row have one length."""

    columns: tuple[Column, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    mark: Mark | None = None


SHEETS: Final[dict[str, MemorySheet]] = {}
"""Every sheet of this process, by its target's path."""


class MemoryBackend(Backend):
    """Stores a sheet in `SHEETS`. `width` bounds its columns, for tests of sheets that are full."""

    keeps_mark = True

    width: int | None = None

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        super().__init__(target, look=look)
        self._seen: MemorySheet | None = None

    def read(self) -> Table:
        """Return the sheet's rows that are not blank."""
        sheet = self._sheet()
        if sheet is None:
            raise SheetMissing(f"There is no sheet memory://{self.target.path}; log a run to make it.")
        self._seen = sheet
        return Table(sheet.columns, sheet.headers, [row for row in sheet.rows if any(c is not EMPTY for c in row)])

    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,  # noqa: ARG002 - looking a row up costs nothing here
    ) -> Written:
        """Put a changed sheet in the place of the present one."""
        sheet = self._sheet()
        if sheet is None:
            if not set(rows).intersection(new):
                raise SheetMissing(f"There is no sheet memory://{self.target.path}; log a run to make it.")
            sheet = _widened(MemorySheet(), first_columns(rows, self.look)[: self.width])
        elif self._seen is not None and sheet is not self._seen:
            self._seen = None
            raise SheetChanged(f"memory://{self.target.path} was changed since it was read; read it again.")
        places, _ = stand(named(rows), sheet.headers, owned(dict(zip(sheet.headers, sheet.columns, strict=True))))
        adopted = {place: column for column, place in places.items()}
        columns = tuple(adopted.get(place, column) for place, column in enumerate(sheet.columns))
        todo = plan(rows, self._found(sheet, places, rows), new=new, last=last)
        sheet = replace(sheet, columns=columns, mark=mark or sheet.mark)
        self._seen = SHEETS[self.target.path] = _done(sheet, todo)
        return todo.written(known=owned(dict(zip(self._seen.headers, self._seen.columns, strict=True))))

    def mark(self) -> Mark | None:
        """Return the mark that the last write stored."""
        self._seen = self._sheet()
        return self._seen.mark if self._seen else None

    def close(self) -> None:
        """Forget which sheet was seen."""
        self._seen = None

    def _sheet(self) -> MemorySheet | None:
        return SHEETS.get(self.target.path)

    def _found(self, sheet: MemorySheet, places: Mapping[Column, int], rows: Collection[RunId]) -> Found:
        ids: dict[RunId, list[int]] = {run: [] for run in rows}
        for number, row in enumerate(sheet.rows if RUN_ID in places else ()):
            if (run := row[places[RUN_ID]]) in ids:
                ids[str(run)].append(number)
        room = None if self.width is None else max(0, self.width - len(sheet.columns))
        return Found(places, ids, lambda row, column: sheet.rows[row][places[column]], room)


def _widened(sheet: MemorySheet, columns: Sequence[Column]) -> MemorySheet:
    """Add columns at the right, empty in every row."""
    headers = (*sheet.headers, *labels(columns, sheet.headers, {}))
    rows = tuple(row + (EMPTY,) * len(columns) for row in sheet.rows)
    return replace(sheet, columns=(*sheet.columns, *columns), headers=headers, rows=rows)


def _done(sheet: MemorySheet, todo: Plan) -> MemorySheet:
    """Return the sheet as the plan wants it."""
    sheet = _widened(sheet, todo.columns)
    rows = list(sheet.rows)
    for number, cells in todo.updates.items():
        old = dict(zip(sheet.columns, rows[number], strict=True))
        rows[number] = tuple({**old, **cells}.values())
    rows += [tuple(cells.get(column, EMPTY) for column in sheet.columns) for cells in todo.appends.values()]
    return replace(sheet, rows=tuple(rows))
