"""How much a write touches, and that any sequence of writes gives what was asked for."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from excel_person import ExcelPerson

from experiment_sheet.backends.base import ANYTHING, Mark, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.ooxml.lay import Tail
from experiment_sheet.ooxml.package import Package
from experiment_sheet.testing import check_workbook
from experiment_sheet.values import Cell

SHEET = "xl/worksheets/sheet1.xml"
LR, ACC, NAME = Column("input", "lr"), Column("output", "acc"), Column("input", "name")
LONG = "some text that fills the row, " * 40


_APPEND = """
import sys
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import Column
XlsxBackend(Target("file", sys.argv[1])).write({"run-b": {Column("input", "lr"): 2}}, new=["run-b"])
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"pandas", "numpy", "openpyxl", "python_calamine", "lxml"}))
"""


def tail(path: Path) -> Tail:
    """Proven tail of the sheet."""
    with Package.open(path) as package:
        found = package.tail(SHEET)
    assert found is not None
    return found


@pytest.fixture
def large(tmp_path: Path) -> tuple[XlsxBackend, Path, str | None]:
    """A sheet of several segments: backend, path, token."""
    path = tmp_path / "runs.xlsx"
    backend = XlsxBackend(Target("file", str(path)))
    backend.write({"run-first": {LR: 0}}, new=["run-first"])
    rows = {f"run-{n}": {LR: n, ACC: 0.5, NAME: f"{n} {LONG}"} for n in range(1000)}
    return backend, path, backend.write(rows, new=[*rows]).token


def test_an_append_keeps_the_prefix(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """Every segment but the last one lies as it lay."""
    backend, path, token = large
    before = tail(path).prefix.segments
    assert len(before) > 3
    for number in range(40):
        token = backend.write({f"run-x{number}": {LR: number, NAME: LONG}}, new=[f"run-x{number}"], since=token).token
    after = tail(path).prefix.segments
    assert after[: len(before) - 1] == before[:-1]
    assert len(tail(path).text) < 50_000


def test_a_hot_change_changes_nothing_but_the_tail(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """The row of a run that is still going costs what an append costs."""
    backend, path, token = large
    before = tail(path)
    last = {"run-999": {LR: [999], ACC: [0.5], NAME: [f"999 {LONG}"]}}
    backend.write({"run-999": {ACC: 0.75}}, last=last, since=token)
    assert tail(path).prefix == before.prefix
    assert tail(path).text != before.text


def test_a_cold_change_changes_one_segment(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """Whoever asks, with a token or without."""
    backend, path, token = large
    before = tail(path)
    backend.write({"run-5": {ACC: 0.75}}, last={"run-5": {ACC: ANYTHING}}, since=token)
    pairs = zip(before.prefix.segments, tail(path).prefix.segments, strict=True)
    assert sum(one != other for one, other in pairs) == 1
    assert tail(path).text == before.text


def test_other_parts_stay_as_they_lie(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """A change of a row touches the tab and the workbook part alone."""
    backend, path, _ = large
    with zipfile.ZipFile(path) as archive:
        before = {entry.filename: entry.CRC for entry in archive.infolist()}
    backend.write({"run-5": {ACC: 0.75}}, last={"run-5": {ACC: [0.5]}}, mark=Mark("s", 2))
    with zipfile.ZipFile(path) as archive:
        after = {entry.filename: entry.CRC for entry in archive.infolist()}
    assert {name for name in after if after[name] != before.get(name)} == {SHEET, "xl/workbook.xml"}


def test_the_layout_comes_back_after_another_program_saved(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """One rewrite, then appends are cheap again; nothing is missing."""
    backend, path, token = large
    openpyxl.load_workbook(path).save(path)
    with Package.open(path) as package:
        assert package.tail(SHEET) is None
    token = backend.write({"run-x": {LR: 1}}, new=["run-x"], since=token).token
    before = tail(path)
    backend.write({"run-y": {LR: 1}}, new=["run-y"], since=token)
    assert tail(path).prefix == before.prefix
    assert len(backend.read().rows) == 1003


def test_a_row_that_a_person_moved_up_is_found(large: tuple[XlsxBackend, Path, str | None]) -> None:
    """A token that no longer fits makes the engine look."""
    backend, path, token = large
    ExcelPerson(path).sort_rows("run_id", reverse=True)
    asked: dict[str, dict[Column, Cell]] = {"run-0": {ACC: 1}, "run-999": {ACC: 2}}
    written = backend.write(asked, last={run: {ACC: [0.5]} for run in asked}, since=token)
    assert not written.missing
    assert not written.kept
    table = backend.read()
    found = {row[table.columns.index(RUN_ID)]: row[table.columns.index(ACC)] for row in table.rows}
    assert [found["run-0"], found["run-999"], found["run-5"]] == [1, 2, 0.5]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_sequence_of_writes_gives_what_was_asked_for(tmp_path: Path, seed: int) -> None:
    """Appends, changes hot and cold, new columns, with tokens and without, and a person's saves."""
    chance = random.Random(seed)
    path = tmp_path / "runs.xlsx"
    backend = XlsxBackend(Target("file", str(path)))
    columns = [LR, ACC, NAME]
    model: dict[str, dict[Column, Cell]] = {}
    token: str | None = None
    for step in range(60):
        rows = _asked(chance, columns, model)
        new = [run for run in rows if run not in model]
        last = {run: {c: [model[run].get(c)] for c in rows[run]} for run in rows if run in model}
        written = backend.write(rows, new=new, last=last, since=chance.choice([token, None]), mark=Mark("s", step))
        assert (list(written.added), written.kept, list(written.missing)) == (new, {}, [])
        for run, row in rows.items():
            model.setdefault(run, {}).update(row)
        token = written.token
        if chance.random() < 0.05:
            openpyxl.load_workbook(path).save(path)
    table = backend.read()
    found = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row[RUN_ID] for row in found] == [*model]
    for row, expected in zip(found, model.values(), strict=True):
        assert {column: row[column] for column in expected} == pytest.approx(expected)
    assert check_workbook(path) == []


def _asked(
    chance: random.Random, columns: list[Column], model: dict[str, dict[Column, Cell]]
) -> dict[str, dict[Column, Cell]]:
    kind = chance.random()
    if kind < 0.5 or not model:
        runs = [f"run-{len(model) + n}" for n in range(chance.choice([1, 1, 3, 60]))]
    elif kind < 0.9:
        runs = chance.sample(list(model), min(len(model), 4)) if kind < 0.7 else list(model)[-2:]
    else:
        columns.append(Column("output", f"m{len(columns)}"))
        return {chance.choice(list(model)): {columns[-1]: chance.random()}}
    return {run: {column: _value(chance) for column in chance.sample(columns, 2)} for run in runs}


def _value(chance: random.Random) -> Cell:
    return chance.choice([chance.random(), chance.randint(0, 99), f"µ<&> {LONG[: chance.randint(1, 900)]}"])


def test_an_append_loads_no_heavy_package(tmp_path: Path) -> None:
    """Neither pandas nor openpyxl nor calamine, in a fresh interpreter."""
    path = tmp_path / "runs.xlsx"
    XlsxBackend(Target("file", str(path))).write({"run-a": {LR: 1}}, new=["run-a"])
    done = subprocess.run([sys.executable, "-c", _APPEND, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
