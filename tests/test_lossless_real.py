"""Appending to workbooks that Excel, LibreOffice, Google Sheets, WPS and others wrote loses nothing of them.

Each of ../shared/workbooks is appended to, updated, and appended to again with a new column, and compared after every
write with what it was at first.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from conftest import SHARED
from lossless import compare
from openxml_audit import OpenXmlValidator, ValidationSeverity

from experiment_sheet.backends.base import ANYTHING, Row, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetRefused
from experiment_sheet.testing import check_workbook

INDEX = SHARED / "workbooks" / "INDEX.csv"
REFUSED = {"poi__duplicate-filename-case-insensitive.xlsx": "of one name"}
BESIDE_ANOTHER_TABLE = ("closedxml__UsingTables.xlsx",)  # one free column between the tables
LR, ACC, NEW = Column("input", "lr"), Column("output", "val_acc"), Column("output", "f1")
FIRST, SECOND = "calm-otter-7-a1b2c3d4e5f6g7", "bold-heron-9-h8i9j0k1l2m3n4"
WRITES: list[tuple[Mapping[RunId, Row], Collection[RunId]]] = [
    ({FIRST: {LR: 0.25, ACC: 0.5}}, [FIRST]),
    ({FIRST: {ACC: 0.75}}, []),
    ({SECOND: {LR: 0.1 + 0.2, NEW: "a < b & c"}}, [SECOND]),
]


def _books() -> list[tuple[str, str]]:
    if not INDEX.is_file():
        return []
    with INDEX.open(encoding="utf-8", newline="") as lines:
        return [(row["file"], row["tab"]) for row in csv.DictReader(lines) if row["file"] not in REFUSED]


def _errors(path: Path) -> set[str]:
    found = OpenXmlValidator().validate(str(path)).errors
    return {f"{error.part_uri} {error.description}" for error in found if error.severity is ValidationSeverity.ERROR}


@pytest.mark.parametrize(("name", "tab"), _books())
def test_writing_to_a_real_workbook_loses_nothing(tmp_path: Path, name: str, tab: str) -> None:
    """Every old part, row, cell and range is as it was, no validator finds anything new, and the runs are there."""
    before, path = Path(shutil.copy(INDEX.with_name(name), tmp_path / "before.xlsx")), tmp_path / "after.xlsx"
    shutil.copyfile(before, path)
    faults, errors = {(fault.rule, fault.part) for fault in check_workbook(before)}, _errors(before)
    no_room: set[Column] = set()
    for rows, new in WRITES:
        last = {run: dict.fromkeys(row, ANYTHING) for run, row in rows.items()}
        written = XlsxBackend(Target("file", str(path), tab)).write(rows, new=new, last=last)
        assert list(written.added) == list(new)
        no_room |= set(written.no_room)
        assert compare(before, path, tab=tab) == []
        assert [fault for fault in check_workbook(path) if (fault.rule, fault.part) not in faults] == []
        assert _errors(path) <= errors
    table = XlsxBackend(Target("file", str(path), tab)).read()
    shown = {row[table.columns.index(RUN_ID)]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    for run, wanted in {FIRST: {LR: 0.25, ACC: 0.75}, SECOND: {LR: 0.1 + 0.2, NEW: "a < b & c"}}.items():
        assert {column: shown[run].get(column) for column in wanted if column not in no_room} == {
            column: value for column, value in wanted.items() if column not in no_room
        }
    assert not no_room or name in BESIDE_ANOTHER_TABLE


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_workbook_that_must_be_refused_is(shared_workbooks: Path, tmp_path: Path, name: str) -> None:
    """It stays as it is, and the error says why."""
    path = Path(shutil.copyfile(shared_workbooks / name, tmp_path / "after.xlsx"))
    with pytest.raises(SheetRefused, match=REFUSED[name]):
        XlsxBackend(Target("file", str(path))).write({FIRST: {LR: 0.25}}, new=[FIRST])
    assert path.read_bytes() == (shared_workbooks / name).read_bytes()
