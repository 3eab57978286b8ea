"""New columns at the right of the table: where there is room, what they are called, how they look."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from experiment_sheet import columns as column_rules
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import NoRoom
from experiment_sheet.ooxml import cells
from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.new_styles import header_style
from experiment_sheet.ooxml.rows import column_letters
from experiment_sheet.ooxml.table import Area
from experiment_sheet.ooxml.worksheet import LAST_ROW, overlapping

_log = logging.getLogger("experiment_sheet")
_told: set[str] = set()
_PROBED = 64  # columns right of the table in which free ones are looked for


def probed(draft: Draft, count: int) -> range:
    """Columns that are looked at for room for `count` new ones."""
    right = draft.place.right
    return range(right + 1, min(right + count + _PROBED, draft.request.width) + 1)


def free_columns(draft: Draft, count: int, occupied: Collection[int]) -> list[int]:
    """Columns right of the table in which nothing stands: the first of them that are neighbours.

    Those of an Excel table have to stand right beside it, as many as there is room for.
    """
    place, others = draft.place, draft.others
    top = place.header_row or place.first
    # Tables and merged cells below a plain range are in the way of its rows sooner or later.
    bottom = place.table.area.bottom + len(draft.request.new) if place.table else LAST_ROW
    free: list[int] = []
    for at in probed(draft, count):
        if at not in occupied and not overlapping(others, Area(top, at, bottom, at)):
            free.append(at)
        elif place.table is not None:
            break
        else:
            free.clear()
        if len(free) == count:
            break
    return free


def add_columns(draft: Draft, needed: Iterable[Column]) -> None:
    """Give a place to columns that are not there; those without room are reported."""
    wanted = column_rules.order(needed)
    if RUN_ID in wanted and not draft.is_new:
        wanted = [RUN_ID, *(column for column in wanted if column != RUN_ID)]  # where room is short it comes first
    if not wanted:
        return
    free = iter(free_columns(draft, len(wanted), draft.survey.occupied))
    taken = set(draft.place.headers.values())
    for column in wanted:
        at = next(free, None)
        if at is None:
            draft.report.no_room.append(column)
            continue
        header = draft.request.look.header(column, taken)
        taken.add(header)
        draft.places[column] = at
        draft.headers[at] = header
        _put_header(draft, at, column, header)
    if RUN_ID in draft.report.no_room:
        raise NoRoom(f"{draft.sheet.what}: there is no free column for run_id right of the table. Make room.")
    if draft.report.no_room:
        _tell(draft)


def _tell(draft: Draft) -> None:
    """Say once what stands where new columns would go."""
    missing = ", ".join(column.key for column in draft.report.no_room[:3])
    wall = draft.right + 1
    why = "is the last one allowed" if wall > draft.request.width else "is taken"
    letters = column_letters(min(wall, draft.request.width))
    told = f"{draft.sheet.what}: {missing} finds no room: column {letters} {why}. Make room right of the table."
    if told not in _told:
        _told.add(told)
        _log.warning(told)


def _put_header(draft: Draft, at: int, column: Column, header: str) -> None:
    row = draft.place.header_row
    if not row:
        return  # a table without header row: its columns have names alone
    present = draft.present(draft.survey.held.get(row))
    alike = [place for c, place in draft.places.items() if c.role == column.role and place in present]
    beside = present.get(max(alike) if alike else at - 1)
    ref = f"{column_letters(at)}{row}"
    named = draft.book.styles.named(header_style(column.role)) if draft.book.styles else None
    style = named or (beside.style if beside else 0)
    draft.put(row, at, cells.written(header, ref, style, prefix=draft.sheet.prefix))
