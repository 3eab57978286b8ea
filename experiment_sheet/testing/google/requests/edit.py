"""One ``spreadsheets.batchUpdate`` being applied, as its requests see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.races import Races
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab


@dataclass(slots=True)
class Arrival:
    """What was so when a batch arrived: where each tab's data ended, and how many shifts had been applied."""

    ends: dict[int, int]
    shifts: int

    @classmethod
    def now(cls, book: Spreadsheet) -> Arrival:
        """Remember a spreadsheet's state."""
        return cls({tab.sheet_id: tab.data_end for tab in book.tabs}, len(book.history))


@dataclass(slots=True)
class Edit:
    """The spreadsheet that a batch changes, by whom, and under which reading of races."""

    book: Spreadsheet
    user: str
    races: Races
    arrival: Arrival
    lags: dict[int, int] = field(default_factory=dict)
    began: int = 0

    def __post_init__(self) -> None:
        """Take, where the reading says so, the ends of data that were found on arrival for the present ones."""
        self.began = len(self.book.history)
        if self.races.append_cells_overlap:
            tabs = (tab for tab in self.book.tabs if tab.sheet_id in self.arrival.ends)
            self.lags = {tab.sheet_id: self.arrival.ends[tab.sheet_id] - tab.data_end for tab in tabs}

    def area(self, grid_range: JSON | None) -> tuple[Tab, Area]:
        """Tab and cells of a GridRange."""
        where = grid_range or {}
        tab = self.book.tab(where.get("sheetId"))
        return tab, tab.area(where)

    def writable(self, grid_range: JSON | None) -> tuple[Tab, Area]:
        """Tab and cells of a GridRange that this user may change."""
        tab, area = self.area(grid_range)
        self.book.guard(tab, area, self.user)
        return tab, area

    def drifted(self, tab: Tab, dimension: str, start: int) -> int:
        """Where an insertion goes when others inserted since this batch arrived."""
        if self.races.inserts_drift:
            for sheet_id, shift in self.book.history[self.arrival.shifts : self.began]:
                same = sheet_id == tab.sheet_id and shift.dimension == dimension
                if same and shift.kind == "insert" and shift.start <= start:
                    start += shift.size
        return start


Handler = Callable[[Edit, JSON], JSON]
"""Applies one request and returns its reply."""

_KEEP: Final = {
    "startRowIndex",
    "endRowIndex",
    "startColumnIndex",
    "endColumnIndex",
    "startIndex",
    "endIndex",
    "sheetId",
    "index",
    "numberValue",
    "boolValue",
    "stringValue",
    "bold",
    "italic",
    "strikethrough",
    "underline",
}
"""Fields whose zero the service tells from their absence."""


def plain(node: Any) -> Any:
    """JSON as the service keeps it: without nulls and without zeros that mean the same as nothing."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: plain(value) for key, value in node.items() if value is not None}
    return {key: value for key, value in kept.items() if key in _KEEP or value not in (False, 0, "", [])}


def needed(body: JSON, name: str) -> Any:
    """A field that a request must have."""
    if body.get(name) is None:
        raise invalid(f"{name} is required")
    return body[name]
