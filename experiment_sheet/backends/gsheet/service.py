"""Requests to Google: each with a timeout, repeated with full jitter, at a pace, and for a bounded time.

A request is repeated only if that does no harm: reads, and batches that begin with a turn (`batch`), of which Google
applies one at most. Nothing here knows what is in a sheet.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, Final, Literal

from experiment_sheet.backends.gsheet.access import Access
from experiment_sheet.backends.gsheet.pace import FASTEST, Pace, jitter
from experiment_sheet.backends.gsheet.problems import Answered, is_passing

JSON = dict[str, Any]
Pacing = Literal["read", "write", "drive"]

TIMEOUT: Final = (10.0, 60.0)
"""Seconds to connect, and to wait for the next piece of an answer."""

PATIENCE: Final = 90.0
"""Seconds that a request is repeated before it is given up: a minute's quota has to be able to fill up again."""

RATE: Final = "EXPERIMENT_SHEET_GOOGLE_RATE"
"""Environment variable: reads, and writes, that this process may send in a minute, for accounts with another quota."""

_ERRORS: Final = 400
_RATE: Final = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `again`: sent twice it does no harm."""

    method: str
    url: str
    query: Mapping[str, str] | None
    body: JSON | None
    pacing: Pacing
    again: bool = True


@cache
def _paces(rate: str) -> Mapping[Pacing, Pace]:
    """One pace for each kind of request of this process."""
    fastest = max(1.0, float(rate)) if _RATE.fullmatch(rate) else FASTEST
    return {"read": Pace(fastest), "write": Pace(fastest), "drive": Pace(6 * fastest)}


@dataclass(slots=True)
class Service:
    """Sheets v4 and Drive v3 for one account."""

    access: Access
    patience: float = PATIENCE
    timeout: tuple[float, float] = TIMEOUT
    paces: Mapping[Pacing, Pace] = field(default_factory=lambda: _paces(os.environ.get(RATE, "")))
    sleep: Callable[[float], None] = time.sleep

    def look(self, key: str, filters: Sequence[JSON], fields: str) -> JSON:
        """Parts of a spreadsheet, chosen by data filters."""
        body = {"dataFilters": list(filters)}
        return self.sheets("POST", f"{key}:getByDataFilter", query={"fields": fields}, body=body, kind="read")

    def batch(
        self, key: str, requests: Sequence[JSON], *, ranges: Sequence[str], fields: str, again: bool = True
    ) -> JSON:
        """Apply requests, all or none, and answer with ranges as they are then. `again`: sent twice it does no harm."""
        body: JSON = {"requests": list(requests), "includeSpreadsheetInResponse": True}
        body |= {"responseRanges": list(ranges), "responseIncludeGridData": True}
        url = f"{self.access.sheets}/v4/spreadsheets/{key}:batchUpdate"
        return self._send(Request("POST", url, {"fields": fields}, body, "write", again))

    def once(self, key: str, *, fields: str) -> JSON:
        """What Drive says of a file; asked once."""
        query = {"fields": fields, "supportsAllDrives": "true"}
        return self._once(Request("GET", f"{self.access.drive}/drive/v3/files/{key}", query, None, "drive"))

    def sheets(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: JSON | None = None, kind: Pacing
    ) -> JSON:
        """Send a request to Sheets v4."""
        return self._send(Request(method, f"{self.access.sheets}/v4/spreadsheets/{path}", query, body, kind))

    def drive(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: JSON | None = None
    ) -> JSON:
        """Send a request to Drive v3."""
        shared = {**(query or {}), "supportsAllDrives": "true"}
        return self._send(Request(method, f"{self.access.drive}/drive/v3/{path}", shared, body, "drive"))

    def _send(self, request: Request) -> JSON:
        """Send, and send again as long as that may help, for a bounded time."""
        deadline, pace = time.monotonic() + self.patience, self.paces[request.pacing]
        renewed = False
        for attempt in count():
            if not pace.wait(deadline):
                raise Answered(429, None)
            try:
                answer = self._once(request)
            except Exception as error:
                seconds = _pause(error, attempt, pace)
                expired = isinstance(error, Answered) and error.status == 401 and not renewed
                renewed = renewed or expired  # the session asks for a new token, once
                if not (expired or _may_help(error, again=request.again)) or time.monotonic() + seconds > deadline:
                    raise
                self.sleep(seconds)
            else:
                pace.went_well()
                return answer
        raise AssertionError

    def _once(self, request: Request) -> JSON:
        session = self.access.session()
        response = session.request(
            request.method, request.url, params=request.query, json=request.body, timeout=self.timeout
        )
        if response.status_code >= _ERRORS:
            raise Answered(response.status_code, _json_of(response), _seconds(response.headers.get("Retry-After")))
        found = response.json() if response.content else {}
        return found if isinstance(found, dict) else {}


def _may_help(error: Exception, *, again: bool) -> bool:
    """Whether to send a request again. `again`: that does no harm even if it was applied."""
    refused = isinstance(error, Answered) and error.status == 429
    return is_passing(error) and (again or refused)


def _pause(error: Exception, attempt: int, pace: Pace) -> float:
    """Seconds to wait before the next attempt."""
    after = error.retry_after if isinstance(error, Answered) else None
    if isinstance(error, Answered) and error.status == 429:
        pace.slow_down(after)
        return jitter(attempt, base=2.0) + (after or 0.0)
    return jitter(attempt) + (after or 0.0)


def _json_of(response: Any) -> object:
    try:
        return response.json()
    except ValueError:
        return {"error": {"message": str(response.text)[:200]}}


def _seconds(text: str | None) -> float | None:
    """Seconds of a Retry-After header; one that gives a date says nothing, for whose clock is right?"""
    try:
        return None if text is None else min(max(float(text), 0.0), 120.0)
    except ValueError:
        return None


ABOUT: Final = "properties(title,locale),sheets(properties(sheetId,title,index,hidden,sheetType),developerMetadata)"
"""Field mask of what is asked about a spreadsheet at first contact."""
