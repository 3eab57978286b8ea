"""The overview as a tab of a new workbook.

Formulas are written without a value, so that LibreOffice computes them, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet.columns import Column
from experiment_sheet.look import Look
from experiment_sheet.ooxml.slots import slot
from experiment_sheet.overview import plan
from experiment_sheet.overview.model import Chart, Pick, Plan, Runs, Spot, Style, linked_by_cell
from experiment_sheet.overview.model import letters as column_letters

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_PLAIN: Final = re.compile(r"[A-Za-z_]{4,}")  # can't be read as a cell
_COLORS: Final = ("93A3B8", "15803D")  # of the chart's points, and of the best so far


def add_overview(book: Workbook, look: Look, columns: Sequence[Column]) -> str | None:
    """Add the tab to a new workbook whose first tab has these columns; answer its name, None where there is none."""
    overview, runs = look.overview, book.worksheets[0]
    own = {column.key: column_letters(at) for at, column in enumerate(columns, 1) if column.role == "run"}
    needed = {"run", "run_id", "status", "started", "duration", "plots"}
    if overview is None or not needed <= own.keys():
        return None
    tab = "'{}'".format(runs.title.replace("'", "''"))
    tab = runs.title if _PLAIN.fullmatch(runs.title) else tab
    where = Runs(tab, own, slot=lambda kind, number: f"{tab}!{slot(kind, number)}", link=linked_by_cell(tab))
    taken = runs.title.casefold() == overview.tab.casefold()
    _render(book, plan(look, overview, where), f"{overview.tab} of runs" if taken else overview.tab)
    return book.worksheets[-1].title


def _render(book: Workbook, made: Plan, name: str) -> None:
    sheet = book.create_sheet(name)
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "portrait", 1
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_area = f"A1:{column_letters(made.last_column + 1)}{made.last_row + 1}"
    for number, width in enumerate(made.widths, 1):
        sheet.column_dimensions[column_letters(number)].width = width
    for number in range(made.hidden[0], made.hidden[1] + 1):
        sheet.column_dimensions[column_letters(number)].hidden = True
    _write(sheet, made.spots)
    for pick in made.picks:
        _offer(sheet, pick)
    if made.chart is not None:
        _draw(sheet, made.chart)


def _write(sheet: Worksheet, spots: Iterable[Spot]) -> None:
    from openpyxl.worksheet.formula import ArrayFormula

    dressed: dict[Style, Any] = {}
    for spot in spots:
        cell: Any = sheet.cell(spot.row, spot.column)
        cell.value = ArrayFormula(cell.coordinate, spot.text) if spot.array else spot.text
        if spot.style not in dressed:
            _dress(cell, spot.style)
            dressed[spot.style] = cell._style  # noqa: SLF001 - computing it anew costs more than writing the cell
        cell._style = dressed[spot.style]  # noqa: SLF001


def _dress(cell: Any, style: Style) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    cell.font = Font(name="Calibri", size=style.size, bold=style.bold, color=style.color)
    side = "right" if style.right else "left"
    cell.alignment = Alignment(horizontal=side, vertical="center", indent=style.indent)
    if style.fill:
        cell.fill = PatternFill("solid", fgColor=style.fill)
    if style.line:
        cell.border = Border(bottom=Side("thin", color=style.line))
    if style.number_format:
        cell.number_format = style.number_format


def _offer(sheet: Worksheet, pick: Pick) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    at = column_letters(pick.among) if pick.among else ""
    listed = f'"{",".join(pick.words)}"' if pick.words else f"${at}${pick.rows[0]}:${at}${pick.rows[1]}"
    rule = DataValidation("list", formula1=listed, allow_blank=True, showErrorMessage=False)
    if pick.help:
        rule.showInputMessage, rule.prompt = True, pick.help
    rule.add(f"{column_letters(pick.column)}{pick.row}")
    sheet.add_data_validation(rule)


def _draw(sheet: Worksheet, made: Chart) -> None:
    from openpyxl.chart import Reference, ScatterChart, Series
    from openpyxl.chart.data_source import StrRef
    from openpyxl.chart.series import SeriesLabel
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties
    from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
    from openpyxl.utils import quote_sheetname

    chart: Any = ScatterChart()
    chart.style, chart.scatterStyle = 2, "lineMarker"
    first, last = made.rows
    x = Reference(sheet, min_col=made.x, min_row=first, max_row=last)
    for at, color in zip((made.value, made.best), _COLORS, strict=True):
        series = Series(Reference(sheet, min_col=at, min_row=first, max_row=last), x)
        name = f"{quote_sheetname(sheet.title)}!${column_letters(at)}${first - 1}"
        series.tx = SeriesLabel(strRef=StrRef(name))
        series.smooth = False
        if at == made.value:
            series.marker.symbol, series.marker.size = "circle", 6
            series.marker.graphicalProperties = GraphicalProperties(solidFill=color)
            series.marker.graphicalProperties.line.noFill = True
            series.graphicalProperties.line.noFill = True
        else:
            series.marker.symbol = "none"
            series.graphicalProperties.line = LineProperties(solidFill=color, w=22_225)
        chart.series.append(series)
    chart.legend.position = "b"
    chart.visible_cells_only = False  # its points stand in hidden columns
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False
        axis.number_format, axis.majorTickMark = "General", "none"
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill="D9DEE5"))
    chart.x_axis.majorGridlines = None
    chart.x_axis.number_format, chart.x_axis.axPos = "0", "b"
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="EEF1F4"))
    (left, right), (top, bottom) = made.columns_shown, made.rows_shown
    start, end = AnchorMarker(col=left - 1, row=top - 1), AnchorMarker(col=right, row=bottom)
    chart.anchor = TwoCellAnchor(_from=start, to=end)
    sheet.add_chart(chart)
