"""Which path leads to which method."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from experiment_sheet.testing.google import drive_routes as drive
from experiment_sheet.testing.google import sheets_routes as sheets
from experiment_sheet.testing.google import tokens
from experiment_sheet.testing.google.call import Call

Answer = Any
"""A JSON object, None for 204, (bytes, MIME type), or a generator of None and then one of these."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of a service. `kind`: ``read`` or ``write`` of Sheets' quotas, ``drive`` or ``auth``."""

    method: str
    path: re.Pattern[str]
    kind: str
    answer: Callable[[Call], Answer]


def _route(method: str, path: str, kind: str, answer: Callable[[Call], Answer]) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path).replace("{range=}", "(?P<range>.+)")
    return Route(method, re.compile(pattern), kind, answer)


_BOOK: Final = "/v4/spreadsheets/{key}"
_FILE: Final = "/drive/v3/files/{key}"

ROUTES: Final = (
    _route("POST", "/v4/spreadsheets", "write", sheets.create),
    _route("GET", _BOOK, "read", sheets.get),
    _route("POST", f"{_BOOK}:batchUpdate", "write", sheets.batch_update),
    _route("POST", f"{_BOOK}:getByDataFilter", "read", sheets.get_by_filter),
    _route("POST", f"{_BOOK}/sheets/{{sheet}}:copyTo", "write", sheets.copy_to),
    _route("GET", f"{_BOOK}/values:batchGet", "read", sheets.values_batch_get),
    _route("POST", f"{_BOOK}/values:batchUpdate", "write", sheets.values_batch_update),
    _route("POST", f"{_BOOK}/values:batchClear", "write", sheets.values_batch_clear),
    _route("POST", f"{_BOOK}/values:batchGetByDataFilter", "read", sheets.values_batch_get_by_filter),
    _route("POST", f"{_BOOK}/values:batchUpdateByDataFilter", "write", sheets.values_batch_update_by_filter),
    _route("POST", f"{_BOOK}/values:batchClearByDataFilter", "write", sheets.values_batch_clear_by_filter),
    _route("POST", f"{_BOOK}/values/{{range=}}:append", "write", sheets.values_append),
    _route("POST", f"{_BOOK}/values/{{range=}}:clear", "write", sheets.values_clear),
    _route("PUT", f"{_BOOK}/values/{{range=}}", "write", sheets.values_update),
    _route("GET", f"{_BOOK}/values/{{range=}}", "read", sheets.values_get),
    _route("POST", f"{_BOOK}/developerMetadata:search", "read", sheets.metadata_search),
    _route("GET", f"{_BOOK}/developerMetadata/{{metadata}}", "read", sheets.metadata_get),
    _route("GET", "/drive/v3/about", "drive", drive.about),
    _route("GET", "/drive/v3/files", "drive", drive.files_list),
    _route("POST", "/drive/v3/files", "drive", drive.files_create),
    _route("GET", _FILE, "drive", drive.files_get),
    _route("PATCH", _FILE, "drive", drive.files_update),
    _route("DELETE", _FILE, "drive", drive.files_delete),
    _route("POST", f"{_FILE}/copy", "drive", drive.files_copy),
    _route("GET", f"{_FILE}/export", "drive", drive.files_export),
    _route("GET", f"{_FILE}/permissions", "drive", drive.permissions_list),
    _route("POST", f"{_FILE}/permissions", "drive", drive.permissions_create),
    _route("GET", f"{_FILE}/permissions/{{permission}}", "drive", drive.permissions_get),
    _route("PATCH", f"{_FILE}/permissions/{{permission}}", "drive", drive.permissions_update),
    _route("DELETE", f"{_FILE}/permissions/{{permission}}", "drive", drive.permissions_delete),
    _route("GET", f"{_FILE}/comments", "drive", drive.comments_list),
    _route("POST", f"{_FILE}/comments", "drive", drive.comments_create),
    _route("GET", f"{_FILE}/comments/{{comment}}", "drive", drive.comments_get),
    _route("DELETE", f"{_FILE}/comments/{{comment}}", "drive", drive.comments_delete),
    _route("POST", "/token", "auth", tokens.grant),
    _route("PUT", "/upload/drive/v2/files/{key}", "drive", drive.upload),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Route of a path as it was sent, and the pieces that it names."""
    for route in ROUTES:
        match = route.path.fullmatch(path)
        if match and route.method == method:
            return route, {name: unquote(text) for name, text in match.groupdict().items()}
    return None
