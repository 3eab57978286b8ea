"""A workbook that is being read or written: its parts, and which tab holds the runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from experiment_sheet.columns import RUN_ID
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml.held import Holder
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.place import find_place
from experiment_sheet.ooxml.strings import SharedStrings
from experiment_sheet.ooxml.styles import Styles
from experiment_sheet.ooxml.workbook import Tab, Workbook
from experiment_sheet.ooxml.worksheet import Worksheet


class Book:
    """A workbook's parts, each read when first needed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.workbook = Workbook(source)

    @cached_property
    def styles_part(self) -> str | None:
        """Name of the styles part."""
        return self.workbook.part_of("styles")

    @cached_property
    def styles(self) -> Styles | None:
        """Cell styles."""
        part = self.styles_part
        return Styles(self.source.read(part), f"{self.source.path}, {part}") if part else None

    @cached_property
    def holder(self) -> Holder:
        """Reader of cells."""
        part = self.workbook.part_of("sharedStrings")

        def chunks() -> Iterable[bytes]:
            return self.source.chunks(part, 1 << 16) if part else ()

        return Holder(SharedStrings(chunks), lambda: self.styles, date1904=self.workbook.date1904)

    def tab(self, name: str | None) -> Tab | None:
        """Tab of this name, or the sheet's own; None where there is none."""
        tabs = self.workbook.tabs
        if name is None:
            return self._own()
        found = next((tab for tab in tabs if tab.name.casefold() == name.casefold()), None)
        if found is not None and not found.is_worksheet:
            raise SheetRefused(f"{self.source.path}: tab {name!r} holds no cells ({found.kind}). Choose another tab.")
        return found

    def _own(self) -> Tab | None:
        """Tab that was logged into before without naming it, else the one that was logged into last.

        Else the first that holds a table of runs, else the first that does more than explain the others.
        """
        worksheets = [tab for tab in self.workbook.tabs if tab.is_worksheet]
        ours = {name.scope for name in self.workbook.names if name.ours}
        known = [tab for tab in worksheets if tab.index in ours]
        if known:
            # A copied tab carries the names and the mark too; what is written since tells the original.
            return max(known, key=lambda tab: (self._is_own(tab), self._generation(tab), -tab.sheet_id))
        visible = [tab for tab in worksheets if not tab.hidden] or worksheets
        if len(visible) > 1:
            return next((tab for tab in visible if self._holds_runs(tab)), None) or self._first(visible)
        return visible[0] if visible else None

    def _first(self, tabs: Sequence[Tab]) -> Tab:
        """First tab; where that one only explains the others (one column and no table), the first with a table."""
        first = Worksheet(self.source, tabs[0])
        place = find_place(first, self.workbook, self.holder)
        if place is None or place.table is not None or len(place.headers) > 1:
            return tabs[0]
        return next((tab for tab in tabs[1:] if Worksheet(self.source, tab).tables), tabs[0])

    def _is_own(self, tab: Tab) -> bool:
        mark = self.workbook.mark(tab)
        return mark is not None and mark.own

    def _generation(self, tab: Tab) -> int:
        mark = self.workbook.mark(tab)
        return mark.generation if mark else -1

    def _holds_runs(self, tab: Tab) -> bool:
        place = find_place(Worksheet(self.source, tab), self.workbook, self.holder)
        return place is not None and RUN_ID.key in place.headers.values()
