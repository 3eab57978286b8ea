"""One spreadsheet of Google's: which tab is meant, a look at it, a batch sent to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.gsheet.batch import NEW_COLUMNS, NEW_ROWS, Batch
from experiment_sheet.backends.gsheet.mend import letters
from experiment_sheet.backends.gsheet.problems import Answered
from experiment_sheet.backends.gsheet.service import ABOUT, Service
from experiment_sheet.backends.gsheet.view import LOOK, MADE_AS, View
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetRefused

JSON = dict[str, Any]

WHOLE: Final = 20_000
"""Cells of a tab up to which a batch is answered with all of it, so that what was displaced is mended at once.
Beyond, the answer shows header, run_ids and the rows that were written; if something is wrong, a look is taken."""

_GID: Final = re.compile(r"gid=(\d+)")
_ECHO: Final = f"updatedSpreadsheet({LOOK})"

_tabs: dict[tuple[str, str, str | None], int] = {}
"""Tabs that this process has found: address, key, name → number. A tab that people rename stays known."""

_doubts: dict[tuple[str, str, str | None], tuple[View, Batch]] = {}
"""Batches of which nobody has seen yet what they made, and the views that they were planned on: an answer that was
lost, and a service that stayed away. The next write of this process looks what has become of them."""

_no_drive: set[str] = set()
"""Addresses at which Drive doesn't answer this account: only the Sheets API was switched on."""


@dataclass(slots=True)
class Book:
    """A spreadsheet, and one tab of it."""

    service: Service
    target: Target
    whole: int = WHOLE
    title: str = ""
    tab_title: str = ""

    @property
    def where(self) -> str:
        """The sheet, for people."""
        name = f"the Google Sheet {self.title!r}" if self.title else f"the Google Sheet {self.target.path}"
        tab = self.tab_title or self.target.tab
        return f"{name}, tab {tab!r}" if tab and not _GID.fullmatch(tab) else name

    def look(self, known: Mapping[str, Column]) -> View | None:
        """The tab as it is; None if it isn't there."""
        for again in (False, True):
            sheet_id = self._sheet_id()
            if sheet_id is None:
                return None
            try:
                answer = self.service.look(self.target.path, [{"gridRange": {"sheetId": sheet_id}}], LOOK)
            except Answered as refusal:
                if refusal.status != 400 or again:
                    raise
                answer = {}  # the tab was deleted
            view = View.of(answer, sheet_id, known)
            if view is not None:
                self.title, self.tab_title = view.book or self.title, view.title
                return view
            self.forget()
        return None

    def blank(self, title: str, known: Mapping[str, Column]) -> View:
        """A tab that is yet to be made."""
        sheet_id = int.from_bytes(os.urandom(4)) % (2**31 - 2) + 1
        return View(sheet_id, title, [], (NEW_ROWS, NEW_COLUMNS), known=known)

    def send(self, view: View, batch: Batch, *, known: Mapping[str, Column], again: bool) -> View | None:
        """Apply a batch and answer what it made of the tab. `again`: it may be sent twice, because it has a turn."""
        title = "'" + view.title.replace("'", "''") + "'"
        batch.is_whole = view.end * view.width <= self.whole
        ranges = [title] if batch.is_whole else _parts(title, view, batch)
        answer = self.service.batch(self.target.path, batch.requests, ranges=ranges, fields=_ECHO, again=again)
        return View.of(answer.get("updatedSpreadsheet", {}), view.sheet_id, known)

    def made(self, view: View) -> None:
        """Remember the tab that was written."""
        _tabs[self._key] = view.sheet_id
        self.tab_title = view.title

    @property
    def doubt(self) -> tuple[View, Batch] | None:
        """The last batch, and the tab that it was planned on, while nobody knows what it made."""
        return _doubts.get(self._key)

    @doubt.setter
    def doubt(self, doubt: tuple[View, Batch] | None) -> None:
        if doubt is None:
            _doubts.pop(self._key, None)
        else:
            _doubts[self._key] = doubt

    def forget(self) -> None:
        """Forget which tab it is."""
        _tabs.pop(self._key, None)

    def check_bin(self) -> None:
        """Raise SheetRefused if the file is in the bin: Google takes rows there, and deletes them after 30 days.

        Drive knows it. Where Drive can't be asked, nothing is said: the Sheets API is enough for everything else.
        """
        if self.service.access.drive in _no_drive:
            return
        try:
            found = self.service.once(self.target.path, fields="trashed")
        except Exception as error:  # noqa: BLE001 - whatever it is, the sheet itself will tell
            if isinstance(error, Answered) and error.status == 403 and not error.is_passing:
                _no_drive.add(self.service.access.drive)
            return
        if found.get("trashed"):
            raise SheetRefused(f"{self.where} is in Google Drive's bin: restore it there, or name another sheet")

    @property
    def _key(self) -> tuple[str, str, str | None]:
        return (self.service.access.sheets, self.target.path, self.target.tab)

    def _sheet_id(self) -> int | None:
        if self._key not in _tabs:
            about = self.service.sheets("GET", self.target.path, query={"fields": ABOUT}, kind="read")
            self.title = about.get("properties", {}).get("title", "")
            grids = [one for one in about.get("sheets", ()) if one["properties"].get("sheetType", "GRID") == "GRID"]
            grids.sort(key=lambda one: one["properties"].get("hidden", False))
            found = _chosen(grids, self.target.tab)
            if found is None:
                return None
            _tabs[self._key] = found["properties"].get("sheetId", 0)
        return _tabs[self._key]


def _chosen(tabs: list[JSON], wanted: str | None) -> JSON | None:
    """The tab that is meant: of this number or name, or made under this name; else the first that is ours."""
    if wanted is None:
        return next((tab for tab in tabs if _made_as(tab) is not None), tabs[0] if tabs else None)
    if gid := _GID.fullmatch(wanted):
        return next((tab for tab in tabs if tab["properties"].get("sheetId", 0) == int(gid[1])), None)
    exact = (tab for tab in tabs if tab["properties"]["title"] == wanted)
    caseless = (tab for tab in tabs if tab["properties"]["title"].casefold() == wanted.casefold())
    renamed = (tab for tab in tabs if _made_as(tab) == wanted)
    return next(exact, None) or next(caseless, None) or next(renamed, None)


def _made_as(tab: JSON) -> str | None:
    metas = tab.get("developerMetadata", ())
    return next((one.get("metadataValue", "") for one in metas if one.get("metadataKey") == MADE_AS), None)


def _parts(title: str, view: View, batch: Batch) -> list[str]:
    """Ranges of header, run_ids, and the rows that a batch writes."""
    width = view.width + len(batch.headers)
    columns = [*view.columns, *batch.headers.values()]
    ids = letters(next((at for at, column in enumerate(columns) if column == RUN_ID), 0))
    rows = sorted({row for row, _ in batch.cells} | {view.top})
    found = [f"{title}!{ids}:{ids}"]
    start = rows[0]
    for row, after in zip(rows, [*rows[1:], -1], strict=True):
        if after != row + 1:
            found.append(f"{title}!A{start + 1}:{letters(width - 1)}{row + 1}")
            start = after
    return found
