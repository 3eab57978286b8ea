"""The .xlsx backend: the conformance suite, with openpyxl as judge and as the person's program."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path

import openpyxl
from excel_person import ExcelPerson

from experiment_sheet.backends.base import Backend, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.testing import BackendTests, Grid, Person
from experiment_sheet.values import Cell, Link

_MILLISECOND = dt.timedelta(milliseconds=1)
_LONG = 10**15


class TestXlsx(BackendTests):
    def backend_at(self, folder: Path) -> Backend:
        return XlsxBackend(Target("file", str(folder / "runs.xlsx")))

    def narrow_backend(self, folder: Path, room: int) -> Backend:
        backend = XlsxBackend(Target("file", str(folder / "runs.xlsx")))
        backend.width = len(self.shown(folder).headers) + room
        return backend

    def judge(self, folder: Path) -> Grid:
        sheet = openpyxl.load_workbook(folder / "runs.xlsx").active
        return [[_decoded(cell.value) for cell in row] for row in sheet.iter_rows()]

    def person(self, folder: Path) -> Person:
        return ExcelPerson(folder / "runs.xlsx")

    def shows(self, value: Cell) -> object:
        if isinstance(value, Link):
            return '=HYPERLINK("runs_files/run-a1/my%20plots/%C3%BC%231.html","plots")'
        if isinstance(value, float) and not math.isfinite(value):
            return {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[str(value)]
        if isinstance(value, int) and not -_LONG < value < _LONG:
            return str(value)
        if isinstance(value, dt.datetime):
            return _rounded(value)
        if isinstance(value, dt.timedelta):
            return dt.timedelta(milliseconds=round(value / _MILLISECOND))
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day)
        return value or None if isinstance(value, str) else value

    def same(self, written: Cell, read: Cell) -> bool:
        """Equal, but for what the backend's documentation says the format can't tell apart."""
        match written:
            case Link():
                return read == written.text
            case dt.datetime():
                midnight = dt.datetime.combine(read, dt.time()) if type(read) is dt.date else read
                return isinstance(midnight, dt.datetime) and abs(midnight - written) <= _MILLISECOND
            case dt.timedelta():
                return isinstance(read, dt.timedelta) and abs(read - written) <= _MILLISECOND
            case float() if written.is_integer() and abs(written) < _LONG:
                return read == written and type(read) in {int, float}
            case str() if written in {"NaN", "inf", "-inf"} or re.fullmatch(r"-?[1-9][0-9]{15,}", written):
                return str(read).lower() == written.lower()
            case _:
                return super().same(written, read)


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), value)


def _rounded(value: dt.datetime) -> dt.datetime:
    return value.replace(microsecond=0) + dt.timedelta(milliseconds=round(value.microsecond / 1000))
