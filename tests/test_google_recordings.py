"""The emulator against recorded answers of the real service: every request of every recording is sent to it.

Compared are the status and the whole JSON body (or the text, where it isn't JSON). Ids that the service draws are bound
to the emulator's at first sight and must stay consistent; times are not compared; the service account's address counts
as one. What other programs had done to the account before (a file that is listed but that the recording never made, a
spreadsheet of somebody else) is made right before the request that shows it.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from experiment_sheet.testing.google import GoogleSheets

RECORDINGS = Path(__file__).parents[2] / "shared" / "google-recordings"
NAMES = sorted(path.name for path in RECORDINGS.glob("*.json"))

MATCHING = 1134
"""Pairs of 1134 that match; may only rise."""

DRAWN = {"id", "spreadsheetId", "sheetId", "namedRangeId", "protectedRangeId", "nextPageToken"}
TIMES = {"createdTime", "modifiedTime"}
ACCOUNT = re.compile(r"[\w.-]+@[\w.-]+\.iam\.gserviceaccount\.com")


class Replay:
    """Sends one recording's requests to an emulator."""

    def __init__(self, google: GoogleSheets, interactions: list[dict[str, Any]]) -> None:
        self.google = google
        self.interactions = interactions
        self.ids: dict[str, str] = {}

    def run(self) -> Iterator[str | None]:
        """For each pair what differs; None where it matches."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.google.url).port)
        for pair in self.interactions:
            request, recorded = pair["request"], pair["response"]
            self._make_what_was_there(request, recorded)
            method, where = request["method"], urlsplit(self._ours(request["uri"]))
            body = self._ours_in(json.loads(request["body"])) if request["body"] else None
            path = f"{where.path}?{where.query}" if where.query else where.path
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read().decode()
            yield self._difference(recorded, answer.status, text)
        connection.close()

    def _ours(self, text: str) -> str:
        """A text with the recording's ids replaced by the emulator's."""
        for theirs, ours in self.ids.items():
            if len(theirs) > 20:
                text = text.replace(theirs, ours)
        return text

    def _ours_in(self, node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            return {name: self._ours_in(value, name) for name, value in node.items()}
        if isinstance(node, list):
            return [self._ours_in(value, key) for value in node]
        if key in DRAWN and str(node) in self.ids:
            return type(node)(self.ids[str(node)])
        return node

    def _make_what_was_there(self, request: dict[str, Any], recorded: dict[str, Any]) -> None:
        """Make the files that a recorded answer shows and that the recording didn't make."""
        when = recorded["headers"].get("Date", [None])[0]
        if when:
            self.google.clock.stop(email.utils.parsedate_to_datetime(when).timestamp())
        key = re.search(r"/(?:spreadsheets|files)/([\w-]{30,})", request["uri"])
        if key and key[1] not in self.ids and recorded["status"]["code"] == 403:
            self.ids[key[1]] = self.google.create("private", owner="somebody@example.org")
        body = recorded["body"].get("string") or ""
        if request["method"] == "GET" and '"drive#fileList"' in body:
            for listed in json.loads(body)["files"]:
                if listed["id"] not in self.ids:
                    self._list(listed)

    def _list(self, listed: dict[str, Any]) -> None:
        self.ids[listed["id"]] = ours = self.google.create(listed["name"])
        file = self.google.drive.files[ours]
        file.created, file.modified = (dt.datetime.fromisoformat(listed[name]).timestamp() for name in sorted(TIMES))

    def _difference(self, recorded: dict[str, Any], status: int, text: str) -> str | None:
        if status != recorded["status"]["code"]:
            return f"{recorded['status']['code']} is answered {status}: {text[:200]}"
        theirs = recorded["body"].get("string") or ""
        if not theirs.startswith("{"):
            return None if theirs == text else f"{theirs[:80]!r} is answered {text[:80]!r}"
        return self._differs(json.loads(theirs), json.loads(text), "")

    def _differs(self, theirs: Any, ours: Any, where: str) -> str | None:
        """Where two JSON trees differ."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            if theirs.keys() != ours.keys():
                return f"{where}: {sorted(theirs)} is answered {sorted(ours)}"
            pairs = [(theirs[key], ours[key], f"{where}.{key}") for key in theirs]
        elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            pairs = [(one, other, f"{where}[{at}]") for at, (one, other) in enumerate(zip(theirs, ours, strict=True))]
        else:
            return self._scalar(theirs, ours, where)
        return next(filter(None, (self._differs(*pair) for pair in pairs)), None)

    def _scalar(self, theirs: Any, ours: Any, where: str) -> str | None:
        key = where.rpartition(".")[2].rstrip("[]0123456789")
        if key in TIMES and isinstance(ours, str):
            return None if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ours) else f"{where}: {ours}"
        if key in DRAWN and theirs and type(theirs) is type(ours):
            return None if self.ids.setdefault(str(theirs), str(ours)) == str(ours) else f"{where}: another id"
        if isinstance(theirs, str) and isinstance(ours, str):
            same = ACCOUNT.sub("account", self._ours(theirs)) == ACCOUNT.sub("account", ours)
        else:
            same = theirs == ours and isinstance(theirs, bool) == isinstance(ours, bool)
        return None if same else f"{where}: {str(theirs)[:80]!r} is answered {str(ours)[:80]!r}"


@cache
def replay(name: str) -> list[str | None]:
    """What differs, for each pair of a recording."""
    interactions = json.loads((RECORDINGS / name).read_text(encoding="utf-8"))["interactions"]
    with GoogleSheets() as google:
        return list(Replay(google, interactions).run())


NEEDS_RECORDINGS = pytest.mark.skipif(not NAMES, reason="../shared/google-recordings is not beside the project")


@NEEDS_RECORDINGS
@pytest.mark.parametrize("name", NAMES)
def test_recording_is_answered_alike(name: str) -> None:
    """The emulator answers a recording's requests as the service did."""
    different = {at: text for at, text in enumerate(replay(name)) if text}
    assert not different


@NEEDS_RECORDINGS
def test_matching_pairs_never_become_fewer() -> None:
    """As many request and answer pairs match as ever did."""
    assert sum(text is None for name in NAMES for text in replay(name)) >= MATCHING


@NEEDS_RECORDINGS
def test_the_comparison_can_fail() -> None:
    """An answer that differs in one number, key or type is seen."""
    with GoogleSheets() as google:
        judge = Replay(google, [])
        assert judge._differs({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "")
        assert judge._differs({"a": 1}, {"a": 1, "b": 2}, "")
        assert judge._differs({"a": True}, {"a": 1}, "")
        assert judge._differs({"sheetId": 5}, {"sheetId": 6}, "") is None
        assert judge._differs({"sheetId": 5}, {"sheetId": 7}, "")
