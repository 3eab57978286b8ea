"""Workbooks for the lossless tests, made by XlsxWriter: a table of runs, and around it what people add.

Each maker writes one file; its tab ``runs`` holds a table called ``Runs``, `ROWS` rows below the header.
"""

from __future__ import annotations

import datetime as dt
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import xlsxwriter

TAB = "runs"
ROWS = 12
HEADERS = ("run_id", "lr", "val_acc", "note", "when")
LAST = ROWS + 1  # the table's last row, counted from 1


def _data() -> list[list[object]]:
    start = dt.datetime(2026, 1, 1, 8, 30)
    return [
        [f"r{n:012x}", 10**-n / 3, 0.1 + n / 70, f"note {n} – «ä»", start + dt.timedelta(hours=n)] for n in range(ROWS)
    ]


def _book(path: Path, **options: Any) -> tuple[Any, Any]:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd hh:mm", **options})
    return book, book.add_worksheet(TAB)


def _table(sheet: Any, **options: Any) -> None:
    columns = [{"header": header} for header in HEADERS]
    sheet.add_table(0, 0, ROWS, len(HEADERS) - 1, {"name": "Runs", "data": _data(), "columns": columns, **options})


def charts(path: Path) -> None:
    """Every kind of chart that XlsxWriter knows, over whole columns, part of one, and from a chart sheet."""
    book, sheet = _book(path)
    _table(sheet)
    kinds: dict[str, tuple[str | None, ...]] = {
        "area": (None, "stacked", "percent_stacked"),
        "bar": (None, "stacked"),
        "column": (None, "percent_stacked"),
        "line": (None, "stacked"),
        "pie": (None,),
        "doughnut": (None,),
        "scatter": (None, "straight_with_markers", "smooth"),
        "stock": (None,),
        "radar": (None, "filled"),
    }
    place = 0
    for kind, subtypes in kinds.items():
        for subtype in subtypes:
            chart = book.add_chart({"type": kind, "subtype": subtype} if subtype else {"type": kind})
            last = ROWS if place % 2 else ROWS - 5
            for column in range(1, 3):
                chart.add_series(
                    {
                        "name": [TAB, 0, column],
                        "categories": [TAB, 1, 0, last, 0],
                        "values": [TAB, 1, column, last, column],
                        "trendline": {"type": "linear"} if kind == "scatter" else None,
                        "data_labels": {"value": True},
                    }
                )
            chart.set_title({"name": f"{kind} {subtype or ''}"})
            sheet.insert_chart(place * 16, 8, chart)
            place += 1
    line = book.add_chart({"type": "line"})
    line.add_series({"values": f"={TAB}!$C$2:$C${LAST}"})
    book.add_chartsheet("only a chart").set_chart(line)
    book.close()


def pictures(path: Path) -> None:
    """Images, one in a cell, comments, text boxes, shapes with links, check boxes, a background, a header image."""
    image = path.with_suffix(".png")
    image.write_bytes(_png())
    book, sheet = _book(path)
    _table(sheet)
    sheet.insert_image("H2", str(image), {"url": "https://example.org/plot", "description": "a plot"})
    sheet.embed_image("H20", str(image))
    sheet.write_comment("B3", "too high?", {"author": "Ada", "x_scale": 2})
    sheet.write_comment(f"C{LAST}", "the last one")
    sheet.insert_textbox("J2", "half of them diverged", {"fill": {"color": "#FFEEAA"}})
    sheet.insert_button("J12", {"caption": "Press", "macro": "nothing"})
    sheet.insert_checkbox("K2", True)
    sheet.set_header("&L&G", {"image_left": str(image)})
    other = book.add_worksheet("background")
    other.set_background(str(image))
    other.write_url("A1", "internal:'runs'!A1")
    other.write_url("A2", "https://example.org/?q=1&r=2", tip="go")
    book.close()


def rules(path: Path) -> None:
    """Sparklines, conditional formats of both generations, validations, freezes, outlines, print settings, names."""
    book, sheet = _book(path)
    _table(sheet, style="Table Style Dark 3")
    for row in range(1, LAST):
        sheet.add_sparkline(row, 6, {"range": f"{TAB}!B{row + 1}:C{row + 1}", "type": "column", "markers": True})
    bold = book.add_format({"bold": True, "bg_color": "#FFC7CE"})
    area = f"C2:C{LAST}"
    for rule in (
        {"type": "data_bar", "data_bar_2010": True, "bar_solid": True},
        {"type": "3_color_scale"},
        {"type": "icon_set", "icon_style": "3_traffic_lights"},
        {"type": "cell", "criteria": ">", "value": 0.5, "format": bold},
        {"type": "formula", "criteria": "=$B2>0.01", "format": bold},
        {"type": "top", "value": 3, "format": bold},
    ):
        sheet.conditional_format(area, rule)
    sheet.conditional_format("B2:B6", {"type": "average", "criteria": "above", "format": bold})
    sheet.data_validation(f"D2:D{LAST}", {"validate": "list", "source": ["good", "bad"], "input_message": "verdict"})
    sheet.data_validation("E2:E1048576", {"validate": "date", "criteria": ">", "value": dt.date(2020, 1, 1)})
    sheet.freeze_panes(1, 1)
    sheet.set_column("A:A", 18, None, {"level": 1, "collapsed": False})
    sheet.set_column("B:C", 9, book.add_format({"num_format": "0.0000"}))
    sheet.set_row(4, 30, bold, {"level": 1, "hidden": True})
    sheet.set_row(5, None, None, {"collapsed": True})
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.print_area(f"A1:E{LAST}")
    sheet.set_footer("&P of &N")
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    book.define_name("Accuracy", f"={TAB}!$C$2:$C${LAST}")
    book.define_name("Half", f"={TAB}!$C$2:$C$6")
    other = book.add_worksheet("report")
    other.merge_range("A1:C1", "report", bold)
    other.write_formula("A2", "=AVERAGE(Accuracy)", None, 0.2)
    other.write_formula("A3", "=SUM(Runs[lr])", None, 1.0)
    other.write_dynamic_array_formula("B5:B8", "=SORT(Runs[lr])")
    other.write_array_formula("C5:C6", "{=TRANSPOSE(A2:A3)}")
    other.autofilter("A10:B20")
    other.protect("secret")
    book.close()


def totals(path: Path) -> None:
    """A table with a totals row and calculated columns, and a second table beside it."""
    book, sheet = _book(path)
    columns: list[dict[str, Any]] = [
        {"header": "run_id", "total_string": "Sum"},
        {"header": "lr", "total_function": "average"},
        {"header": "val_acc", "total_function": "max"},
        {"header": "twice", "formula": "=[@[val_acc]]*2", "total_function": "sum"},
        {"header": "line\nbreak"},
    ]
    sheet.add_table(
        0, 0, LAST, 4, {"name": "Runs", "data": _data(), "columns": columns, "total_row": True, "autofilter": True}
    )
    sheet.add_table("H1:I4", {"name": "Other", "columns": [{"header": "a"}, {"header": "b"}]})
    book.close()


def plain(path: Path) -> None:
    """A header row and rows below it, without a table, with a filter, formulas, rich text and every type of cell."""
    book, sheet = _book(path)
    for column, header in enumerate(HEADERS):
        sheet.write_string(0, column, header, book.add_format({"bold": True}))
    for number, row in enumerate(_data(), 1):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    sheet.autofilter(0, 0, ROWS, len(HEADERS) - 1)
    sheet.write_rich_string("D5", "half ", book.add_format({"italic": True}), "slanted", " text")
    sheet.write_boolean("D6", True)
    sheet.write_formula("D7", '=IF(B7>0,"yes","no")', None, "yes")
    sheet.write_formula("D8", "=1/0", None, "#DIV/0!")
    sheet.write_blank("D9", None, book.add_format({"bg_color": "#00FF00"}))
    sheet.write_url("D10", "https://example.org/run", string="the run")
    book.close()


def constant(path: Path) -> None:
    """XlsxWriter's streaming mode: inline strings, no shared ones; a 1904 workbook."""
    book, sheet = _book(path, constant_memory=True, date_1904=True)
    for column, header in enumerate(HEADERS):
        sheet.write_string(0, column, header)
    for number, row in enumerate(_data(), 1):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    book.close()


def macros(path: Path) -> None:
    """A workbook with a macro part, which XlsxWriter takes as it is."""
    project = path.with_suffix(".bin")
    project.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 8)
    book, sheet = _book(path)
    _table(sheet)
    book.add_vba_project(str(project))
    book.close()


MAKERS: dict[str, Callable[[Path], None]] = {
    "charts": charts,
    "pictures": pictures,
    "rules": rules,
    "totals": totals,
    "plain": plain,
    "constant": constant,
    "macros": macros,
}


def make(name: str, folder: Path) -> Path:
    """One workbook, in this folder."""
    path = folder / f"{name}.{'xlsm' if name == 'macros' else 'xlsx'}"
    MAKERS[name](path)
    return path


def convert(soffice: str, books: Iterable[Path], folder: Path, kind: str = "xlsx") -> Path:
    """What LibreOffice makes of workbooks, in one go; its profile lies beside them."""
    out = folder / f"as_{kind}"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    arguments = [soffice, "--headless", profile, "--convert-to", kind, "--outdir", str(out), *map(str, books)]
    subprocess.run(arguments, check=True, capture_output=True, timeout=300)
    return out


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"".join(b"\0" + bytes((row, 99, 180)) * 16 for row in range(16)))
    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
