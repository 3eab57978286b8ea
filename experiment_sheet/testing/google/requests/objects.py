"""Requests about things with a number of their own: named and protected ranges, filter views, charts, tables, …

They are kept as they were sent, with a number where they came without; their ranges follow rows and columns.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.a1 import grid_range, parse_cells
from experiment_sheet.testing.google.defaults import normal, with_colors
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed, plain
from experiment_sheet.testing.google.requests.tabs import add_sheet
from experiment_sheet.testing.google.tab import Tab


def _located(node: Any) -> Any:
    """JSON in which every range names its tab, the tab 0 too."""
    if isinstance(node, list):
        return [_located(item) for item in node]
    if not isinstance(node, dict):
        return node
    new = {key: _located(value) for key, value in node.items()}
    if new.keys() & {"startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex", "rowIndex", "columnIndex"}:
        new.setdefault("sheetId", 0)
    return new


def taken(body: JSON, name: str) -> JSON:
    """An object that was sent, as the service keeps it."""
    found: JSON = _located(plain(normal(needed(body, name))))
    return found


def add_named_range(edit: Edit, body: JSON) -> JSON:
    """Name a range."""
    named = taken(body, "namedRange")
    book = edit.book
    named.setdefault("range", {}).setdefault("sheetId", 0)
    edit.area(named["range"])
    _check_name(edit, str(named.get("name", "")))
    named["namedRangeId"] = str(named.get("namedRangeId") or book.new_id())
    if any(other["namedRangeId"] == named["namedRangeId"] for other in book.named_ranges):  # AddNamedRangeRequest
        raise invalid(f'Cannot add named range with ID "{named["namedRangeId"]}": it exists already.')
    book.named_ranges.append(named)
    return {"namedRange": copy.deepcopy(named)}


def _check_name(edit: Edit, name: str) -> None:
    if edit.book.named(name):
        raise invalid(f'Cannot add named range "{name}": a named range with this name already exists.')
    if not re.fullmatch(r"[^\W\d]\w{0,249}", name) or parse_cells(name) or name.lower() in {"true", "false"}:
        raise invalid(f'The name "{name}" is invalid. Please see the named range help page for what names may be.')


def _named(edit: Edit, named_id: str | None) -> JSON:
    for named in edit.book.named_ranges:
        if named["namedRangeId"] == str(named_id):
            return named
    raise invalid(f"No named range with id: {named_id}")


def update_named_range(edit: Edit, body: JSON) -> JSON:
    """Rename or move a named range."""
    mask, asked = masks.required(body), taken(body, "namedRange")
    named = _named(edit, asked.get("namedRangeId"))
    if masks.wants(mask, "name") and asked.get("name", "").lower() != named["name"].lower():
        _check_name(edit, str(asked.get("name", "")))
    new = masks.apply(named, asked, mask) | {"namedRangeId": named["namedRangeId"]}
    named.clear()
    named.update(new)
    return {}


def delete_named_range(edit: Edit, body: JSON) -> JSON:
    """Forget a named range."""
    edit.book.named_ranges.remove(_named(edit, body.get("namedRangeId")))
    return {}


def _find(edit: Edit, part: str, key: str, value: Any) -> tuple[Tab, JSON]:
    for tab in edit.book.tabs:
        for item in tab.parts.get(part, ()):
            if item.get(key) == value:
                return tab, item
    raise invalid(f"No {_WORDS[part]} with id: {value}")


_WORDS: Final = {
    "protectedRanges": "protected range",
    "filterViews": "filter view",
    "charts": "embedded object",
    "slicers": "embedded object",
    "bandedRanges": "banded range",
    "tables": "table",
}


def _numbered(edit: Edit, item: JSON, key: str) -> None:
    used = [other.get(key) for tab in edit.book.tabs for part in _WORDS for other in tab.parts.get(part, ())]
    if key in item and item[key] in used:
        raise invalid(f"Duplicate {key}: {item[key]}")
    number = edit.book.new_id()
    item.setdefault(key, str(number) if key == "tableId" else number)


def _adder(name: str, part: str, key: str) -> Handler:
    """Handler that adds an object whose range says which tab it is of."""

    def add(edit: Edit, body: JSON) -> JSON:
        item = taken(body, name)
        where = item.get("range") or {}
        if "namedRangeId" in item and not where:
            where = item["range"] = dict(_named(edit, item["namedRangeId"])["range"])
        where.setdefault("sheetId", 0)
        item["range"] = where
        tab, _ = edit.area(where)
        _numbered(edit, item, key)
        tab.list_of(part).append(item)
        return {name: copy.deepcopy(item)}

    return add


def _updater(name: str, part: str, key: str) -> Handler:
    """Handler that sets masked fields of an object."""

    def update(edit: Edit, body: JSON) -> JSON:
        mask, asked = with_colors(masks.required(body)), taken(body, name)
        _, item = _find(edit, part, key, asked.get(key))
        new = masks.apply(item, asked, mask) | {key: item[key]}
        item.clear()
        item.update(new)
        return {}

    return update


def _deleter(part: str, key: str, name: str | None = None) -> Handler:
    """Handler that removes an object."""

    def delete(edit: Edit, body: JSON) -> JSON:
        tab, item = _find(edit, part, key, body.get(name or key))
        tab.parts[part].remove(item)
        return {}

    return delete


def add_protected_range(edit: Edit, body: JSON) -> JSON:
    """Protect a range. Who protects stays an editor."""
    item = taken(body, "protectedRange")
    item.pop("requestingUserCanEdit", None)
    where = item.setdefault("range", {})
    where.setdefault("sheetId", 0)
    tab, _ = edit.area(where)
    _numbered(edit, item, "protectedRangeId")
    reply = copy.deepcopy(item) | {"requestingUserCanEdit": True}
    reply.setdefault("editors", {})
    users = item.setdefault("editors", {}).setdefault("users", [])
    users += [user for user in dict.fromkeys((edit.book.owner, edit.user)) if user not in users]
    tab.list_of("protectedRanges").append(item)
    return {"protectedRange": reply}


def add_table(edit: Edit, body: JSON) -> JSON:
    """Make a range a table: unique name, columns named by its header row."""
    item = taken(body, "table")
    tab, area = edit.area(item.setdefault("range", {"sheetId": 0}))
    others = [table for other in edit.book.tabs for table in other.parts.get("tables", ())]
    if any(tab.area(t["range"]).meets(area) for t in tab.parts.get("tables", ())):
        raise invalid("Cannot add a table that overlaps another table.")
    number = len(others) + 1
    item.setdefault("name", f"Table{number}")
    if any(other["name"].lower() == item["name"].lower() for other in others):
        raise invalid(f'A table with the name "{item["name"]}" already exists.')
    item["range"] = grid_range(tab.sheet_id, area)
    _numbered(edit, item, "tableId")
    given = {column.get("columnIndex", 0): column for column in item.get("columnProperties", ())}
    columns = []
    for at in range(area.width):
        header = tab.cell(area.top, area.left + at).get("userEnteredValue", {}).get("stringValue")
        name = {"columnName": header or f"Column {at + 1}"}
        columns.append(({"columnIndex": at} if at else {}) | name | given.get(at, {}))
        tab.change(area.top, area.left + at, userEnteredValue={"stringValue": columns[at]["columnName"]})
    item["columnProperties"] = columns
    tab.list_of("tables").append(item)
    return {"table": copy.deepcopy(item)}


def add_chart(edit: Edit, body: JSON) -> JSON:
    """Keep a chart."""
    return {"chart": _embedded(edit, taken(body, "chart"), "charts", "chartId")}


def add_slicer(edit: Edit, body: JSON) -> JSON:
    """Keep a slicer."""
    return {"slicer": _embedded(edit, taken(body, "slicer"), "slicers", "slicerId")}


def _embedded(edit: Edit, item: JSON, part: str, key: str) -> JSON:
    """Keep what floats over a tab, or stands on one of its own."""
    position = item.setdefault("position", {})
    if position.get("newSheet"):
        reply = _new_sheet(edit)
        position.pop("newSheet")
        position["sheetId"] = reply
    anchor = position.get("overlayPosition", {}).get("anchorCell", {})
    anchor.setdefault("sheetId", 0)
    tab = edit.book.tab(position.get("sheetId", anchor["sheetId"]))
    _numbered(edit, item, key)
    tab.list_of(part).append(item)
    return copy.deepcopy(item)


def _new_sheet(edit: Edit) -> int:
    number = add_sheet(edit, {"properties": {"sheetType": "OBJECT"}})["properties"]["sheetId"]
    return int(number)


def update_chart_spec(edit: Edit, body: JSON) -> JSON:
    """Replace a chart's content."""
    _, item = _find(edit, "charts", "chartId", body.get("chartId"))
    item["spec"] = taken(body, "spec")
    return {}


def delete_embedded_object(edit: Edit, body: JSON) -> JSON:
    """Remove a chart or slicer."""
    for part, key in (("charts", "chartId"), ("slicers", "slicerId")):
        for tab in edit.book.tabs:
            for item in tab.parts.get(part, ()):
                if item[key] == body.get("objectId"):
                    tab.parts[part].remove(item)
                    return {}
    raise invalid(f"No embedded object with id: {body.get('objectId')}")


KINDS: Final[dict[str, Handler]] = {
    "addNamedRange": add_named_range,
    "updateNamedRange": update_named_range,
    "deleteNamedRange": delete_named_range,
    "addProtectedRange": add_protected_range,
    "updateProtectedRange": _updater("protectedRange", "protectedRanges", "protectedRangeId"),
    "deleteProtectedRange": _deleter("protectedRanges", "protectedRangeId"),
    "addFilterView": _adder("filter", "filterViews", "filterViewId"),
    "updateFilterView": _updater("filter", "filterViews", "filterViewId"),
    "deleteFilterView": _deleter("filterViews", "filterViewId", "filterId"),
    "addBanding": _adder("bandedRange", "bandedRanges", "bandedRangeId"),
    "updateBanding": _updater("bandedRange", "bandedRanges", "bandedRangeId"),
    "deleteBanding": _deleter("bandedRanges", "bandedRangeId"),
    "addTable": add_table,
    "updateTable": _updater("table", "tables", "tableId"),
    "deleteTable": _deleter("tables", "tableId"),
    "addChart": add_chart,
    "updateChartSpec": update_chart_spec,
    "addSlicer": add_slicer,
    "deleteEmbeddedObject": delete_embedded_object,
}
