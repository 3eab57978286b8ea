"""Each rule of the checker sees the fault it is for, and nothing else; whole workbooks have none."""

from __future__ import annotations

import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import made_workbooks
import openpyxl
import pytest
import whole_workbook

from experiment_sheet.testing import Fault, check_workbook
from experiment_sheet.testing.workbook import RULES

BOOK, SHEET, OTHER = "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
TABLE, SECOND, STYLES, STRINGS = "xl/tables/table1.xml", "xl/tables/table2.xml", "xl/styles.xml", "xl/sharedStrings.xml"
TYPES, BOOK_RELS = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
QUERY = "xl/queryTables/queryTable1.xml"
SPARE = "xl/worksheets/sheet3.xml"
STYLED = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"

PLANTS: list[tuple[str, str, str, str]] = [
    # rule, part, what stands there, what is planted instead
    ("content_types_unique", TYPES, "</Types>", '<Default Extension="XML" ContentType="application/xml"/></Types>'),
    (
        "content_types_unique",
        TYPES,
        "</Types>",
        f'<Override PartName="/XL/styles.xml" ContentType="{STYLED}"/></Types>',
    ),
    (
        "overrides_present",
        TYPES,
        "</Types>",
        '<Override PartName="/xl/gone.xml" ContentType="application/xml"/></Types>',
    ),
    ("workbook_typed", TYPES, "spreadsheetml.sheet.main", "spreadsheetml.template.main"),
    ("related_parts_typed", TYPES, "spreadsheetml.table+xml", "spreadsheetml.tables+xml"),
    ("roots_right", SPARE, "spreadsheetml/2006/main", "spreadsheetml/2007/main"),
    ("relations_resolve", BOOK_RELS, "calcChain.xml", "calcChains.xml"),
    ("relation_ids_unique", BOOK_RELS, 'Id="rId4"', 'Id="rId3"'),
    ("relation_ids_resolve", SHEET, "<hyperlinks>", '<hyperlinks><hyperlink ref="E13" r:id="rId9"/>'),
    ("relation_ids_resolve", SHEET, "<tableParts", '<drawing r:id="rId7"/><tableParts'),
    ("xml_well_formed", SHEET, "<v>0.5</v>", "<v>0.5</c>"),
    ("xml_well_formed", SHEET, "<t>r1</t>", "<t>r\x01</t>"),
    ("xml_well_formed", SHEET, "<t>r1</t>", "<t>r&#8;</t>"),
    ("xml_well_formed", SHEET, "<t>r1</t>", "<t>r\ud800</t>"),
    ("xml_well_formed", SHEET, "<t>r1</t>", "<t>r\ufffe</t>"),
    ("xml_well_formed", SHEET, "<mergeCells", "<x14:nothing/><mergeCells"),
    ("xml_well_formed", "_rels/.rels", "</Relationships>", "</Relationships>&"),
    ("no_doctype", "xl/calcChain.xml", "<calcChain", '<!DOCTYPE x [<!ENTITY a "b">]><calcChain'),
    ("ignorable_declared", SHEET, 'mc:Ignorable="x14ac"', 'mc:Ignorable="x14ac xr"'),
    ("foreign_ignorable", SHEET, ' mc:Ignorable="x14ac"', ""),
    ("sheet_names_legal", BOOK, 'name="spare"', 'name="runs/2"'),
    ("sheet_names_legal", BOOK, 'name="spare"', 'name="\'runs"'),
    ("sheet_names_legal", BOOK, 'name="spare"', f'name="{"r" * 32}"'),
    ("sheet_names_legal", BOOK, 'name="spare"', f'name="{"😀" * 16}"'),
    ("sheet_names_unique", BOOK, 'name="spare"', 'name="ADA\'S"'),
    ("sheet_ids_unique", BOOK, "</sheets>", '<sheet name="c" sheetId="9" r:id="rId2"/></sheets>'),
    ("sheets_related", BOOK, "</sheets>", '<sheet name="c" sheetId="9" r:id="rId3"/></sheets>'),
    ("views_in_range", BOOK, 'activeTab="0"', 'activeTab="3"'),
    ("views_in_range", SHEET, 'workbookViewId="0"', 'workbookViewId="1"'),
    ("defined_names_legal", BOOK, 'name="Accuracy">', 'name="LR1">'),
    ("defined_names_legal", BOOK, 'name="Accuracy">', 'name="R1C1">'),
    ("defined_names_legal", BOOK, 'name="Accuracy">', 'name="val acc">'),
    ("defined_names_legal", BOOK, 'name="Accuracy">', 'name="1st">'),
    ("defined_names_legal", BOOK, 'name="Accuracy">', f'name="{"n" * 256}">'),
    ("defined_names_legal", BOOK, ">runs!$B$2<", "><"),
    ("defined_names_legal", BOOK, ">runs!$B$2<", f'>"{"m" * 256}"<'),
    ("defined_names_lead_to_sheets", BOOK, ">runs!$B$2<", ">gone!$B$2<"),
    ("defined_names_lead_to_sheets", BOOK, ">runs!$B$2<", ">SUM('Bob''s'!$B$2:$B$3)<"),
    ("defined_names_unique", BOOK, 'name="Accuracy" localSheetId="1"', 'name="ACCURACY"'),
    ("local_sheet_ids_in_range", BOOK, 'name="Accuracy" localSheetId="1"', 'name="Accuracy" localSheetId="3"'),
    ("filter_database_equal", BOOK, "$A$1:$B$3", "$A$1:$B$2"),
    ("calc_chain_calculates", "xl/calcChain.xml", 'r="C2"', 'r="B2"'),
    ("calc_chain_calculates", "xl/calcChain.xml", 'i="4"', 'i="3"'),
    ("calc_chain_calculates", SHEET, '<f t="shared" si="0"/>', ""),
    ("xf_parts_in_range", STYLES, 'fontId="0"', 'fontId="1"'),
    ("xf_parts_in_range", STYLES, 'xfId="0"', 'xfId="1"'),
    ("formats_few_enough", STYLES, '<cellXfs count="2">', "<cellXfs>" + "<xf/>" * 65_490),
    ("number_formats_legal", STYLES, 'formatCode="0.000"', f'formatCode="{"0" * 256}"'),
    ("number_formats_legal", STYLES, '<numFmts count="1">', '<numFmts><numFmt numFmtId="164" formatCode="0"/>'),
    (
        "elements_in_order",
        SHEET,
        "<mergeCells",
        "<sheetProtection/><autoFilter ref='K1:L3'/><sheetProtection/><mergeCells",
    ),
    (
        "elements_in_order",
        SHEET,
        "<tableParts",
        '<printOptions/><hyperlinks><hyperlink ref="A9"/></hyperlinks><tableParts',
    ),
    ("elements_in_order", BOOK, "<sheets>", "<calcPr/><sheets>"),
    ("elements_in_order", TABLE, "<tableStyleInfo", '<sortState ref="A2:C3"/><tableStyleInfo'),
    ("elements_in_order", STYLES, "</styleSheet>", "<mystery/></styleSheet>"),
    ("counts_equal", SHEET, 'mergeCells count="2"', 'mergeCells count="3"'),
    ("counts_equal", STYLES, 'cellXfs count="2"', 'cellXfs count="1"'),
    ("ranges_legal", SHEET, 'sqref="B2:B3 C2:C3"', 'sqref="B2:B3,C2:C3"'),
    ("ranges_legal", SHEET, 'sqref="E10"', 'sqref="E10:E9"'),
    ("ranges_legal", SHEET, 'sqref="E10"', 'sqref=""'),
    ("ranges_legal", SHEET, 'ref="E12"', 'ref="XFE12"'),
    ("columns_ascend", SHEET, 'min="2" max="3"', 'min="1" max="3"'),
    ("columns_ascend", SHEET, 'min="2" max="3"', 'min="2" max="16385"'),
    ("columns_ascend", SHEET, 'width="18" style="1"', 'width="18" style="2"'),
    ("merges_apart", SHEET, 'ref="E6:F7"', 'ref="F4:F5"'),
    ("hyperlinks_few_enough", SHEET, "<hyperlinks>", "<hyperlinks>" + '<hyperlink ref="E13"/>' * 65_530),
    ("hyperlinks_few_enough", SHEET, 'location="runs!A1"', f'location="{"a" * 2080}"'),
    ("dxf_ids_in_range", SHEET, 'dxfId="0"', 'dxfId="1"'),
    ("dxf_ids_in_range", TABLE, 'dataDxfId="0"', 'dataDxfId="1"'),
    ("validations_legal", SHEET, 'prompt="which?"', f'prompt="{"?" * 256}"'),
    ("validations_legal", SHEET, 'prompt="which?"', f'promptTitle="{"?" * 33}"'),
    ("validations_legal", SHEET, '"good,bad"', f'"{"g" * 256}"'),
    ("rules_of_formats_legal", SHEET, 'priority="1"', 'priority="0"'),
    ("rules_of_formats_legal", SHEET, "$B2&gt;0", "($B2&gt;0"),
    ("rules_of_formats_legal", SHEET, "<formula>$B2&gt;0</formula>", ""),
    ("filter_columns_in_range", OTHER, 'colId="1"', 'colId="2"'),
    ("shared_formulas_have_masters", SHEET, '<f t="shared" si="0"/>', '<f t="shared" si="1"/>'),
    ("strings_short_enough", STRINGS, "half ", "h" * 32_767),
    ("table_refs_legal", SECOND, 'ref="H2:I3"', 'ref="I3:H2"'),
    ("table_refs_legal", TABLE, 'ref="A1:C3">', 'ref="A1:C3" totalsRowCount="2">'),
    ("table_columns_counted", TABLE, 'tableColumns count="3"', 'tableColumns count="2"'),
    ("table_columns_counted", SECOND, 'ref="H2:I3"', 'ref="H2:J3"'),
    ("table_ids_unique", TABLE, 'id="1" name="Runs"', 'id="2" name="Runs"'),
    ("table_ids_unique", TABLE, 'id="1" name="Runs"', 'id="0" name="Runs"'),
    ("table_ids_unique", TABLE, '<tableColumn id="5"', '<tableColumn id="1"'),
    ("table_ids_unique", TABLE, '<tableColumn id="5"', '<tableColumn id="-1"'),
    ("table_column_names_unique", SECOND, 'name="b"', 'name="A"'),
    ("table_column_names_unique", SECOND, 'name="b"', 'name=""'),
    ("table_headers_equal", TABLE, 'name="run_id"', 'name="Run_id"'),
    ("table_headers_equal", TABLE, 'name="val_x000a_acc"', 'name="val_acc"'),
    ("table_headers_equal", SHEET, '<c r="C1" t="inlineStr"><is><t>twice</t></is></c>', '<c r="C1"><v>2</v></c>'),
    ("table_headers_equal", SHEET, '<c r="C1" t="inlineStr"><is><t>twice</t></is></c>', ""),
    ("table_headers_plain", SHEET, "<is><t>twice</t></is>", "<is><r><t>twi</t></r><r><t>ce</t></r></is>"),
    ("table_headers_plain", SHEET, ' t="inlineStr"><is><t>twice</t></is>', ' t="str"><f>A1</f><v>twice</v>'),
    ("table_filters_inside", TABLE, '<autoFilter ref="A1:C3"/>', '<autoFilter ref="A1:C4"/>'),
    ("table_filters_inside", SECOND, "<tableColumns", '<autoFilter ref="H2:I3"/><tableColumns'),
    ("table_names_legal", TABLE, 'displayName="Runs"', 'displayName="Runs 2"'),
    ("table_names_legal", TABLE, 'displayName="Runs"', 'displayName="C"'),
    ("table_names_unique", TABLE, 'displayName="Runs"', 'displayName="ACCURACY"'),
    ("tables_apart", SECOND, 'ref="H2:I3"', 'ref="C2:D3"'),
    ("tables_apart", SECOND, 'ref="H2:I3"', 'ref="F5:G8"'),
    ("tables_listed", SHEET, '<tableParts count="2"><tablePart r:id="rId1"/>', '<tableParts count="1">'),
    ("table_styles_known", TABLE, "TableStyleMedium2", "TableStyleMedium29"),
    ("table_formulas_legal", TABLE, "acc]]*2<", "acc]*2<"),
    ("query_columns_bound", SECOND, ' queryTableFieldId="4"', ""),
    ("query_columns_bound", QUERY, '<queryTableRefresh nextId="5">', '<queryTableRefresh nextId="4">'),
    ("rows_ascend", SHEET, '<row r="3"><c r="A3"', '<row r="2"/><row r="3"><c r="A3"'),
    ("cells_ascend", SHEET, '<c r="B3"><v>1E-3</v></c>', '<c r="A3"><v>1E-3</v></c>'),
    ("cells_ascend", SHEET, '<c r="B3"><v>1E-3</v></c>', '<c r="B4"><v>1E-3</v></c>'),
    ("rows_in_grid", SHEET, "</sheetData>", '<row r="1048577"/></sheetData>'),
    ("rows_in_grid", SHEET, 'r="E3"', 'r="XFE3"'),
    ("row_looks_legal", SHEET, 'ht="30"', 'ht="410"'),
    ("row_looks_legal", SHEET, 'ht="30"', 'outlineLevel="8"'),
    ("row_looks_legal", SHEET, 's="1" ht', 's="2" ht'),
    ("cell_styles_in_range", SHEET, '<c r="B2" s="1">', '<c r="B2" s="2">'),
    ("cell_kinds_known", SHEET, '<c r="B2" s="1">', '<c r="B2" s="1" t="float">'),
    ("cell_children_in_order", SHEET, "</f><v>1</v>", "</f><v>1</v><v>1</v>"),
    ("cell_children_in_order", SHEET, "<is><t>r1</t></is>", "<is><t>r1</t></is><v>r1</v>"),
    ("values_legal", SHEET, "<v>0.5</v>", "<v>nan</v>"),
    ("values_legal", SHEET, "<v>0.5</v>", "<v>inf</v>"),
    ("values_legal", SHEET, "<v>0.5</v>", "<v>1e999</v>"),
    ("values_legal", SHEET, "<v>0.5</v>", "<v>0,5</v>"),
    ("values_legal", SHEET, '<c r="B2" s="1"><v>0.5', '<c r="B2" s="1" t="b"><v>True'),
    ("values_legal", SHEET, "#DIV/0!", "oops"),
    ("shared_strings_in_range", SHEET, '<c r="E3" t="e"><v>#DIV/0!', '<c r="E3" t="s"><v>3'),
    ("shared_strings_in_range", SHEET, '<c r="E3" t="e"><v>#DIV/0!', '<c r="E3" t="s"><v>-1'),
    ("texts_short_enough", SHEET, "<t>r2</t>", f"<t>{'a' * 32_768}</t>"),
    ("texts_short_enough", SHEET, "<t>r2</t>", f"<t>{'😀' * 16_384}</t>"),
    ("formulas_legal", SHEET, "acc]]*2<", f"acc]]*2{'+1' * 4096}<"),
    ("formulas_legal", OTHER, '"("', f'"{"(" * 256}"'),
    ("formulas_legal", OTHER, '"["', '"['),  # an open quote
]
ZIP_PLANTS: list[tuple[str, Callable[[Path], None]]] = []


def _zip_plant(rule: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def keep(plant: Callable[[Path], None]) -> Callable[[Path], None]:
        ZIP_PLANTS.append((rule, plant))
        return plant

    return keep


@_zip_plant("entries_whole")
def _break_an_entry(path: Path) -> None:
    whole_workbook.write(path, {**whole_workbook.PARTS, "xl/media/image.xml": "x" * 5000})
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/media/image.xml")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + 5] ^= 0xFF
    path.write_bytes(data)


@_zip_plant("entries_whole")
def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@_zip_plant("entries_plain")
def _pack_with_bzip2(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/extra.xml", "<a/>", zipfile.ZIP_BZIP2)


@_zip_plant("local_headers_agree")
def _lie_in_the_local_header(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo(SHEET).header_offset
    data = bytearray(path.read_bytes())
    data[offset + 14] ^= 1  # the checksum
    path.write_bytes(data)


@_zip_plant("entry_names_unique")
def _name_two_alike(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/Media.xml", "<a/>")
        archive.writestr("xl/media.xml", "<a/>")


@_zip_plant("parts_typed")
def _add_an_untyped_part(path: Path) -> None:
    whole_workbook.write(path, {**whole_workbook.PARTS, "xl/media/weights.bin": "7"})


@_zip_plant("sheets_related")
def _hide_every_sheet(path: Path) -> None:
    text = whole_workbook.PARTS[BOOK].replace("<sheet name", '<sheet state="hidden" name')
    whole_workbook.write(path, {**whole_workbook.PARTS, BOOK: text})


@_zip_plant("sheet_ids_unique")
def _give_a_sheet_too_high_an_id(path: Path) -> None:
    changed = {name: whole_workbook.PARTS[name] for name in (BOOK, "xl/calcChain.xml")}
    changed = {name: text.replace('="4"', '="65535"') for name, text in changed.items()}
    whole_workbook.write(path, {**whole_workbook.PARTS, **changed})


@_zip_plant("part_names_legal")
def _end_a_name_with_a_dot(path: Path) -> None:
    whole_workbook.write(path, {**whole_workbook.PARTS, "xl/odd./a.xml": "<a/>"})


@_zip_plant("content_types_present")
def _leave_content_types_out(path: Path) -> None:
    whole_workbook.write(path.with_suffix(".zip"), dict(list(whole_workbook.PARTS.items())[1:]))
    path.with_suffix(".zip").replace(path)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return whole_workbook.write(tmp_path / "whole.xlsx", whole_workbook.PARTS)


def test_a_whole_workbook_has_no_fault(whole: Path) -> None:
    """The workbook that all plants start from has no fault."""
    assert check_workbook(whole) == []


@pytest.mark.parametrize(("rule", "part", "old", "new"), PLANTS, ids=[f"{n}-{p[0]}" for n, p in enumerate(PLANTS)])
def test_a_planted_fault_is_the_one_that_is_seen(tmp_path: Path, rule: str, part: str, old: str, new: str) -> None:
    """A fault written into a part is reported under its rule, and under no other."""
    text = whole_workbook.PARTS[part]
    assert text.count(old) >= 1
    path = whole_workbook.write(tmp_path / "x.xlsx", {**whole_workbook.PARTS, part: text.replace(old, new, 1)})
    assert {fault.rule for fault in check_workbook(path)} == {rule}


@pytest.mark.parametrize(("rule", "plant"), ZIP_PLANTS)
def test_a_fault_of_the_archive_is_the_one_that_is_seen(whole: Path, rule: str, plant: Callable[[Path], None]) -> None:
    """A fault in the zip archive itself is reported under its rule, and under no other."""
    plant(whole)
    assert rule in {fault.rule for fault in check_workbook(whole)} <= {rule, *_FOLLOW.get(rule, ())}


_FOLLOW = {"content_types_present": ("workbook_typed",)}  # without content types nothing has the workbook's


def test_every_rule_has_a_plant() -> None:
    """No rule is without a planted fault that proves it can see."""
    planted = {rule for rule, *_ in PLANTS} | {rule for rule, _ in ZIP_PLANTS}
    assert planted == {rule.__name__ for rule in RULES}


def test_every_rule_names_its_source() -> None:
    """Each rule's docstring says who demands it."""
    sources = ("ECMA-376", "XlsxWriter", "openpyxl", "Excel", "XML 1.0", "PKWARE", "#")
    assert [rule.__name__ for rule in RULES if not any(word in (rule.__doc__ or "") for word in sources)] == []


def test_strict_workbooks_are_understood(tmp_path: Path) -> None:
    """The strict namespaces of ISO 29500 are read like the transitional ones."""
    swaps = {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://schemas.openxmlformats.org/officeDocument/2006/": "http://purl.oclc.org/ooxml/officeDocument/",
    }
    parts = dict(whole_workbook.PARTS)
    for old, new in swaps.items():
        parts = {name: text.replace(old, new) for name, text in parts.items()}
    parts[SHEET] = parts[SHEET].replace("<v>0.5</v>", "<v>nan</v>")
    faults = check_workbook(whole_workbook.write(tmp_path / "x.xlsx", parts))
    assert [(fault.rule, fault.where) for fault in faults] == [("values_legal", "B2")]


def test_a_fault_says_where_it_is(tmp_path: Path) -> None:
    """A fault names part, place and what is wrong there."""
    text = whole_workbook.PARTS[SHEET].replace("<v>0.5</v>", "<v>nan</v>")
    path = whole_workbook.write(tmp_path / "x.xlsx", {**whole_workbook.PARTS, SHEET: text})
    assert check_workbook(path) == [Fault("values_legal", SHEET, "B2", "value 'nan' is none of type 'n'")]
    assert str(check_workbook(path)[0]) == f"{SHEET}, B2: value 'nan' is none of type 'n' [values_legal]"


def test_many_equal_faults_are_told_once_in_a_while(tmp_path: Path) -> None:
    """A sheet full of one fault doesn't fill the memory with reports."""
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>nan</v></c></row>' for row in range(10, 2000))
    text = whole_workbook.PARTS[SHEET].replace("</sheetData>", rows + "</sheetData>")
    path = whole_workbook.write(tmp_path / "x.xlsx", {**whole_workbook.PARTS, SHEET: text})
    assert len(check_workbook(path)) == 50


def test_a_file_that_is_no_archive_is_a_fault(tmp_path: Path) -> None:
    """Plain bytes under the name of a workbook are one fault; an absent file is an error."""
    (tmp_path / "no.xlsx").write_bytes(b"not a zip")
    assert [fault.rule for fault in check_workbook(tmp_path / "no.xlsx")] == ["entries_whole"]
    with pytest.raises(FileNotFoundError):
        check_workbook(tmp_path / "absent.xlsx")


def test_real_workbooks_have_only_the_faults_that_are_in_them(shared_workbooks: Path) -> None:
    """Of 29 workbooks of nine programs, two carry faults, which are known and really there."""
    found = {path.name: [(f.rule, f.where) for f in check_workbook(path)] for path in shared_workbooks.glob("*.xlsx")}
    assert {name: faults for name, faults in found.items() if faults} == {
        "excelize__Book1.xlsx": [("counts_equal", "cellXfs/@count")],
        "poi__duplicate-filename-case-insensitive.xlsx": [("entry_names_unique", "zip entry")],
    }


@pytest.mark.parametrize("maker", made_workbooks.MAKERS)
def test_other_writers_make_no_fault(tmp_path: Path, maker: str) -> None:
    """What XlsxWriter writes, and openpyxl saves again, has no fault."""
    path = made_workbooks.make(maker, tmp_path)
    assert check_workbook(path) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl says what it is about to lose
        openpyxl.load_workbook(path, keep_vba=maker == "macros").save(path)
    assert check_workbook(path) == []


@pytest.mark.libreoffice
def test_libreoffice_makes_no_fault(tmp_path: Path, soffice: str) -> None:
    """What LibreOffice saves of them has no fault."""
    books = [made_workbooks.make(name, tmp_path) for name in made_workbooks.MAKERS]
    saved = made_workbooks.convert(soffice, books, tmp_path)
    found = {path.stem: check_workbook(path) for path in saved.glob("*.xlsx")}
    assert found == {name: [] for name in made_workbooks.MAKERS}


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    """Worksheets are streamed: ten times the rows take no more memory."""
    peaks = []
    for rows in (500, 5000):
        cells = "".join(f"<row>{'<c><v>0.25</v></c>' * 10}</row>" for _ in range(rows))
        text = whole_workbook.PARTS[SPARE].replace("<sheetData/>", f"<sheetData>{cells}</sheetData>")
        parts = {**whole_workbook.PARTS, SPARE: text}
        path = whole_workbook.write(tmp_path / "x.xlsx", parts)
        tracemalloc.start()
        assert check_workbook(path) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000
