"""Appending to workbooks that XlsxWriter and LibreOffice made changes what it must and not one thing more.

Each is appended to, updated, appended to again (now a hot row), and given a column, and compared after every step
with the one before. `lossless` compares, `check_workbook`, the Open XML validator, openpyxl and LibreOffice judge.
"""

from __future__ import annotations

import datetime as dt
import shutil
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import made_workbooks
import openpyxl
import pytest
from lossless import compare
from made_workbooks import HEADERS, LAST, MAKERS, TAB, convert, make
from openxml_audit import OpenXmlValidator, ValidationSeverity

from experiment_sheet.backends.base import ANYTHING, Row, Target, Written
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import Column, RunId
from experiment_sheet.testing import check_workbook

LR, ACC, WHEN, NEW = Column("input", "lr"), Column("output", "val_acc"), Column("run", "when"), Column("output", "f1")
FIRST, SECOND, THIRD = "calm-otter-7-a1b2c3d4e5f6g7", "bold-heron-9-h8i9j0k1l2m3n4", "wise-gecko-3-o5p6q7r8s9t0u1"
LIBRE = tuple(name for name in MAKERS if name != "macros")


def _write(path: Path, rows: Mapping[RunId, Row], new: Collection[RunId] = ()) -> Written:
    backend = XlsxBackend(Target("file", str(path), TAB))
    try:
        return backend.write(rows, new=new, last={run: dict.fromkeys(rows[run], ANYTHING) for run in rows})
    finally:
        backend.close()


def _steps(path: Path) -> Iterator[list[str]]:
    """Write four times; after each, what the comparer has to say against the state before."""
    row, before = LAST + 1, path.with_name(f"before{path.suffix}")
    writes: list[tuple[Mapping[RunId, Row], Collection[RunId], list[str]]] = [
        ({FIRST: {LR: 0.25, ACC: 0.5}}, [FIRST], []),
        ({FIRST: {ACC: 0.75}}, [], [f"C{row}"]),
        ({SECOND: {LR: 1e-300, ACC: 0.1 + 0.2}, FIRST: {LR: 0.125}}, [SECOND], [f"B{row}"]),
        ({THIRD: {NEW: 0.9}, SECOND: {NEW: 0.8}}, [THIRD], []),
    ]
    for rows, new, cells in writes:
        shutil.copy(path, before)
        written = _write(path, rows, new)
        assert list(written.added) == list(new)
        assert not written.missing
        assert not written.kept
        yield compare(before, path, tab=TAB, cells=cells)


def _shown(path: Path) -> dict[object, dict[object, object]]:
    """Rows by run_id and header, as openpyxl reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        rows = list(openpyxl.load_workbook(path, data_only=True)[TAB].iter_rows(values_only=True))
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:] if row[0] is not None}


def _errors(path: Path) -> set[str]:
    found = OpenXmlValidator().validate(str(path)).errors
    return {f"{error.part_uri} {error.description}" for error in found if error.severity is ValidationSeverity.ERROR}


def _holds(path: Path, *, rounded: bool = False) -> None:
    """What the four writes must have left; LibreOffice keeps 15 digits."""
    shown = _shown(path)
    assert (shown[FIRST]["lr"], shown[FIRST]["val_acc"]) == (0.125, 0.75)
    assert (shown[SECOND]["lr"], shown[SECOND]["f1"]) == (1e-300, 0.8)
    assert shown[SECOND]["val_acc"] == pytest.approx(0.1 + 0.2, rel=1e-14 if rounded else 0, abs=0)
    assert shown[THIRD]["f1"] == 0.9
    assert len([run for run in shown if str(run).startswith("r0")]) == made_workbooks.ROWS


@pytest.fixture(scope="module")
def libre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made workbooks as LibreOffice saves them."""
    soffice = shutil.which("soffice") or shutil.which("libreoffice")
    if soffice is None:
        pytest.skip("LibreOffice (soffice) is not on the PATH")
    folder = tmp_path_factory.mktemp("libre")
    return convert(soffice, [make(name, folder) for name in LIBRE], folder)


@pytest.mark.parametrize("maker", MAKERS)
def test_writing_to_a_workbook_of_xlsxwriter_loses_nothing(tmp_path: Path, maker: str) -> None:
    """Charts, images, comments, sparklines, rules, totals and macros stand as they stood; the runs are there."""
    path = make(maker, tmp_path)
    errors = _errors(path)
    for number, differences in enumerate(_steps(path)):
        assert (number, differences) == (number, [])
        assert check_workbook(path) == []
        assert _errors(path) <= errors
    _holds(path)


@pytest.mark.libreoffice
@pytest.mark.parametrize("maker", LIBRE)
def test_writing_to_a_workbook_of_libreoffice_loses_nothing(tmp_path: Path, libre: Path, maker: str) -> None:
    """What LibreOffice saved stands as it stood; the runs are there."""
    path = Path(shutil.copy(libre / f"{maker}.xlsx", tmp_path))
    errors = _errors(path)
    for number, differences in enumerate(_steps(path)):
        assert (number, differences) == (number, [])
        assert check_workbook(path) == []
        assert _errors(path) <= errors
    _holds(path)


@pytest.mark.libreoffice
def test_libreoffice_reads_what_was_written(tmp_path: Path, soffice: str) -> None:
    """LibreOffice opens each written workbook and shows the same runs, and computes totals anew."""
    books = [make(name, tmp_path) for name in LIBRE]
    for path in books:
        for _ in _steps(path):
            pass
        path.with_name(f"before{path.suffix}").unlink()
    out = convert(soffice, books, tmp_path)
    for path in books:
        _holds(out / path.name, rounded=True)


def test_the_format_of_the_rows_above_is_taken_over(tmp_path: Path) -> None:
    """A date in a new row looks like the dates above it."""
    path = make("plain", tmp_path)
    _write(path, {FIRST: {WHEN: dt.datetime(2026, 5, 6, 7, 8, 9)}}, [FIRST])
    sheet = openpyxl.load_workbook(path)[TAB]
    cells = [sheet.cell(row, HEADERS.index("when") + 1) for row in (LAST, LAST + 1)]
    assert cells[1].value == dt.datetime(2026, 5, 6, 7, 8, 9)
    assert cells[0].number_format == cells[1].number_format
