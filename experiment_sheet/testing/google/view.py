"""A spreadsheet as the JSON of ``spreadsheets.get``."""

from __future__ import annotations

import copy
from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.defaults import COLUMN_PIXELS, ROW_PIXELS
from experiment_sheet.testing.google.formulas import FormulaError
from experiment_sheet.testing.google.masks import Mask, select, wants
from experiment_sheet.testing.google.numbers import kept
from experiment_sheet.testing.google.reading import Reader, Shown
from experiment_sheet.testing.google.refusal import JSON
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

ADDRESS: Final = "https://docs.google.com/spreadsheets/d/{}/edit"
_PIXELS: Final = {ROWS: ROW_PIXELS, COLUMNS: COLUMN_PIXELS}
_KEEPS_ZERO: Final = {"properties", "location"}
_ALIGNED: Final = {bool: "CENTER", int: "RIGHT", float: "RIGHT", str: "LEFT"}

Areas = dict[int, list[Area]]
"""Tab number → the areas of it that are asked for."""


def spreadsheet(
    book: Spreadsheet, user: str, *, grid: bool = False, areas: Areas | None = None, mask: Mask | None = None
) -> JSON:
    """The spreadsheet, or what a field mask leaves of it. `areas` limits tabs and cells."""
    if mask:
        grid = wants(mask, "sheets", "data")
    tabs = [tab for tab in book.tabs if areas is None or tab.sheet_id in areas]
    below = mask.get("sheets") if mask else None
    result: JSON = {
        "spreadsheetId": book.key,
        "properties": copy.deepcopy(book.properties),
        "sheets": [
            sheet(book, tab, user, areas=(areas or {}).get(tab.sheet_id), grid=grid, mask=below) for tab in tabs
        ],
        "spreadsheetUrl": ADDRESS.format(book.key),
    }
    if book.named_ranges:
        result["namedRanges"] = book.named_ranges
    own = [item for item in book.metadata if item["location"]["locationType"] == "SPREADSHEET"]
    if own:
        result["developerMetadata"] = own
    if not tabs:
        del result["sheets"]
    return outgoing(select(result, mask) if mask else result)  # type: ignore[no-any-return]


def outgoing(node: Any, parent: str = "") -> Any:
    """JSON as the service writes it: in ranges and coordinates the tab number 0 is left out."""
    if isinstance(node, list):
        return [outgoing(item, parent) for item in node]
    if isinstance(node, dict):
        bare = parent not in _KEEPS_ZERO
        return {
            key: value if key == "rowData" else outgoing(value, key)
            for key, value in node.items()
            if not (bare and value == 0 and key in {"sheetId", "rowIndex", "columnIndex"} and value is not False)
        }
    return kept(node) if isinstance(node, float) else node


def sheet(book: Spreadsheet, tab: Tab, user: str, *, areas: list[Area] | None, grid: bool, mask: Mask | None) -> JSON:
    """One tab."""
    result: JSON = {"properties": tab.properties}
    result |= {key: value for key, value in tab.parts.items() if value}
    if tab.parts.get("protectedRanges"):
        result["protectedRanges"] = [_protection(item, book, user) for item in tab.parts["protectedRanges"]]
    own = [
        i
        for i in book.metadata
        if i["location"]["locationType"] == "SHEET" and i["location"]["sheetId"] == tab.sheet_id
    ]
    if own:
        result["developerMetadata"] = own
    if grid:
        below = mask.get("data") if mask and "*" not in mask else None
        reader = Reader(book)
        result["data"] = [_data(reader, tab, area, below) for area in areas or [tab.whole]]
    return result


def _protection(item: JSON, book: Spreadsheet, user: str) -> JSON:
    """A protected range as one user sees it: the owner always is an editor."""
    users = list(item.get("editors", {}).get("users", ()))
    users += [book.owner] if book.owner not in users else []
    shown = item | {"editors": item.get("editors", {}) | {"users": users}}
    can = item.get("warningOnly") or user in users
    return shown | ({"requestingUserCanEdit": True} if can else {})


def _data(reader: Reader, tab: Tab, area: Area, mask: Mask | None) -> JSON:
    """GridData of one area; rows and cells end with the last that hold something."""
    result: JSON = {}
    if area.top:
        result["startRow"] = area.top
    if area.left:
        result["startColumn"] = area.left
    if wants(mask, "rowData"):
        below = mask.get("rowData", {}).get("values") if mask and "*" not in mask else None
        rows = [_row(reader, tab, row, area, below) for row in range(area.top, min(area.bottom, len(tab.rows)))]
        while rows and not rows[-1]:
            rows.pop()
        if rows:
            result["rowData"] = rows
    for dimension, key, span in (
        (ROWS, "rowMetadata", range(area.top, area.bottom)),
        (COLUMNS, "columnMetadata", range(area.left, area.right)),
    ):
        if wants(mask, key):
            attached = _attached(reader.book, tab, dimension)
            result[key] = [
                {"pixelSize": _PIXELS[dimension]} | tab.size(dimension, at) | attached.get(at, {}) for at in span
            ]
    return result


def _attached(book: Spreadsheet, tab: Tab, dimension: str) -> dict[int, JSON]:
    """Developer metadata of rows or columns, by index."""
    found: dict[int, JSON] = {}
    for item in book.metadata:
        where = item["location"].get("dimensionRange", {})
        if where.get("dimension") == dimension and where.get("sheetId", 0) == tab.sheet_id:
            found.setdefault(where["startIndex"], {"developerMetadata": []})["developerMetadata"].append(item)
    return found


def _row(reader: Reader, tab: Tab, row: int, area: Area, mask: Mask | None) -> JSON:
    cells = tab.rows[row]
    last = max((column for column in cells if area.left <= column < area.right), default=-1)
    if last < 0:
        return {}
    return {"values": [cell(reader, tab, row, column, mask) for column in range(area.left, last + 1)]}


def cell(reader: Reader, tab: Tab, row: int, column: int, mask: Mask | None = None) -> JSON:
    """CellData of one cell."""
    held = tab.cell(row, column)
    if not held:
        return {}
    result = dict(held)
    if mask and mask.keys() <= held.keys():
        return result
    value = reader.value(tab, row, column)
    if value is not None:
        result["effectiveValue"] = _extended(value)
        if wants(mask, "formattedValue"):
            result["formattedValue"] = reader.text(tab, row, column)
        if link := _link(held):
            result["hyperlink"] = link
    if wants(mask, "effectiveFormat"):
        below = (mask or {}).get("effectiveFormat") or {}
        alone = below.keys() == {"numberFormat"}  # a large tab is asked for that, and no more, often
        result["effectiveFormat"] = _number_format(held) if alone else _effective(reader.book, held, value)
    return result


def _number_format(held: Any) -> JSON:
    """The effective format, as far as it says how a number is shown: new spreadsheets have none by default."""
    form = held.get("userEnteredFormat", {}).get("numberFormat")
    return {"numberFormat": form} if form else {}


def _extended(value: Shown) -> JSON:
    if isinstance(value, FormulaError):
        return {"errorValue": {"type": value.kind, "message": value.message}}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"numberValue": kept(value)}
    return {"boolValue" if isinstance(value, bool) else "stringValue": value}


def _link(held: Any) -> str | None:
    formula = held.get("userEnteredValue", {}).get("formulaValue", "")
    if formula.upper().startswith('=HYPERLINK("'):
        return str(formula.split('"')[1])
    link: str | None = held.get("userEnteredFormat", {}).get("textFormat", {}).get("link", {}).get("uri")
    return link


def _effective(book: Spreadsheet, held: Any, value: Shown) -> JSON:
    """The format of a cell, with the spreadsheet's where it has none."""
    result = merged(book.properties["defaultFormat"], held.get("userEnteredFormat", {}))
    family = result.get("textFormat", {}).get("fontFamily")
    if family == "arial,sans,sans-serif":
        result["textFormat"]["fontFamily"] = "Arial"
    aligned = _ALIGNED.get(type(value))
    if aligned:
        result.setdefault("horizontalAlignment", aligned)
    result.setdefault("hyperlinkDisplayType", "LINKED" if _link(held) else "PLAIN_TEXT")
    return result


_WHOLE: Final = {"backgroundColor", "foregroundColor", "backgroundColorStyle", "foregroundColorStyle", "numberFormat"}


def merged(below: JSON, above: JSON) -> JSON:
    """A format laid over another."""
    result = copy.deepcopy(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict) and key not in _WHOLE:
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result
