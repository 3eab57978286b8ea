"""``spreadsheets.values``: get, update, append, clear, and their batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiment_sheet.testing.google.a1 import Area, Reference, letters, written
from experiment_sheet.testing.google.parsing import raw, typed
from experiment_sheet.testing.google.reading import DATES, RENDERS, Reader, option
from experiment_sheet.testing.google.refusal import JSON, bad_field, invalid
from experiment_sheet.testing.google.regions import last_table
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

Query = Callable[[str], str | None]
"""Name → value of a parameter of the address."""


def truth(text: str | None) -> bool:
    """A boolean parameter."""
    return (text or "").lower() in {"true", "1"}


def read(book: Spreadsheet, tab: Tab, area: Area, query: Query) -> JSON:
    """A ValueRange."""
    major = option(query("majorDimension"), "majorDimension", (ROWS, COLUMNS))
    render = option(query("valueRenderOption"), "value_render_option", RENDERS)
    dates = option(query("dateTimeRenderOption"), "date_time_render_option", DATES)
    found = Reader(book).values(tab, area, major=major, render=render, dates=dates)
    head: JSON = {"range": written(tab.title, area), "majorDimension": major}
    return head | ({"values": found} if found else {})


def batch_read(book: Spreadsheet, ranges: list[str], query: Query) -> JSON:
    """``values:batchGet``."""
    found = [read(book, *book.resolve(text), query) for text in ranges]
    return {"spreadsheetId": book.key} | ({"valueRanges": found} if found else {})


def lines_of(data: JSON, where: str = "data.values") -> list[list[Any]]:
    """Rows of a ValueRange that was sent; refuses what is no list of lists of scalars."""
    values = data.get("values")
    kind = "type.googleapis.com/google.protobuf.ListValue"
    if values is None:
        return []
    if not isinstance(values, list):
        raise bad_field(where, f"Invalid value at '{where}' ({kind}), {_literal(values)}")
    for at, line in enumerate(values):
        if not isinstance(line, list):
            place = f"{where}[{at}]"
            raise bad_field(place, f"Invalid value at '{place}' ({kind}), {_literal(line)}")
        for column, value in enumerate(line):
            if isinstance(value, list | dict):
                what = "list_value" if isinstance(value, list) else "struct_value"
                raise invalid(f"Invalid values[{at}][{column}]: {what} {{\n}}\n")
    if option(data.get("majorDimension"), "data.major_dimension", (ROWS, COLUMNS)) == COLUMNS:
        width = max((len(line) for line in values), default=0)
        return [[line[at] if at < len(line) else None for line in values] for at in range(width)]
    return values


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class Writing:
    """How values are written: by whom, read how, and what the answer shows."""

    user: str
    typed: bool
    show: bool = False
    query: Query = lambda _: None

    @classmethod
    def of(cls, user: str, input_option: str | None, *, show: bool = False, query: Query = lambda _: None) -> Writing:
        """Check the options of a request."""
        if not input_option or input_option == "INPUT_VALUE_OPTION_UNSPECIFIED":
            raise invalid("'valueInputOption' is required but not specified")
        return cls(user, option(input_option, "value_input_option", ("RAW", "USER_ENTERED")) != "RAW", show, query)


def update(book: Spreadsheet, text: str, lines: list[list[Any]], how: Writing) -> JSON:
    """``values.update``: write values into a range, or from a single cell on."""
    tab, area = book.resolve(text)
    _, found = book.reference(text)
    height, width = len(lines), max((len(line) for line in lines), default=0)
    target = Area(area.top, area.left, area.top + height, area.left + width)
    if not found.is_cell:
        _check_within(tab, area, target)
    if target.bottom > tab.count(ROWS) or target.right > tab.count(COLUMNS):
        raise book.beyond(tab, Reference(tab.title, target.top, target.left, target.bottom, target.right))
    return write(book, tab, target if height and width else area, lines, how)


def _check_within(tab: Tab, area: Area, target: Area) -> None:
    name = written(tab.title, area)
    if target.bottom > area.bottom:
        raise invalid(f"Requested writing within range [{name}], but tried writing to row [{area.bottom + 1}]")
    if target.right > area.right:
        column = letters(area.right)
        raise invalid(f"Requested writing within range [{name}], but tried writing to column [{column}]")


def write(book: Spreadsheet, tab: Tab, target: Area, lines: list[list[Any]], how: Writing) -> JSON:
    """Write rows of values into an area; null leaves a cell alone, the empty text clears its value."""
    book.guard(tab, target, how.user)
    columns: set[int] = set()
    rows = cells = 0
    for at, line in enumerate(lines):
        new = {}
        for right, value in enumerate(line):
            if value is not None:
                column = target.left + right
                new[column] = _entered(book, tab, target.top + at, column, value, how)
        tab.put(target.top + at, new)
        columns |= new.keys()
        rows, cells = rows + bool(new), cells + len(new)
    counts = {"updatedRows": rows, "updatedColumns": len(columns), "updatedCells": cells}
    answer: JSON = {"spreadsheetId": book.key, "updatedRange": written(tab.title, target)}
    answer |= {key: count for key, count in counts.items() if count}
    return answer | ({"updatedData": _shown(book, tab, target, how)} if how.show else {})


def _shown(book: Spreadsheet, tab: Tab, target: Area, how: Writing) -> JSON:
    names = {"valueRenderOption": "responseValueRenderOption", "dateTimeRenderOption": "responseDateTimeRenderOption"}
    return read(book, tab, target, lambda name: how.query(names[name]) if name in names else None)


def _entered(book: Spreadsheet, tab: Tab, row: int, column: int, value: Any, how: Writing) -> JSON:
    """The cell with a value entered; what else it has stays."""
    old = dict(tab.cell(row, column))
    own = old.get("userEnteredFormat", {}).get("numberFormat", {})
    as_text = own.get("type") == "TEXT"
    entered, number_format = typed(value, book.locale) if how.typed and not as_text else (raw(value), None)
    old.pop("userEnteredValue", None)
    old.pop("textFormatRuns", None)
    if entered is not None:
        old["userEnteredValue"] = entered
    if number_format and not own:
        old["userEnteredFormat"] = old.get("userEnteredFormat", {}) | {"numberFormat": number_format}
    return old


@dataclass(frozen=True, slots=True)
class Place:
    """Where an append will write: decided on arrival."""

    tab: Tab
    table: Area | None
    row: int
    column: int


def place(book: Spreadsheet, text: str) -> Place:
    """Find where to append: below the last table of a range, else at the range's first cell."""
    tab, area = book.resolve(text)
    table = last_table(tab, area)
    if table is None:
        return Place(tab, None, area.top, area.left)
    return Place(tab, table, table.bottom, table.left)


def append(book: Spreadsheet, where: Place, lines: list[list[Any]], how: Writing, *, insert: bool = False) -> JSON:
    """``values.append`` at a place. `insert`: INSERT_ROWS instead of OVERWRITE."""
    tab = book.tab(where.tab.sheet_id)
    height, width = max(len(lines), 1), max((len(line) for line in lines), default=1)
    if insert and lines and where.row < tab.count(ROWS):
        book.shift(tab, Shift("insert", ROWS, where.row, where.row + height))
    tab.grow(ROWS, where.row + height)
    tab.grow(COLUMNS, where.column + width)
    book.check_size()
    target = Area(where.row, where.column, where.row + height, where.column + max(width, 1))
    answer: JSON = {"spreadsheetId": book.key}
    if where.table:
        answer["tableRange"] = written(tab.title, where.table)
    return answer | {"updates": write(book, tab, target, lines, how)}


def totals(book: Spreadsheet, answers: list[tuple[int, JSON]]) -> JSON:
    """Sums of several updates, each with the number of its tab."""
    counts: JSON = {"totalUpdatedRows": "updatedRows", "totalUpdatedColumns": "updatedColumns"}
    counts["totalUpdatedCells"] = "updatedCells"
    sums = {total: sum(answer.get(one, 0) for _, answer in answers) for total, one in counts.items()}
    sums["totalUpdatedSheets"] = len({sheet for sheet, _ in answers})
    result: JSON = {"spreadsheetId": book.key} | {key: value for key, value in sums.items() if value}
    return result | ({"responses": [answer for _, answer in answers]} if answers else {})


def clear(book: Spreadsheet, tab: Tab, area: Area, user: str) -> str:
    """Clear values, not formats and notes; returns the range as written."""
    book.guard(tab, area, user)
    for row in range(area.top, min(area.bottom, len(tab.rows))):
        new = {
            column: {key: value for key, value in cell.items() if key not in {"userEnteredValue", "textFormatRuns"}}
            for at, column, cell in tab.filled(Area(row, area.left, row + 1, area.right))
        }
        if new and row < len(tab.rows):
            tab.put(row, new)
    return written(tab.title, area)
