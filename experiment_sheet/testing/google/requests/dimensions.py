"""Requests about rows and columns."""

from __future__ import annotations

from typing import Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed, plain
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift
from experiment_sheet.testing.google.tab import Tab
from experiment_sheet.testing.google.widths import pixels

_TALL: Final = 21
_NARROWEST: Final = 21


def dimension_range(edit: Edit, body: JSON | None) -> tuple[Tab, str, int, int]:
    """Tab, dimension, start and end of a DimensionRange; what is absent is not bounded."""
    where = body or {}
    tab = edit.book.tab(where.get("sheetId"))
    dimension = where.get("dimension")
    if dimension not in {ROWS, COLUMNS}:
        raise invalid("range.dimension must be ROWS or COLUMNS")
    start, end = where.get("startIndex") or 0, where.get("endIndex")
    end = tab.count(dimension) if end is None else end
    if start < 0 or end <= start:
        raise invalid(f"range.endIndex[{end}] must be greater than range.startIndex[{start}]")
    return tab, dimension, start, end


def strip(tab: Tab, dimension: str, start: int, end: int) -> Area:
    """Whole rows or columns as an area."""
    whole = tab.whole
    return Area(start, 0, end, whole.right) if dimension == ROWS else Area(0, start, whole.bottom, end)


def insert_dimension(edit: Edit, body: JSON) -> JSON:
    """Insert rows or columns, with the format of those before or behind."""
    where = needed(body, "range")
    tab, dimension, start, end = dimension_range(edit, where)
    before = bool(body.get("inheritFromBefore"))
    size, count = end - start, tab.count(dimension)
    if before and start == 0:
        raise invalid("range.startIndex must be greater than 0 if inheritFromBefore is true")
    if start > count or (start == count and not before):
        rule = "less than or equal to" if before else "less than"
        text = f"range.startIndex[{start}] must be {rule} the grid size [{count}]"
        raise invalid(f"{text} if inheritFromBefore is {str(before).lower()}.")
    start = min(edit.drifted(tab, dimension, start), count)
    if 0 < start < count:
        edit.book.guard(tab, strip(tab, dimension, start, start), edit.user)
    edit.book.shift(tab, Shift("insert", dimension, start, start + size))
    source = start - 1 if before else start + size
    for at in range(start, start + size):
        _inherit(tab, dimension, source, at)
    return {}


def _inherit(tab: Tab, dimension: str, source: int, at: int) -> None:
    """Give a new row or column the formats of another."""
    across = tab.count(COLUMNS) if dimension == ROWS else len(tab.rows)
    line = strip(tab, dimension, source, source + 1)
    for row, column, cell in list(tab.filled(line)) if across else []:
        kept = {key: cell[key] for key in ("userEnteredFormat", "dataValidation") if key in cell}
        if kept:
            tab.put(*((at, {column: kept}) if dimension == ROWS else (row, {at: kept})))


def append_dimension(edit: Edit, body: JSON) -> JSON:
    """Add rows or columns at the end."""
    tab = edit.book.tab(body.get("sheetId"))
    dimension = needed(body, "dimension")
    tab.grow(dimension, tab.count(dimension) + int(body.get("length") or 0))
    edit.book.check_size()
    return {}


def delete_dimension(edit: Edit, body: JSON) -> JSON:
    """Delete rows or columns."""
    tab, dimension, start, end = dimension_range(edit, needed(body, "range"))
    count, name = tab.count(dimension), dimension.lower()
    if start >= count or end > count:
        raise invalid(
            f"Cannot delete a {name[:-1]} that doesn't exist. Tried to delete {name[:-1]} index {end - 1} "
            f"but there are only {count} {name}."
        )
    if end - start >= count:
        raise invalid(f"You can't delete all the {name} on the sheet.")
    frozen = tab.grid.get("frozenRowCount" if dimension == ROWS else "frozenColumnCount", 0)
    if frozen and start <= frozen and end >= count:
        raise invalid(f"Sorry, it is not possible to delete all non-frozen {name}.")
    edit.book.guard(tab, strip(tab, dimension, start, end), edit.user)
    edit.book.shift(tab, Shift("delete", dimension, start, end))
    return {}


def move_dimension(edit: Edit, body: JSON) -> JSON:
    """Move rows or columns; the destination counts before the move."""
    tab, dimension, start, end = dimension_range(edit, needed(body, "source"))
    to = int(body.get("destinationIndex") or 0)
    if not 0 <= to <= tab.count(dimension) or end > tab.count(dimension):
        raise invalid(f"destinationIndex[{to}] must be within the grid.")
    if start < to < end:
        raise invalid("Cannot move a dimension into itself.")
    if to not in (start, end):
        edit.book.shift(tab, Shift("move", dimension, start, end, to))
    return {}


def update_dimension_properties(edit: Edit, body: JSON) -> JSON:
    """Size and visibility of rows or columns."""
    mask = masks.required(body)
    tab, dimension, start, end = dimension_range(edit, needed(body, "range"))
    if end > tab.count(dimension):
        raise invalid(f"range.endIndex[{end}] must be at most the grid size [{tab.count(dimension)}].")
    new = plain(body.get("properties") or {})
    for at in range(start, end):
        size = masks.apply(tab.size(dimension, at), new, mask)
        tab.sizes[dimension].pop(at, None)
        if size:
            tab.sizes[dimension][at] = size
    return {}


def auto_resize_dimensions(edit: Edit, body: JSON) -> JSON:
    """Size columns to what they show, and rows to their lines."""
    tab, dimension, start, end = dimension_range(edit, needed(body, "dimensions"))
    reader = Reader(edit.book)
    for at in range(start, min(end, tab.count(dimension))):
        filled = list(tab.filled(strip(tab, dimension, at, at + 1)))
        texts = [(reader.text(tab, row, column), cell) for row, column, cell in filled]
        if dimension == COLUMNS:
            size = max((pixels(text, _points(cell)) for text, cell in texts if text), default=0)
            size = max(size, _NARROWEST) if size else tab.size(COLUMNS, at).get("pixelSize", 0)
        else:
            size = _TALL * max((text.count("\n") + 1 for text, _ in texts), default=1)
        if size:
            tab.sizes[dimension][at] = tab.size(dimension, at) | {"pixelSize": size}
    return {}


def _points(cell: object) -> float:
    text_format = cell.get("userEnteredFormat", {}).get("textFormat", {}) if isinstance(cell, dict) else {}
    return float(text_format.get("fontSize", 10))


KINDS: Final[dict[str, Handler]] = {
    "insertDimension": insert_dimension,
    "appendDimension": append_dimension,
    "deleteDimension": delete_dimension,
    "moveDimension": move_dimension,
    "updateDimensionProperties": update_dimension_properties,
    "autoResizeDimensions": auto_resize_dimensions,
}
