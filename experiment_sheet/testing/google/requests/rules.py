"""Requests about a tab's filter and its conditional formats."""

from __future__ import annotations

import copy
from typing import Final

from experiment_sheet.testing.google.a1 import grid_range
from experiment_sheet.testing.google.reading import Reader
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed
from experiment_sheet.testing.google.requests.objects import taken
from experiment_sheet.testing.google.tab import Tab


def set_basic_filter(edit: Edit, body: JSON) -> JSON:
    """Set the filter that everybody sees; its rows hide or show."""
    found = taken(body, "filter")
    tab, area = edit.area(found.setdefault("range", {"sheetId": 0}))
    _show_all(tab)
    found["range"] = grid_range(tab.sheet_id, area)
    tab.parts["basicFilter"] = found
    hidden = {int(column): set(c.get("hiddenValues", ())) for column, c in found.get("criteria", {}).items()}
    for spec in found.get("filterSpecs", ()):
        hidden[spec.get("columnIndex", 0)] = set(spec.get("filterCriteria", {}).get("hiddenValues", ()))
    _hide(edit, tab, hidden, range(area.top + 1, min(area.bottom, len(tab.rows))))
    return {}


def _hide(edit: Edit, tab: Tab, hidden: dict[int, set[str]], rows: range) -> None:
    reader = Reader(edit.book)
    for row in rows:
        if any(reader.text(tab, row, column) in values for column, values in hidden.items()):
            tab.sizes["ROWS"][row] = tab.size("ROWS", row) | {"hiddenByFilter": True}


def _show_all(tab: Tab) -> None:
    for row, size in list(tab.sizes["ROWS"].items()):
        tab.sizes["ROWS"][row] = {key: value for key, value in size.items() if key != "hiddenByFilter"}


def clear_basic_filter(edit: Edit, body: JSON) -> JSON:
    """Remove a tab's filter."""
    tab = edit.book.tab(body.get("sheetId"), what="sheet")
    _show_all(tab)
    tab.parts.pop("basicFilter", None)
    return {}


def _rules(edit: Edit, sheet_id: int | None) -> tuple[Tab, list[JSON]]:
    tab = edit.book.tab(sheet_id)
    return tab, tab.list_of("conditionalFormats")


def _rule(edit: Edit, body: JSON) -> JSON:
    rule = taken(body, "rule")
    if not rule.get("ranges"):
        raise invalid("rule.ranges is required")
    for where in rule["ranges"]:
        where.setdefault("sheetId", 0)
        edit.area(where)
    if not rule.keys() & {"booleanRule", "gradientRule"}:
        raise invalid("The rule must have a booleanRule or a gradientRule.")
    return rule


def add_conditional_format_rule(edit: Edit, body: JSON) -> JSON:
    """Add a conditional format; those behind it come later."""
    rule = _rule(edit, body)
    _, rules = _rules(edit, rule["ranges"][0]["sheetId"])
    rules.insert(body.get("index") or 0, rule)
    return {}


def update_conditional_format_rule(edit: Edit, body: JSON) -> JSON:
    """Replace a conditional format, or change its rank."""
    if "rule" in body:
        rule = _rule(edit, body)
        tab, rules = _rules(edit, rule["ranges"][0]["sheetId"])
        old = rules[_at(rules, body)]
        rules[_at(rules, body)] = rule
        return {"newRule": copy.deepcopy(rule), "oldRule": old, "newIndex": body.get("index") or 0}
    tab, rules = _rules(edit, body.get("sheetId"))
    rule = rules.pop(_at(rules, body))
    new = needed(body, "newIndex")
    rules.insert(new, rule)
    tab.parts["conditionalFormats"] = rules
    return {"newRule": copy.deepcopy(rule), "newIndex": new, "oldIndex": body.get("index") or 0}


def delete_conditional_format_rule(edit: Edit, body: JSON) -> JSON:
    """Remove a conditional format."""
    _, rules = _rules(edit, body.get("sheetId"))
    return {"rule": rules.pop(_at(rules, body))}


def _at(rules: list[JSON], body: JSON) -> int:
    index = int(body.get("index") or 0)
    if index >= len(rules):
        raise invalid(f"No conditional format on sheet: {body.get('sheetId') or 0} at index: {index}")
    return index


KINDS: Final[dict[str, Handler]] = {
    "setBasicFilter": set_basic_filter,
    "clearBasicFilter": clear_basic_filter,
    "addConditionalFormatRule": add_conditional_format_rule,
    "updateConditionalFormatRule": update_conditional_format_rule,
    "deleteConditionalFormatRule": delete_conditional_format_rule,
}
