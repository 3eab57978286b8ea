"""A spreadsheet as a file, plain but valid; and back from CSV."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from experiment_sheet.testing.google.a1 import cell_name
from experiment_sheet.testing.google.pages import ODS, open_document, pdf, texts, zipped_html
from experiment_sheet.testing.google.parsing import typed
from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _separated(book: Spreadsheet, dialect: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, dialect=dialect, lineterminator="\r\n").writerows(texts(Reader(book), book.tabs[0]))
    return out.getvalue().removesuffix("\r\n").encode()


def _xlsx(book: Spreadsheet) -> bytes:
    out = io.BytesIO()
    names = [f"xl/worksheets/sheet{at}.xml" for at in range(1, len(book.tabs) + 1)]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _content_types(names))
        package.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        sheets = [
            f'<sheet name={quoteattr(tab.title[:31])} sheetId="{at}" r:id="rId{at}"/>'
            for at, tab in enumerate(book.tabs, 1)
        ]
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{"".join(sheets)}</sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels", _relations([("worksheet", name.removeprefix("xl/")) for name in names])
        )
        for name, tab in zip(names, book.tabs, strict=True):
            package.writestr(name, _worksheet(Reader(book), tab))
    return out.getvalue()


_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_PART: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _content_types(names: list[str]) -> str:
    parts = [("xl/workbook.xml", "sheet.main+xml"), *((name, "worksheet+xml") for name in names)]
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{_PART}.{kind}"/>' for name, kind in parts)
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{rels}{overrides}</Types>'


def _relations(targets: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _worksheet(reader: Reader, tab: Tab) -> str:
    rows = []
    for at, row in enumerate(tab.rows):
        cells = "".join(_cell(reader, tab, at, column) for column in sorted(row))
        rows.append(f'<row r="{at + 1}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'


def _cell(reader: Reader, tab: Tab, row: int, column: int) -> str:
    value: Any = reader.value(tab, row, column)
    name = cell_name(row, column)
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{name}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{name}"><v>{value!r}</v></c>'
    text = escape(reader.text(tab, row, column))
    return f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


EXPORTS: Final[dict[str, Callable[[Spreadsheet], bytes]]] = {
    "text/csv": lambda book: _separated(book, "excel"),
    "text/tab-separated-values": lambda book: _separated(book, "excel-tab"),
    XLSX: _xlsx,
    ODS: open_document,
    "application/pdf": pdf,
    "application/zip": zipped_html,
}
"""MIME type → how a spreadsheet becomes a file of it."""


def import_csv(book: Spreadsheet, data: bytes) -> None:
    """Replace the whole spreadsheet by one tab with the content of a CSV file."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    width = max((len(row) for row in rows), default=1)
    tab = Tab(book.new_id(), book.title, rows=max(len(rows), 1), columns=max(width, 1))
    book.tabs = [tab]
    book.named_ranges, book.metadata = [], []
    for at, row in enumerate(rows):
        cells = {}
        for column, text in enumerate(row):
            value, number_format = typed(text, book.locale)
            if value is not None:
                cells[column] = {"userEnteredValue": value}
                if number_format:
                    cells[column]["userEnteredFormat"] = {"numberFormat": number_format}
        tab.put(at, cells)
