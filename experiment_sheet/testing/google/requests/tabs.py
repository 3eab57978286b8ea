"""Requests about spreadsheets and tabs as a whole."""

from __future__ import annotations

import copy
from typing import Any, Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.a1 import quoted
from experiment_sheet.testing.google.defaults import normal, with_colors
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, plain
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

LONGEST_TITLE: Final = 100
"""Characters of a tab's title that the Sheets page takes."""
MOST_TABS: Final = 200
"""Tabs of a spreadsheet (support.google.com/drive/answer/37603)."""


def update_spreadsheet_properties(edit: Edit, body: JSON) -> JSON:
    """Title, locale, time zone, default format."""
    mask = with_colors(masks.required(body))
    old = edit.book.properties
    new = masks.apply(old, plain(normal(body.get("properties", {}))), mask)
    edit.book.properties = new | {key: old[key] for key in old if key not in new}
    return {}


def add_sheet(edit: Edit, body: JSON) -> JSON:
    """A new tab."""
    asked = plain(normal(body.get("properties") or {}))
    book = edit.book
    taken = [tab.sheet_id for tab in book.tabs]
    sheet_id = asked.get("sheetId")
    if sheet_id in taken:
        raise invalid(f"A sheet with id {sheet_id} already exists. Please use a different id.")
    title = asked.get("title") or _free_title(book)
    check_title(book, title)
    if len(book.tabs) >= MOST_TABS:
        raise invalid(f"This action would increase the number of sheets above the limit of {MOST_TABS}.")
    tab = Tab(book.new_id(*taken) if sheet_id is None else sheet_id, title)
    tab.properties["gridProperties"] |= asked.get("gridProperties", {})
    extra = {key: value for key, value in asked.items() if key not in {"sheetId", "title", "index", "gridProperties"}}
    tab.properties |= extra
    _place(book, tab, asked.get("index"))
    book.check_size()
    return {"properties": copy.deepcopy(tab.properties)}


def _free_title(book: Spreadsheet) -> str:
    number = len(book.tabs) + 1
    while book.titled(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def check_title(book: Spreadsheet, title: str, but: Tab | None = None) -> None:
    """Refuse a title that another tab has, that is empty, or too long."""
    other = book.titled(title)
    if other is not None and other is not but:
        raise invalid(f'A sheet with the name "{title}" already exists. Please enter another name.')
    if not title or len(title) > LONGEST_TITLE:
        raise invalid("The sheet name cannot be empty." if not title else "The sheet name is too long.")


def _place(book: Spreadsheet, tab: Tab, index: int | None) -> None:
    book.tabs.insert(len(book.tabs) if index is None else min(index, len(book.tabs)), tab)
    book.renumber()


def delete_sheet(edit: Edit, body: JSON) -> JSON:
    """Remove a tab, with what points at it."""
    book = edit.book
    tab = book.tab(body.get("sheetId"), what="sheet")
    visible = [other for other in book.tabs if other is not tab and not other.properties.get("hidden")]
    if not visible:
        raise invalid("You can't remove all the sheets in a document.")
    edit.book.guard(tab, tab.whole, edit.user)
    book.tabs.remove(tab)
    book.renumber()
    book.named_ranges = [one for one in book.named_ranges if one["range"].get("sheetId", 0) != tab.sheet_id]
    book.metadata = [one for one in book.metadata if _sheet_of(one) != tab.sheet_id]
    return {}


def _sheet_of(metadata: JSON) -> int | None:
    location = metadata["location"]
    found: int | None = location.get("sheetId", location.get("dimensionRange", {}).get("sheetId"))
    return found


def duplicate_sheet(edit: Edit, body: JSON) -> JSON:
    """Copy a tab within the spreadsheet."""
    book = edit.book
    source = book.tab(body.get("sourceSheetId"), what="sheet")
    title = body.get("newSheetName") or copy_title(book, source.title)
    check_title(book, title)
    tab = copied(book, source, title, body.get("newSheetId"))
    _place(book, tab, body.get("insertSheetIndex") or 0)
    book.check_size()
    return {"properties": copy.deepcopy(tab.properties)}


def copy_title(book: Spreadsheet, title: str) -> str:
    """Name of a copy: ``Copy of runs``, ``Copy of runs 2``, …"""
    name, number = f"Copy of {title}", 2
    while book.titled(name):
        name, number = f"Copy of {title} {number}", number + 1
    return name


def copied(book: Spreadsheet, source: Tab, title: str, sheet_id: int | None = None) -> Tab:
    """A copy of a tab under another title and number."""
    tab = source.snapshot()
    new = book.new_id(*(other.sheet_id for other in book.tabs)) if sheet_id is None else sheet_id
    if book.find(new):
        raise invalid(f"A sheet with id {new} already exists. Please use a different id.")
    tab.parts = _renumbered(tab.parts, source.sheet_id, new)
    tab.parts.pop("tables", None)
    tab.properties |= {"sheetId": new, "title": title}
    return tab


def _renumbered(node: Any, old: int, new: int) -> Any:
    """JSON whose ranges point at another tab."""
    if isinstance(node, list):
        return [_renumbered(item, old, new) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: new if key == "sheetId" and value == old else _renumbered(value, old, new) for key, value in node.items()
    }


def update_sheet_properties(edit: Edit, body: JSON) -> JSON:
    """Title, place, size, frozen rows, colour, visibility of a tab."""
    mask = with_colors(masks.required(body))
    asked = plain(normal(body.get("properties") or {}))
    book = edit.book
    tab = book.tab(asked.get("sheetId"), what="sheet")
    if "title" in mask:
        check_title(book, asked.get("title", ""), tab)
    old = copy.deepcopy(tab.properties)
    new = masks.apply(old, asked, mask) | {"sheetId": tab.sheet_id, "sheetType": old["sheetType"]}
    new.setdefault("title", old["title"])
    wanted = new.get("gridProperties", {})
    rows, columns = wanted.get("rowCount"), wanted.get("columnCount")
    if "gridProperties" in mask and masks.wants(mask, "gridProperties", "rowCount") and not rows:
        raise invalid("gridProperties.rowCount must be at least 1")
    tab.properties = new | {"gridProperties": wanted | {"rowCount": tab.count(ROWS), "columnCount": tab.count(COLUMNS)}}
    book.resize(tab, ROWS, rows or tab.count(ROWS))
    book.resize(tab, COLUMNS, columns or tab.count(COLUMNS))
    _check_frozen(tab)
    if not any(not other.properties.get("hidden") for other in book.tabs):
        raise invalid("You can't hide all the sheets in a document.")
    if masks.wants(mask, "index") and "index" in asked:
        _move(book, tab, old["index"], asked["index"])
    if old["title"] != new["title"]:
        _rename_in_formulas(book, old["title"], new["title"])
    tab.properties["index"] = book.tabs.index(tab)
    book.check_size()
    return {}


def _check_frozen(tab: Tab) -> None:
    for name, dimension in (("Row", ROWS), ("Column", COLUMNS)):
        if tab.grid.get(f"frozen{name}Count", 0) >= tab.count(dimension):
            raise invalid(f"You can't freeze all visible {name.lower()}s on the sheet.")


def _move(book: Spreadsheet, tab: Tab, old: int, new: int) -> None:
    """Move a tab; the new index counts as if the tab were still at its old place."""
    place = new - 1 if new > old else new
    book.tabs.remove(tab)
    book.tabs.insert(min(place, len(book.tabs)), tab)
    book.renumber()


def _rename_in_formulas(book: Spreadsheet, old: str, new: str) -> None:
    names = {f"{quoted(old)}!", "'" + old.replace("'", "''") + "'!"}

    def renamed(text: str, _: Tab) -> str:
        for name in names:
            text = text.replace(name, f"{quoted(new)}!")
        return text

    book.rewrite(renamed)


KINDS: Final[dict[str, Handler]] = {
    "updateSpreadsheetProperties": update_spreadsheet_properties,
    "addSheet": add_sheet,
    "deleteSheet": delete_sheet,
    "duplicateSheet": duplicate_sheet,
    "updateSheetProperties": update_sheet_properties,
}
