"""Where in a tab the runs stand, and which column is whose.

Runs stand in an Excel table where there is one, else in a plain range: a header row, not necessarily the first, and
the rows below. Which column is whose is said by hidden defined names on the header cells (`names`), corrected by
what the headers say, because people also swap columns by copy and paste, which leaves names behind:

1. a named column whose header is a label of it stays;
2. a named column whose header says something else, or whose name leads nowhere, is where its label stands now, if that
   place is free: programs like openpyxl move and delete columns without their names;
3. else it was renamed and stays, unless its place went to another column in 2, or all columns right of it came
   nearer: then it was deleted;
4. a column without a name is adopted where its label stands, exactly or but for case, and nothing else claims it.

Of several columns with one header the first is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from experiment_sheet.columns import RUN_ID, Column, label
from experiment_sheet.ooxml.held import Holder, blank
from experiment_sheet.ooxml.names import columns_of
from experiment_sheet.ooxml.refit import refitted
from experiment_sheet.ooxml.rows import Row, cells_of
from experiment_sheet.ooxml.table import Area, ExcelTable
from experiment_sheet.ooxml.workbook import Workbook
from experiment_sheet.ooxml.worksheet import Worksheet
from experiment_sheet.values import Cell, Link

_TOP: Final = 200  # rows in which a header is looked for
LAST_COLUMN: Final = 16_384


@dataclass(frozen=True, slots=True)
class Place:
    """Where the runs stand."""

    table: ExcelTable | None
    header_row: int  # 0: a table without header row
    headers: Mapping[int, str]  # column → header, in order
    named: Mapping[Column, int]  # what the defined names say; 0: a name that leads nowhere in the header row

    @property
    def left(self) -> int:
        """First column."""
        return min(self.headers, default=1)

    @property
    def right(self) -> int:
        """Last column."""
        return max(self.headers, default=0)

    @property
    def first(self) -> int:
        """Row right below the header."""
        return self.table.rows.top if self.table else self.header_row + 1


def find_place(sheet: Worksheet, workbook: Workbook, holder: Holder) -> Place | None:
    """Find where the runs stand in a tab; None where the tab is blank."""
    named = workbook.columns(sheet.tab)
    identities = columns_of(workbook.identities(sheet.tab))
    table = _best_table(sheet.tables, named)
    if table is not None:
        table = _refitted(sheet, table, holder)
        header_row = table.area.top if table.header else 0
        headers = {table.area.left + n: column.name for n, column in enumerate(table.columns)}
        return Place(table, header_row, headers, _named(named.get(header_row, ()), identities))
    cells = _header_cells(sheet, named, holder)
    if cells is None:
        return None
    row, found = cells
    here = {column for _, column in named.get(row, ())}
    last = max([_run_end(found), *here])
    headers = {n: found.get(n, "") for n in range(min([*found, *here]), last + 1)}
    return Place(None, row, headers, _named(named.get(row, ()), identities))


def resolve(place: Place, wanted: Iterable[Column]) -> dict[Column, int]:
    """Column → where it stands, for every column that is named or wanted and is there."""
    headers = place.headers
    found = _known(place)
    for column in wanted:
        if column not in found and column.role != "people":
            at = _adopted(column, headers, found.values())
            if at is not None:
                found[column] = at
    theirs = people(place, found)
    for column in wanted:
        if column not in found and column in theirs:
            found[column] = theirs[column]
    return found


def _known(place: Place) -> dict[Column, int]:
    """Columns that have names: rules 1 to 3."""
    headers, named = place.headers, place.named
    found = {c: at for c, at in named.items() if headers.get(at, "") in _labels(c)}
    adrift = {c: at for c, at in named.items() if c not in found}
    for suffixed in (True, False):  # of two namesakes each may have left its name behind
        for column in adrift:
            at = _standing([_labels(column)[suffixed]], headers, found.values(), exact=True)
            if at is not None and column not in found:
                found[column] = at
    moved = dict(found)
    for column, at in adrift.items():
        nearer = [now < named[c] for c, now in moved.items() if named[c] > at]
        deleted = at not in headers or at in moved.values() or (nearer and all(nearer))
        if column not in moved and not deleted:
            found[column] = at
    return found


def people(place: Place, ours: Mapping[Column, int]) -> dict[Column, int]:
    """Return people's columns by header; a second namesake is ``name (2)``."""
    found: dict[Column, int] = {}
    taken = set(ours.values())
    for at, header in place.headers.items():
        if at in taken:
            continue
        key, number = header, 1
        while Column("people", key) in found:
            number += 1
            key = f"{header} ({number})"
        found[Column("people", key)] = at
    return found


def shown(value: Cell) -> str:
    """Text of a header cell."""
    if isinstance(value, Link):
        return value.text
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


@lru_cache(maxsize=4096)
def _labels(column: Column) -> tuple[str, str]:
    bare = label(column, ())
    return bare, label(column, (bare,))


def _adopted(column: Column, headers: Mapping[int, str], taken: Collection[int]) -> int | None:
    bare, suffixed = _labels(column)
    for labels, exact in (((suffixed,), True), ((bare,), True), ((suffixed, bare), False)):
        at = _standing(labels, headers, taken, exact=exact)
        if at is not None and (column.role == "run" or headers[at] != RUN_ID.key):
            return at
    return None


def _standing(labels: Sequence[str], headers: Mapping[int, str], taken: Collection[int], *, exact: bool) -> int | None:
    wanted = set(labels) if exact else {text.casefold() for text in labels}
    for at, header in headers.items():
        if at not in taken and (header if exact else header.strip().casefold()) in wanted:
            return at
    return None


def _named(places: Iterable[tuple[str, int]], identities: Mapping[str, Column]) -> dict[Column, int]:
    at = dict(places)
    return {column: at.get(name, 0) for name, column in identities.items()}


def _best_table(tables: Sequence[ExcelTable], named: Mapping[int, list[tuple[str, int]]]) -> ExcelTable | None:
    """Return the table that holds our names, else the one with a run_id, else the first."""

    def rank(table: ExcelTable) -> tuple[int, bool]:
        area = table.area
        ours = sum(area.left <= at <= area.right for _, at in named.get(area.top, ()))
        return ours, any(column.name == RUN_ID.key for column in table.columns)

    if not tables:
        return None
    best = max(tables, key=rank)  # the first of equals
    if rank(best) == (0, False) and named:
        return None  # our names stand elsewhere in the tab: the runs are no table there
    return best


def _refitted(sheet: Worksheet, table: ExcelTable, holder: Holder) -> ExcelTable:
    """Return the table as its header cells say, where another program saved the tab."""
    if sheet.tail is not None or not table.header:
        return table
    row = next((row for row in sheet.rows(1 << 16) if row.number >= table.area.top), None)
    if row is None or row.number != table.area.top:
        return table
    cells = {cell.column: holder.value(cell) for cell in cells_of(row.text, sheet.prefix) if not blank(cell)}
    others = [other.area for other in sheet.tables if other is not table]
    beside = [area.left for area in others if area.left > table.area.right and area.top <= table.area.bottom]
    fitted = refitted(table, cells, limit=min([LAST_COLUMN + 1, *beside]) - 1)
    sheet.tables[sheet.tables.index(table)] = fitted
    return fitted


def _header_cells(
    sheet: Worksheet, named: Mapping[int, list[tuple[str, int]]], holder: Holder
) -> tuple[int, dict[int, str]] | None:
    """Row number and texts of a plain range's header."""
    wanted = max(named, key=lambda row: len(named[row]), default=None)
    best: tuple[int, Row] | None = None
    rows = sheet.rows(1 << 16)
    for row in rows if wanted is not None else islice(rows, _TOP):
        if wanted is not None:
            if row.number >= wanted:
                best = (0, row) if row.number == wanted else None
                break
            continue
        rank = _header_rank(row, sheet.prefix, holder)
        if rank and (best is None or rank > best[0]):
            best = (rank, row)
        if rank == _SURE:
            break
    texts = _texts(best[1], sheet.prefix, holder) if best else {}
    if best is None or not texts:  # names may have been left behind by a program that moved the rows
        return _header_cells(sheet, {}, holder) if named else None
    return best[1].number, texts


_SURE: Final = 3


def _header_rank(row: Row, prefix: bytes, holder: Holder) -> int:
    """How much a row looks like a header: 3 it names run_id, 2 it holds several texts, 1 it holds something."""
    cells = [cell for cell in cells_of(row.text, prefix) if not blank(cell)]
    if not cells:
        return 0
    found = [holder.value(cell) for cell in cells]
    if RUN_ID.key in found:
        return _SURE
    return 2 if sum(isinstance(value, str) for value in found) > 1 else 1


def _texts(row: Row, prefix: bytes, holder: Holder) -> dict[int, str]:
    cells = [cell for cell in cells_of(row.text, prefix) if not blank(cell)]
    return {cell.column: shown(holder.value(cell)) for cell in cells}


def _run_end(found: Mapping[int, str]) -> int:
    """Last column of the unbroken run of headers, the one with run_id if that is another than the first."""
    starts = [at for at in found if at - 1 not in found]
    run_id = next((at for at, text in found.items() if text == RUN_ID.key), min(found))
    end = run_id
    while end + 1 in found:
        end += 1
    return max(end, min(starts))


def area_right_of(place: Place, bottom: int, columns: int) -> Area:
    """Cells that new columns would take."""
    return Area(place.header_row or place.first, place.right + 1, bottom, place.right + columns)
