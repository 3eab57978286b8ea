"""What Excel lets grow with a table grows, and what a person ended earlier stays."""

from __future__ import annotations

import re
from pathlib import Path

import bare_workbook as bare
import openpyxl
import pytest
import xlsxwriter
from bare_workbook import header, text, worksheet

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetRefused
from experiment_sheet.ooxml.package import Package
from experiment_sheet.testing import check_workbook
from experiment_sheet.values import Link

LR, ACC = Column("input", "lr"), Column("output", "acc")
ROWS = header("run_id", "lr", "acc") + "".join(
    f'<row r="{n}">{text(f"A{n}", f"r{n}")}<c r="B{n}"><v>{n}</v></c><c r="C{n}"><v>0.5</v></c></row>'
    for n in range(2, 6)
)


def append(path: Path, *runs: str, tab: str | None = None) -> XlsxBackend:
    """Append runs in one write."""
    backend = XlsxBackend(Target("file", str(path), tab))
    backend.write({run: {LR: 0.1, ACC: 0.9} for run in runs}, new=runs)
    return backend


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("B2:B5", "B2:B7"),
        ("A1:C5", "A1:C7"),
        ("B2:B4", "B2:B4"),
        ("B5", "B5"),
        ("E2:E5", "E2:E5"),
        ("B2:B1048576", "B2:B1048576"),
        ("B2:B5 C2:C5 E9", "B2:B7 C2:C7 E9"),
    ],
)
def test_rules_that_reached_the_last_row_reach_the_new_one(tmp_path: Path, before: str, after: str) -> None:
    """Conditional formats and validations, those of Excel 2010 too."""
    behind = (
        f'<conditionalFormatting sqref="{before}"><cfRule type="expression" priority="1"><formula>B2&gt;0</formula>'
        f'</cfRule></conditionalFormatting><dataValidations count="1"><dataValidation type="list" sqref="{before}">'
        '<formula1>"a"</formula1></dataValidation></dataValidations>'
        '<extLst><ext xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" uri="{0}">'
        '<x14:dataValidations xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><x14:dataValidation>'
        f"<xm:sqref>{before}</xm:sqref></x14:dataValidation></x14:dataValidations></ext></extLst>"
    )
    path = bare.write(tmp_path / "runs.xlsx", worksheet(ROWS, behind))
    append(path, "run-a")
    append(path, "run-b")
    assert re.findall(r"sqref(?:=\"|>)([^\"<]+)", bare.read(path)) == [after] * 3


def test_a_filter_of_a_plain_range_grows_with_its_name(tmp_path: Path) -> None:
    """Excel wants the hidden name to say what the filter says."""
    name = '<definedNames><definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">runs!$A$1:$C$5'
    parts = {"xl/workbook.xml": bare.workbook(f"{name}</definedName></definedNames>")}
    path = bare.write(tmp_path / "runs.xlsx", worksheet(ROWS, '<autoFilter ref="A1:C5"/>'), parts)
    append(path, "run-a", "run-b")
    assert '<autoFilter ref="A1:C7"/>' in bare.read(path)
    assert "runs!$A$1:$C$7<" in bare.read(path, "xl/workbook.xml")
    assert check_workbook(path) == []


def test_names_that_cover_the_column_grow(tmp_path: Path) -> None:
    """A name for the whole column takes new rows in; one for some rows, or of another tab, doesn't."""
    names = {
        "whole": "runs!$B$2:$B$5",
        "with_header": "'runs'!$A$1:$C$5",
        "some": "runs!$B$3:$B$5",
        "other": "x!$B$2:$B$5",
    }
    inside = "".join(f'<definedName name="{name}">{area}</definedName>' for name, area in names.items())
    path = bare.write(
        tmp_path / "runs.xlsx",
        worksheet(ROWS),
        {"xl/workbook.xml": bare.workbook(f"<definedNames>{inside}</definedNames>")},
    )
    append(path, "run-a")
    append(path, "run-b")
    found = {name: found.attr_text for name, found in openpyxl.load_workbook(path).defined_names.items()}
    assert found == names | {"whole": "runs!$B$2:$B$7", "with_header": "'runs'!$A$1:$C$7"}


def chart_book(path: Path) -> Path:
    """A workbook with one chart over whole columns and one over some rows, in another tab."""
    book = xlsxwriter.Workbook(path)
    sheet, view = book.add_worksheet("my runs"), book.add_worksheet("view")
    for number, row in enumerate([["run_id", "lr", "acc"], *([f"r{n}", n, 0.5] for n in range(4))]):
        sheet.write_row(number, 0, row)
    for last in (4, 3):
        chart = book.add_chart({"type": "line"})
        chart.add_series({"categories": ["my runs", 1, 0, last, 0], "values": ["my runs", 1, 2, last, 2]})
        view.insert_chart(5 * last, 1, chart)
    book.close()
    return path


def test_chart_series_over_the_whole_column_grow(tmp_path: Path) -> None:
    """And go on to do so; a series for fewer rows stays byte for byte."""
    path = chart_book(tmp_path / "runs.xlsx")
    some = bare.read(path, "xl/charts/chart2.xml")
    for number in range(3):
        append(path, f"run-{number}", tab="my runs")
    found = re.findall(r"<c:f>([^<]*)</c:f>", bare.read(path, "xl/charts/chart1.xml"))
    assert found == ["'my runs'!$A$2:$A$8", "'my runs'!$C$2:$C$8"]
    assert bare.read(path, "xl/charts/chart2.xml") == some
    assert check_workbook(path) == []


def test_charts_are_looked_for_once(tmp_path: Path) -> None:
    """What was found is kept in a hidden name; a chart that a person adds later is found all the same."""
    path = chart_book(tmp_path / "runs.xlsx")
    append(path, "run-a", tab="my runs")
    kept = re.findall(r'name="_es.found"[^>]*>([^<]*)<', bare.read(path, "xl/workbook.xml"))
    append(path, "run-b", tab="my runs")
    assert len(kept) == 1
    with Package.open(path) as package:
        chart = package.read("xl/charts/chart2.xml").replace(b"$4<", b"$7<")  # by now the last row
        package.save({"xl/charts/chart2.xml": chart})
    append(path, "run-c", tab="my runs")
    assert "'my runs'!$C$2:$C$8" in bare.read(path, "xl/charts/chart2.xml")


def totals_book(path: Path, more: str = "", elsewhere: str = "") -> Path:
    """A table with a totals row, a calculated column, and a formula elsewhere."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("runs")
    columns = [
        {"header": "run_id", "total_string": "Total"},
        {"header": "lr", "total_function": "sum"},
        {"header": "twice", "formula": "=Runs[[#This Row],[lr]]*2", "total_function": "max"},
    ]
    data = [["r1", 1.0], ["r2", 2.0]]
    sheet.add_table("B3:D6", {"name": "Runs", "columns": columns, "data": data, "total_row": True})
    book.add_worksheet("view").write_formula("A1", elsewhere or "=1")
    if more:
        sheet.write_formula("H1", more)
    book.close()
    return path


def test_the_totals_row_moves_down(tmp_path: Path) -> None:
    """With its formulas, which then have no stale value; calculated columns are filled."""
    path = totals_book(tmp_path / "runs.xlsx")
    append(path, "run-a")
    append(path, "run-b")
    assert check_workbook(path) == []
    sheet = openpyxl.load_workbook(path).active
    assert sheet.tables["Runs"].ref == "B3:E8"
    assert [cell.value for cell in sheet[8]][1:4] == ["Total", "=SUBTOTAL(109,Runs[lr])", "=SUBTOTAL(104,Runs[twice])"]
    assert [sheet[f"D{row}"].value for row in range(4, 8)] == ["=Runs[[#This Row],[lr]]*2"] * 4
    assert [sheet[f"B{row}"].value for row in range(3, 9)] == ["run_id", "r1", "r2", "run-a", "run-b", "Total"]
    assert "</f><v>" not in bare.read(path).partition('<row r="8"')[2]


@pytest.mark.libreoffice
def test_libreoffice_computes_the_totals(tmp_path: Path, soffice: str) -> None:
    """Right numbers when the file is next opened there."""
    from made_workbooks import convert

    path = totals_book(tmp_path / "runs.xlsx")
    append(path, "run-a", "run-b")
    out = convert(soffice, [path], tmp_path / "out")
    sheet = openpyxl.load_workbook(out / path.name, data_only=True).active
    assert sheet["C8"].value == pytest.approx(3.2)
    assert sheet["D6"].value == pytest.approx(0.2)  # the new row's calculated column


@pytest.mark.parametrize("formula", ["=C6", "=$C$6*2", "=SUM(C4:C6)"])
def test_a_totals_row_that_others_point_to_stays(tmp_path: Path, formula: str) -> None:
    """Moving it would make the other formula wrong."""
    path = totals_book(tmp_path / "runs.xlsx", formula)
    before = path.read_bytes()
    with pytest.raises(SheetRefused, match="totals row"):
        append(path, "run-a")
    assert path.read_bytes() == before


@pytest.mark.parametrize("formula", ["=runs!C6", "=SUM('runs'!$C$4:$C$6)"])
def test_a_totals_row_that_another_tab_points_to_stays(tmp_path: Path, formula: str) -> None:
    """Wherever the formula stands."""
    with pytest.raises(SheetRefused, match=r"tab 'view'.*totals row"):
        append(totals_book(tmp_path / "runs.xlsx", elsewhere=formula), "run-a", tab="runs")


@pytest.mark.parametrize("formula", ["=C5", "=C60", "=AC6", "=Runs[[#Totals],[lr]]", "=LOG10(C5)"])
def test_other_formulas_don_t_hold_the_totals_row(tmp_path: Path, formula: str) -> None:
    """Only an address in the totals row itself does."""
    append(totals_book(tmp_path / "runs.xlsx", formula), "run-a")


def test_content_right_below_the_table_is_respected(tmp_path: Path) -> None:
    """Nothing is overwritten; as many rows as there is room for go in."""
    book = xlsxwriter.Workbook(tmp_path / "runs.xlsx")
    sheet = book.add_worksheet()
    sheet.add_table(
        "A1:C3", {"columns": [{"header": name} for name in ("run_id", "lr", "acc")], "data": [["r1", 1, 2]] * 2}
    )
    sheet.write("B5", "a note")
    book.close()
    append(tmp_path / "runs.xlsx", "run-a")
    with pytest.raises(SheetRefused, match=r"B5.*below the table"):
        append(tmp_path / "runs.xlsx", "run-b")
    found = [list(row) for row in openpyxl.load_workbook(tmp_path / "runs.xlsx").active.iter_rows(values_only=True)]
    assert found[2:] == [["r1", 1, 2], ["run-a", 0.1, 0.9], [None, "a note", None]]


def test_a_blank_last_row_is_filled_first(tmp_path: Path) -> None:
    """As Excel leaves one in a table without rows."""
    book = xlsxwriter.Workbook(tmp_path / "runs.xlsx")
    book.add_worksheet().add_table("A1:C2", {"columns": [{"header": name} for name in ("run_id", "lr", "acc")]})
    book.close()
    append(tmp_path / "runs.xlsx", "run-a", "run-b")
    sheet = openpyxl.load_workbook(tmp_path / "runs.xlsx").active
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["run_id", "run-a", "run-b"]
    assert [table.ref for table in sheet.tables.values()] == ["A1:C3"]


def test_formulas_are_computed_when_excel_opens_it(tmp_path: Path) -> None:
    """`fullCalcOnLoad` asks for it, in the right place among the workbook's elements."""
    path = bare.write(tmp_path / "runs.xlsx", worksheet(ROWS))
    append(path, "run-a")
    found = bare.read(path, "xl/workbook.xml")
    assert re.search(r"</definedNames><calcPr [^>]*fullCalcOnLoad=\"1\"", found)


def test_a_table_without_header_row_takes_rows(tmp_path: Path) -> None:
    """Its columns are known by the table alone."""
    table = (
        f'<table xmlns="{bare.MAIN}" id="1" name="T" displayName="T" ref="A1:C2" headerRowCount="0">'
        '<tableColumns count="3">'
        '<tableColumn id="1" name="run_id"/><tableColumn id="2" name="lr"/><tableColumn id="3" name="acc"/>'
        "</tableColumns></table>"
    )
    rows = f'<row r="1">{text("A1", "r1")}<c r="B1"><v>1</v></c></row><row r="2">{text("A2", "r2")}</row>'
    parts = {
        "[Content_Types].xml": bare.types(("xl/tables/table1.xml", "table")),
        "xl/worksheets/_rels/sheet1.xml.rels": bare.relations(("rId1", "table", "../tables/table1.xml")),
        "xl/tables/table1.xml": table,
    }
    sheet = worksheet(rows, '<tableParts count="1"><tablePart r:id="rId1"/></tableParts>')
    path = bare.write(tmp_path / "runs.xlsx", sheet, parts)
    backend = append(path, "run-a")
    append(path, "run-b")
    assert check_workbook(path) == []
    assert [row[:2] for row in map(list, backend.read().rows)] == [
        ["r1", 1],
        ["r2", None],
        ["run-a", 0.1],
        ["run-b", 0.1],
    ]


@pytest.mark.parametrize("others", ["", '<c r="E1" i="1"/>'])
def test_a_formula_that_goes_leaves_the_calculation_chain(tmp_path: Path, others: str) -> None:
    """A listed cell without formula would make Excel offer a repair; so would an empty list."""
    link = '<c r="B2" t="str"><f>HYPERLINK("a/index.html","a")</f><v>a</v></c>'
    rows = header("run_id", "lr").replace("</row>", '<c r="E1"><f>1+1</f><v>2</v></c></row>' if others else "</row>")
    rows += f'<row r="2">{text("A2", "run-a")}{link}</row>'
    chain = f'<calcChain xmlns="{bare.MAIN}"><c r="B2" i="1"/>{others}</calcChain>'
    related = bare.relations(("rId1", "worksheet", "worksheets/sheet1.xml"), ("rId2", "calcChain", "calcChain.xml"))
    parts = {
        "[Content_Types].xml": bare.types(("xl/calcChain.xml", "calcChain")),
        "xl/_rels/workbook.xml.rels": related,
        "xl/calcChain.xml": chain,
    }
    path = bare.write(tmp_path / "runs.xlsx", worksheet(rows), parts)
    assert check_workbook(path) == []
    backend = XlsxBackend(Target("file", str(path)))
    backend.write({"run-a": {LR: "text"}}, last={"run-a": {LR: [Link("a/index.html", "a")]}})
    assert check_workbook(path) == []
    with Package.open(path) as package:
        assert package.has("xl/calcChain.xml") == bool(others)
    assert [row[1] for row in backend.read().rows] == ["text"]
