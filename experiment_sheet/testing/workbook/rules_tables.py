"""Rules of tables, which Excel holds hardest: a table that breaks one is taken out in the repair."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.book import Cell, Table, Text, Workbook, text_of, unescape, units
from experiment_sheet.testing.workbook.markup import Node
from experiment_sheet.testing.workbook.report import Finding
from experiment_sheet.testing.workbook.rules_book import legal_name
from experiment_sheet.testing.workbook.rules_cells import formula_problem
from experiment_sheet.testing.workbook.rules_sheet import overlaps

_BUILT_IN: Final = re.compile(r"TableStyle(Light([1-9]|1\d|2[01])|Medium([1-9]|1\d|2[0-8])|Dark([1-9]|1[01]))\Z")


def table_refs_legal(book: Workbook) -> Iterator[Finding]:
    """ref is a range with a data row beside header and totals row (ECMA-376 Part 1, 18.5.1.2; exceljs#2678)."""
    for table in book.tables:
        area = table.area
        rows = table.header_rows + table.root.number("totalsRowCount")
        if area is None:
            yield Finding(table.part, "table/@ref", f"{table.root.get('ref')!r} is no range")
        elif area.bottom - area.top + 1 <= rows:
            yield Finding(table.part, "table/@ref", f"{table.root.get('ref')} has no data row")


def table_columns_counted(book: Workbook) -> Iterator[Finding]:
    """As many columns as ref is wide, and as count says (exceljs#106; paper-xlsx `tables.py`)."""
    for table in book.tables:
        count, listed = len(table.columns), table.root.find("tableColumns")
        told = count if listed is None else listed.number("count", count)
        if table.area is not None and table.area.width != count:
            yield Finding(table.part, "table/@ref", f"is {table.area.width} columns wide, there are {count}")
        if told != count:
            yield Finding(table.part, "tableColumns/@count", f"says {told}, there are {count}")


def table_ids_unique(book: Workbook) -> Iterator[Finding]:
    """Ids of tables are unique in the workbook, those of columns in their table, all positive
    (ECMA-376 Part 1, 18.5.1.2 and 18.5.1.3; exceljs#106)."""
    tables = Counter(table.root.number("id") for table in book.tables)
    for table in book.tables:
        if table.root.number("id") < 1 or tables[table.root.number("id")] > 1:
            yield Finding(table.part, "table/@id", f"{table.root.get('id')} is not positive or not the only one")
        for number, count in Counter(column.number("id") for column in table.columns).items():
            if number < 1 or count > 1:
                yield Finding(table.part, f"tableColumn/@id {number}", f"{count} columns have it, or it isn't positive")


def table_column_names_unique(book: Workbook) -> Iterator[Finding]:
    """Names are unique ignoring case, not empty, at most 255 long (exceljs#106, abap2xlsx#395, openxlsx2#1149)."""
    for table in book.tables:
        names = Counter(unescape(column.get("name")).casefold() for column in table.columns)
        for name, count in names.items():
            if count > 1:
                yield Finding(table.part, f"tableColumn {name!r}", f"{count} columns have this name, but for case")
            if not name or units(name) > 255:
                yield Finding(table.part, f"tableColumn {name[:40]!r}", "the name is empty or longer than 255")


def table_headers_equal(book: Workbook) -> Iterator[Finding]:
    """A header cell is a string equal to its column's name, a line break in it written ``_x000a_``
    (openpyxl, worksheet_tables; XlsxWriter#739, #225, #1126; ClosedXML#285; POI XSSFTable)."""
    for table in book.tables:
        for column, cell, where in _headers(table):
            found = None if cell is None else _text(book, cell)
            name = _line_ends(column)
            if found is None or _line_ends(found.text) != name:
                shown = "no string" if found is None else repr(found.text)
                yield Finding(table.sheet.part, where, f"holds {shown}, the column is called {name!r}")


def table_headers_plain(book: Workbook) -> Iterator[Finding]:
    """A header cell has no formula and no rich text (EPPlus by JanKallman, #430)."""
    for table in book.tables:
        for _, cell, where in _headers(table):
            if cell is not None and cell.formula is not None:
                yield Finding(table.sheet.part, where, "a header cell holds a formula")
            found = None if cell is None else _text(book, cell)
            if found is not None and found.rich:
                yield Finding(table.sheet.part, where, "a header cell holds rich text")


def table_filters_inside(book: Workbook) -> Iterator[Finding]:
    """The autoFilter begins at the header and stays inside ref; without header there is none (exceljs#1615)."""
    for table in book.tables:
        for node in table.root.all("autoFilter"):
            area = refs.area(node.get("ref"))
            if table.header_rows == 0:
                yield Finding(table.part, "autoFilter", "the table has no header row")
            elif area is None or table.area is None:
                yield Finding(table.part, "autoFilter/@ref", f"{node.get('ref')!r} is no range")
            elif not table.area.holds(area) or area.top != table.area.top:
                yield Finding(table.part, "autoFilter/@ref", f"{node.get('ref')} is not in {table.root.get('ref')}")


def table_names_legal(book: Workbook) -> Iterator[Finding]:
    """displayName is a legal name (XlsxWriter `add_table`; documonster#91; see `legal_name`)."""
    for table in book.tables:
        name = table.root.get("displayName")
        if not legal_name(name):
            yield Finding(table.part, "table/@displayName", f"{name!r} is no legal name")


def table_names_unique(book: Workbook) -> Iterator[Finding]:
    """displayName is unique ignoring case, among tables and defined names of the workbook
    (ECMA-376 Part 1, 18.5.1.2; XlsxWriter; documonster#91)."""
    names = Counter(node.get("name").casefold() for node in book.names if not node.get("localSheetId"))
    names.update(table.root.get("displayName").casefold() for table in book.tables)
    for table in book.tables:
        if names[table.root.get("displayName").casefold()] > 1:
            yield Finding(table.part, "table/@displayName", f"{table.root.get('displayName')!r} is another's name too")


def tables_apart(book: Workbook) -> Iterator[Finding]:
    """Tables overlap no table, no merged range and no filter of the sheet: "critical file corruption"
    (XlsxWriter `add_table`)."""
    for sheet in book.worksheets:
        areas = [table.area for table in sheet.tables if table.area is not None]
        for first, second in overlaps(areas):
            yield Finding(sheet.part, refs.name_area(second), f"a table overlaps the table {refs.name_area(first)}")
        others = sheet.areas(("mergeCells", "mergeCell"), "ref") + sheet.areas(("autoFilter",), "ref")
        for area in areas:
            for other in (other for other in others if other.meets(area)):
                yield Finding(sheet.part, refs.name_area(area), f"a table overlaps {refs.name_area(other)}")


def tables_listed(book: Workbook) -> Iterator[Finding]:
    """tableParts names each table of the sheet once, and a table is on one sheet (ECMA-376 Part 1, 18.3.1.95)."""
    for sheet in book.worksheets:
        known = Counter(found.id for found in book.relations(sheet.part) if found.kind == "table")
        listed = Counter(node.get("r:id") for node in sheet.root.path("tableParts", "tablePart"))
        if known != listed and sheet.whole:
            yield Finding(sheet.part, "tableParts", f"lists {sorted(listed)}, the relationships {sorted(known)}")
    for part, count in Counter(table.part for table in book.tables).items():
        if count > 1:
            yield Finding(part, "table", f"{count} relationships of sheets lead to it")


def table_styles_known(book: Workbook) -> Iterator[Finding]:
    """The style is Excel's own or one of the workbook's (ECMA-376 Part 1, 18.5.1.5 and 18.8.40)."""
    own = {node.get("name") for node in book.styles.path("tableStyles", "tableStyle")}
    for table in book.tables:
        for node in table.root.all("tableStyleInfo"):
            name = node.get("name")
            if name and name not in own and not _BUILT_IN.match(name):
                yield Finding(table.part, "tableStyleInfo/@name", f"there is no style {name!r}")


def table_formulas_legal(book: Workbook) -> Iterator[Finding]:
    """Formulas of columns and totals are within Excel's limits (XlsxWriter; Excel limits, Microsoft)."""
    for table in book.tables:
        for column in table.columns:
            for node in (*column.all("calculatedColumnFormula"), *column.all("totalsRowFormula")):
                if problem := formula_problem(node.text):
                    yield Finding(table.part, f"tableColumn {column.get('name')!r}", problem)


def query_columns_bound(book: Workbook) -> Iterator[Finding]:
    """Each column of a query's table is a field of its query (ECMA-376 Part 1, 18.5.1.3 and 18.12.9)."""
    for table in book.tables:
        for part in book.related(table.part, "queryTable")[:1]:
            refresh = book.root(part).find("queryTableRefresh") or Node("", {})
            nodes = list(refresh.path("queryTableFields", "queryTableField"))
            fields = {node.get("tableColumnId"): node.get("id") for node in nodes}
            for column in table.columns if fields else ():
                if fields.get(column.get("id")) != column.get("queryTableFieldId"):
                    yield Finding(table.part, f"tableColumn {column.get('name')!r}", "is no field of the query")
            if nodes and max(node.number("id") for node in nodes) >= refresh.number("nextId", 1 << 31):
                yield Finding(part, "queryTableRefresh/@nextId", "a field has this id or a higher one")


def _headers(table: Table) -> Iterator[tuple[str, Cell | None, str]]:
    area = table.area
    if area is None or not table.header_rows or not table.sheet.whole:
        return
    for offset, column in enumerate(table.columns[: area.width]):
        cell = table.sheet.kept.get((area.top, area.left + offset))
        yield column.get("name"), cell, refs.name(area.top, area.left + offset)


def _text(book: Workbook, cell: Cell) -> Text | None:
    if cell.kind == "s" and cell.value is not None and cell.value.strip().isdigit():
        index = int(cell.value)
        return book.strings[index] if index < len(book.strings) else None
    if cell.inline is not None:
        return text_of(cell.inline)
    return Text(cell.value or "", rich=False) if cell.kind == "str" else None


def _line_ends(text: str) -> str:
    return unescape(text).replace("\r\n", "\n").replace("\r", "\n")


RULES: Final = (
    table_refs_legal,
    table_columns_counted,
    table_ids_unique,
    table_column_names_unique,
    table_headers_equal,
    table_headers_plain,
    table_filters_inside,
    table_names_legal,
    table_names_unique,
    tables_apart,
    tables_listed,
    table_styles_known,
    table_formulas_legal,
    query_columns_bound,
)
