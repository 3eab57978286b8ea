"""Pages for people to read: tabs of cells, colours and line charts, as a workbook of their own.

Unlike a sheet of runs, nothing is ever appended to them. openpyxl makes styles and charts of a *new* book; the cells
are spelled by `cells`, as everywhere, because openpyxl rounds floats and takes text for formulas.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet.errors import SheetError, UsageError
from experiment_sheet.ooxml import cells
from experiment_sheet.ooxml.create import FONT, ordered_font, place
from experiment_sheet.ooxml.in_memory import saved
from experiment_sheet.ooxml.replacement import sync_folder, temporary_of
from experiment_sheet.ooxml.workbook import check_tab
from experiment_sheet.values import Cell

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_DIMENSION: Final = re.compile(rb"<dimension [^>]*/>")
_ROWS: Final = re.compile(rb"<sheetData ?/>|<sheetData>.*</sheetData>", re.DOTALL)
_TYPES: Final = "[Content_Types].xml"
_STYLES: Final = "xl/styles.xml"
_GRID: Final = "E5E9EF"  # of a chart
_AXIS: Final = "94A3B8"


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks. Colours are RRGGBB; size in points."""

    bold: bool = False
    size: int = 11
    color: str | None = None
    fill: str | None = None
    line: str | None = None  # below the cell
    number_format: str | None = None
    right: bool = False
    link: bool = False
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """Cells of one column, by the tab's name and the rows' numbers."""

    tab: str
    column: int
    first: int
    last: int

    def __str__(self) -> str:
        from openpyxl.utils import get_column_letter, quote_sheetname

        letters = get_column_letter(self.column)
        below = f":${letters}${self.last}" if self.last > self.first else ""
        return f"{quote_sheetname(self.tab)}!${letters}${self.first}{below}"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    name: Range
    x: Range
    y: Range
    color: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A chart of lines over numbers; its corners are cells (row, column)."""

    title: str
    series: Sequence[Series]
    start: tuple[int, int]
    end: tuple[int, int]
    across: tuple[float, float]  # from the first to the last x


@dataclass(slots=True)
class Page:
    """One tab. Rows and columns count from 1."""

    name: str
    cells: dict[tuple[int, int], tuple[Cell, Style]] = field(default_factory=dict)
    widths: Mapping[int, float] = field(default_factory=dict)  # in characters
    heights: dict[int, float] = field(default_factory=dict)  # in points; no program measures wrapped text by itself
    frozen: tuple[int, int] = (0, 0)  # rows and columns that stay
    charts: Sequence[LineChart] = ()

    def put(self, row: int, column: int, value: Cell, style: Style = Style()) -> None:
        """Put a value into a cell."""
        self.cells[row, column] = (value, style)


def write(path: Path, pages: Sequence[Page], *, replace: bool = False) -> None:
    """Make a workbook of pages, whole or not at all.

    Raises UsageError if something is there and not to be replaced, SheetError where it can't be written.
    """
    content = made(pages)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            _replace(content, path)
        else:
            place(content, path)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; name another file, or say that it is to be replaced") from error
    except OSError as error:
        raise SheetError(f"{path} can't be written: {error.strerror or error}") from error


def made(pages: Sequence[Page]) -> bytes:
    """Return the whole file. Raises IllegalTab."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    book.properties.creator = "experiment_sheet"
    book.security = None
    data = []
    for page in pages:
        check_tab(page.name)
        sheet = book.create_sheet(page.name)
        _lay_out(sheet, page)
        data.append(_spelled(sheet, page))
        for chart in page.charts:
            sheet.add_chart(_drawn(chart))
    return _finished(book, data)


def _lay_out(sheet: Worksheet, page: Page) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.sheet_view.showGridLines = False
    rows, columns = page.frozen
    if rows or columns:
        sheet.freeze_panes = f"{get_column_letter(columns + 1)}{rows + 1}"
    for column, width in page.widths.items():
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0


def _spelled(sheet: Worksheet, page: Page) -> bytes:
    """Return the page's rows; openpyxl collects the styles."""
    from openpyxl.cell import Cell as Scratch
    from openpyxl.utils import get_column_letter

    known: dict[Style, int] = {}
    rows: dict[int, list[bytes]] = {}
    for (row, column), (value, style) in sorted(page.cells.items(), key=lambda item: item[0]):
        if style not in known:
            scratch = Scratch(sheet, row=1, column=1)
            _dress(scratch, style)
            known[style] = scratch.style_id
        rows.setdefault(row, []).append(cells.written(value, f"{get_column_letter(column)}{row}", known[style]))
    return b"".join(
        b'<row r="%d"%s>%s</row>' % (row, _height(page.heights.get(row)), b"".join(some)) for row, some in rows.items()
    )


def _height(points: float | None) -> bytes:
    return b"" if points is None else b' ht="%g" customHeight="1"' % points


def _dress(cell: Any, style: Style) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    cell.font = Font(
        name="Calibri", size=style.size, bold=style.bold, color=style.color, underline="single" if style.link else None
    )
    cell.alignment = Alignment("right" if style.right else "left", "center", wrap_text=style.wrap or None)
    if style.fill:
        cell.fill = PatternFill("solid", fgColor=style.fill)
    if style.line:
        cell.border = Border(bottom=Side("thin", color=style.line))
    if style.number_format:
        cell.number_format = style.number_format


def _drawn(made: LineChart) -> Any:
    from openpyxl.chart import Reference, ScatterChart
    from openpyxl.chart import Series as Line
    from openpyxl.chart.data_source import StrRef
    from openpyxl.chart.series import SeriesLabel
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties
    from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor

    chart: Any = ScatterChart()
    chart.style, chart.scatterStyle = 2, "lineMarker"
    chart.title, chart.title.overlay = _title(made.title), False
    for series in made.series:
        line = Line(Reference(range_string=str(series.y)), Reference(range_string=str(series.x)))
        line.tx = SeriesLabel(strRef=StrRef(str(series.name)))
        line.smooth, line.marker.symbol = False, "none"
        line.graphicalProperties.line = LineProperties(solidFill=series.color, w=22_225)
        chart.series.append(line)
    chart.legend.position = "b"
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False
        axis.number_format, axis.majorTickMark = "General", "none"
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_AXIS))
    chart.x_axis.majorGridlines, chart.x_axis.axPos = None, "b"
    chart.x_axis.scaling.min, chart.x_axis.scaling.max = made.across
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=_GRID))
    start, end = (AnchorMarker(col=column - 1, row=row - 1) for row, column in (made.start, made.end))
    chart.anchor = TwoCellAnchor(_from=start, to=end)
    return chart


def _title(text: str) -> Any:
    from openpyxl.chart.text import RichText, Text
    from openpyxl.chart.title import Title
    from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RegularTextRun

    look = CharacterProperties(sz=1200, b=True)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=look), r=[RegularTextRun(rPr=look, t=text)])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)


def _finished(book: Workbook, data: Iterable[bytes]) -> bytes:
    """Put the rows into openpyxl's file; the list of content types comes first in it."""
    rows = {f"xl/worksheets/sheet{number}.xml": part for number, part in enumerate(data, 1)}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(book))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda name: name != _TYPES):
            part = old.read(name)
            if name in rows:
                before, after = _ROWS.split(_DIMENSION.sub(b"", part), maxsplit=1)
                part = before + b"<sheetData>" + rows[name] + b"</sheetData>" + after
            elif name == _STYLES:
                part = FONT.sub(ordered_font, part)
            new.writestr(name, part)
    return out.getvalue()


def _replace(content: bytes, path: Path) -> None:
    temporary = temporary_of(path)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
