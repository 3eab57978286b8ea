"""One write into one tab: what is asked for becomes changed parts.

1. Find the place of the runs and the columns (`place`).
2. Look at the rows (`looking`): at the hot ones if that is enough, else at all.
3. Judge every cell of the rows asked for (`ownership`), spell what is to be written (`row_work`, `pen`).
4. Let grow what Excel would let grow, name the columns, raise the mark (`assembly`).

Nothing is written here: the result is a set of changes for `Package.save`, and what to report.
"""

from __future__ import annotations

from experiment_sheet.columns import RUN_ID
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml import looking, row_work
from experiment_sheet.ooxml.assembly import changed_parts
from experiment_sheet.ooxml.book import Book
from experiment_sheet.ooxml.draft import Draft, Report, Request
from experiment_sheet.ooxml.lay import Change
from experiment_sheet.ooxml.new_columns import add_columns
from experiment_sheet.ooxml.pen import Pen
from experiment_sheet.ooxml.place import Place, find_place, resolve
from experiment_sheet.ooxml.workbook import Tab
from experiment_sheet.ooxml.worksheet import Worksheet


def work_out(book: Book, tab: Tab, request: Request) -> tuple[dict[str, Change], Report]:
    """Changed parts of a write, and what it does. No parts: there is nothing to do."""
    draft = _begun(book, tab, request)
    draft.survey = looking.look(draft)
    if draft.sheet.protected:
        raise SheetRefused(f"{draft.sheet.what} is protected. Unprotect it in Excel (Review, Unprotect Sheet).")
    found = looking.found_rows(draft)
    report = draft.report
    report.added = [run for run in request.new if run not in found]
    report.missing = [run for run in request.rows if run not in found and run not in request.new]
    concerned = {run: row for run, row in request.rows.items() if run in found or run in request.new}
    add_columns(draft, looking.absent(draft, concerned) if concerned else [])
    draft.pen.follow(row_work.last_rows(draft), draft.place)
    for run, row in found.items():
        row_work.change_row(draft, run, row)
    bottom = draft.survey.bottom
    if report.added:
        first = row_work.first_new_row(draft)
        row_work.make_room(draft, first)
        for number, run in enumerate(report.added, first):
            row_work.add_row(draft, number, run)
        bottom = max(bottom, first + len(report.added) - 1)
    return changed_parts(draft, bottom), report


def _begun(book: Book, tab: Tab, request: Request) -> Draft:
    sheet = Worksheet(book.source, tab)
    found = find_place(sheet, book.workbook, book.holder)
    place = found or Place(None, 1, {}, {})
    wanted = dict.fromkeys([RUN_ID, *(column for row in request.rows.values() for column in row)])
    pen = Pen(sheet, book.styles, request.look, date1904=book.workbook.date1904)
    return Draft(book, sheet, request, place, found is None, resolve(place, wanted), pen)
