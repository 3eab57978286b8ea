"""Requests that set cells: updateCells, appendCells, repeatCell, validation, borders, merges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.a1 import Area, grid_range
from experiment_sheet.testing.google.defaults import normal, with_colors
from experiment_sheet.testing.google.formulas import pasted
from experiment_sheet.testing.google.parsing import raw
from experiment_sheet.testing.google.refusal import JSON, bad_field, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift
from experiment_sheet.testing.google.tab import Tab

_FIELDS: Final = frozenset(
    {
        "userEnteredValue",
        "effectiveValue",
        "formattedValue",
        "userEnteredFormat",
        "effectiveFormat",
        "hyperlink",
        "note",
    }
    | {"textFormatRuns", "dataValidation", "pivotTable", "dataSourceTable", "dataSourceFormula", "chipRuns"}
)
_READ_ONLY: Final = {"effectiveValue", "formattedValue", "effectiveFormat", "hyperlink"}
_VALUES: Final = {"numberValue", "stringValue", "boolValue", "formulaValue", "errorValue"}


def cell_data(cell: Any, where: str) -> JSON:
    """A CellData that was sent, as the service keeps it."""
    if not isinstance(cell, dict | None):
        raise bad_field(where, f"Invalid value at '{where}' (type.googleapis.com/google.apps.sheets.v4.CellData)")
    data: JSON = normal(cell or {})
    if unknown := next(iter(data.keys() - _FIELDS), None):
        text = f"Invalid JSON payload received. Unknown name \"{unknown}\" at '{where}': Cannot find field."
        raise bad_field(where, text)
    data = {key: value for key, value in data.items() if key not in _READ_ONLY and value not in ("", {}, [])}
    value = data.get("userEnteredValue")
    if value is not None and not isinstance(value, dict):
        place = f"{where}.user_entered_value"
        raise bad_field(place, f"Invalid value at '{place}' (type.googleapis.com/google.apps.sheets.v4.ExtendedValue)")
    if value and (value.keys() - _VALUES or len(value) > 1):
        place = f"{where}.user_entered_value"
        raise bad_field(place, f"Invalid value at '{place}' (oneof), oneof field 'value' is already set.")
    if value == {"stringValue": ""}:
        del data["userEnteredValue"]
    elif value and "numberValue" in value:
        data["userEnteredValue"] = raw(value["numberValue"])
    return data


def mask_of(body: JSON) -> masks.Mask:
    """The field mask of a request that sets cells."""
    mask = masks.required(body)
    if unknown := next(iter(mask.keys() - _FIELDS - {"*"}), None):
        raise bad_field("fields", f"Invalid value at 'fields': Cannot find field \"{unknown}\".")
    return with_colors(mask)


def set_cells(tab: Tab, row: int, cells: Mapping[int, JSON], mask: masks.Mask) -> None:
    """Set the masked fields of cells in one row."""
    new = {}
    for column, data in cells.items():
        cell = masks.apply(dict(tab.cell(row, column)), data, mask)
        new[column] = {key: value for key, value in cell.items() if value not in ("", {}, None)}
    tab.put(row, new)


def update_cells(edit: Edit, body: JSON) -> JSON:
    """Set fields of cells, row by row; in a range, what isn't given is cleared."""
    mask, rows = mask_of(body), body.get("rows") or []
    width = max((len(row.get("values") or []) for row in rows), default=0)
    if "range" in body:
        tab, area = edit.writable(body["range"])
    else:
        start = needed(body, "start")
        tab = edit.book.tab(start.get("sheetId"))
        top, left = start.get("rowIndex") or 0, start.get("columnIndex") or 0
        _check_inside(tab.whole, top + len(rows), left + width)
        area = Area(top, left, top + len(rows), left + width)
        edit.book.guard(tab, area, edit.user)
    _check_inside(area, area.top + len(rows), area.left + width)
    for at in range(area.height):
        values = (rows[at].get("values") or []) if at < len(rows) else []
        last = area.width if "range" in body else len(values)
        cells = {
            area.left + right: cell_data(values[right] if right < len(values) else None, f"rows[{at}].values[{right}]")
            for right in range(last)
        }
        if at < len(rows) or area.top + at < len(tab.rows):
            set_cells(tab, area.top + at, cells, mask)
    return {}


def _check_inside(area: Area, bottom: int, right: int) -> None:
    if bottom > area.bottom:
        last = area.bottom - 1
        raise invalid(f"Attempting to write row: {area.bottom}, beyond the last requested row of: {last}")
    if right > area.right:
        last = area.right - 1
        raise invalid(f"Attempting to write column: {area.right}, beyond the last requested column of: {last}")


def append_cells(edit: Edit, body: JSON) -> JSON:
    """Set cells below the last row with data, of the tab or of a table; the grid grows if need be."""
    mask, rows = mask_of(body), body.get("rows") or []
    width = max((len(row.get("values") or []) for row in rows), default=0)
    left, table = 0, None
    if body.get("tableId"):
        tab, table = _table(edit, body["tableId"])
        area = tab.area(table["range"])
        top, left = area.bottom, area.left
        _make_room(edit, tab, area, len(rows))
        _, table = _table(edit, body["tableId"])  # inserting made a new one
        table["range"]["endRowIndex"] = area.bottom + len(rows)
    else:
        tab = edit.book.tab(body.get("sheetId"))
        top = max(0, tab.data_end + edit.lags.get(tab.sheet_id, 0))
    tab.grow(ROWS, top + len(rows))
    tab.grow(COLUMNS, left + width)
    edit.book.check_size()
    edit.book.guard(tab, Area(top, left, top + len(rows), left + width), edit.user)
    for at, row in enumerate(rows):
        values = enumerate(row.get("values") or [])
        cells = {left + right: cell_data(cell, f"rows[{at}].values[{right}]") for right, cell in values}
        set_cells(tab, top + at, cells, mask)
    if not table:
        edit.lags[tab.sheet_id] = top + len(rows) - tab.data_end
    return {}


def _table(edit: Edit, table_id: str) -> tuple[Tab, JSON]:
    for tab in edit.book.tabs:
        for table in tab.parts.get("tables", ()):
            if table["tableId"] == table_id:
                return tab, table
    raise invalid(f"No table with id: {table_id}")


def _make_room(edit: Edit, tab: Tab, table: Area, height: int) -> None:
    """Insert rows behind a table that something stands right below of."""
    below = Area(table.bottom, table.left, table.bottom + height, table.right)
    if any(True for _ in tab.filled(below)):
        edit.book.shift(tab, Shift("insert", ROWS, table.bottom, table.bottom + height))


def repeat_cell(edit: Edit, body: JSON) -> JSON:
    """Set the same fields in every cell of a range; formulas move along."""
    mask = mask_of(body)
    tab, area = edit.writable(needed(body, "range"))
    data = cell_data(body.get("cell"), "cell")
    formula = data.get("userEnteredValue", {}).get("formulaValue")
    filled = masks.apply({}, data, mask)
    bottom = area.bottom if filled else min(area.bottom, len(tab.rows))
    for row in range(area.top, bottom):
        cells = {}
        for column in range(area.left, area.right):
            moved = pasted(formula, row - area.top, column - area.left) if formula else None
            cells[column] = data | ({"userEnteredValue": {"formulaValue": moved}} if moved else {})
        set_cells(tab, row, cells, mask)
    return {}


def set_data_validation(edit: Edit, body: JSON) -> JSON:
    """Set or remove the rule of what a range's cells may hold."""
    tab, area = edit.writable(needed(body, "range"))
    rule = normal(body.get("rule"))
    if rule and not rule.get("condition", {}).get("type"):
        raise invalid("rule.condition.type is required")
    if rule:
        rule = {key: value for key, value in rule.items() if value is not False}
    for row in range(area.top, area.bottom if rule else min(area.bottom, len(tab.rows))):
        columns = range(area.left, area.right)
        set_cells(tab, row, {c: {"dataValidation": rule or None} for c in columns}, {"dataValidation": {}})
    return {}


def update_borders(edit: Edit, body: JSON) -> JSON:
    """Set borders around and within a range."""
    tab, area = edit.writable(needed(body, "range"))
    body = normal(body)
    for row, column in area.cells():
        sides = {
            "top": body.get("top" if row == area.top else "innerHorizontal"),
            "bottom": body.get("bottom" if row == area.bottom - 1 else "innerHorizontal"),
            "left": body.get("left" if column == area.left else "innerVertical"),
            "right": body.get("right" if column == area.right - 1 else "innerVertical"),
        }
        form = dict(tab.cell(row, column).get("userEnteredFormat", {}))
        borders = form.get("borders", {}) | {side: line for side, line in sides.items() if line}
        form["borders"] = {side: line for side, line in borders.items() if line.get("style") != "NONE"}
        tab.change(row, column, userEnteredFormat={key: value for key, value in form.items() if value != {}})
    return {}


def merge_cells(edit: Edit, body: JSON) -> JSON:
    """Merge cells; of their values the first stays."""
    tab, area = edit.writable(needed(body, "range"))
    kind = body.get("mergeType") or "MERGE_ALL"
    _unmerge(tab, area)
    rows, columns = range(area.top, area.bottom), range(area.left, area.right)
    if kind == "MERGE_ROWS":
        areas = [Area(row, area.left, row + 1, area.right) for row in rows]
    elif kind == "MERGE_COLUMNS":
        areas = [Area(area.top, column, area.bottom, column + 1) for column in columns]
    else:
        areas = [area]
    for one in areas:
        tab.list_of("merges").append(grid_range(tab.sheet_id, one))
        for row, column, _ in list(tab.filled(one)):
            if (row, column) != (one.top, one.left):
                tab.change(row, column, userEnteredValue=None, textFormatRuns=None)
    return {}


def _unmerge(tab: Tab, area: Area) -> None:
    kept = []
    for merge in tab.parts.get("merges", ()):
        other = tab.area(merge)
        if other.meets(area) and not area.holds(other):
            raise invalid("You must select all cells in a merged range to merge or unmerge them.")
        kept += [] if other.meets(area) else [merge]
    tab.parts["merges"] = kept


def unmerge_cells(edit: Edit, body: JSON) -> JSON:
    """Split merged cells."""
    tab, area = edit.writable(needed(body, "range"))
    _unmerge(tab, area)
    return {}


KINDS: Final[dict[str, Handler]] = {
    "updateCells": update_cells,
    "appendCells": append_cells,
    "repeatCell": repeat_cell,
    "setDataValidation": set_data_validation,
    "updateBorders": update_borders,
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
}
