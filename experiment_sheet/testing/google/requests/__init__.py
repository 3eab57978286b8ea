"""``spreadsheets.batchUpdate``: a table of request kinds, applied all or not at all."""

from __future__ import annotations

from typing import Any, Final

from experiment_sheet.testing.google.refusal import JSON, Refused, bad_field, invalid, unsupported
from experiment_sheet.testing.google.requests import cells, dimensions, groups, metadata, moves, objects, rules, tabs
from experiment_sheet.testing.google.requests.edit import Edit, Handler
from experiment_sheet.testing.google.spreadsheet import Spreadsheet

KINDS: Final[dict[str, Handler]] = {
    **tabs.KINDS,
    **dimensions.KINDS,
    **groups.KINDS,
    **cells.KINDS,
    **moves.KINDS,
    **objects.KINDS,
    **rules.KINDS,
    **metadata.KINDS,
}
"""Request kind → what applies it."""

KNOWN_ELSEWHERE: Final = frozenset(
    {"addDataSource", "updateDataSource", "deleteDataSource", "refreshDataSource", "cancelDataSourceRefresh"}
    | {"autoFill", "deleteDuplicates", "duplicateFilterView", "pasteData", "randomizeRange", "textToColumns"}
    | {"trimWhitespace", "updateEmbeddedObjectBorder", "updateEmbeddedObjectPosition", "updateSlicerSpec"}
)
"""Kinds that the service has and the emulator hasn't."""


def apply(edit: Edit, requests: Any) -> list[JSON]:
    """Apply requests in order and return their replies; on a refusal the spreadsheet is as before."""
    if not isinstance(requests, list) or not requests:
        raise invalid("Must specify at least one request.")
    handlers = [_handler(request, at) for at, request in enumerate(requests)]
    saved = edit.book.snapshot()
    try:
        replies = [_applied(edit, at, *found) for at, found in enumerate(handlers)]
    except BaseException:
        edit.book.restore(saved)
        raise
    return replies


def _handler(request: Any, at: int) -> tuple[str, Handler, JSON]:
    """Kind, handler and body of one request."""
    if not isinstance(request, dict) or not request:
        raise invalid(f"Invalid requests[{at}]: No request set.")
    kind, body = next(iter(request.items()))
    if len(request) > 1:
        raise bad_field(
            f"requests[{at}]", f"Invalid value at 'requests[{at}]' (oneof), oneof field 'kind' is already set."
        )
    if kind in KNOWN_ELSEWHERE:
        raise unsupported(f"the request kind {kind}")
    if kind not in KINDS:
        place = f"requests[{at}]"
        text = f"Invalid JSON payload received. Unknown name \"{kind}\" at '{place}': Cannot find field."
        raise bad_field(place, text)
    return kind, KINDS[kind], body or {}


def _applied(edit: Edit, at: int, kind: str, handler: Handler, body: JSON) -> JSON:
    try:
        reply = handler(edit, body)
    except Refused as refusal:
        if refusal.code == 400 and not refusal.details:
            raise invalid(f"Invalid requests[{at}].{kind}: {refusal.message}") from None
        raise
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise invalid(f"Invalid requests[{at}].{kind}: {type(error).__name__} {error}") from error
    return {kind: reply} if reply or kind in _EMPTY_REPLIES else {}


_EMPTY_REPLIES: Final = {"deleteDimensionGroup", "addDimensionGroup"}

__all__ = ["KINDS", "Edit", "Spreadsheet", "apply"]
