"""Each of the real workbooks is written to without loss, or refused for a reason that is known."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import warnings
from pathlib import Path

import lossless
import openpyxl
import pytest
from conftest import SHARED
from package_model import raw_entries

from experiment_sheet.backends.base import Mark, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml.package import Package
from experiment_sheet.testing import check_workbook

FOLDER = SHARED / "workbooks"
INDEX = (FOLDER / "INDEX.csv").read_text(encoding="utf-8").splitlines() if FOLDER.is_dir() else []
TABS = {row["file"]: row["tab"] for row in csv.DictReader(INDEX)}
REFUSED = {"poi__duplicate-filename-case-insensitive.xlsx": "two parts of one name"}
LR, ACC, SEEN = Column("input", "lr"), Column("output", "acc"), Column("run", "started")
FIRST = {"run-a1": {LR: 0.1, ACC: 0.5, SEEN: dt.datetime(2026, 1, 2, 3, 4, 5)}, "run-a2": {LR: "=1+1"}}
SECOND = {"run-b1": {LR: 3, ACC: -1e-300}}

real = pytest.mark.parametrize("name", [name for name in TABS if name not in REFUSED])


@real
def test_nothing_is_lost(tmp_path: Path, name: str) -> None:
    """Append, append again, change a row: whatever was there is there, and Excel would find no fault that is new."""
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    path.chmod(0o644)
    faults = {str(fault) for fault in check_workbook(path)}
    backend = XlsxBackend(Target("file", str(path), TABS[name]))
    written = backend.write(FIRST, new=[*FIRST], mark=Mark("sheet", 1))
    assert list(written.added) == [*FIRST]
    written = backend.write(SECOND, new=[*SECOND], since=written.token, mark=Mark("sheet", 2))
    backend.write({"run-a1": {LR: 0.2}}, last={"run-a1": {LR: [0.1]}}, mark=Mark("sheet", 3))
    assert lossless.compare(FOLDER / name, path, tab=TABS[name]) == []
    assert {str(fault) for fault in check_workbook(path)} <= faults
    assert backend.mark() == Mark("sheet", 3)


@real
def test_the_runs_are_there(tmp_path: Path, name: str) -> None:
    """The backend reads them back as they were written, at the end, in order; openpyxl finds them too."""
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    path.chmod(0o644)
    backend = XlsxBackend(Target("file", str(path), TABS[name]))
    written = backend.write({**FIRST, **SECOND}, new=[*FIRST, *SECOND])
    table = backend.read()
    ids = [row[table.columns.index(RUN_ID)] for row in table.rows]
    assert ids[-3:] == [*FIRST, *SECOND]
    found = [dict(zip(table.columns, row, strict=True)) for row in table.rows[-3:]]
    room = {LR, ACC, SEEN} - {*written.no_room}
    assert [{c: row.get(c) for c in room} for row in found] == [
        {c: row.get(c) for c in room} for row in (*FIRST.values(), *SECOND.values())
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what openpyxl can't keep; it only reads here
        sheet = openpyxl.load_workbook(path)[TABS[name]]
    assert {"run-a1", "run-a2", "run-b1"} <= {cell.value for row in sheet.iter_rows() for cell in row}


@real
def test_a_run_finds_a_place_where_nobody_names_a_tab(tmp_path: Path, name: str) -> None:
    """In the tab that the library chooses, or in one of its own; every other part of rows stays byte for byte."""
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    path.chmod(0o644)
    faults = {str(fault) for fault in check_workbook(path)}
    before = raw_entries(path)
    backend = XlsxBackend(Target("file", str(path)))
    assert list(backend.write(FIRST, new=[*FIRST]).added) == [*FIRST]
    assert list(backend.write(SECOND, new=[*SECOND]).added) == [*SECOND]
    table = backend.read()
    assert [row[table.columns.index(RUN_ID)] for row in table.rows][-3:] == [*FIRST, *SECOND]
    after = raw_entries(path)
    changed = [part for part in before if "worksheets/sheet" in part.lower() and after[part] != before[part]]
    assert len(changed) <= 1
    assert {str(fault) for fault in check_workbook(path)} <= faults


@real
def test_the_second_append_is_constant_work(tmp_path: Path, name: str) -> None:
    """After the first write the tab has the layout that lets it grow at its end."""
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    path.chmod(0o644)
    backend = XlsxBackend(Target("file", str(path), TABS[name]))
    backend.write(FIRST, new=[*FIRST])
    with Package.open(path) as package:
        parts = [part for part in package.names if "worksheets/" in part and package.tail(part) is not None]
    assert len(parts) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(shared_workbooks: Path, tmp_path: Path, name: str) -> None:
    """A workbook that programs read differently is left as it is."""
    path = Path(shutil.copy(shared_workbooks / name, tmp_path))
    before = path.read_bytes()
    with pytest.raises(SheetRefused, match=REFUSED[name]):
        XlsxBackend(Target("file", str(path), TABS[name])).write(FIRST, new=[*FIRST])
    assert path.read_bytes() == before


def test_the_real_workbooks_are_there(shared_workbooks: Path) -> None:
    """All of them are written to; where they are absent, this says so."""
    assert len(list(shared_workbooks.glob("*.xlsx"))) == len(TABS) == 29
