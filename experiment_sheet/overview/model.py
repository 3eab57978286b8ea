"""What a plan of an overview is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

METRICS: Final = 8
"""Results that the best runs are shown for."""
CHOICES: Final = 8
"""Columns that are offered to make groups of."""
POINTS: Final = 300
"""Runs that the chart shows, the last ones."""
BLOCKS: Final = ("status", "time", "days", "best", "chart", "groups")
"""What an overview can show: the first three at the left, the others at the right."""

LEFT: Final = 2
RIGHT: Final = 6
WIDTHS: Final = (2.0, 15.0, 11.0, 17.0, 3.0, 19.0, 10.0, 11.0, 25.0, 11.0, 11.0, 8.0, 2.0)
"""Widths of the visible columns, in characters."""
HIDDEN: Final = (14, 29)
"""First and last of the columns that formulas share and nobody needs to see."""

DARK: Final = "1F2937"
GREY: Final = "6B7280"
LINE: Final = "D9DEE5"


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks. Colours are RRGGBB."""

    bold: bool = False
    size: int = 11
    color: str = DARK
    fill: str | None = None
    number_format: str | None = None
    right: bool = False
    indent: int = 0
    line: str | None = None  # colour of the line below


@dataclass(frozen=True, slots=True)
class Spot:
    """One cell: text, or a formula, which begins with ``=``; `array`: one that computes with arrays."""

    row: int
    column: int
    text: str
    style: Style = Style()
    array: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Points of the runs and the best so far, in rows of hidden columns, shown in an area. Ends belong to it.

    The series' names stand in the row above their points.
    """

    x: int
    value: int
    best: int
    rows: tuple[int, int]
    columns_shown: tuple[int, int]
    rows_shown: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pick:
    """A cell in which a person chooses: one of some words, or of the cells of a column. Anything else may be typed."""

    row: int
    column: int
    help: str = ""
    words: tuple[str, ...] = ()
    among: int = 0  # the column
    rows: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Plan:
    """A whole overview."""

    tab: str
    spots: list[Spot] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    chart: Chart | None = None
    widths: tuple[float, ...] = WIDTHS
    hidden: tuple[int, int] = HIDDEN
    last_row: int = 1  # of the visible part

    @property
    def last_column(self) -> int:
        """Last column of the visible part."""
        return len(self.widths) - 1


def _no_slot(_kind: str, _number: int) -> str:
    return '""'


def _no_link(_row: str, text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Runs:
    """Where the runs stand, as formulas say it."""

    tab: str  # as in a reference: quoted if need be
    letters: Mapping[str, str]  # key of a column of the run's own → its letters
    by_offset: bool = False  # Google Sheets refuses references to columns that its grid hasn't
    slot: Callable[[str, int], str] = _no_slot  # ("goal" | "way" | "by", number from 1) → expression
    link: Callable[[str, str], str] = _no_link  # (expression of a row, of a text) → expression of a link to that row


def linked_by_cell(tab: str) -> Callable[[str, str], str]:
    """Links to a row of a tab as Excel and LibreOffice follow them, whatever the tab is called by then."""
    return lambda row, text: f'HYPERLINK("#"&CELL("address",INDEX({tab}!$A:$A,{row})),{text})'


def letters(column: int) -> str:
    """Letters of a column, which counts from 1."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
