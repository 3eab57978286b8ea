"""A person in the same spreadsheet, who edits it with the Sheets page while a program writes.

Rows count as the page shows them, from 1. Columns are named by the text of the first row, or counted from 0.
Every edit is applied at once, whole, between two requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from experiment_sheet.testing.google import requests
from experiment_sheet.testing.google.a1 import grid_range
from experiment_sheet.testing.google.call import World
from experiment_sheet.testing.google.parsing import typed
from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.refusal import JSON
from experiment_sheet.testing.google.requests.edit import Arrival, Edit
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab


class Teammate:
    """Somebody who may write in a spreadsheet. Made by `GoogleSheets.teammate`."""

    def __init__(self, world: World, key: str, tab: str | None, email: str) -> None:
        self._world = world
        self._key = key
        self._sheet_id = self._tab(tab).sheet_id
        self.email = email

    @property
    def _book(self) -> Spreadsheet:
        book = self._world.drive.files[self._key].book
        assert book is not None
        return book

    def _tab(self, title: str | None = None) -> Tab:
        if title is None:
            return self._book.first
        found = self._book.titled(title)
        if found is None:
            raise LookupError(f"No tab {title!r}; there are {[tab.title for tab in self._book.tabs]}")
        return found

    def send(self, *sent: JSON) -> None:
        """Apply requests of a ``batchUpdate``."""
        with self._world.lock:
            edit = Edit(self._book, self.email, self._world.races, Arrival.now(self._book))
            requests.apply(edit, list(sent))
            self._world.drive.touch(self._world.drive.files[self._key])

    def grid(self) -> list[list[str]]:
        """What the tab shows."""
        with self._world.lock:
            tab = self._book.tab(self._sheet_id)
            return Reader(self._book).values(tab, tab.whole)

    def column(self, name: str | int) -> int:
        """Index of a column, from 0."""
        if isinstance(name, int):
            return name
        headers = (self.grid() or [[]])[0]
        if name not in headers:
            raise LookupError(f"No column {name!r}; there are {headers}")
        return headers.index(name)

    def type(self, row: int, column: str | int, value: Any) -> None:
        """Type into a cell; None clears it."""
        at = self.column(column)
        entered, form = typed("" if value is None else value, self._book.locale)
        cell: JSON = {"userEnteredValue": entered} if entered else {}
        fields = "userEnteredValue"
        if form:
            cell["userEnteredFormat"] = {"numberFormat": form}
            fields += ",userEnteredFormat.numberFormat"
        self.send({"updateCells": {"start": self._place(row, at), "rows": [{"values": [cell]}], "fields": fields}})

    def note(self, row: int, column: str | int, text: str) -> None:
        """Put a note on a cell."""
        start = self._place(row, self.column(column))
        self.send({"updateCells": {"start": start, "rows": [{"values": [{"note": text}]}], "fields": "note"}})

    def _place(self, row: int, column: int) -> JSON:
        return {"sheetId": self._sheet_id, "rowIndex": row - 1, "columnIndex": column}

    def rename(self, column: str | int, header: str) -> None:
        """Type another header."""
        self.type(1, column, header)

    def sort(self, column: str | int, *, descending: bool = False) -> None:
        """Sort all rows below the first by a column."""
        with self._world.lock:
            tab = self._book.tab(self._sheet_id)
            where = {"sheetId": tab.sheet_id, "startRowIndex": 1, "endRowIndex": max(tab.used.bottom, 2)}
            order = "DESCENDING" if descending else "ASCENDING"
            spec = {"dimensionIndex": self.column(column), "sortOrder": order}
            self.send({"sortRange": {"range": where, "sortSpecs": [spec]}})

    def insert_row(self, row: int, values: Sequence[Any] = ()) -> None:
        """Insert a row so that it has this number, and type values into it."""
        self._insert("ROWS", row - 1)
        for column, value in enumerate(values):
            self.type(row, column, value)

    def insert_column(self, at: int, header: str = "", values: Iterable[Any] = ()) -> None:
        """Insert a column so that it has this index, with a header and values below it."""
        self._insert("COLUMNS", at)
        for row, value in enumerate([header, *values], 1):
            if value not in (None, ""):
                self.type(row, at, value)

    def _insert(self, dimension: str, at: int) -> None:
        self.send({"insertDimension": {"range": self._span(dimension, at), "inheritFromBefore": at > 0}})

    def _span(self, dimension: str, at: int, size: int = 1) -> JSON:
        return {"sheetId": self._sheet_id, "dimension": dimension, "startIndex": at, "endIndex": at + size}

    def delete_row(self, row: int) -> None:
        """Delete a row."""
        self.send({"deleteDimension": {"range": self._span("ROWS", row - 1)}})

    def delete_column(self, column: str | int) -> None:
        """Delete a column."""
        self.send({"deleteDimension": {"range": self._span("COLUMNS", self.column(column))}})

    def move_column(self, column: str | int, to: int) -> None:
        """Drag a column so that it has this index afterwards."""
        at = self.column(column)
        self._move("COLUMNS", at, to)

    def move_row(self, row: int, to: int) -> None:
        """Drag a row so that it has this number afterwards."""
        self._move("ROWS", row - 1, to - 1)

    def _move(self, dimension: str, at: int, to: int) -> None:
        target = to if to <= at else to + 1
        self.send({"moveDimension": {"source": self._span(dimension, at), "destinationIndex": target}})

    def filter(self, column: str | int, *hidden: str) -> None:
        """Filter the rows away that show one of these texts in a column."""
        with self._world.lock:
            tab = self._book.tab(self._sheet_id)
            criteria = {str(self.column(column)): {"hiddenValues": list(hidden)}}
            where = grid_range(tab.sheet_id, tab.used)
            self.send({"setBasicFilter": {"filter": {"range": where, "criteria": criteria}}})

    def protect(self, row: int, column: str | int, *, rows: int = 1, columns: int = 1) -> None:
        """Protect cells, so that only this person and the owner may edit them."""
        left = self.column(column)
        where = {"sheetId": self._sheet_id, "startRowIndex": row - 1, "endRowIndex": row - 1 + rows}
        where |= {"startColumnIndex": left, "endColumnIndex": left + columns}
        self.send({"addProtectedRange": {"protectedRange": {"range": where, "editors": {"users": [self.email]}}}})

    def rename_tab(self, title: str) -> None:
        """Give the tab another name."""
        properties = {"sheetId": self._sheet_id, "title": title}
        self.send({"updateSheetProperties": {"properties": properties, "fields": "title"}})

    def delete_tab(self) -> None:
        """Delete the tab."""
        self.send({"deleteSheet": {"sheetId": self._sheet_id}})

    def bin_spreadsheet(self) -> None:
        """Move the file to the bin, where programs can still reach it."""
        with self._world.lock:
            self._world.drive.files[self._key].trashed = True

    def delete_spreadsheet(self) -> None:
        """Delete the file for good."""
        with self._world.lock:
            del self._world.drive.files[self._key]
