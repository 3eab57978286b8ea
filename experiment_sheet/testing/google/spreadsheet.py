"""A spreadsheet: tabs, named ranges, developer metadata, and what moves when rows and columns move."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Final

from experiment_sheet.testing.google.a1 import (
    Area,
    Reference,
    area_name,
    cell_name,
    parse_cells,
    quoted,
    split_title,
)
from experiment_sheet.testing.google.defaults import new_properties
from experiment_sheet.testing.google.formulas import follow
from experiment_sheet.testing.google.refusal import JSON, Refused, invalid
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift, shifted
from experiment_sheet.testing.google.tab import MOST_COLUMNS, Cell, Tab

MOST_CELLS: Final = 10_000_000
"""Cells of a spreadsheet, empty ones of its grids too (support.google.com/drive/answer/37603)."""


class Spreadsheet:
    """One spreadsheet."""

    def __init__(self, key: str, title: str, *, owner: str, chance: random.Random) -> None:
        self.key = key
        self.owner = owner
        self.properties = new_properties(title)
        self.tabs = [Tab(0, "Sheet1")]
        self.named_ranges: list[JSON] = []
        self.metadata: list[JSON] = []
        self.history: list[tuple[int, Shift]] = []
        self.chance = chance

    @property
    def title(self) -> str:
        """Name of the spreadsheet, and of its file."""
        return str(self.properties["title"])

    @property
    def locale(self) -> str:
        """Locale that numbers and dates are read and shown in."""
        return str(self.properties["locale"])

    def new_id(self, *taken: int) -> int:
        """A random number for a tab, a named range, or whatever wants one."""
        while (number := self.chance.randrange(1, 2**31 - 1)) in taken:
            pass
        return number

    def find(self, sheet_id: int) -> Tab | None:
        """Tab of a number."""
        return next((tab for tab in self.tabs if tab.sheet_id == sheet_id), None)

    def tab(self, sheet_id: int | None, *, what: str = "grid") -> Tab:
        """Tab of a number; refuses what there is none of."""
        found = self.find(sheet_id or 0)
        if found is None:
            raise invalid(f"No {what} with id: {sheet_id or 0}")
        return found

    def titled(self, title: str) -> Tab | None:
        """Tab of a title, whatever its case."""
        exact = (tab for tab in self.tabs if tab.title == title)
        caseless = (tab for tab in self.tabs if tab.title.lower() == title.lower())
        return next(exact, None) or next(caseless, None)

    def snapshot(self) -> Spreadsheet:
        """A copy that later changes don't touch."""
        other = copy.copy(self)
        other.tabs = [tab.snapshot() for tab in self.tabs]
        other.properties = copy.deepcopy(self.properties)
        other.named_ranges = copy.deepcopy(self.named_ranges)
        other.metadata = copy.deepcopy(self.metadata)
        other.history = list(self.history)
        return other

    def restore(self, saved: Spreadsheet) -> None:
        """Become what a snapshot was."""
        self.tabs, self.properties = saved.tabs, saved.properties
        self.named_ranges, self.metadata = saved.named_ranges, saved.metadata
        self.history = saved.history

    def resolve(self, text: str) -> tuple[Tab, Area]:
        """Tab and cells of a range in A1 notation, or of a named range."""
        tab, found = self.reference(text)
        whole = tab.whole
        top, left = found.top or 0, found.left or 0
        if top >= whole.bottom or left >= whole.right:
            raise self.beyond(tab, found)
        bottom = whole.bottom if found.bottom is None else min(found.bottom, whole.bottom)
        right = whole.right if found.right is None else min(found.right, whole.right)
        return tab, Area(top, left, bottom, right)

    def beyond(self, tab: Tab, found: Reference) -> Refused:
        """The refusal of a range that the grid doesn't have."""
        top, left = found.top or 0, found.left or 0
        end = (found.bottom or top + 1, found.right or left + 1)
        name = area_name(Area(top, left, *end)) if None not in (found.bottom, found.right) else cell_name(top, left)
        return invalid(
            f"Range ({quoted(tab.title)}!{name}) exceeds grid limits. "
            f"Max rows: {tab.count(ROWS)}, max columns: {tab.count(COLUMNS)}"
        )

    def reference(self, text: str) -> tuple[Tab, Reference]:
        """Tab and bounds of a range as it is written, whether or not the grid reaches so far."""
        title, cells = split_title(text)
        if title is not None and (tab := self.titled(title)):
            found = parse_cells(cells) if cells else Reference()
            if found is not None:
                return tab, found
            if named := self.named(cells or ""):
                return named
        elif title is None and cells is not None:
            if found := parse_cells(cells):
                return self.first, found
            if named := self.named(cells):
                return named
            if tab := self.titled(cells):
                return tab, Reference()
        raise invalid(f"Unable to parse range: {text}")

    @property
    def first(self) -> Tab:
        """The tab that a range without title means: the first that is visible."""
        return next((tab for tab in self.tabs if not tab.properties.get("hidden")), self.tabs[0])

    def named(self, name: str) -> tuple[Tab, Reference] | None:
        """Tab and cells of a named range."""
        for named in self.named_ranges:
            if named["name"].lower() == name.lower():
                where = named["range"]
                tab = self.tab(where.get("sheetId"))
                bounds = (where.get(k) for k in ("startRowIndex", "startColumnIndex", "endRowIndex", "endColumnIndex"))
                return tab, Reference(tab.title, *bounds)
        return None

    def check_size(self) -> None:
        """Refuse more columns or cells than a spreadsheet takes."""
        for tab in self.tabs:
            if tab.count(COLUMNS) > MOST_COLUMNS:
                what = f"columns in the sheet above the limit of {MOST_COLUMNS} columns."
                raise invalid(f"This action would increase the number of {what}")
        if sum(tab.count(ROWS) * tab.count(COLUMNS) for tab in self.tabs) > MOST_CELLS:
            what = f"cells in the workbook above the limit of {MOST_CELLS} cells."
            raise invalid(f"This action would increase the number of {what}")

    def shift(self, tab: Tab, shift: Shift) -> None:
        """Insert, delete or move rows or columns; whatever points at them follows."""
        self.named_ranges = shifted(self.named_ranges, tab.sheet_id, shift)
        self.metadata = shifted(self.metadata, tab.sheet_id, shift)
        tab.shift(shift)
        self.history.append((tab.sheet_id, shift))
        for other in self.tabs:
            if other is not tab:
                other.parts = shifted(other.parts, tab.sheet_id, shift) or {}
        self.rewrite(lambda text, own: follow(text, own.title, tab.title, shift))
        self.check_size()

    def resize(self, tab: Tab, dimension: str, count: int) -> None:
        """Set the number of rows or columns; what lies beyond is gone."""
        if count < tab.count(dimension):
            self.shift(tab, Shift("delete", dimension, count, tab.count(dimension)))
        tab.grow(dimension, count)

    def rewrite(self, change: Callable[[str, Tab], str]) -> None:
        """Change the text of every formula."""
        for tab in self.tabs:
            for at, row in enumerate(tab.rows):
                new = {c: cell for c, old in row.items() if (cell := _rewritten(old, tab, change)) is not old}
                if new:
                    tab.rows[at] = {**row, **new}

    def renumber(self) -> None:
        """Give each tab the index of its place."""
        for index, tab in enumerate(self.tabs):
            tab.properties["index"] = index

    def guard(self, tab: Tab, area: Area, user: str) -> None:
        """Refuse an edit of protected cells by somebody who isn't among their editors."""
        for protection in tab.parts.get("protectedRanges", ()):
            editors = protection.get("editors", {}).get("users", ())
            if protection.get("warningOnly") or user in editors or user == self.owner:
                continue
            open_ranges = protection.get("unprotectedRanges", ())
            inside = any(tab.area(part).holds(area) for part in open_ranges)
            if tab.area(protection.get("range", {})).meets(area) and not inside:
                raise invalid(
                    "You are trying to edit a protected cell or object. Please contact the spreadsheet owner "
                    "to remove protection if you need to edit."
                )


def _rewritten(cell: Cell, tab: Tab, change: Callable[[str, Tab], str]) -> Cell:
    formula = cell.get("userEnteredValue", {}).get("formulaValue")
    if formula is None or (new := change(formula, tab)) == formula:
        return cell
    return {**cell, "userEnteredValue": {"formulaValue": new}}
