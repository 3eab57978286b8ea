"""A1 and R1C1 notation, and rectangles of cells.

https://developers.google.com/workspace/sheets/api/guides/concepts#expandable-1. Indexes count from 0,
ends are exclusive, as in the service's GridRange.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

JSON = dict[str, Any]

_CELL: Final = re.compile(r"\$?([A-Za-z]{1,3})?\$?([0-9]{1,8})?")
_R1C1: Final = re.compile(r"R([0-9]+)C([0-9]+)", re.IGNORECASE)
_SHEET: Final = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!(.+)", re.DOTALL)
_QUOTED: Final = re.compile(r"'((?:[^']|'')+)'", re.DOTALL)
_LOOKS_LIKE_CELL: Final = re.compile(
    r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*([Cc][0-9]*)?|[Cc][0-9]*|TRUE|FALSE", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells in a tab."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    def meets(self, other: Area) -> bool:
        """Whether they share a cell."""
        return (
            self.top < other.bottom and other.top < self.bottom and self.left < other.right and other.left < self.right
        )

    def holds(self, other: Area) -> bool:
        """Whether the other lies inside."""
        return (
            self.top <= other.top
            and other.bottom <= self.bottom
            and self.left <= other.left
            and other.right <= self.right
        )

    def cells(self) -> Iterator[tuple[int, int]]:
        """Row and column of each cell, row by row."""
        return ((row, column) for row in range(self.top, self.bottom) for column in range(self.left, self.right))


@dataclass(frozen=True, slots=True)
class Reference:
    """A range as written: what is None is not bounded."""

    title: str | None = None
    top: int | None = None
    left: int | None = None
    bottom: int | None = None
    right: int | None = None

    @property
    def is_cell(self) -> bool:
        """Whether it names a single cell."""
        return (
            self.top is not None
            and self.left is not None
            and (self.bottom, self.right) == (self.top + 1, self.left + 1)
        )


def letters(column: int) -> str:
    """Letters of a column: 0 → ``A``, 26 → ``AA``."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def column_of(text: str) -> int:
    """Column of its letters: ``A`` → 0."""
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def quoted(title: str) -> str:
    """A tab's title as it stands in a range: in quotes unless it is a plain word that can't be a cell."""
    plain = re.fullmatch(r"[^\W\d]\w*", title) and not _LOOKS_LIKE_CELL.fullmatch(title)
    return title if plain else "'" + title.replace("'", "''") + "'"


def cell_name(row: int, column: int) -> str:
    """``A1`` of (0, 0)."""
    return f"{letters(column)}{row + 1}"


def area_name(area: Area) -> str:
    """``A1:B2``, or ``A1`` for one cell."""
    first = cell_name(area.top, area.left)
    last = cell_name(area.bottom - 1, area.right - 1)
    return first if first == last else f"{first}:{last}"


def written(title: str, area: Area) -> str:
    """A range as the service writes it in its answers."""
    return f"{quoted(title)}!{area_name(area)}"


def split_title(text: str) -> tuple[str | None, str | None]:
    """Title and cells of a range; either may be missing."""
    if whole := _SHEET.fullmatch(text):
        return (whole[1].replace("''", "'") if whole[1] else whole[2]), whole[3]
    if alone := _QUOTED.fullmatch(text):
        return alone[1].replace("''", "'"), None
    return None, text


def parse_cells(text: str) -> Reference | None:
    """Parse the part of a range behind the tab's title; None if it is no range."""
    first, colon, last = text.partition(":")
    start, end = _corner(first), _corner(last) if colon else None
    if start is None or (colon and end is None):
        return None
    if not colon:
        if start[0] is None or start[1] is None:
            return None  # "A" and "1" are no ranges, "A:A" and "1:1" are
        end = start
    assert end is not None
    rows = _ordered(start[0], end[0])
    columns = _ordered(start[1], end[1])
    return Reference(None, rows[0], columns[0], rows[1], columns[1])


def _corner(text: str) -> tuple[int | None, int | None] | None:
    """Row and column of one corner."""
    if match := _R1C1.fullmatch(text):
        return int(match[1]) - 1, int(match[2]) - 1
    match = _CELL.fullmatch(text)
    if not match or not text or match[2] == "0":
        return None
    return (int(match[2]) - 1 if match[2] else None), (column_of(match[1]) if match[1] else None)


def _ordered(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Start and exclusive end; ``A5:A`` is open below, and ``A:A5`` begins at the top."""
    if first is None or last is None:
        return first, None if last is None else last + 1
    return min(first, last), max(first, last) + 1


def area_of(grid_range: JSON, rows: int, columns: int) -> Area:
    """A GridRange within a grid of so many rows and columns; what is absent is not bounded."""
    return Area(
        min(grid_range.get("startRowIndex") or 0, rows),
        min(grid_range.get("startColumnIndex") or 0, columns),
        min(_end(grid_range, "endRowIndex", rows), rows),
        min(_end(grid_range, "endColumnIndex", columns), columns),
    )


def _end(grid_range: JSON, key: str, size: int) -> int:
    value = grid_range.get(key)
    return size if value is None else int(value)


def grid_range(sheet_id: int, area: Area) -> JSON:
    """A GridRange of a rectangle."""
    return {
        "sheetId": sheet_id,
        "startRowIndex": area.top,
        "endRowIndex": area.bottom,
        "startColumnIndex": area.left,
        "endColumnIndex": area.right,
    }
