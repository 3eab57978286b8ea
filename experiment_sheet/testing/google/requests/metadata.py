"""Requests about developer metadata."""

from __future__ import annotations

import copy
from typing import Final

from experiment_sheet.testing.google import masks
from experiment_sheet.testing.google.lookups import check_room, found, location
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.requests.edit import Edit, Handler, needed, plain


def create(edit: Edit, body: JSON) -> JSON:
    """Attach metadata to a row, a column, a tab or the spreadsheet."""
    book = edit.book
    sent = needed(body, "developerMetadata")
    item = plain(sent)
    if not item.get("metadataKey"):
        raise invalid("developerMetadata.metadataKey is required")
    if item.get("visibility") not in {"DOCUMENT", "PROJECT"}:
        raise invalid("developerMetadata.visibility is required")
    used = [other["metadataId"] for other in book.metadata]
    asked = item.get("metadataId")
    if asked is not None and (not isinstance(asked, int) or asked < 0):
        raise invalid("developerMetadata.metadataId must be positive")
    if asked in used and edit.races.metadata_ids_unique:
        raise invalid(f"Developer metadata with ID {asked} already exists.")
    item["metadataId"] = asked or book.new_id(*used)
    item["location"] = location(book, sent.get("location") or {})
    book.metadata.append(item)
    check_room(book)
    return {"developerMetadata": copy.deepcopy(item)}


def _selected(edit: Edit, filters: list[JSON]) -> list[JSON]:
    chosen: list[JSON] = []
    for data_filter in filters:
        chosen += [item for item in found(edit.book, data_filter) if not any(item is other for other in chosen)]
    return chosen


def update(edit: Edit, body: JSON) -> JSON:
    """Change every metadata that the filters select."""
    mask, asked = masks.required(body), needed(body, "developerMetadata")
    chosen = _selected(edit, needed(body, "dataFilters"))
    for item in chosen:
        new = masks.apply(item, plain(asked), mask) | {"metadataId": item["metadataId"]}
        new["location"] = location(edit.book, asked["location"]) if "location" in mask else item["location"]
        item.clear()
        item.update(new)
    check_room(edit.book)
    return {"developerMetadata": copy.deepcopy(chosen)} if chosen else {}


def delete(edit: Edit, body: JSON) -> JSON:
    """Remove every metadata that the filter selects."""
    chosen = _selected(edit, [needed(body, "dataFilter")])
    edit.book.metadata = [item for item in edit.book.metadata if not any(item is other for other in chosen)]
    return {"deletedDeveloperMetadata": chosen} if chosen else {}


KINDS: Final[dict[str, Handler]] = {
    "createDeveloperMetadata": create,
    "updateDeveloperMetadata": update,
    "deleteDeveloperMetadata": delete,
}
