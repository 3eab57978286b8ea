"""Every way of writing a workbook: rows are appended to it, or it is refused with a reason, and then untouched."""

from __future__ import annotations

from pathlib import Path

import bare_workbook as bare
import openpyxl
import pytest
from bare_workbook import header, text, worksheet

from experiment_sheet.backends.base import Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import IllegalTab, SheetDamaged, SheetError, SheetRefused
from experiment_sheet.ooxml.rows import Rows, cells_of
from experiment_sheet.testing import check_workbook
from experiment_sheet.values import Cell

LR = Column("input", "lr")
_PREFIXED = (
    f'<x:worksheet xmlns:x="{bare.MAIN}"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>lr</x:t></x:is>'
    '</x:c></x:row><x:row r="2"><x:c r="A2"><x:v>7</x:v></x:c></x:row></x:sheetData></x:worksheet>'
)
_STRICT = worksheet(header("lr") + '<row r="2"><c r="A2"><v>7</v></c></row>').replace(
    bare.MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"
)
_CELL = '<c t="inlineStr"><is><t>lr</t></is></c>'

SPELLINGS = {
    "plain": worksheet(header("lr") + '<row r="2"><c r="A2"><v>7</v></c></row>'),
    "prefixed": _PREFIXED,
    "without r": worksheet(f"<row>{_CELL}</row><row><c><v>7</v></c></row>"),
    "byte-order mark": "\ufeff" + worksheet(header("lr") + '<row r="2"><c r="A2"><v>7</v></c></row>'),
    "declaration": '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    + worksheet(header("lr") + "<row><c><v>7</v></c></row>"),
    "white space": worksheet("\n  " + header("lr") + '\n  <row r="2">\n <c r="A2">\n<v>7</v>\n</c>\n </row >\n'),
    "apostrophes": worksheet(header("lr") + "<row r='2'><c r='A2' s='0'><v>7</v></c></row>"),
    "attributes turned": worksheet(header("lr") + '<row spans="1:1" r="2"><c t="n" s="0" r="A2"><v>7</v></c></row>'),
    "greater-than in attribute": worksheet(header("lr") + '<row r="2" x="a>b"><c r="A2"><v>7</v></c></row>'),
    "comments": worksheet("<!-- <row> -->" + header("lr") + '<row r="2"><!-- </row> --><c r="A2"><v>7</v></c></row>'),
    "CDATA": worksheet(header("lr") + '<row r="2"><c r="A2" t="str"><v><![CDATA[</row>7]]></v></c></row>'),
    "styled empty rows": worksheet(
        header("lr")
        + '<row r="2"><c r="A2"><v>7</v></c></row>'
        + "".join(f'<row r="{n}"><c r="A{n}"/><c r="B{n}"/></row>' for n in range(3, 900))
    ),
    "empty row elements": worksheet(header("lr") + '<row r="2"><c r="A2"><v>7</v></c></row><row r="3"/><row r="4"/>'),
    "title above": worksheet(
        f'<row r="1">{text("B1", "My runs")}</row><row r="4">{text("A4", "lr")}{text("B4", "acc")}</row>'
        '<row r="5"><c r="A5"><v>7</v></c></row>'
    ),
    "dimension": worksheet(header("lr") + '<row r="2"><c r="A2"><v>7</v></c></row>', before='<dimension ref="A1:A2"/>'),
    "strict": _STRICT,
}


def backend(path: Path, tab: str | None = None) -> XlsxBackend:
    """Backend on a file."""
    return XlsxBackend(Target("file", str(path), tab))


def append(path: Path, *runs: str, tab: str | None = None, value: Cell = 0.5) -> None:
    """Append runs, one write each."""
    for run in runs:
        backend(path, tab).write({run: {LR: value}}, new=[run])


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_spelling_is_understood(tmp_path: Path, kind: str) -> None:
    """Old cells stay, new rows come, the file has no fault that it didn't have, and openpyxl agrees."""
    sheet = SPELLINGS[kind]
    parts = {"xl/workbook.xml": bare.workbook().replace(bare.MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main")}
    path = bare.write(tmp_path / "runs.xlsx", sheet, parts if kind == "strict" else None)
    before = [str(fault) for fault in check_workbook(path)]
    append(path, "run-a", "run-b")
    backend(path).write({"run-a": {LR: 0.25}}, last={"run-a": {LR: [0.5]}})
    table = backend(path).read()
    assert [row[table.columns.index(RUN_ID)] for row in table.rows] == [None, "run-a", "run-b"]
    lrs = [row[table.columns.index(LR)] for row in table.rows]
    assert lrs == [lrs[0], 0.25, 0.5]
    assert str(lrs[0]).endswith("7")
    assert [fault for fault in map(str, check_workbook(path)) if fault not in before] == []
    if kind == "strict":
        return  # openpyxl knows nothing of it
    shown = [cell for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True) for cell in row]
    assert [cell for cell in shown if cell in {0.25, 0.5, "run-a", "run-b"}] == [0.25, "run-a", 0.5, "run-b"]


@pytest.mark.parametrize("rows", ["<sheetData/>", "<sheetData></sheetData>", '<sheetData><row r="3"/></sheetData>'])
def test_a_blank_tab_gets_header_and_table(tmp_path: Path, rows: str) -> None:
    """Only what was logged and run_id, in a real table."""
    sheet = worksheet("").replace("<sheetData></sheetData>", rows)
    path = bare.write(tmp_path / "runs.xlsx", sheet)
    append(path, "run-a", "run-b")
    assert check_workbook(path) == []
    found = openpyxl.load_workbook(path).active
    assert [list(row) for row in found.iter_rows(values_only=True)] == [
        ["run_id", "lr"],
        ["run-a", 0.5],
        ["run-b", 0.5],
    ]
    assert [table.ref for table in found.tables.values()] == ["A1:B3"]


@pytest.mark.parametrize("tab", ["Ablations", "it's", "日本", "a&b <c>"])
def test_a_missing_tab_is_made(tmp_path: Path, tab: str) -> None:
    """With a table of its own; the tab that was there stays byte for byte."""
    path = bare.write(tmp_path / "runs.xlsx", SPELLINGS["plain"])
    append(path, "run-a", "run-b", tab=tab)
    assert bare.read(path) == SPELLINGS["plain"]
    assert check_workbook(path) == []
    assert openpyxl.load_workbook(path).sheetnames == ["runs", tab]
    assert [row[0] for row in backend(path, tab).read().rows] == ["run-a", "run-b"]
    append(path, "run-c")
    assert [row[0] for row in backend(path).read().rows][
        -1
    ] == "run-c"  # the tab that was logged into is the sheet's own


def test_two_tabs_keep_their_own_tables(tmp_path: Path) -> None:
    """Two sheets in one workbook don't disturb each other, whichever is written when."""
    path = bare.write(tmp_path / "runs.xlsx", worksheet(""))
    for number in range(3):
        append(path, f"run-a{number}", tab="a")
        append(path, f"run-b{number}", tab="b")
    assert check_workbook(path) == []
    for tab in ("a", "b"):
        assert [row[0] for row in backend(path, tab).read().rows] == [f"run-{tab}{n}" for n in range(3)]


@pytest.mark.parametrize("tab", ["", "a/b", "x" * 32, "'quoted'", "a[1]", "History", "a:b"])
def test_an_illegal_tab_is_told_at_once(tmp_path: Path, tab: str) -> None:
    """The call is wrong, whatever the file."""
    with pytest.raises(IllegalTab, match="Choose another name"):
        backend(tmp_path / "runs.xlsx", tab)


REFUSED: dict[str, tuple[str | bytes, dict[str, str | bytes], str]] = {
    "UTF-16": (SPELLINGS["plain"].encode("utf-16"), {}, "UTF-8|sheetData"),
    "UTF-16 workbook": (SPELLINGS["plain"], {"xl/workbook.xml": bare.workbook().encode("utf-16")}, "UTF-8"),
    "entities": (
        SPELLINGS["plain"],
        {"xl/workbook.xml": '<!DOCTYPE a [<!ENTITY b "c">]>' + bare.workbook()},
        "document type",
    ),
    "entities in the tab": ('<!DOCTYPE a [<!ENTITY b "c">]>' + SPELLINGS["plain"], {}, "document type"),
    "latin-1": (b'<?xml version="1.0" encoding="iso-8859-1"?>' + SPELLINGS["plain"].encode(), {}, "not UTF-8"),
    "signed": (SPELLINGS["plain"], {"_xmlsignatures/sig1.xml": "<Signature/>"}, "signed"),
    "protected": (worksheet(header("lr"), '<sheetProtection sheet="1" objects="1"/>'), {}, "protected"),
    "rows out of order": (
        worksheet('<row r="2"><c r="A2"><v>1</v></c></row>' + header("lr")),
        {},
        "row 1 follows row 2",
    ),
    "torn": (worksheet(header("lr") + '<row r="2"><c r="A2"><v>1</v></row>'), {}, "well-formed|can't be read"),
    "locked structure": (
        SPELLINGS["plain"],
        {"xl/workbook.xml": bare.workbook(before='<workbookProtection lockStructure="1"/>')},
        "structure is protected",
    ),
    "merged below": (
        worksheet(header("lr", "a"), '<mergeCells count="1"><mergeCell ref="A2:B2"/></mergeCells>'),
        {},
        "A2:B2",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_says_why_and_is_untouched(tmp_path: Path, kind: str) -> None:
    """A clear error that names the file, before anything is written."""
    sheet, parts, message = REFUSED[kind]
    path = bare.write(tmp_path / "runs.xlsx", sheet, parts)
    before = path.read_bytes()
    with pytest.raises((SheetRefused, SheetDamaged), match=message) as caught:
        append(path, "run-a", tab="other" if kind == "locked structure" else None)
    assert "runs.xlsx" in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_shared_workbooks_are_refused(tmp_path: Path) -> None:
    """A workbook that tracks changes would lose track of ours."""
    related = bare.relations(
        ("rId1", "worksheet", "worksheets/sheet1.xml"), ("rId2", "revisionHeaders", "revisions/h.xml")
    )
    path = bare.write(tmp_path / "runs.xlsx", SPELLINGS["plain"], {"xl/_rels/workbook.xml.rels": related})
    with pytest.raises(SheetRefused, match="Share Workbook"):
        append(path, "run-a")


def test_a_part_that_is_missing_is_damage(tmp_path: Path) -> None:
    """A tab that the workbook lists and nobody has is no reason to make it anew."""
    sheets = '<sheet name="runs" sheetId="1" r:id="rId1"/><sheet name="gone" sheetId="2" r:id="rId9"/>'
    path = bare.write(tmp_path / "runs.xlsx", SPELLINGS["plain"], {"xl/workbook.xml": bare.workbook(sheets=sheets)})
    with pytest.raises(SheetDamaged, match="gone"):
        append(path, "run-a")


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_rows_are_found_however_the_part_is_cut(size: int) -> None:
    """Pieces of any size give the same rows, in the same places."""
    for sheet in SPELLINGS.values():
        data = sheet.encode()
        whole = Rows([data], "whole")
        pieces = Rows((data[at : at + size] for at in range(0, len(data), size)), "pieces")
        rows = list(pieces)
        assert rows == list(whole)
        assert (pieces.head, pieces.trailer) == (whole.head, whole.trailer)
        assert all(data[row.start : row.end] == row.text for row in rows)
        assert data[pieces.trailer_at :] == pieces.trailer
        assert all(cells_of(row.text, pieces.prefix) is not None for row in rows)


def test_an_error_names_no_other_class(tmp_path: Path) -> None:
    """A zip that is no workbook is a `SheetError`."""
    path = bare.write(tmp_path / "runs.xlsx", "<x/>", {"_rels/.rels": bare.relations()})
    for action in (lambda: append(path, "run-a"), backend(path).read, backend(path).mark):
        with pytest.raises(SheetError, match=r"runs\.xlsx"):
            action()


@pytest.mark.parametrize("corner", ["XFD1048576", "A1048576", "XFD2", "B200000"])
def test_a_cell_far_away_is_read_past(tmp_path: Path, corner: str) -> None:
    """A person's stray cell costs neither the memory of all cells between nor a row."""
    row = int(corner.lstrip("XFDAB"))
    stray = f'<row r="{row}">{text(corner, "stray")}</row>'
    first = f'<row r="2">{text("A2", "run-a")}<c r="B2"><v>1</v></c>{text(corner, "stray") if row == 2 else ""}</row>'
    sheet = worksheet(header("run_id", "lr") + first + (stray if row > 2 else ""))
    path = bare.write(tmp_path / "runs.xlsx", sheet)
    table = backend(path).read()
    assert list(table.rows[0][:2]) == ["run-a", 1]
    assert len(table.rows) == (1 if corner.startswith("XFD") else 2)


def test_errors_are_nan_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A formula that fails must not keep a person from reading the rest."""
    rows = f'<row r="2">{text("A2", "run-a")}<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    path = bare.write(tmp_path / "runs.xlsx", worksheet(header("run_id", "lr") + rows + rows.replace("2", "3")))
    table = backend(path).read()
    assert [str(row[1]) for row in table.rows] == ["nan", "nan"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "2 cells hold an error" in caplog.text


def test_a_cell_outside_the_grid_is_damage(tmp_path: Path) -> None:
    """No program puts it there, and each that reads it guesses another place."""
    rows = header("lr", "run_id") + '<row r="2"><c r="A0"><v>1</v></c></row>'
    path = bare.write(tmp_path / "runs.xlsx", bare.worksheet(rows))
    before = path.read_bytes()
    with pytest.raises(SheetDamaged, match="row 2 holds a cell outside the grid"):
        XlsxBackend(Target("file", str(path))).write({"run-a": {LR: 1}}, new=["run-a"])
    assert path.read_bytes() == before
