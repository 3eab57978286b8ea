"""A new workbook: exact cells, a real table, a look that a person likes, and never over something that is there."""

from __future__ import annotations

import datetime as dt
import math
import multiprocessing
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openxml_audit import OpenXmlValidator, ValidationSeverity
from python_calamine import CalamineWorkbook

from experiment_sheet.backends.base import Mark
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetChanged, SheetError
from experiment_sheet.look import DEFAULT, ColumnLook, Look
from experiment_sheet.ooxml.create import create
from experiment_sheet.testing.workbook import check_workbook
from experiment_sheet.values import Cell, Link

LOGGED = (Column("input", "lr"), Column("input", "model"), Column("output", "val_acc"), Column("output", "best_epoch"))
HEADED = [(column, column.key) for column in (*DEFAULT.columns, *LOGGED)]
STARTED = dt.datetime(2026, 11, 23, 18, 30, 5)

ODD_CELLS: list[Cell] = [
    0.1 + 0.2,
    1e-300,
    123456789012345,
    True,
    "=1+1",
    "+49 30 1234",
    "-",
    "@x",
    "007",
    "two\nlines",
    "_x0041_",
    "a <b> & \"c\" 'd'",
    "naïve ☃ 🎈",
    STARTED,
    dt.date(1900, 2, 28),
    dt.timedelta(hours=30, seconds=1),
]


def row(status: str = "finished", **cells: Cell) -> list[Cell]:
    """Cells of one run, in the order of `HEADED`."""
    known: dict[str, Cell] = {
        "run": "brave-otter-1",
        "status": status,
        "started": STARTED,
        "duration": dt.timedelta(seconds=95),
        "plots": Link("runs_files/r1abc/index.html", "plots"),
        "run_id": "r1abcdefghjkmnpq",
        "lr": 0.001,
        "model": "mlp",
        "val_acc": 0.9312000000000001,
        "best_epoch": 7,
    }
    return [(known | cells).get(header) for _, header in HEADED]


def make(path: Path, rows: Sequence[Sequence[Cell]] = (), *, look: Look = DEFAULT, tab: str = "runs") -> Path:
    """Make a workbook in the default look."""
    create(path, look=look, tab=tab, columns=HEADED, rows=rows or [row()], mark=Mark("5f1c", 1))
    return path


def make_plain(path: Path, headers: Sequence[str], cells: Sequence[Cell], *, tab: str = "runs") -> Path:
    """Make a workbook of inputs only."""
    columns = [(Column("input", header), header) for header in headers]
    create(path, look=Look(), tab=tab, columns=columns, rows=[cells], mark=None)
    return path


def sound(path: Path) -> None:
    """Every validator at hand is content."""
    assert check_workbook(path) == []
    found = OpenXmlValidator().validate(str(path)).errors
    assert [e.description for e in found if e.severity is ValidationSeverity.ERROR] == []


def test_excel_would_not_repair_it(tmp_path: Path) -> None:
    """The workbook breaks no rule of the format that Excel is known to insist on."""
    sound(make(tmp_path / "runs.xlsx", [row(), row("failed", verdict="refuted")]))


def test_one_row_is_blank_where_none_is_given(tmp_path: Path) -> None:
    """A table needs a row, so a workbook without runs has a blank one."""
    path = tmp_path / "runs.xlsx"
    create(path, look=DEFAULT, tab="runs", columns=HEADED, rows=[], mark=None)
    sound(path)
    sheet = openpyxl.load_workbook(path).active
    assert sheet.tables["Runs"].ref == "A1:U2"
    assert all(cell.value is None for cell in sheet[2])


def test_odd_cells_come_back(tmp_path: Path) -> None:
    """What spreadsheets like to change comes back as it was written, to two independent readers."""
    headers = [f"c{number}" for number in range(len(ODD_CELLS))]
    path = make_plain(tmp_path / "runs.xlsx", headers, ODD_CELLS)
    sound(path)
    seen = [cell.value for cell in openpyxl.load_workbook(path).active[2]]
    plain = [cell.replace("_x005F_", "_") if isinstance(cell, str) else cell for cell in seen]
    # A reader can't tell a date from its midnight.
    assert plain == [dt.datetime(1900, 2, 28) if cell == dt.date(1900, 2, 28) else cell for cell in ODD_CELLS]
    read = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[1]
    assert [read[n] for n in (0, 1, 4, 8, 9, 12)] == [ODD_CELLS[n] for n in (0, 1, 4, 8, 9, 12)]


def test_text_that_looks_like_a_formula_is_none(tmp_path: Path) -> None:
    """No cell but a link holds a formula."""
    path = make(tmp_path / "runs.xlsx", [row(notes="=1+1", model="=cmd|' /C calc'!A1")])
    cells = openpyxl.load_workbook(path).active[2]
    assert [cell.column_letter for cell in cells if cell.data_type == "f"] == ["K"]


def test_numbers_that_no_cell_holds_are_text(tmp_path: Path) -> None:
    """NaN, infinities and integers beyond 15 digits are legible text, not an error, not a rounded number."""
    path = make_plain(tmp_path / "runs.xlsx", list("abcd"), [math.nan, math.inf, -math.inf, 2**63])
    sound(path)
    seen = [cell.value for cell in openpyxl.load_workbook(path).active[2]]
    assert seen == ["NaN", "inf", "-inf", str(2**63)]


def test_long_text_is_cut_to_the_limit(tmp_path: Path) -> None:
    """Text over a cell's limit is cut with a mark, measured in UTF-16 units."""
    path = make_plain(tmp_path / "runs.xlsx", list("ab"), ["x" * 40_000, "🎈" * 20_000])
    sound(path)
    for cell in openpyxl.load_workbook(path).active[2]:
        assert len(cell.value.encode("utf-16-le")) // 2 <= 32_767
        assert "cut" in cell.value[-40:]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_exact(tmp_path_factory: pytest.TempPathFactory, number: float) -> None:
    """All 17 digits of a float reach the file; openpyxl alone would keep 16."""
    path = make_plain(tmp_path_factory.mktemp("f") / "runs.xlsx", ["x"], [number])
    assert openpyxl.load_workbook(path).active["A2"].value == number


@pytest.mark.parametrize("header", ["=1+1", "two\nlines", "tab\there", "a&b<c>\"d'", "\x01bell", "_x000a_", "x" * 255])
def test_odd_headers_match_their_table(tmp_path: Path, header: str) -> None:
    """A header of any spelling is the same in its cell and in the table, or Excel would repair the file."""
    path = make_plain(tmp_path / "runs.xlsx", [header, "other"], [1, 2])
    sound(path)
    assert openpyxl.load_workbook(path).active["A1"].data_type == "s"


def test_table_with_filter_buttons(tmp_path: Path) -> None:
    """Header and rows are one real Excel table with filter buttons."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx", [row(), row()])).active
    table = sheet.tables["Runs"]
    assert (table.ref, table.autoFilter.ref) == ("A1:U3", "A1:U3")
    assert [column.name for column in table.tableColumns] == [header for _, header in HEADED]


def test_header_and_first_column_are_frozen(tmp_path: Path) -> None:
    """Header and run names stay in sight when a person scrolls."""
    assert openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active.freeze_panes == "B2"


def test_header_is_coloured_by_role(tmp_path: Path) -> None:
    """Columns of the run, what people type, inputs and outputs have four colours."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active
    run, typed, given_in, came_out = (sheet[at].fill.fgColor.rgb for at in ("A1", "I1", "R1", "T1"))
    assert len({run, typed, given_in, came_out}) == 4
    assert sheet["A1"].font.bold


def test_number_formats_hide_noise_not_values(tmp_path: Path) -> None:
    """Dates look like dates, durations like durations, and 0.9312000000000001 like 0.9312."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active
    formats = {sheet.cell(1, cell.column).value: cell.number_format for cell in sheet[2]}
    assert formats["started"] == "yyyy-mm-dd hh:mm"
    assert formats["duration"] == "[h]:mm:ss"
    assert formats["lr"] == "General"
    assert "0.0000" in formats["val_acc"]


def test_later_cells_inherit_the_columns_format(tmp_path: Path) -> None:
    """A cell that is still blank has its column's format, so that later rows look alike."""
    book = openpyxl.load_workbook(make(tmp_path / "runs.xlsx"))
    assert book.active.column_dimensions["D"].number_format == "[h]:mm:ss"


def test_provenance_is_one_collapsed_group(tmp_path: Path) -> None:
    """The columns that say where a run comes from are folded away, and nothing else is."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active
    with zipfile.ZipFile(tmp_path / "runs.xlsx") as archive:
        columns = archive.read("xl/worksheets/sheet1.xml").decode().partition("<sheetData>")[0]
    headers = {number: header for number, (_, header) in enumerate(HEADED, 1)}
    dimensions = [d for d in sheet.column_dimensions.values() if d.hidden for _ in range(d.min, d.max + 1)]
    hidden = {headers[n] for d in dimensions for n in range(d.min, d.max + 1)}
    assert hidden == {"error", "git", "host", "user", "command", "run_id"}
    assert columns.count('outlineLevel="1"') == 6
    assert 'outlineLevelCol="1"' in columns


def test_rules_cover_rows_to_come(tmp_path: Path) -> None:
    """Colours of status and results and the dropdown of verdict reach down to the last row a sheet can have."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active
    coloured = {str(ranges.sqref) for ranges in sheet.conditional_formatting}
    assert coloured == {"B2:B1048576", "H2:H1048576", "T2:T1048576"}
    (dropdown,) = [rule for rule in sheet.data_validations.dataValidation if rule.type == "list"]
    assert (dropdown.formula1, str(dropdown.sqref)) == ('"confirmed,refuted,unclear"', "H2:H1048576")


def test_columns_are_known_again_by_hidden_names(tmp_path: Path) -> None:
    """Each column and the mark have a hidden name in the tab's own scope."""
    sheet = openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active
    assert all(name.hidden for name in sheet.defined_names.values() if name.name.startswith("_es."))
    assert sheet.defined_names["_es.input.lr"].attr_text == "'runs'!$R$1"
    assert sheet.defined_names["_es.mark"].attr_text == '"5f1c:1"'


def test_links_are_short_formulas(tmp_path: Path) -> None:
    """The link to the run folder is a relative HYPERLINK that shows one word, with spaces escaped."""
    path = make(tmp_path / "runs.xlsx", [row(plots=Link("my runs_files/r1/index.html", "plots"))])
    assert openpyxl.load_workbook(path).active["K2"].value == '=HYPERLINK("my%20runs_files/r1/index.html","plots")'
    assert openpyxl.load_workbook(path, data_only=True).active["K2"].value == "plots"


def test_widths_are_bounded(tmp_path: Path) -> None:
    """A column is as wide as its content asks, but never so wide that it fills the screen."""
    book = openpyxl.load_workbook(make_plain(tmp_path / "runs.xlsx", ["a", "b" * 90], [1, "x" * 500]))
    widths = [book.active.column_dimensions[letter].width for letter in "AB"]
    assert widths == [9, 36]


@pytest.mark.parametrize("tab", ["runs", "Läufe 2026", "it's", "R1C1", "A1", "x" * 31, "日本"])
def test_tabs_of_any_legal_name(tmp_path: Path, tab: str) -> None:
    """A tab of any legal name gets a table of a legal name, and names that refer to the tab."""
    path = make(tmp_path / "runs.xlsx", tab=tab)
    sound(path)
    assert openpyxl.load_workbook(path).sheetnames == [tab, "Overview"]


def test_look_decides(tmp_path: Path) -> None:
    """What a look says of a column is what the column looks like."""
    said = ColumnLook(width=50, number_format="0.0%", choices=('so "so"', "good"), help="Between 0 and 1.")
    look = Look(looks={Column("output", "val_acc"): said}, status_colors={"good": "15803D"})
    path = make(tmp_path / "runs.xlsx", look=look)
    sound(path)
    sheet = openpyxl.load_workbook(path).active
    assert (sheet.column_dimensions["T"].width, sheet["T2"].number_format) == (50, "0.0%")
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules["T2:T1048576"].formula1 == '"so ""so"",good"'
    assert rules["T1"].prompt == "Between 0 and 1."


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    """Whatever is there stays as it is, and the error says what to do."""
    path = tmp_path / "runs.xlsx"
    path.write_bytes(b"a person's")
    with pytest.raises(SheetChanged, match="Read it and write again"):
        make(path)
    assert path.read_bytes() == b"a person's"
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.xlsx"]


def test_one_of_many_wins(tmp_path: Path) -> None:
    """Of processes that make the same workbook at once one succeeds; its file is whole."""
    path = tmp_path / "runs.xlsx"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        won = pool.map(_tries_to_make, [path] * 8)
    assert sum(won) == 1
    sound(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.xlsx"]


def _tries_to_make(path: Path) -> bool:
    try:
        make(path)
    except SheetChanged:
        return False
    return True


def test_missing_folder_is_made(tmp_path: Path) -> None:
    """The folder of a new workbook is made with it."""
    sound(make(tmp_path / "a" / "b" / "runs.xlsx"))


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    """Where no folder can be, the error names the workbook."""
    (tmp_path / "a").write_text("")
    with pytest.raises(SheetError, match=r"runs\.xlsx can't be made"):
        make(tmp_path / "a" / "runs.xlsx")


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_mode_follows_the_umask(tmp_path: Path) -> None:
    """A new workbook is as readable for others as any file its maker creates."""
    (tmp_path / "plain").write_text("")
    assert make(tmp_path / "runs.xlsx").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.libreoffice
def test_libreoffice_opens_it(tmp_path: Path, soffice: str) -> None:
    """LibreOffice reads every cell, and computes the link."""
    path = make(tmp_path / "runs.xlsx", [row(notes="=1+1"), row("running", val_acc=math.nan)])
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    call = [soffice, profile, "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"]
    subprocess.run([*call, "--outdir", str(tmp_path), str(path)], check=True, capture_output=True, timeout=120)
    header, first, second = (tmp_path / "runs.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("run,status,started,duration,hypothesis")
    assert first.startswith("brave-otter-1,finished,2026-11-23 18:30,0:01:35,,,,,=1+1,,plots")
    assert first.endswith("0.001,mlp,0.9312,7")
    assert second.endswith("0.001,mlp,NaN,7")


def test_run_id_is_there_for_the_engine(tmp_path: Path) -> None:
    """The default look holds the column by which every row is found again."""
    assert RUN_ID in DEFAULT.columns
    assert openpyxl.load_workbook(make(tmp_path / "runs.xlsx")).active["Q1"].value == "run_id"
