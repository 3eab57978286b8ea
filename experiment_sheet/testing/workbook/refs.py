"""Cell addresses: ``B7``, ``A1:C9``, ``$A:$C``, ``3:5``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

ROWS: Final = 1_048_576
COLUMNS: Final = 16_384
"""Size of a worksheet: Excel specifications and limits (Microsoft), the same since Excel 2007."""

_CELL: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})\Z")
_WHOLE_COLUMNS: Final = re.compile(r"\$?([A-Za-z]{1,3}):\$?([A-Za-z]{1,3})\Z")
_WHOLE_ROWS: Final = re.compile(r"\$?([1-9][0-9]{0,6}):\$?([1-9][0-9]{0,6})\Z")


class Area(NamedTuple):
    """A rectangle of cells, counted from 1, ends included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def width(self) -> int:
        """How many columns it spans."""
        return self.right - self.left + 1

    def holds(self, other: Area) -> bool:
        """Whether the other lies wholly in this one."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )

    def meets(self, other: Area) -> bool:
        """Whether the two share a cell."""
        return (
            self.top <= other.bottom
            and other.top <= self.bottom
            and self.left <= other.right
            and other.left <= self.right
        )


@lru_cache(maxsize=2048)
def column_number(letters: str) -> int:
    """``A`` → 1, ``XFD`` → 16384."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def cell(text: str) -> tuple[int, int] | None:
    """(row, column) of one cell's address; None if it is none inside the grid."""
    match = _CELL.match(text)
    if match is None:
        return None
    row, column = int(match[2]), column_number(match[1])
    return (row, column) if row <= ROWS and column <= COLUMNS else None


def area(text: str) -> Area | None:
    """Rectangle of one cell, a range, whole columns or whole rows; None if it is none, or upside down."""
    if match := _WHOLE_COLUMNS.match(text):
        found = Area(1, column_number(match[1]), ROWS, column_number(match[2]))
    elif match := _WHOLE_ROWS.match(text):
        found = Area(int(match[1]), 1, int(match[2]), COLUMNS)
    else:
        first, _, last = text.partition(":")
        start, end = cell(first), cell(last or first)
        if start is None or end is None or text.endswith(":"):
            return None
        found = Area(*start, *end)
    upright = found.top <= found.bottom <= ROWS and found.left <= found.right <= COLUMNS
    return found if upright else None


def name(row: int, column: int) -> str:
    """Address of one cell."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def name_area(found: Area) -> str:
    """Address of a rectangle; of one cell, the cell's."""
    first, last = name(found.top, found.left), name(found.bottom, found.right)
    return first if first == last else f"{first}:{last}"
