"""What a sheet looks like, as requests: headers, widths, filter, colours, dropdowns. Pure.

Everything comes from the same `Look` as in an .xlsx. What people change of it stays: only new columns are dressed, and
the tab as a whole only when it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from experiment_sheet.columns import Column
from experiment_sheet.look import Look

JSON = dict[str, Any]

_PIXELS: Final = 7.3  # of a character of the default font, Arial 10
_PADDING: Final = 8
_WHITE: Final = "FFFFFF"
HEADER_FIELDS: Final = "userEnteredValue,userEnteredFormat(backgroundColorStyle,textFormat,verticalAlignment),note"


def header_cell(column: Column, text: str, look: Look) -> JSON:
    """CellData of a header."""
    text_format: JSON = {"bold": True}
    form: JSON = {"textFormat": text_format, "verticalAlignment": "MIDDLE"}
    if color := look.header_color(column):
        form["backgroundColorStyle"] = _rgb(color)
        text_format["foregroundColorStyle"] = _rgb(_WHITE)
    cell: JSON = {"userEnteredValue": {"stringValue": text}, "userEnteredFormat": form}
    note = look.of(column).help
    return cell | ({"note": note} if note else {})


def of_columns(sheet_id: int, header: int, places: Mapping[int, tuple[Column, str]], look: Look) -> Iterator[JSON]:
    """Widths, dropdowns and colours of new columns: index → column and header."""
    for at, (column, text) in places.items():
        where = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": at, "endIndex": at + 1}
        pixels = round(look.width(column, text) * _PIXELS + _PADDING)
        size = {"range": where, "properties": {"pixelSize": pixels}, "fields": "pixelSize"}
        yield {"updateDimensionProperties": size}
        below = {"sheetId": sheet_id, "startRowIndex": header + 1, "startColumnIndex": at, "endColumnIndex": at + 1}
        choices = look.of(column).choices
        if choices:
            values = [{"userEnteredValue": choice} for choice in choices]
            rule = {"condition": {"type": "ONE_OF_LIST", "values": values}, "strict": False, "showCustomUi": True}
            yield {"setDataValidation": {"range": below, "rule": rule}}
        if choices or column == Column("run", "status"):
            yield from _colors(below, choices or look.status_colors, look)


def of_tab(sheet_id: int, columns: list[Column], look: Look) -> Iterator[JSON]:
    """Frozen header, filter and folded group of a tab whose columns are all new."""
    properties = {"sheetId": sheet_id, "gridProperties": {"frozenRowCount": 1}}
    yield {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}
    whole = {"sheetId": sheet_id, "startRowIndex": 0, "startColumnIndex": 0, "endColumnIndex": len(columns)}
    yield {"setBasicFilter": {"filter": {"range": whole}}}
    folded = [at for at, column in enumerate(columns) if look.of(column).collapsed]
    if folded and folded == list(range(folded[0], folded[-1] + 1)):
        span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": folded[0], "endIndex": folded[-1] + 1}
        yield {"addDimensionGroup": {"range": span}}
        group = {"range": span, "depth": 1, "collapsed": True}
        yield {"updateDimensionGroup": {"dimensionGroup": group, "fields": "collapsed"}}


def _colors(below: JSON, words: Iterable[str], look: Look) -> Iterator[JSON]:
    for word in words:
        if color := look.status_colors.get(word):
            form = {"textFormat": {"foregroundColorStyle": _rgb(color), "bold": True}}
            condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": word}]}
            rule = {"ranges": [below], "booleanRule": {"condition": condition, "format": form}}
            yield {"addConditionalFormatRule": {"rule": rule, "index": 0}}


def _rgb(color: str) -> JSON:
    parts = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return {"rgbColor": dict(zip(("red", "green", "blue"), (round(part, 4) for part in parts), strict=True))}
