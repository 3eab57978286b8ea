"""Developer metadata, and finding cells by it: data filters.

https://developers.google.com/workspace/sheets/api/guides/metadata
"""

from __future__ import annotations

from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

MOST_CHARACTERS: Final = 30_000
"""Characters of keys and values, of the spreadsheet itself and of each tab (guide, "storage limits")."""

_PARENTS: Final = {"ROW": {"SHEET", "SPREADSHEET"}, "COLUMN": {"SHEET", "SPREADSHEET"}, "SHEET": {"SPREADSHEET"}}


def location(book: Spreadsheet, sent: JSON) -> JSON:
    """A DeveloperMetadataLocation that was sent, checked and with its type."""
    if sent.get("spreadsheet"):
        return {"locationType": "SPREADSHEET", "spreadsheet": True}
    if sent.get("dimensionRange") is not None:
        where = dict(sent["dimensionRange"])
        where["sheetId"] = where.get("sheetId") or 0
        tab, dimension = book.tab(where["sheetId"]), where.get("dimension")
        where["startIndex"] = where.get("startIndex") or 0
        if dimension not in {ROWS, COLUMNS} or where.get("endIndex") != where["startIndex"] + 1:
            raise invalid("Developer metadata can be associated with a single row or column only.")
        if where["endIndex"] > tab.count(dimension):
            raise invalid(f"The {dimension.lower()[:-1]} {where['startIndex']} doesn't exist.")
        return {"locationType": "ROW" if dimension == ROWS else "COLUMN", "dimensionRange": where}
    if sent.get("sheetId") is not None:
        return {"locationType": "SHEET", "sheetId": book.tab(sent["sheetId"]).sheet_id}
    raise invalid("developerMetadata.location is required")


def sheet_of(item: JSON) -> int | None:
    """Tab that metadata is of; None for the spreadsheet itself."""
    where = item["location"]
    found: int | None = where.get("sheetId", where.get("dimensionRange", {}).get("sheetId"))
    return found


def check_room(book: Spreadsheet) -> None:
    """Refuse more metadata than the storage takes."""
    used: dict[int | None, int] = {}
    for item in book.metadata:
        place = sheet_of(item)
        used[place] = used.get(place, 0) + len(item["metadataKey"]) + len(item.get("metadataValue", ""))
    if max(used.values(), default=0) > MOST_CHARACTERS:
        raise invalid(f"The developer metadata exceeds the storage limit of {MOST_CHARACTERS} characters.")


def matches(item: JSON, lookup: JSON) -> bool:
    """Whether metadata is what a DeveloperMetadataLookup asks for."""
    for asked in ("metadataId", "metadataKey", "metadataValue", "visibility"):
        if lookup.get(asked) not in (None, "", 0) and item.get(asked) != lookup[asked]:
            return False
    exact = lookup.get("locationMatchingStrategy") != "INTERSECTING_LOCATION"
    own = item["location"]["locationType"]
    if kind := lookup.get("locationType"):
        related = own == kind or (not exact and kind in _PARENTS.get(own, ()))
        if not related:
            return False
    if where := lookup.get("metadataLocation"):
        if lookup.get("locationMatchingStrategy") is None and not where.get("dimensionRange"):
            exact = False
        return _located(item, where, exact=exact)
    return True


def _located(item: JSON, where: JSON, *, exact: bool) -> bool:
    own = item["location"]
    if where.get("spreadsheet"):
        return own["locationType"] == "SPREADSHEET" or not exact
    if span := where.get("dimensionRange"):
        mine = own.get("dimensionRange")
        if not mine or mine["sheetId"] != (span.get("sheetId") or 0) or mine["dimension"] != span.get("dimension"):
            return False
        start, end = span.get("startIndex") or 0, span.get("endIndex", 1 << 40)
        same = (mine["startIndex"], mine["endIndex"]) == (start, end)
        return same if exact else bool(mine["startIndex"] < end and start < mine["endIndex"])
    if "sheetId" in where:
        return sheet_of(item) == where["sheetId"] and (own["locationType"] == "SHEET" or not exact)
    return True


def found(book: Spreadsheet, data_filter: JSON) -> list[JSON]:
    """Metadata that a DataFilter selects."""
    if lookup := data_filter.get("developerMetadataLookup"):
        return [item for item in book.metadata if matches(item, lookup)]
    chosen = [place(book, data_filter)]
    result = []
    for item in book.metadata:
        where = item["location"].get("dimensionRange")
        tab = book.find(where["sheetId"]) if where else None
        if tab and any(tab is one and _strip(tab, where).meets(area) for one, area in chosen):
            result.append(item)
    return result


def search(book: Spreadsheet, filters: list[JSON]) -> JSON:
    """``developerMetadata:search``."""
    hits: list[tuple[JSON, list[JSON]]] = []
    for data_filter in filters:
        for item in found(book, data_filter):
            known = next((used for other, used in hits if other is item), None)
            if known is None:
                hits.append((item, [data_filter]))
            else:
                known.append(data_filter)
    matched = [{"developerMetadata": item, "dataFilters": used} for item, used in hits]
    return {"matchedDeveloperMetadata": matched} if matched else {}


def place(book: Spreadsheet, data_filter: JSON) -> tuple[Tab, Area]:
    """Tab and cells of a DataFilter with a range."""
    if data_filter.get("a1Range"):
        return book.resolve(data_filter["a1Range"])
    if data_filter.get("gridRange") is not None:
        tab = book.tab(data_filter["gridRange"].get("sheetId"))
        return tab, tab.area(data_filter["gridRange"])
    raise invalid("dataFilter must have a developerMetadataLookup, an a1Range or a gridRange.")


def places(book: Spreadsheet, data_filter: JSON) -> list[tuple[Tab, Area]]:
    """Every range that a DataFilter selects: rows and columns with the metadata, whole tabs."""
    if not data_filter.get("developerMetadataLookup"):
        return [place(book, data_filter)]
    result = []
    for item in found(book, data_filter):
        tab = book.find(sheet_of(item) or 0)
        if item["location"]["locationType"] == "SPREADSHEET":
            result += [(one, one.whole) for one in book.tabs]
        elif tab:
            where = item["location"].get("dimensionRange")
            result.append((tab, _strip(tab, where) if where else tab.whole))
    return result


def _strip(tab: Tab, where: Any) -> Area:
    whole, start, end = tab.whole, where["startIndex"], where["endIndex"]
    return Area(start, 0, end, whole.right) if where["dimension"] == ROWS else Area(0, start, whole.bottom, end)
