"""A new workbook, made whole or not at all.

openpyxl makes the book: styles, table, rules, names. It doesn't get the cells: it rounds floats to 16 digits,
takes text that starts with ``=`` for a formula and refuses control characters. Header and rows are written by
`cells`, the one place that knows how a cell is spelled, into the part that openpyxl left open for them.

What holds after a crash: under `path` there is nothing or the whole workbook, on the disk; beside it a temporary file
may be left, which nobody reads. An existing file is never touched, whoever made it, and when.

Ranges of rules reach to the last row a sheet can have (1,048,576; Excel specifications and limits), so that
no append has to extend them. The ``dimension`` hint, which is optional (ECMA-376 Part 1, 18.3.1.35) and
can't be kept true by appending, is left out.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiment_sheet.backends.base import Mark
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetChanged, SheetError
from experiment_sheet.look import Look, tint
from experiment_sheet.ooxml import cells, dashboard, names, slots
from experiment_sheet.ooxml.goal_rules import add_rules
from experiment_sheet.ooxml.in_memory import saved
from experiment_sheet.ooxml.new_styles import NewStyles
from experiment_sheet.ooxml.package import Package
from experiment_sheet.ooxml.replacement import name_new, sync_folder, temporary_of
from experiment_sheet.ooxml.styles import kind_of
from experiment_sheet.ooxml.xml import attribute
from experiment_sheet.values import Cell, Link

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_LAST_ROW: Final = 1_048_576
_SAMPLE: Final = 200  # rows that are looked at for a column's width
_SHEET: Final = "xl/worksheets/sheet1.xml"
_TABLE: Final = "xl/tables/table1.xml"
_STYLES: Final = "xl/styles.xml"
_TYPES: Final = "[Content_Types].xml"
FONT: Final = re.compile(rb"(?<=<font>).*?(?=</font>)", re.DOTALL)
_FONT_ORDER: Final = (b"b", b"i", b"u", b"sz", b"color", b"name", b"family", b"scheme")
"""Of the elements of a font (ECMA-376 Part 1, 18.8.22) those used here; openpyxl has an order of its own."""
_STATUS: Final = Column("run", "status")
_LONGEST_LIST: Final = 255  # characters of a dropdown (Excel specifications and limits)
_EXPECTED: Final[dict[Column, Cell]] = {
    Column("run", "duration"): dt.timedelta(0),
    Column("run", "plots"): Link("index.html", "plots"),
}
"""What columns will hold in which the first row may still be blank."""
_LIKE: Final[dict[type | None, Cell]] = {
    None: 0.5,
    dt.datetime: dt.datetime(2000, 1, 1),
    dt.timedelta: dt.timedelta(0),
    dt.time: dt.time(0),
}
_HEADER_HEIGHT: Final = 21  # points
_DIMENSION: Final = re.compile(rb"<dimension [^>]*/>")
_ROWS: Final = re.compile(rb"<sheetData>.*</sheetData>", re.DOTALL)
_NO_VALUE: Final = re.compile(rb"(?<=</f>)<v>\s*</v>|(?<=</f>)<v ?/>")
_TABLE_COLUMNS: Final = re.compile(rb"(<tableColumns [^>]*>).*(</tableColumns>)", re.DOTALL)


def create(
    path: Path,
    *,
    look: Look,
    tab: str,
    columns: Sequence[tuple[Column, str]],
    rows: Sequence[Sequence[Cell]],
    mark: Mark | None,
) -> None:
    """Make a workbook with one tab that holds a table of runs.

    Args:
        path: where; its folder is made if need be.
        look: how it looks.
        tab: name of the tab, as it is.
        columns: each column with its header, in the order they stand. Headers are unique, caselessly.
        rows: cells in the order of `columns`.
        mark: to be stored in the workbook.

    Raises:
        SheetChanged: something is there already; it is left as it is.
        SheetError: the folder can't be written.
    """
    _put_new(path, lambda: _make(look, tab, columns, rows, mark))


def copy(source: Path, path: Path) -> None:
    """Make a workbook that is another one, whole; raises as `create`, and SheetError where there is none to copy."""
    Package.open(source).close()  # says what is wrong with a file that is no workbook
    _put_new(path, source.read_bytes)


def _put_new(path: Path, content_of: Callable[[], bytes]) -> None:
    try:
        content = content_of()
        path.parent.mkdir(parents=True, exist_ok=True)
        place(content, path)
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            message = f"{path} appeared while it was being made; it was left as it is. Read it and write again."
            raise SheetChanged(message) from error
        message = f"{path} can't be made: {error.strerror or error}. See that the folder can be written and has room."
        raise SheetError(message) from error


def _make(
    look: Look, tab: str, columns: Sequence[tuple[Column, str]], rows: Sequence[Sequence[Cell]], mark: Mark | None
) -> bytes:
    """Return the whole file."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = tab
    book.properties.creator = "experiment_sheet"
    book.security = None
    styles = NewStyles(book, look)
    _lay_out(sheet)
    _add_columns(sheet, look, styles, columns, rows)
    _add_table(sheet, tab, len(columns), len(rows))
    _add_rules(sheet, look, [column for column, _ in columns])
    overview = dashboard.add_overview(book, look, [column for column, _ in columns])
    _add_names(sheet, [column for column, _ in columns], mark)
    if overview is not None:
        _add_slots(sheet, look, columns, rows, overview)
    data = _sheet_data(styles, columns, rows)
    return _finished(saved(book), data, [header for _, header in columns])


def _lay_out(sheet: Worksheet) -> None:
    from openpyxl.worksheet.properties import Outline, PageSetupProperties

    sheet.freeze_panes = "B2"
    sheet.row_dimensions[1].height = _HEADER_HEIGHT
    # The group's button stands at its left, where no new column comes between.
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.print_title_rows = "1:1"


def _add_columns(
    sheet: Worksheet,
    look: Look,
    styles: NewStyles,
    columns: Sequence[tuple[Column, str]],
    rows: Sequence[Sequence[Cell]],
) -> None:
    """Set widths, the style of cells to come, and the outline group; put stand-ins for the headers."""
    from openpyxl.utils import get_column_letter

    for number, (column, header) in enumerate(columns, 1):
        sheet.cell(1, number).value = f"column {number}"
        cells_below = [row[number - 1] for row in rows[:_SAMPLE]]
        dimension = sheet.column_dimensions[get_column_letter(number)]
        dimension.width = look.width(column, header, cells_below)
        first = next((cell for cell in cells_below if cell is not None), _expected(look, column))
        if first is not None or column.role in ("run", "people"):  # else nobody knows yet whether they are numbers
            styles.dress(dimension, column, first)
        if look.of(column).collapsed:
            dimension.outlineLevel, dimension.hidden = 1, True
        elif number < len(columns) and look.of(columns[number][0]).collapsed:
            dimension.collapsed = True  # the group's button stands over this column
    if any(look.of(column).collapsed for column, _ in columns):
        sheet.column_dimensions.max_outline = 1


def _expected(look: Look, column: Column) -> Cell:
    """Value like those that a column will hold in which the first row may still be blank; None: nobody knows."""
    if column in _EXPECTED:
        return _EXPECTED[column]
    code = look.of(column).number_format
    return _LIKE[kind_of(code) if code else None] if code or look.goal(column) else None


def _add_table(sheet: Worksheet, tab: str, columns: int, rows: int) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.table import Table, TableStyleInfo

    last = f"{get_column_letter(columns)}{max(rows, 1) + 1}"  # a table has at least one row; it may be blank
    table = Table(displayName=_table_name(tab), ref=f"A1:{last}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    sheet.add_table(table)


def _table_name(tab: str) -> str:
    """Return a name that can't be read as a cell (``RUN1`` is one), as Excel asks of a table's."""
    word = re.sub(r"[^A-Za-z0-9_]+", "_", tab).strip("_")
    named = word[:1].upper() + word[1:]
    return named if re.fullmatch(r"[A-Z][A-Za-z_]{3,}", named) else f"Runs_{named}".rstrip("_")


def _add_rules(sheet: Worksheet, look: Look, columns: Sequence[Column]) -> None:
    """Add dropdowns, explanations of headers, and the colours of words, each over its whole column."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for number, column in enumerate(columns, 1):
        letter, said = get_column_letter(number), look.of(column)
        below = f"{letter}2:{letter}{_LAST_ROW}"
        listed = ",".join(said.choices)
        if listed and len(listed) <= _LONGEST_LIST:
            # A suggestion: who types another word is not stopped.
            rule = DataValidation("list", formula1=_literal(listed), allow_blank=True, showErrorMessage=False)
            rule.add(below)
            sheet.add_data_validation(rule)
        if said.help:
            hint = DataValidation(showInputMessage=True, promptTitle=column.key[:32], prompt=said.help[:255])
            hint.add(f"{letter}1")
            sheet.add_data_validation(hint)
        words = said.choices or (look.status_colors if column == _STATUS else ())
        _color_words(sheet, below, {word: look.status_colors[word] for word in words if word in look.status_colors})
        add_rules(sheet, look, column, below)


def _literal(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


def _color_words(sheet: Worksheet, cells_of: str, colors: Mapping[str, str]) -> None:
    from openpyxl.formatting.rule import CellIsRule
    from openpyxl.styles import Font, PatternFill

    for word, color in colors.items():
        fill = PatternFill(bgColor=tint(color, 0.85))
        font = Font(color=tint(color, -0.2))
        rule = CellIsRule(operator="equal", formula=[_literal(word)], font=font, fill=fill)  # type: ignore[no-untyped-call]
        sheet.conditional_formatting.add(cells_of, rule)


def _add_names(sheet: Worksheet, columns: Sequence[Column], mark: Mark | None) -> None:
    """Add the hidden names by which the engine knows columns and mark again."""
    texts = {names.MARK: names.mark_formula(mark)} if mark else {}
    for number, column in enumerate(columns, 1):
        if column.role != "people":
            texts |= dict.fromkeys(names.names_of(column), _reference(sheet.title, f"{_letters(number)}1"))
    _define(sheet, texts)


def _add_slots(
    sheet: Worksheet,
    look: Look,
    columns: Sequence[tuple[Column, str]],
    rows: Sequence[Sequence[Cell]],
    overview: str,
) -> None:
    """Add the hidden names by which the overview knows results and inputs."""
    headers = {column: _reference(sheet.title, f"{_letters(n)}1") for n, (column, _) in enumerate(columns, 1)}
    texts = {column for n, (column, _) in enumerate(columns) if any(isinstance(row[n], str) for row in rows[:_SAMPLE])}
    every = dict.fromkeys(slots.every_slot(), slots.EMPTY)
    taken = slots.filled(look, list(headers), texts, headers, free=every)
    _define(sheet, every | taken | {slots.OVERVIEW: _reference(overview, "A1")})


def _reference(tab: str, cell: str) -> str:
    from openpyxl.utils import absolute_coordinate, quote_sheetname

    return f"{quote_sheetname(tab)}!{absolute_coordinate(cell)}"


def _letters(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number)


def _define(sheet: Worksheet, texts: Mapping[str, str]) -> None:
    from openpyxl.workbook.defined_name import DefinedName

    for name, text in texts.items():
        sheet.defined_names.add(DefinedName(name, attr_text=text, hidden=True))


def _sheet_data(styles: NewStyles, columns: Sequence[tuple[Column, str]], rows: Sequence[Sequence[Cell]]) -> bytes:
    """Return header and rows as `cells` spells them."""
    header: list[tuple[Cell, int]] = [(header, styles.of_header(column)) for column, header in columns]
    below: Iterable[list[tuple[Cell, int]]] = (
        [(cell, styles.of(c, cell)) for (c, _), cell in zip(columns, row, strict=True)] for row in rows
    )
    return b"".join(_row(number, row) for number, row in enumerate(itertools.chain([header], below), 1))


def _row(number: int, row: Iterable[tuple[Cell, int]]) -> bytes:
    from openpyxl.utils import get_column_letter

    spelled = (
        cells.written(value, f"{get_column_letter(column)}{number}", style)
        for column, (value, style) in enumerate(row, 1)
        if value is not None
    )
    height = b' ht="%d" customHeight="1"' % _HEADER_HEIGHT if number == 1 else b""
    return b'<row r="%d"%s>%s</row>' % (number, height, b"".join(spelled))


def _column_name(header: str) -> bytes:
    """Return a header as the table part names it: there, line breaks and tabs are spelled out too."""
    name = cells.encoded(header).replace("\n", "_x000a_").replace("\t", "_x0009_")
    return attribute(name)


def _finished(book: bytes, data: bytes, headers: Sequence[str]) -> bytes:
    """Put header, rows and column names into openpyxl's file; the list of content types comes first in it."""
    named = b"".join(b'<tableColumn id="%d" name="%s"/>' % (n, _column_name(h)) for n, h in enumerate(headers, 1))
    changes: dict[str, Callable[[bytes], bytes]] = {
        _SHEET: lambda part: _ROWS.sub(lambda _: b"<sheetData>" + data + b"</sheetData>", _DIMENSION.sub(b"", part)),
        _STYLES: lambda part: FONT.sub(ordered_font, part),
        _TABLE: lambda part: _TABLE_COLUMNS.sub(lambda match: match[1] + named + match[2], part),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda name: name != _TYPES):
            new.writestr(name, changes.get(name, _computed)(old.read(name)))
    return out.getvalue()


def _computed(part: bytes) -> bytes:
    """Part whose formulas hold no value, not even an empty one, so that every program computes them."""
    return _NO_VALUE.sub(b"", part)


def ordered_font(match: re.Match[bytes]) -> bytes:
    """Put the elements of a `FONT` into the schema's order."""
    elements = re.findall(rb"<[^>]*/>", match[0])
    return b"".join(sorted(elements, key=lambda e: _FONT_ORDER.index(re.findall(rb"\w+", e)[0])))


def place(content: bytes, path: Path) -> None:
    """Put a file where none is, whole and durable. Raises FileExistsError if there is one."""
    temporary = temporary_of(path)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        name_new(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_folder(path.parent)
