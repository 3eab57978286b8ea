"""Sheets in Google Sheets: ``gsheet://KEY/Tab``, or the address from the browser.

A write is one look and one batch, whatever the number of rows (more than two megabytes go in several). The batch is
atomic, typed (nothing is parsed, so nothing becomes a formula), and answered with what it made, so that a teammate's
edit which came between look and batch is seen and put right at once; `batch` and `mend` have the theory, `cells` says
what the service can't tell apart. Columns are known by developer metadata, so people rename and move them freely.

There is no "save" that could be in the way here, so what a teammate does between a look and a write is taken up. Only
a look older than `GoogleBackend.fresh_for` is taken again before it is written to, and `SheetChanged` raised if it
differs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.gsheet.access import access
from experiment_sheet.backends.gsheet.book import WHOLE, Book
from experiment_sheet.backends.gsheet.problems import told
from experiment_sheet.backends.gsheet.service import PATIENCE, TIMEOUT, Service
from experiment_sheet.backends.gsheet.view import View
from experiment_sheet.backends.gsheet.writing import Order, Writing, check_header, missing, parts
from experiment_sheet.columns import RunId
from experiment_sheet.errors import SheetChanged, SheetError, SheetMissing
from experiment_sheet.look import DEFAULT, Look

MOST_COLUMNS: Final = 18_278
"""Columns of a tab: up to ZZZ ("Files you can store in Google Drive", support.google.com/drive/answer/37603)."""

PAYLOAD: Final = 2_000_000
"""Bytes of a request, about ("we recommend a 2-MB maximum payload", developers.google.com/workspace/sheets/api
/limits)."""


class GoogleBackend(Backend):
    """One tab of a spreadsheet in Google Sheets. Making an instance sends nothing."""

    keeps_mark = True
    remote = True

    width: int = MOST_COLUMNS
    """Columns that may be used."""

    fresh_for: float = 2.0
    """Seconds for which what `mark` or `read` saw counts as the tab's present state."""

    patience: float = PATIENCE
    """Seconds after which a request that goes on failing is given up."""

    whole: int = WHOLE
    """Cells of a tab up to which a batch is answered with all of it."""

    timeout: tuple[float, float] = TIMEOUT
    """Seconds to connect, and to wait for an answer."""

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        super().__init__(target, look=look)
        self._open: Book | None = None
        self._seen: tuple[View | None, float] | None = None

    def read(self) -> Table:
        """Read the tab: values, types restored, people's columns and rows included; one request."""
        with self._told() as book:
            view = self._look(book)
            if view is None or view.is_blank:
                raise missing(view, book.where)
            check_header(view, book.where)
            rows = [[view.cell(row, at) for at in range(view.width)] for row in view.rows()]
            return Table(view.columns, view.headers, rows)

    def mark(self) -> Mark | None:
        """Mark that the tab holds; None if it has none, or there is no tab."""
        with self._told() as book:
            view = self._look(book)
            return view.mark if view is not None else None

    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,  # noqa: ARG002 - run_ids come with the look
    ) -> Written:
        """Write cells; make the tab where there is none and something is new."""
        with self._told() as book:
            view = self._present(book)
            book.check_bin()
            whole = Order(rows, frozenset(new), last, None, self.look, self.width, self.known)
            portions = list(parts(rows, PAYLOAD))
            done = [
                Writing(book, replace(whole, rows=portion, mark=mark if portion is portions[-1] else None))
                for portion in portions
            ]
            written = []
            for number, writing in enumerate(done):
                written.append(writing.run(view if number == 0 else book.look(self.known)))
            self._seen = None
            return _together(written)

    def close(self) -> None:
        """Forget what was seen."""
        self._seen = None

    @contextmanager
    def _told(self) -> Iterator[Book]:
        """Turn whatever goes wrong into a `SheetError` that names the sheet and says what to do."""
        with told(lambda: f"the Google Sheet {self.target.path}"):
            if self._open is None:
                self._open = Book(Service(access(), self.patience, self.timeout), self.target, self.whole)
        book = self._open
        identity = book.service.access.identity
        try:
            with told(lambda: book.where, identity):
                yield book
        except SheetMissing:
            raise  # that is what was seen
        except SheetError:
            self._seen = None
            raise

    def _look(self, book: Book) -> View | None:
        seen = self._seen
        if seen is not None and time.monotonic() - seen[1] < self.fresh_for:
            return seen[0]
        view = book.look(self.known)
        self._seen = (view, time.monotonic())
        return view

    def _present(self, book: Book) -> View | None:
        """The tab as it is now. Raises SheetChanged if it isn't what was seen, and that is a while ago."""
        seen, before = self._seen, self._look(book)
        if seen is not None and before is not seen[0] and not _alike(seen[0], before):
            self._seen = None
            raise SheetChanged(f"{book.where} was changed by a person since it was read; read it again")
        return before


def _alike(one: View | None, other: View | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.grid, one.attached) == (other.grid, other.attached) or one.turn != other.turn


def _together(written: list[Written]) -> Written:
    if len(written) == 1:
        return written[0]
    return Written(
        [run for one in written for run in one.added],
        [run for one in written for run in one.missing],
        {run: cells for one in written for run, cells in one.kept.items()},
        list(dict.fromkeys(column for one in written for column in one.no_room)),
        {header: column for one in written for header, column in one.known.items()},
    )
