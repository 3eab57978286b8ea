"""Requests that move and change what cells hold: sort, copy, cut, push, find and replace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.formulas import FormulaError, pasted, rank
from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed
from experiment_sheet.testing.google.shifts import ROWS
from experiment_sheet.testing.google.tab import EMPTY, Cell, Tab


def sort_range(edit: Edit, body: JSON) -> JSON:
    """Sort the rows of a range; blanks go last whichever way."""
    tab, area = edit.writable(needed(body, "range"))
    specs = body.get("sortSpecs") or []
    reader = Reader(edit.book)
    order = list(range(area.top, min(area.bottom, len(tab.rows))))
    for spec in reversed(specs):
        column = spec.get("dimensionIndex") or 0
        if not area.left <= column < area.right:
            raise invalid(f"sortSpecs.dimensionIndex[{column}] must be within the range.")
        values = {row: reader.value(tab, row, column) for row in order}
        blank = [row for row in order if values[row] in (None, "")]
        filled = [row for row in order if values[row] not in (None, "")]
        keys = {row: _rank(values[row]) for row in filled}
        order = sorted(filled, key=keys.__getitem__, reverse=spec.get("sortOrder") == "DESCENDING") + blank
    _reorder(tab, area, order)
    if edit.races.metadata_follows_sort and area == Area(area.top, 0, area.bottom, tab.whole.right):
        _carry(edit, tab, {old: area.top + at for at, old in enumerate(order)})
    return {}


def _rank(value: Any) -> tuple[int, float | str]:
    return (3, value.text) if isinstance(value, FormulaError) else rank(value)


def _reorder(tab: Tab, area: Area, order: list[int]) -> None:
    """Put the cells of rows, within an area, in another order."""
    columns = range(area.left, area.right)
    old = [{c: tab.cell(row, c) for c in columns} for row in order]
    for at, (source, cells) in enumerate(zip(order, old, strict=True)):
        row = area.top + at
        if row != source:
            tab.put(row, {column: _away(cell, row - source, 0) for column, cell in cells.items()})


def _carry(edit: Edit, tab: Tab, places: dict[int, int]) -> None:
    """Move developer metadata of rows along."""
    for item in edit.book.metadata:
        where = item["location"].get("dimensionRange", {})
        if where.get("dimension") == ROWS and where.get("sheetId", 0) == tab.sheet_id:
            new = places.get(where["startIndex"], where["startIndex"])
            where |= {"startIndex": new, "endIndex": new + 1}


def _away(cell: Cell, down: int, right: int) -> Cell:
    """A cell copied so many rows and columns away."""
    formula = cell.get("userEnteredValue", EMPTY).get("formulaValue")
    if not formula:
        return cell
    return {**cell, "userEnteredValue": {"formulaValue": pasted(formula, down, right)}}


_TAKES: Final = {
    "PASTE_NORMAL": None,
    "PASTE_NO_BORDERS": None,
    "PASTE_VALUES": {"userEnteredValue"},
    "PASTE_FORMULA": {"userEnteredValue"},
    "PASTE_FORMAT": {"userEnteredFormat"},
    "PASTE_DATA_VALIDATION": {"dataValidation"},
    "PASTE_CONDITIONAL_FORMATTING": set(),
}
"""PasteType → the fields that it pastes; None for all."""


def _taken(cell: Cell, kind: str, value: Any) -> JSON:
    """What of a cell a paste takes along."""
    fields = _TAKES[kind]
    taken = dict(cell) if fields is None else {key: item for key, item in cell.items() if key in fields}
    if kind == "PASTE_VALUES" and "formulaValue" in taken.get("userEnteredValue", EMPTY):
        taken["userEnteredValue"] = _extended(value)
    if kind == "PASTE_NO_BORDERS" and "borders" in taken.get("userEnteredFormat", EMPTY):
        taken["userEnteredFormat"] = {k: v for k, v in taken["userEnteredFormat"].items() if k != "borders"}
    return taken


def _extended(value: Any) -> JSON:
    if isinstance(value, FormulaError):
        return {"stringValue": value.text}
    name = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
    return {name: value}


def _paste(tab: Tab, row: int, column: int, taken: JSON, kind: str) -> None:
    fields = _TAKES[kind]
    if fields is None:
        tab.put(row, {column: taken})
    else:
        tab.change(row, column, **{field: taken.get(field) for field in fields})


def _kind(body: JSON) -> str:
    kind = body.get("pasteType") or "PASTE_NORMAL"
    if kind not in _TAKES:
        raise invalid(f"Invalid pasteType: {kind}")
    return str(kind)


def copy_paste(edit: Edit, body: JSON) -> JSON:
    """Copy a range, as often as the destination holds it; relative references move along."""
    source_tab, source = edit.area(needed(body, "source"))
    target_tab, target = edit.writable(needed(body, "destination"))
    kind, reader = _kind(body), Reader(edit.book)
    turned = body.get("pasteOrientation") == "TRANSPOSE"
    values = {
        (row, column): _taken(source_tab.cell(row, column), kind, reader.value(source_tab, row, column))
        for row, column in source.cells()
    }
    height, width = (source.width, source.height) if turned else (source.height, source.width)
    for down in range(max(target.height // height, 1) * height):
        for right in range(max(target.width // width, 1) * width):
            row, column = target.top + down, target.left + right
            if row >= target_tab.whole.bottom or column >= target_tab.whole.right:
                continue
            at = (right % width, down % height) if turned else (down % height, right % width)
            place = (source.top + at[0], source.left + at[1])
            taken = dict(_away(values[place], row - place[0], column - place[1]))
            _paste(target_tab, row, column, taken, kind)
    return {}


def cut_paste(edit: Edit, body: JSON) -> JSON:
    """Move a range to another place."""
    source_tab, source = edit.writable(needed(body, "source"))
    where, kind = needed(body, "destination"), _kind(body)
    target_tab = edit.book.tab(where.get("sheetId"))
    top, left = where.get("rowIndex") or 0, where.get("columnIndex") or 0
    target = Area(top, left, top + source.height, left + source.width)
    if not target_tab.whole.holds(target):
        raise invalid("The destination must be within the grid.")
    edit.book.guard(target_tab, target, edit.user)
    reader = Reader(edit.book)
    values = [
        (row, column, _taken(source_tab.cell(row, column), kind, reader.value(source_tab, row, column)))
        for row, column in source.cells()
    ]
    for row, column, _ in values:
        source_tab.put(row, {column: {}})
    for row, column, taken in values:
        _paste(target_tab, row - source.top + top, column - source.left + left, taken, kind)
    return {}


def insert_range(edit: Edit, body: JSON) -> JSON:
    """Insert blank cells; what stood there moves down or right."""
    return _push(edit, body, back=False)


def delete_range(edit: Edit, body: JSON) -> JSON:
    """Delete cells; what stood below or to the right takes their place."""
    return _push(edit, body, back=True)


def _push(edit: Edit, body: JSON, *, back: bool) -> JSON:
    tab, area = edit.writable(needed(body, "range"))
    down = needed(body, "shiftDimension") == ROWS
    whole = tab.whole
    reach = Area(area.top, area.left, *((whole.bottom, area.right) if down else (area.bottom, whole.right)))
    size = area.height if down else area.width
    filled = [(row, column, cell) for row, column, cell in tab.filled(reach)]
    for row, column, _ in filled:
        tab.put(row, {column: {}})
    for row, column, cell in filled:
        if back and area.top <= row < area.bottom and area.left <= column < area.right:
            continue
        step = -size if back else size
        new = (row + step, column) if down else (row, column + step)
        if new[0] >= whole.bottom or new[1] >= whole.right:
            tab.grow("ROWS" if down else "COLUMNS", (new[0] if down else new[1]) + 1)
        tab.put(new[0], {new[1]: cell})
    return {}


def find_replace(edit: Edit, body: JSON) -> JSON:
    """Replace text in the cells of a range, a tab or the whole spreadsheet."""
    pattern = _pattern(body)
    counts = dict.fromkeys(
        ("valuesChanged", "formulasChanged", "rowsChanged", "sheetsChanged", "occurrencesChanged"), 0
    )
    for tab, area in _searched(edit, body):
        rows = set()
        for row, column, cell in list(tab.filled(area)):
            field = "formulaValue" if "formulaValue" in cell.get("userEnteredValue", EMPTY) else "stringValue"
            text = _searchable(cell, field, formulas=bool(body.get("includeFormulas")))
            if text is None:
                continue
            new, times = pattern.subn(lambda _: str(body.get("replacement") or ""), text)
            if times:
                tab.change(row, column, userEnteredValue={field: new} if new else None)
                counts["formulasChanged" if field == "formulaValue" else "valuesChanged"] += 1
                counts["occurrencesChanged"] += times
                rows.add(row)
        counts["rowsChanged"] += len(rows)
        counts["sheetsChanged"] += bool(rows)
    return {key: count for key, count in counts.items() if count}


def _pattern(body: JSON) -> re.Pattern[str]:
    text = str(needed(body, "find"))
    if not body.get("searchByRegex"):
        text = re.escape(text)
    if body.get("matchEntireCell"):
        text = rf"\A(?:{text})\Z"
    return re.compile(text, 0 if body.get("matchCase") else re.IGNORECASE)


def _searchable(cell: Cell, field: str, *, formulas: bool) -> str | None:
    value = cell.get("userEnteredValue", EMPTY)
    if field == "formulaValue":
        return str(value[field]) if formulas else None
    return str(value[field]) if field in value else None


def _searched(edit: Edit, body: JSON) -> Iterable[tuple[Tab, Area]]:
    if "range" in body:
        return [edit.writable(body["range"])]
    tabs = edit.book.tabs if body.get("allSheets") else [edit.book.tab(body.get("sheetId"))]
    return [edit.writable({"sheetId": tab.sheet_id}) for tab in tabs]


KINDS: Final[dict[str, Handler]] = {
    "sortRange": sort_range,
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
    "insertRange": insert_range,
    "deleteRange": delete_range,
    "findReplace": find_replace,
}
