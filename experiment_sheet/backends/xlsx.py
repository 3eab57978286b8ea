"""Sheets in .xlsx workbooks, a person's own ones too.

What the format can't tell apart, so that it comes back as the other: ``5.0`` and ``5``; midnight and the date; empty
text and an empty cell; dates beyond a millisecond; text that reads ``NaN``, ``inf``, ``-inf`` or a whole number of more
than 15 digits, and that number. Links come back as their text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from experiment_sheet import columns as column_rules
from experiment_sheet import notices
from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import IllegalTab, NoRoom, SheetChanged, SheetMissing, SheetRefused
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.ooxml import fresh
from experiment_sheet.ooxml.book import Book
from experiment_sheet.ooxml.draft import Request
from experiment_sheet.ooxml.lay import Change
from experiment_sheet.ooxml.package import Package
from experiment_sheet.ooxml.parts import Overlay
from experiment_sheet.ooxml.place import LAST_COLUMN
from experiment_sheet.ooxml.workbook import Tab, check_editable, check_tab
from experiment_sheet.ooxml.writer import work_out


class XlsxBackend(Backend):
    """One tab of an .xlsx file."""

    keeps_mark = True

    width: int = LAST_COLUMN
    """Last column that may be used."""

    _held: tuple[Package, Book] | None = None  # what `mark` opened, for the write that follows

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        super().__init__(target, look=look)
        if target.tab is not None:
            check_tab(target.tab)
        self._path = Path(target.path)
        self._seen: str | None = None  # identity of what `mark` or `read` saw last

    def close(self) -> None:
        """Close the file that `mark` left open."""
        held, self._held = self._held, None
        if held is not None:
            held[0].close()

    def __del__(self) -> None:  # a caller may ask for the mark alone
        self.close()

    def read(self) -> Table:
        """Read everything."""
        from experiment_sheet.ooxml.reader import read

        self.close()
        with Package.open(self._path) as package:
            self._seen = package.identity
            return read(Book(package), self.target.tab)

    def mark(self) -> Mark | None:
        """Mark the sheet holds now; None if it has none, or there is no sheet."""
        self.close()
        self._seen = None
        try:
            package = Package.open(self._path)
        except SheetMissing:
            return None
        with ExitStack() as stack:
            stack.callback(package.close)
            book = Book(package)
            tab = book.tab(self.target.tab)
            found = book.workbook.mark(tab) if tab else None
            self._seen, self._held = package.identity, (package, book)
            stack.pop_all()
        return found

    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,
    ) -> Written:
        """Write cells; make workbook or tab where there is none and something is new."""
        allowed = frozenset(new)
        fresh_ids = dict.fromkeys(run for run in rows if run in allowed).keys()
        request = Request(rows, fresh_ids, last or {}, mark, since, self.look, self.width)
        held, self._held = self._held, None  # a save proves that it still is the file
        try:
            package = held[0] if held else self._opened()
        except SheetMissing:
            if not request.new:
                raise
            return self._create(request)
        with package:
            self._seen = None
            return self._edit(package, held[1] if held else Book(package), request)

    def _opened(self) -> Package:
        """Open the file; raises `SheetChanged` if it is another than the one that was seen."""
        seen, self._seen = self._seen, None
        try:
            package = Package.open(self._path)
        except SheetMissing:
            if seen is not None:
                raise SheetChanged(f"{self._path} was deleted since it was read.") from None
            raise
        if seen is not None and package.identity != seen:
            package.close()
            raise SheetChanged(f"{self._path} was saved by another program since it was read. Read it again.")
        return package

    def _edit(self, package: Package, book: Book, request: Request) -> Written:
        check_editable(package, book.workbook)
        tab = book.tab(self.target.tab)
        request = self._marked(request, book.workbook.mark(tab) if tab else None)
        if tab is None and not request.new:
            return Written(missing=list(request.rows), token=package.proven())
        if tab is None:
            return self._into_new_tab(package, book, request)
        try:
            if request.rows:
                package.copy_ahead(tab.part)
            return _saved(package, book, tab, request)
        except NoRoom as problem:  # a tab of which nobody said that runs go there need not be the one
            if self.target.tab is not None or book.workbook.identities(tab):
                raise
            notices.say("new tab", str(self._path), f"{problem} Runs go to a tab of their own.")
        return self._into_new_tab(package, book, request)

    def _into_new_tab(self, package: Package, book: Book, request: Request) -> Written:
        name = self.target.tab or self.look.tab
        if self.target.tab is None and book.tab(name) is not None:
            raise SheetRefused(f"{self._path} has a tab {name!r} that holds no runs. Name the tab to log into.")
        made = fresh.with_tab(package, book.workbook, name)
        with_it = Book(Overlay(package, made))
        tab = fresh.home(with_it.workbook)
        if tab is None:
            raise IllegalTab(f"{self._path}: the new tab could not be added. Add it in Excel.")
        return _saved(package, with_it, tab, request, made)

    def _marked(self, request: Request, there: Mark | None) -> Request:
        """Say in the mark that the tab is the workbook's own, if it is, or becomes so because no tab was named."""
        own = self.target.tab is None or (there is not None and there.own)
        return replace(request, mark=replace(request.mark, own=own)) if request.mark else request

    def create(self) -> None:
        """Make the workbook, without runs; a copy of another one, where the look names it."""
        if self._path.exists():
            raise SheetChanged(f"{self._path} is there already; it was left as it is. Name another file.")
        self._make({}, None)

    def _create(self, request: Request) -> Written:
        rows = {run: {**request.rows[run], RUN_ID: run} for run in request.new}
        self._make(rows, self._marked(request, None).mark)
        with Package.open(self._path) as package:
            if self.look.workbook:
                return self._edit(package, Book(package), request)
            missing = [run for run in request.rows if run not in rows]
            return Written(list(rows), missing, token=package.identity)

    def _make(self, rows: Mapping[RunId, Row], mark: Mark | None) -> None:
        """Make the workbook with these rows; as a copy of another one, without them."""
        from experiment_sheet.ooxml.create import copy, create

        if self.look.workbook:
            return copy(Path(self.look.workbook), self._path)
        if self._path.suffix.lower() == ".xlsm":
            raise SheetRefused(
                f"{self._path} isn't there, and a workbook for macros is best made in Excel. Make it there."
            )
        logged = dict.fromkeys(c for row in rows.values() for c, v in row.items() if v is not None)
        wanted = dict.fromkeys([*self.look.columns, *column_rules.order(logged)])
        placed: list[tuple[Column, str]] = []
        for column in wanted:
            placed.append((column, self.look.header(column, [header for _, header in placed])))
        cells = [[row.get(column) for column, _ in placed] for row in rows.values()]
        tab = self.target.tab or self.look.tab
        return create(self._path, look=self.look, tab=tab, columns=placed, rows=cells, mark=mark)


def _saved(
    package: Package, book: Book, tab: Tab, request: Request, made: Mapping[str, bytes] = MappingProxyType({})
) -> Written:
    """Write into a tab, and save; `made` are parts that a new tab brought."""
    changed, report = work_out(book, tab, request)
    changes: dict[str, Change] = {**made, **changed}
    token = package.save(changes, remove=report.remove) if changes else package.proven()
    return Written(report.added, report.missing, report.kept, report.no_room, token=token)
