"""The memory backend: the conformance suite, and what only it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiment_sheet.backends.base import ANYTHING, Backend, Last, Row, Target, Written
from experiment_sheet.backends.memory import SHEETS, MemoryBackend, MemorySheet
from experiment_sheet.columns import Column, RunId
from experiment_sheet.testing import BackendTests, Grid, Person


class MemoryPerson(Person):
    """Puts another sheet into the place of the present one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self, grid: Grid) -> None:
        head, *rows = grid
        keys = [f"{key} (2)" if key in head[:place] else str(key) for place, key in enumerate(head)]
        columns = tuple(Column("people", key) for key in keys)
        filled = tuple(tuple(None if cell == "" else cell for cell in row) for row in rows)
        SHEETS[self.name] = MemorySheet(columns, tuple(map(str, head)), filled)

    def set_cell(self, row: int, header: str, value: object) -> None:
        rows = [list(cells) for cells in self._sheet.rows]
        rows[row][self._at(header)] = value
        self._keep(rows)

    def rename_column(self, header: str, name: str) -> None:
        headers = tuple(name if found == header else found for found in self._sheet.headers)
        SHEETS[self.name] = replace(self._sheet, headers=headers)

    def move_column(self, header: str, to: int) -> None:
        order = list(range(len(self._sheet.headers)))
        order.insert(to, order.pop(self._at(header)))
        self._pick(order)

    def insert_column(self, at: int, header: str, values: Sequence[object]) -> None:
        sheet = self._sheet
        key = f"{header} (2)" if header in sheet.headers else header
        columns, headers = list(sheet.columns), list(sheet.headers)
        columns.insert(at, Column("people", key))
        headers.insert(at, header)
        rows = [(*row[:at], value, *row[at:]) for row, value in zip(sheet.rows, values, strict=True)]
        SHEETS[self.name] = replace(sheet, columns=tuple(columns), headers=tuple(headers), rows=tuple(rows))

    def delete_column(self, header: str) -> None:
        self._pick([place for place in range(len(self._sheet.headers)) if place != self._at(header)])

    def sort_rows(self, header: str, *, reverse: bool = False) -> None:
        place = self._at(header)
        self._keep(sorted(self._sheet.rows, key=lambda row: str(row[place]), reverse=reverse))

    def insert_blank_row(self, at: int) -> None:
        self._insert(at, [None] * len(self._sheet.headers))

    def delete_row(self, row: int) -> None:
        self._keep([cells for number, cells in enumerate(self._sheet.rows) if number != row])

    def copy_row(self, row: int, to: int) -> None:
        self._insert(to, self._sheet.rows[row])

    def type_row(self, cells: Mapping[str, object]) -> None:
        self._insert(len(self._sheet.rows), [cells.get(header) for header in self._sheet.headers])

    @property
    def _sheet(self) -> MemorySheet:
        return SHEETS[self.name]

    def _at(self, header: str) -> int:
        return self._sheet.headers.index(header)

    def _insert(self, at: int, cells: Sequence[object]) -> None:
        rows = list(self._sheet.rows)
        rows.insert(at, cells)
        self._keep(rows)

    def _keep(self, rows: Sequence[Sequence[object]]) -> None:
        SHEETS[self.name] = replace(self._sheet, rows=tuple(tuple(row) for row in rows))

    def _pick(self, order: Sequence[int]) -> None:
        sheet = self._sheet
        columns, headers, *rows = (
            [cells[place] for place in order] for cells in (sheet.columns, sheet.headers, *sheet.rows)
        )
        SHEETS[self.name] = replace(sheet, columns=tuple(columns), headers=tuple(headers))
        self._keep(rows)


class TestMemory(BackendTests):
    def backend_at(self, folder: Path) -> Backend:
        return MemoryBackend(Target("memory", str(folder)))

    def narrow_backend(self, folder: Path, room: int) -> Backend:
        backend = MemoryBackend(Target("memory", str(folder)))
        backend.width = len(SHEETS[str(folder)].headers) + room
        return backend

    def judge(self, folder: Path) -> Grid:
        sheet = SHEETS[str(folder)]
        return [list(sheet.headers), *map(list, sheet.rows)]

    def person(self, folder: Path) -> Person:
        return MemoryPerson(str(folder))


def test_a_sheet_is_shared_by_name() -> None:
    """Two backends on one name see one sheet; another name is another sheet."""
    MemoryBackend(Target("memory", "shared-a")).write({"a1": {Column("input", "lr"): 1}}, new=["a1"])
    assert len(MemoryBackend(Target("memory", "shared-a")).read().rows) == 1
    assert MemoryBackend(Target("memory", "shared-b")).mark() is None


def test_identity_survives_a_swap_of_headers() -> None:
    """Identity is kept beside the header, so a person may even swap two headers."""
    loss, acc = Column("output", "loss"), Column("output", "acc")
    target = Target("memory", "swapped")
    MemoryBackend(target).write({"a1": {loss: 1, acc: 2}}, new=["a1"])
    person = MemoryPerson("swapped")
    person.rename_column("loss", "x")
    person.rename_column("acc", "loss")
    person.rename_column("x", "acc")
    MemoryBackend(target).write({"a2": {loss: 3, acc: 4}}, new=["a2"])
    table = MemoryBackend(target).read()
    assert [[row[table.columns.index(column)] for column in (loss, acc)] for row in table.rows] == [[1, 2], [3, 4]]


class Careless(MemoryBackend):
    """Writes over people's cells."""

    def write(self, rows: Mapping[RunId, Row], **options: Any) -> Written:
        anything: Last = {run: dict.fromkeys(row, ANYTHING) for run, row in rows.items()}
        return super().write(rows, **{**options, "last": anything})


class Reviving(MemoryBackend):
    """Brings rows back that a person deleted."""

    def write(self, rows: Mapping[RunId, Row], **options: Any) -> Written:
        return super().write(rows, **{**options, "new": [*rows]})


class Tidy(MemoryBackend):
    """Sorts columns and rows after each write."""

    def write(self, rows: Mapping[RunId, Row], **options: Any) -> Written:
        written = super().write(rows, **options)
        person = MemoryPerson(self.target.path)
        person.sort_rows("run_id")
        for place, header in enumerate(sorted(SHEETS[self.target.path].headers)):
            person.move_column(header, place)
        self.close()
        return written


class Blunt(MemoryBackend):
    """Takes NaN for an empty cell and numbers for text."""

    def write(self, rows: Mapping[RunId, Row], **options: Any) -> Written:
        blunt = {run: {c: None if v != v else str(v) for c, v in row.items()} for run, row in rows.items()}
        return super().write(blunt, **options)


class Blind(MemoryBackend):
    """Doesn't notice what people save in between."""

    def write(self, rows: Mapping[RunId, Row], **options: Any) -> Written:
        self.close()
        return super().write(rows, **options)


def _call(suite: BackendTests, test: str, folder: Path) -> None:
    getattr(suite, f"test_{test}")(folder)


@pytest.mark.parametrize(
    ("broken", "tests"),
    [
        (Careless, ["an_unknown_cell_is_ours_only_while_empty", "a_new_id_that_stands_is_updated"]),
        (Reviving, ["rows_not_new_never_appear", "a_deleted_row_stays_deleted"]),
        (Tidy, ["new_rows_stand_at_the_end_in_order", "new_columns_stand_at_the_right", "what_is_not_named_stays"]),
        (Blunt, ["absent_none_and_nan_are_told_apart", "a_new_row_is_whole"]),
        (Blind, ["a_save_in_between_is_noticed"]),
    ],
)
def test_the_suite_finds_broken_backends(tmp_path: Path, broken: type[Backend], tests: Sequence[str]) -> None:
    """A backend that breaks a clause fails the tests of that clause; a right one passes them."""

    class Broken(TestMemory):
        def backend_at(self, folder: Path) -> Backend:
            return broken(Target("memory", str(folder)))

    for test in tests:
        _call(TestMemory(), test, tmp_path / "right" / test)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            _call(Broken(), test, tmp_path / "broken" / test)
