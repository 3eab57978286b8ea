"""Columns keep their identity through what people do to them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import bare_workbook as bare
import openpyxl
import pytest
from bare_workbook import header, worksheet
from excel_person import ExcelPerson
from package_model import raw_entries

from experiment_sheet.backends.base import Mark, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml.table import Area
from experiment_sheet.testing import check_workbook
from experiment_sheet.values import Cell

LR, ACC, MSE, LOSS_IN, LOSS_OUT = (
    Column("input", "lr"),
    Column("output", "acc"),
    Column("output", "mse"),
    Column("input", "loss"),
    Column("output", "loss"),
)


def at(path: Path, tab: str | None = None) -> XlsxBackend:
    """Fresh backend."""
    return XlsxBackend(Target("file", str(path), tab))


def rows(path: Path) -> list[dict[Column, Cell]]:
    """Rows as they are read."""
    table = at(path).read()
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("made", ["by us", "by a person"])
def test_headers_swapped_by_copy_and_paste_win(tmp_path: Path, made: str) -> None:
    """Names stay behind when a person swaps the contents of two columns; the headers say what is meant."""
    path = tmp_path / "runs.xlsx"
    if made == "by a person":
        bare.write(path, worksheet(header("lr", "acc")))
    at(path).write({"run-a": {LR: 0.1, ACC: 0.9}}, new=["run-a"])
    person = ExcelPerson(path)
    for old, new in (("lr", "x"), ("acc", "lr"), ("x", "acc")):
        person.rename_column(old, new)
    person.set_cell(0, "lr", 0.1)
    person.set_cell(0, "acc", 0.9)
    at(path).write({"run-b": {LR: 0.2, ACC: 0.8}}, new=["run-b"])
    assert [(row[LR], row[ACC]) for row in rows(path)] == [(0.1, 0.9), (0.2, 0.8)]


def test_namesakes_of_two_roles_are_told_apart(tmp_path: Path) -> None:
    """The later one's header says its role; both are found again."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LOSS_IN: "mse", LOSS_OUT: 0.5}}, new=["run-a"])
    at(path).write({"run-a": {LOSS_OUT: 0.25}}, last={"run-a": {LOSS_OUT: [0.5]}})
    assert [(row[LOSS_IN], row[LOSS_OUT]) for row in rows(path)] == [("mse", 0.25)]
    assert list(at(path).read().headers)[-2:] == ["loss", "loss (output)"]


@pytest.mark.parametrize(
    "key", ["k" * 300, "Ä b/c", "LR", "lr ", "日本" * 60, "a\nb", "=1+1", "_es.x", "R1C1", "", "🦜" * 200]
)
def test_keys_of_any_kind_keep_their_identity(tmp_path: Path, key: str) -> None:
    """Long ones, too, whose header is shortened; beside one that differs only in case."""
    path = tmp_path / "runs.xlsx"
    odd = Column("output", key)
    at(path).write({"run-a": {LR: 1}}, new=["run-a"])
    at(path).write({"run-b": {LR: 2, odd: 0.5}}, new=["run-b"])
    at(path).write({"run-c": {odd: 0.25}}, new=["run-c"])
    assert check_workbook(path) == []
    assert [row.get(odd) for row in rows(path)] == [None, 0.5, 0.25]
    openpyxl.load_workbook(path).save(path)  # and after another program saved it
    assert [row.get(odd) for row in rows(path)] == [None, 0.5, 0.25]


def test_headers_are_adopted_at_first_contact(tmp_path: Path) -> None:
    """Exactly, else but for case; the first of namesakes; what is logged later finds them by name."""
    path = bare.write(tmp_path / "runs.xlsx", worksheet(header("LR", "acc", "acc", "notes of mine")))
    at(path).write({"run-a": {LR: 0.1, ACC: 0.9}}, new=["run-a"])
    assert list(at(path).read().headers) == ["LR", "acc", "acc", "notes of mine", "run_id"]
    ExcelPerson(path).rename_column("LR", "learning rate")
    at(path).write({"run-b": {LR: 0.2}}, new=["run-b"])
    found = at(path).read()
    assert list(found.columns) == [LR, ACC, Column("people", "acc"), Column("people", "notes of mine"), RUN_ID]
    assert [row[0] for row in found.rows] == [0.1, 0.2]


def test_a_copied_tab_is_not_mistaken_for_the_sheet(tmp_path: Path) -> None:
    """A copy carries names and mark along; what was written since tells the original, wherever it stands."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LR: 1}}, new=["run-a"], mark=Mark("s", 1))
    book = openpyxl.load_workbook(path)
    copy = book.copy_worksheet(book["runs"])
    for name, found in book["runs"].defined_names.items():
        copy.defined_names[name] = openpyxl.workbook.defined_name.DefinedName(
            name,
            attr_text=found.attr_text.replace("runs!", "'runs Copy'!").replace("'runs'!", "'runs Copy'!"),
            hidden=True,
        )
    book.move_sheet(copy, -1)
    book.save(path)
    at(path, "runs").write({"run-b": {LR: 2}}, new=["run-b"], mark=Mark("s", 2))
    at(path).write({"run-c": {LR: 3}}, new=["run-c"], mark=Mark("s", 3))
    assert [row[LR] for row in rows(path)] == [1, 2, 3]
    assert at(path).mark() == Mark("s", 3)
    assert len(at(path, "runs Copy").read().rows) == 1


def test_a_table_beside_leaves_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """New columns of a table stand right beside it; those that can't are reported, and run_id must."""
    book = openpyxl.Workbook()
    for cell, value in (("A1", "lr"), ("A2", 1), ("C1", "mine"), ("C2", "x")):
        book.active[cell] = value
    book.active.add_table(openpyxl.worksheet.table.Table(displayName="T", ref="A1:A2"))
    book.save(tmp_path / "runs.xlsx")
    written = at(tmp_path / "runs.xlsx").write({"run-a": {LR: 1, ACC: 2}}, new=["run-a"])
    assert list(written.no_room) == [ACC]
    assert "acc finds no room: column C" in caplog.text
    assert check_workbook(tmp_path / "runs.xlsx") == []
    assert rows(tmp_path / "runs.xlsx")[-1] == {LR: 1, RUN_ID: "run-a"}
    book.active["B1"] = 7  # text would belong to the table
    book.save(tmp_path / "full.xlsx")
    with pytest.raises(SheetRefused, match="no free column for run_id"):
        at(tmp_path / "full.xlsx", "Sheet").write({"run-a": {LR: 1}}, new=["run-a"])


def test_where_the_first_tab_has_no_room_runs_go_to_a_tab_of_their_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If nobody named the tab; the tab without room stays as it is, and one message says why."""
    book = openpyxl.Workbook()
    book.active.append(["lr", 7])  # text would belong to the table
    book.active.append([1, "x"])
    book.active.add_table(openpyxl.worksheet.table.Table(displayName="T", ref="A1:A2"))
    path = tmp_path / "runs.xlsx"
    book.save(path)
    before = raw_entries(path)
    for number, run in enumerate(("run-a", "run-b")):
        assert list(at(path).write({run: {LR: number}}, new=[run]).added) == [run]
    assert {name for name, raw in before.items() if raw_entries(path)[name] != raw} == {
        "[Content_Types].xml",
        "xl/_rels/workbook.xml.rels",
        "xl/workbook.xml",
    }
    assert check_workbook(path) == []
    assert openpyxl.load_workbook(path).sheetnames == ["Sheet", "runs"]
    assert rows(path) == [{LR: 0, RUN_ID: "run-a"}, {LR: 1, RUN_ID: "run-b"}]
    assert len(caplog.messages) == 1
    assert "Runs go to a tab of their own" in caplog.text


def test_a_deleted_column_stays_deleted_while_nothing_new_is_said(tmp_path: Path) -> None:
    """A refresh that repeats old values doesn't bring it back; a new value does, at the right."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LR: 1, ACC: 2}}, new=["run-a"])
    ExcelPerson(path).delete_column("lr")
    at(path).write({"run-a": {LR: 1, ACC: 3}}, last={"run-a": {LR: [1], ACC: [2]}})
    assert "lr" not in at(path).read().headers
    at(path).write({"run-a": {LR: 5}}, last={"run-a": {LR: [1]}})
    assert at(path).read().headers[-1] == "lr"
    assert rows(path)[0][LR] == 5


def test_formulas_of_people_are_theirs(tmp_path: Path) -> None:
    """A formula over one of our cells stays, even if it shows what we wrote."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LR: 1, ACC: 2}}, new=["run-a"])
    book = openpyxl.load_workbook(path)
    cell = next(c for row in book.active.iter_rows() for c in row if c.value == 2)
    cell.value = "=1+1"
    book.save(path)
    written = at(path).write({"run-a": {ACC: 5}}, last={"run-a": {ACC: [2]}})
    assert set(written.kept["run-a"]) == {ACC}
    assert openpyxl.load_workbook(path).active[cell.coordinate].value == "=1+1"


def _delete_with_openpyxl(path: Path, header: str, *, table_too: bool) -> None:
    """Delete a column as openpyxl does: names stay, and the table unless the program takes care of it."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    sheet.delete_cols(next(cell.column for cell in sheet[1] if cell.value == header))
    if table_too:
        (table,) = sheet.tables.values()
        table.tableColumns = [column for column in table.tableColumns if column.name != header]
        left, top, right, bottom = openpyxl.utils.range_boundaries(table.ref)
        table.ref = table.autoFilter.ref = str(Area(top, left, bottom, right - 1))
    book.save(path)


@pytest.mark.parametrize("table_too", [True, False])
@pytest.mark.parametrize("gone", ["lr", "acc", "mse"])
def test_a_column_deleted_without_its_name_captures_no_neighbour(tmp_path: Path, gone: str, table_too: bool) -> None:
    """openpyxl leaves the names where they were; the headers say which columns are still there."""
    path = tmp_path / "runs.xlsx"
    values = {LR: 0.1, ACC: 0.2, MSE: 0.3}
    at(path).write({"run-a": values}, new=["run-a"])
    _delete_with_openpyxl(path, gone, table_too=table_too)
    left = {column: value for column, value in values.items() if column.key != gone}
    assert {column: value for column, value in rows(path)[0].items() if column in values} == left
    at(path).write({"run-b": {column: value + 1 for column, value in left.items()}}, new=["run-b"])
    assert [{c: row[c] for c in left} for row in rows(path)] == [left, {c: v + 1 for c, v in left.items()}]
    assert check_workbook(path) == []
    at(path).write({"run-c": {column: value + 2 for column, value in values.items()}}, new=["run-c"])
    assert [row[Column("output" if gone != "lr" else "input", gone)] for row in rows(path)][-1] > 2
    assert at(path).read().headers[-1] == gone
    assert check_workbook(path) == []


@pytest.mark.parametrize("given", [{LR: 0.2}, {LR: 0.2, ACC: 0.8}])
def test_a_column_typed_beside_the_table_belongs_to_it(tmp_path: Path, given: dict[Column, Cell]) -> None:
    """Excel lets the table grow over it while it is typed; other programs don't, so the next write does."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LR: 0.1}}, new=["run-a"])
    book = openpyxl.load_workbook(path)
    beside = book.active.max_column + 1
    book.active.cell(1, beside).value, book.active.cell(2, beside).value = "My idea", "warm up"
    book.save(path)
    mine = Column("people", "My idea")
    assert rows(path)[0][mine] == "warm up"
    written = at(path).write({"run-b": {**given, mine: "none"}}, new=["run-b"])
    assert not written.no_room
    assert check_workbook(path) == []
    assert [row[mine] for row in rows(path)] == ["warm up", "none"]
    assert {column: rows(path)[1][column] for column in given} == given
    (table,) = openpyxl.load_workbook(path).active.tables.values()
    assert [column.name for column in table.tableColumns] == list(at(path).read().headers)


def test_a_header_changed_without_its_table_is_a_rename(tmp_path: Path) -> None:
    """openpyxl writes the cell alone; the table follows, and the column stays what it was."""
    path = tmp_path / "runs.xlsx"
    at(path).write({"run-a": {LR: 0.1, ACC: 0.9}}, new=["run-a"])
    book = openpyxl.load_workbook(path)
    next(cell for cell in book.active[1] if cell.value == "lr").value = "learning rate"
    book.save(path)
    assert "learning rate" in at(path).read().headers
    at(path).write({"run-b": {LR: 0.2}}, new=["run-b"])
    assert [row[LR] for row in rows(path)] == [0.1, 0.2]
    assert check_workbook(path) == []


@pytest.mark.parametrize("last", [143.3, 7, dt.timedelta(seconds=90)])
def test_a_number_in_a_column_of_durations_comes_back_as_the_number(tmp_path: Path, last: Cell) -> None:
    """Seconds that were logged as such are no days, whether the column shows durations by its look or its cells."""
    duration, span = Column("run", "duration"), dt.timedelta(hours=1, seconds=5)
    values = [143.3, span, 7, span, span, span, last]
    for made, first in ((tmp_path / "one.xlsx", 1), (tmp_path / "all.xlsx", len(values))):
        given = {f"run-{n}": {duration: value} for n, value in enumerate(values)}
        at(made).write(dict(list(given.items())[:first]), new=given)
        for run, row in list(given.items())[first:]:
            at(made).write({run: row}, new=[run])
        assert [row[duration] for row in rows(made)] == values
        assert check_workbook(made) == []
