"""Rows changed, rows added, room made for them: all decided cell by cell, none written yet."""

from __future__ import annotations

from collections.abc import Iterator

from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.formula import follows_table, qualified
from experiment_sheet.ooxml.held import blank, formula
from experiment_sheet.ooxml.ownership import Verdict, judge
from experiment_sheet.ooxml.pointing import pointer_from_elsewhere
from experiment_sheet.ooxml.rows import Row, column_letters
from experiment_sheet.ooxml.table import Area
from experiment_sheet.ooxml.worksheet import LAST_ROW, overlapping
from experiment_sheet.values import Cell


def last_rows(draft: Draft) -> list[Row]:
    """Return the last five rows of data."""
    survey = draft.survey
    numbers = range(max(draft.place.first, survey.bottom - 4), survey.bottom + 1)
    return [survey.held[number] for number in numbers if number in survey.held]


def change_row(draft: Draft, run: RunId, row: Row) -> None:
    """Write those cells of a row that are the library's; report the others."""
    present, holder = draft.present(row), draft.book.holder
    last = draft.request.last.get(run, {})
    for column, value in draft.request.rows[run].items():
        at = draft.places.get(column)
        if at is None or column == RUN_ID:
            continue
        cell = present.get(at)
        said = None if at in draft.headers else last.get(column)  # in a new column nobody cleared anything
        verdict = judge(cell, value, said, holder)
        if verdict is Verdict.KEEP:
            draft.report.kept.setdefault(run, {})[column] = holder.value(cell) if cell else None
        elif verdict is Verdict.WRITE:
            draft.put(row.number, at, draft.pen.old_cell(cell, at, row.number, column, value))
            if cell is not None and formula(cell) is not None:
                draft.unchained[f"{column_letters(at)}{row.number}"] = None


def add_row(draft: Draft, number: int, run: RunId) -> None:
    """Write a new row: the run's cells, calculated columns, styled blanks."""
    values: dict[int, tuple[Column, Cell]] = {}
    for column, value in draft.request.rows[run].items():
        at = draft.places.get(column)
        if at is not None and value is not None:
            values[at] = (column, value)
    values[draft.places[RUN_ID]] = (RUN_ID, run)
    pen, made = draft.pen, draft.cells.setdefault(number, {})
    moved = set(made)  # cells of the totals row have left this one
    styled = {at: cell for at, cell in draft.present(draft.survey.held.get(number)).items() if at not in moved}
    for at, (column, value) in values.items():
        cell = styled.get(at)
        made[at] = pen.old_cell(cell, at, number, column, value) if cell else pen.new_cell(at, number, column, value)
    for at in draft.place.headers.keys() - values.keys():
        filled = pen.formula_cell(at, number) or (b"" if at in styled else pen.blank_cell(at, number))
        if filled:
            made[at] = filled


def first_new_row(draft: Draft) -> int:
    """Row for the first new run: the table's last one if that is wholly blank, else the one below."""
    bottom, place = draft.survey.bottom, draft.place
    if place.table is None or bottom < place.first:
        return bottom + 1
    calculated = {at for at, c in zip(place.headers, place.table.columns, strict=False) if c.formula}
    present = draft.present(draft.survey.held.get(bottom))
    filled = any(not blank(cell) and at in place.headers and at not in calculated for at, cell in present.items())
    return bottom + 1 if filled or bottom in draft.cells else bottom


def make_room(draft: Draft, first: int) -> None:
    """Check that new rows, from `first` on, overwrite nothing; move the totals row below them."""
    place, bottom = draft.place, draft.survey.bottom
    added = first + len(draft.report.added) - 1 - bottom
    if added <= 0:
        return
    totals = place.table is not None and place.table.totals
    below = Area(bottom + 1 + totals, place.left, bottom + totals + added, draft.right)
    if below.bottom > LAST_ROW:
        raise SheetRefused(f"{draft.sheet.what} is full ({LAST_ROW:,} rows). Begin a new sheet.")
    at = overlapping(draft.others, below) or next(_filled(draft, below), None)
    if at:
        raise SheetRefused(
            f"{draft.sheet.what}: {at} stands right below the table, where the new rows go. Move it further down."
        )
    if totals:
        _move_totals(draft, added)


def _filled(draft: Draft, area: Area) -> Iterator[str]:
    for number in sorted(number for number in draft.survey.held if area.top <= number <= area.bottom):
        for cell in draft.present(draft.survey.held[number]).values():
            if area.left <= cell.column <= area.right and not blank(cell):
                yield f"{column_letters(cell.column)}{number}"


def _move_totals(draft: Draft, added: int) -> None:
    """Move the cells of the totals row; their formulas follow, their values are left to be computed."""
    table, survey = draft.place.table, draft.survey
    assert table is not None
    old, new = table.area.bottom, table.area.bottom + added
    pointer = survey.totals_named
    if pointer is None and draft.sheet.tail is None:
        pointer = pointer_from_elsewhere(draft.book, draft.sheet.tab, table.area)
    if pointer:
        raise SheetRefused(
            f"{draft.sheet.what}: a formula in {pointer} points to the totals row by its address, "
            "and would be wrong once rows are added. Use a structured reference like Table1[[#Totals],[loss]]."
        )
    row = survey.held.get(old)
    for at, cell in draft.present(row).items():
        if row is None or not table.area.left <= at <= table.area.right:
            continue
        letters, text = column_letters(at), formula(cell)
        if text is not None:
            draft.unchained[f"{letters}{old}"] = f"{letters}{new}"
            text = qualified(follows_table(text, last=old - 1, totals=old, added=added), table.name)
        moved = draft.pen.moved_cell(row.text[cell.start : cell.end], cell, f"{letters}{new}", text)
        draft.put(new, at, moved)
        draft.put(old, at, b"")
