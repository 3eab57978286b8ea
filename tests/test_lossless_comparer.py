"""The comparer of the lossless tests sees each loss, and lets pass what a write may do."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import whole_workbook
from lossless import compare

BOOK, SHEET, OTHER = "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
TABLE, STYLES, CHAIN = "xl/tables/table1.xml", "xl/styles.xml", "xl/calcChain.xml"
CHART, PIVOT = "xl/charts/chart1.xml", "xl/pivotCache/pivotCacheDefinition1.xml"
CHARTS = 'xmlns="http://schemas.openxmlformats.org/drawingml/2006/chart"'
MORE = {
    CHART: f"<chartSpace {CHARTS}><f>runs!$B$2:$B$3</f><f>runs!$B$2:$B$2</f><v>1</v></chartSpace>",
    PIVOT: '<pivotCacheDefinition xmlns="m"><worksheetSource ref="A1:C3"/></pivotCacheDefinition>',
}
TYPES = "".join(
    f'<Override PartName="/{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'
    for part, kind in ((CHART, "drawingml.chart"), (PIVOT, "spreadsheetml.pivotCacheDefinition"))
)
ROW = '<row r="4"><c r="A4" t="inlineStr"><is><t>r3</t></is></c><c r="B4"><v>0.7</v></c></row></sheetData>'
APPENDED = {
    SHEET: [("</sheetData>", ROW), ('sqref="B2:B3 C2:C3"', 'sqref="B2:B4 C2:C4"')],
    TABLE: [('ref="A1:C3"', 'ref="A1:C4"'), ('autoFilter ref="A1:C3"', 'autoFilter ref="A1:C4"')],
    BOOK: [
        ("</definedNames>", '<definedName name="_es.mark" hidden="1">"x"</definedName></definedNames>'),
        ("</workbook>", '<calcPr fullCalcOnLoad="1"/></workbook>'),
        (">runs!$B$2:$B$3<", ">runs!$B$2:$B$4<"),
    ],
    STYLES: [('<cellXfs count="2">', '<cellXfs count="3">'), ("</cellXfs>", '<xf numFmtId="14"/></cellXfs>')],
    CHART: [("$B$2:$B$3", "$B$2:$B$4")],
    PIVOT: [('ref="A1:C3"', 'ref="A1:C4"')],
}
QUERY = "xl/queryTables/queryTable1.xml"
COLUMN = {
    QUERY: [
        ('nextId="5"', 'nextId="6"'),
        ("</queryTableFields>", '<queryTableField id="5" dataBound="0" tableColumnId="9"/></queryTableFields>'),
    ],
    SHEET: [
        ("<is><t>twice</t></is></c>", '<is><t>twice</t></is></c><c r="D1" t="inlineStr"><is><t>f1</t></is></c>'),
        ('<c r="E3" t="e">', '<c r="D3"><v>1</v></c><c r="E3" t="e">'),
        ("</cols>", '<col min="4" max="4" width="11"/></cols>'),
    ],
    TABLE: [
        ('ref="A1:C3"', 'ref="A1:D3"'),
        ('autoFilter ref="A1:C3"', 'autoFilter ref="A1:D3"'),
        ('tableColumns count="3"', 'tableColumns count="4"'),
        ("</tableColumns>", '<tableColumn id="6" name="f1"/></tableColumns>'),
    ],
}
LOSSES: list[tuple[str, str, str, str]] = [
    # part, what stands there, what is lost or changed, what the comparer must say
    (SHEET, "<v>0.5</v>", "<v>0.50000001</v>", "B2: was"),
    (SHEET, '<c r="B2" s="1">', '<c r="B2">', "B2: s was '1', is None"),
    (SHEET, '<c r="B3"><v>1E-3</v></c>', "", "B3 is gone"),
    (SHEET, "<t>r1</t>", "<t>r1 </t>", "A2: was"),
    (SHEET, '<f t="shared" si="0"/>', "", "C3: was"),
    (SHEET, '<c r="C1" t="inlineStr"><is><t>twice</t></is></c>', '<c r="C1" t="str"><v>twice</v></c>', "C1: t was"),
    (SHEET, ' ht="30"', "", "row 2: ht was '30', is None"),
    (SHEET, '<row r="2" s="1"', '<row r="2" hidden="1" s="1"', "row 2: hidden was None"),
    (SHEET, '<c r="E3" t="e">', '<c r="D3"><v>1</v></c><c r="E3" t="e">', "D3 has come"),
    (SHEET, '<mergeCell ref="E5:F5"/>', "", "<mergeCell>"),
    (SHEET, 'ref="E12"', 'ref="E13"', "<hyperlink> ref was 'E12', is 'E13'"),
    (SHEET, 'sqref="E10"', 'sqref="E10:E11"', "<dataValidation> sqref"),
    (SHEET, '"good,bad"', '"good"', "<formula1> held"),
    (SHEET, 'priority="1"', 'priority="2"', "<cfRule> priority"),
    (SHEET, 'width="18"', 'width="19"', "<col> width"),
    (SHEET, ' mc:Ignorable="x14ac"', "", "other attributes or namespaces"),
    (SHEET, "<worksheet ", '<worksheet xmlns:y="urn:z" ', "other attributes or namespaces"),
    (OTHER, "<x:v>2</x:v>", "<x:v>3</x:v>", "no reason to"),
    (TABLE, ' dataDxfId="0"', "", "<tableColumn> dataDxfId"),
    (TABLE, "TableStyleMedium2", "TableStyleMedium3", "<tableStyleInfo> name"),
    (TABLE, '<tableColumn id="5" name="twice">', '<tableColumn id="6" name="twice">', "<tableColumn> id"),
    ("xl/tables/table2.xml", 'name="b"', 'name="c"', "<tableColumn> name"),
    (QUERY, ' tableColumnId="2"', "", "<queryTableField> tableColumnId"),
    (QUERY, "</queryTableFields>", '<queryTableField id="7"/></queryTableFields>', "is bound to data"),
    (BOOK, ' localSheetId="1" hidden="1"', ' localSheetId="1"', "<definedName> hidden"),
    (BOOK, 'sheetId="4"', 'sheetId="5"', "<sheet> sheetId"),
    (BOOK, ">runs!$B$2<", ">runs!$B$3<", "<definedName> held"),
    (BOOK, "</definedNames>", '<definedName name="_es.x">1</definedName></definedNames>', "is not hidden"),
    (STYLES, 'formatCode="0.000"', 'formatCode="0.00"', "<numFmt> formatCode"),
    (STYLES, '<xf numFmtId="164"/>', '<xf numFmtId="14"/>', "<xf> numFmtId"),
    (CHAIN, '<c r="A2" i="4"/>', "", "A2 of sheet 4 is no longer listed"),
    (CHART, "$B$2:$B$2", "$B$2:$B$4", "<f> held"),
    (CHART, "<v>1</v>", "", "<v> in <chartSpace> is gone"),
    ("xl/sharedStrings.xml", "run_id", "runid", "no reason to"),
    ("[Content_Types].xml", "<Default", "<Default ", "no reason to"),
]


def _parts(changes: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    parts = {**whole_workbook.PARTS, **MORE}
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", f"{TYPES}</Types>")
    for part, swaps in changes.items():
        for old, new in swaps:
            assert old in parts[part]
            parts[part] = parts[part].replace(old, new, 1)
    return parts


def _pair(tmp_path: Path, changes: Mapping[str, list[tuple[str, str]]]) -> tuple[Path, Path]:
    before = whole_workbook.write(tmp_path / "before.xlsx", _parts({}))
    return before, whole_workbook.write(tmp_path / "after.xlsx", _parts(changes))


@pytest.mark.parametrize("changes", [{}, APPENDED, COLUMN])
def test_growth_is_no_loss(tmp_path: Path, changes: Mapping[str, list[tuple[str, str]]]) -> None:
    """A row below, a column at the right, and all that grows with them pass; so does nothing at all."""
    before, after = _pair(tmp_path, changes)
    assert compare(before, after, tab="runs") == []


@pytest.mark.parametrize(("part", "old", "new", "said"), LOSSES, ids=[f"{n}" for n in range(len(LOSSES))])
def test_a_loss_is_seen(tmp_path: Path, part: str, old: str, new: str, said: str) -> None:
    """Whatever else differs is said, with the part and the place."""
    changes = {**APPENDED, part: [(old, new), *APPENDED.get(part, [])]}
    found = compare(*_pair(tmp_path, changes), tab="runs")
    assert any(line.startswith(part) and said in line for line in found), found


def test_written_cells_may_differ(tmp_path: Path) -> None:
    """The cells that the write was asked to change are let pass, their neighbours not."""
    before, after = _pair(tmp_path, {SHEET: [("<v>0.5</v>", "<v>0.6</v>"), ("<v>1E-3</v>", "<v>1E-4</v>")]})
    assert len(compare(before, after, tab="runs", cells=["B2"])) == 1
    assert compare(before, after, tab="runs", cells=["B2:B3"]) == []


def test_entries_may_neither_come_nor_go(tmp_path: Path) -> None:
    """An entry more or less is said."""
    before, after = _pair(tmp_path, {})
    with zipfile.ZipFile(after, "a") as archive:
        archive.writestr("xl/more.bin", b"1")
    assert compare(before, after, tab="runs") == ["xl/more.bin: has come"]
    assert compare(after, before, tab="runs") == ["xl/more.bin: is gone"]


def test_a_packed_entry_is_compared_as_it_is_packed(tmp_path: Path) -> None:
    """The same text packed another way is a difference: untouched entries are copied, not packed again."""
    before, after = _pair(tmp_path, {})
    with zipfile.ZipFile(after, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _parts({}).items():
            archive.writestr(name, text)
    assert any("no reason to" in line for line in compare(before, after, tab="runs"))


def test_a_totals_row_moves_down(tmp_path: Path) -> None:
    """The totals row may stand one row lower, without cached values; changed, it is said."""
    sums = '<c r="A4" t="inlineStr"><is><t>Sum</t></is></c><c r="B4"><f>SUM(1)</f><v>1</v></c>'
    total = f'<row r="4">{sums}</row></sheetData>'
    table = [('displayName="Runs" ref="A1:C3"', 'displayName="Runs" ref="A1:C4" totalsRowCount="1"')]
    before = whole_workbook.write(tmp_path / "b.xlsx", _parts({SHEET: [("</sheetData>", total)], TABLE: table}))
    row = ROW.replace("</sheetData>", total.replace("4", "5").replace("<v>1</v>", ""))
    grown = [*table, ("A1:C4", "A1:C5"), ('autoFilter ref="A1:C3"', 'autoFilter ref="A1:C4"')]
    after = whole_workbook.write(tmp_path / "a.xlsx", _parts({SHEET: [("</sheetData>", row)], TABLE: grown}))
    assert compare(before, after, tab="runs") == []
    row = row.replace("SUM(1)", "SUM(2)")
    after = whole_workbook.write(tmp_path / "a.xlsx", _parts({SHEET: [("</sheetData>", row)], TABLE: grown}))
    assert [line[:26] for line in compare(before, after, tab="runs")] == ["xl/worksheets/sheet1.xml: "]
