"""What people do to a sheet with another program, so that tests can do it too.

A backend's test gives `BackendTests` a `Person` whose hooks edit the store *without* the library: with the csv
module, openpyxl, an HTTP client. What a format or its program can't do stays undefined: the tests that
need it are skipped, naming the capability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest

Grid = list[list[object]]
"""Headers, then rows, as a program shows them. Empty cells are None or ``""``."""


class Person:
    """Edits the sheet as a person would. Rows count from 0 below the header, blank ones too; columns go by header."""

    def make(self, grid: Grid) -> None:
        """Make a sheet that the library has never seen: headers, then rows."""
        self._cannot("make", grid)

    def set_cell(self, row: int, header: str, value: object) -> None:
        """Type a value over what a cell holds; None clears it."""
        self._cannot("set_cell", row, header, value)

    def rename_column(self, header: str, name: str) -> None:
        """Type another header."""
        self._cannot("rename_column", header, name)

    def move_column(self, header: str, to: int) -> None:
        """Drag a column to the place that has the number `to` afterwards."""
        self._cannot("move_column", header, to)

    def insert_column(self, at: int, header: str, values: Sequence[object]) -> None:
        """Insert a column of one's own, with a value for each row."""
        self._cannot("insert_column", at, header, values)

    def delete_column(self, header: str) -> None:
        """Delete a column."""
        self._cannot("delete_column", header)

    def sort_rows(self, header: str, *, reverse: bool = False) -> None:
        """Sort all rows by a column of text."""
        self._cannot("sort_rows", header, reverse)

    def insert_blank_row(self, at: int) -> None:
        """Insert a row without content."""
        self._cannot("insert_blank_row", at)

    def delete_row(self, row: int) -> None:
        """Delete a row."""
        self._cannot("delete_row", row)

    def copy_row(self, row: int, to: int) -> None:
        """Insert a copy of a row, run_id and all, so that it has the number `to` afterwards."""
        self._cannot("copy_row", row, to)

    def type_row(self, cells: Mapping[str, object]) -> None:
        """Type a row below the last one: header → value."""
        self._cannot("type_row", cells)

    @staticmethod
    def _cannot(capability: str, *_: object) -> NoReturn:
        pytest.skip(f"capability: person.{capability}")


class GridPerson(Person):
    """A person whose program loads the whole sheet and saves it whole: `load` and `save` are all it needs."""

    def load(self) -> Grid:
        """Return headers and rows, every row as long as the headers."""
        raise NotImplementedError

    def save(self, grid: Grid) -> None:
        """Replace the sheet."""
        raise NotImplementedError

    def make(self, grid: Grid) -> None:
        """Save it where nothing was."""
        self.save(grid)

    def set_cell(self, row: int, header: str, value: object) -> None:
        """Load, set, save."""
        grid = self.load()
        grid[row + 1][grid[0].index(header)] = value
        self.save(grid)

    def rename_column(self, header: str, name: str) -> None:
        """Load, rename, save."""
        grid = self.load()
        grid[0][grid[0].index(header)] = name
        self.save(grid)

    def move_column(self, header: str, to: int) -> None:
        """Load, move in every row, save."""
        grid = self.load()
        place = grid[0].index(header)
        for row in grid:
            row.insert(to, row.pop(place))
        self.save(grid)

    def insert_column(self, at: int, header: str, values: Sequence[object]) -> None:
        """Load, insert in every row, save."""
        grid = self.load()
        for row, value in zip(grid, [header, *values], strict=True):
            row.insert(at, value)
        self.save(grid)

    def delete_column(self, header: str) -> None:
        """Load, delete in every row, save."""
        grid = self.load()
        place = grid[0].index(header)
        for row in grid:
            del row[place]
        self.save(grid)

    def sort_rows(self, header: str, *, reverse: bool = False) -> None:
        """Load, sort, save."""
        head, *rows = self.load()
        place = head.index(header)
        self.save([head, *sorted(rows, key=lambda row: str(row[place]), reverse=reverse)])

    def insert_blank_row(self, at: int) -> None:
        """Load, insert, save."""
        grid = self.load()
        grid.insert(at + 1, [None] * len(grid[0]))
        self.save(grid)

    def delete_row(self, row: int) -> None:
        """Load, delete, save."""
        grid = self.load()
        del grid[row + 1]
        self.save(grid)

    def copy_row(self, row: int, to: int) -> None:
        """Load, insert a copy, save."""
        grid = self.load()
        grid.insert(to + 1, list(grid[row + 1]))
        self.save(grid)

    def type_row(self, cells: Mapping[str, object]) -> None:
        """Load, add, save."""
        grid = self.load()
        self.save([*grid, [cells.get(str(header)) for header in grid[0]]])
