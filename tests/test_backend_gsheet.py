"""The Google Sheets backend over real HTTP: the conformance suite, in both readings of what nobody documents."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google_target import GooglePerson, grid_of, whole

from experiment_sheet.backends.base import Backend, Target
from experiment_sheet.backends.gsheet import GoogleBackend
from experiment_sheet.testing import BackendTests, Grid, Person
from experiment_sheet.testing.google import GoogleSheets, Races
from experiment_sheet.values import Cell, Link

_EPOCH = dt.datetime(1899, 12, 30)
_DAY = dt.timedelta(days=1)
_LONG = 10**15


class TestGoogle(BackendTests):
    """With every undocumented race read in the way that is hardest on a client."""

    races = Races()

    @pytest.fixture(autouse=True)
    def _service(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with GoogleSheets(races=self.races) as google:
            self.google = google
            self.keys: dict[Path, str] = {}
            monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_URL", google.url)
            monkeypatch.setenv("EXPERIMENT_SHEET_GOOGLE_RATE", "1000000")
            yield

    def key(self, folder: Path) -> str:
        """The spreadsheet that stands for a folder."""
        if folder not in self.keys:
            self.keys[folder] = self.google.create("runs")
        return self.keys[folder]

    def backend_at(self, folder: Path) -> Backend:
        backend = GoogleBackend(Target("gsheet", self.key(folder), "runs"))
        backend.fresh_for = 0.0  # the suite asks what a look that is no longer fresh does
        return backend

    def narrow_backend(self, folder: Path, room: int) -> Backend:
        backend = GoogleBackend(Target("gsheet", self.key(folder), "runs"))
        backend.width = len(self.shown(folder).headers) + room
        return backend

    def judge(self, folder: Path) -> Grid:
        return grid_of(self.google, self.key(folder))

    def state(self, folder: Path) -> object:
        return whole(self.google, self.key(folder))

    def person(self, folder: Path) -> Person:
        return GooglePerson(self.google, self.key(folder))

    def shows(self, value: Cell) -> object:
        """What the judge sees: numbers are doubles, dates and spans days since 1899-12-30."""
        match value:
            case Link():
                return value.href
            case bool() | None:
                return value
            case int():
                return value if abs(value) < _LONG else str(value)
            case float() if not math.isfinite(value):
                return {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[str(value)]
            case dt.timedelta():
                return _number(value / _DAY)
            case dt.date():
                moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
                return _number((moment - _EPOCH) / _DAY)
            case float():
                return _number(value)
            case _:
                return value or None

    def same(self, written: Cell, read: Cell) -> bool:
        """Equal, but for what the backend's documentation says the service can't tell apart."""
        match written:
            case Link():
                return read == written.href
            case dt.datetime() | dt.timedelta():
                return type(read) is type(written) and abs(read - written) <= dt.timedelta(microseconds=50)
            case float() if written.is_integer():
                return read == written and type(read) in {int, float}
            case str() if written in {"NaN", "inf", "-inf"} or re.fullmatch(r"-?[1-9][0-9]{15,}", written):
                return str(read).lower() == written.lower()
            case _:
                return super().same(written, read)


class TestKindGoogle(TestGoogle):
    """With nothing racing."""

    races = Races.none()


def _number(value: float) -> float:
    """A number as JSON brings it: whole ones without a point."""
    return int(value) if float(value).is_integer() and abs(value) < 1e21 else value
