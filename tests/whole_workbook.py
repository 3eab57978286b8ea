"""A small workbook written out part by part, in which Excel would find no fault, for tests that plant one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_REL = "http://schemas.openxmlformats.org/package/2006/relationships"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def _relations(*found: tuple[str, str, str]) -> str:
    inside = "".join(f'<Relationship Id="{i}" Type="{_R}/{kind}" Target="{target}"/>' for i, kind, target in found)
    return f'{_XML}<Relationships xmlns="{_REL}">{inside}</Relationships>'


PARTS: Mapping[str, str] = {
    "[Content_Types].xml": _XML + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET}sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET}worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_SHEET}worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet3.xml" ContentType="{_SHEET}worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET}styles+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_SHEET}sharedStrings+xml"/>'
    f'<Override PartName="/xl/calcChain.xml" ContentType="{_SHEET}calcChain+xml"/>'
    f'<Override PartName="/xl/tables/table1.xml" ContentType="{_SHEET}table+xml"/>'
    f'<Override PartName="/xl/tables/table2.xml" ContentType="{_SHEET}table+xml"/>'
    f'<Override PartName="/xl/queryTables/queryTable1.xml" ContentType="{_SHEET}queryTable+xml"/>'
    "</Types>",
    "_rels/.rels": _relations(("rId1", "officeDocument", "xl/workbook.xml")),
    "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_R}"><workbookPr/>'
    '<bookViews><workbookView activeTab="0"/></bookViews>'
    '<sheets><sheet name="runs" sheetId="1" r:id="rId1"/><sheet name="Ada\'s" sheetId="4" r:id="rId2"/>'
    '<sheet name="spare" sheetId="5" r:id="rId6"/></sheets>'
    "<definedNames>"
    '<definedName name="_xlnm._FilterDatabase" localSheetId="1" hidden="1">\'Ada\'\'s\'!$A$1:$B$3</definedName>'
    '<definedName name="Accuracy">runs!$B$2:$B$3</definedName>'
    '<definedName name="Accuracy" localSheetId="1">runs!$B$2</definedName>'
    "</definedNames></workbook>",
    "xl/_rels/workbook.xml.rels": _relations(
        ("rId1", "worksheet", "worksheets/sheet1.xml"),
        ("rId2", "worksheet", "/xl/worksheets/sheet2.xml"),
        ("rId3", "styles", "styles.xml"),
        ("rId4", "sharedStrings", "sharedStrings.xml"),
        ("rId5", "calcChain", "calcChain.xml"),
        ("rId6", "worksheet", "worksheets/sheet3.xml"),
    ),
    "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="0.000"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf fontId="0" xfId="0"/><xf numFmtId="164"/></cellXfs>'
    '<dxfs count="1"><dxf/></dxfs>'
    '<tableStyles count="1"><tableStyle name="Mine" count="0"/></tableStyles></styleSheet>',
    "xl/sharedStrings.xml": f'{_XML}<sst xmlns="{_MAIN}" count="3" uniqueCount="3">'
    "<si><t>run_id</t></si><si><t>val\nacc</t></si><si><r><t>half </t></r><r><t>slanted</t></r></si></sst>",
    "xl/calcChain.xml": f'{_XML}<calcChain xmlns="{_MAIN}"><c r="C2" i="1"/><c r="C3"/><c r="A2" i="4"/><c r="B3"/>'
    "</calcChain>",
    "xl/worksheets/sheet1.xml": f'{_XML}<worksheet xmlns="{_MAIN}" xmlns:r="{_R}"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" mc:Ignorable="x14ac">'
    '<sheetViews><sheetView workbookViewId="0"><selection activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
    '<sheetFormatPr defaultRowHeight="15" x14ac:dyDescent="0.25"/>'
    '<cols><col min="1" max="1" width="18" style="1"/><col min="2" max="3" width="9"/></cols><sheetData>'
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
    '<c r="C1" t="inlineStr"><is><t>twice</t></is></c></row>'
    '<row r="2" s="1" ht="30"><c r="A2" t="inlineStr"><is><t>r1</t></is></c><c r="B2" s="1"><v>0.5</v></c>'
    '<c r="C2"><f t="shared" ref="C2:C3" si="0">Runs[[#This Row],[val\nacc]]*2</f><v>1</v></c></row>'
    '<row r="3"><c r="A3" t="inlineStr"><is><t>r2</t></is></c><c r="B3"><v>1E-3</v></c>'
    '<c r="C3"><f t="shared" si="0"/><v>0.002</v></c><c r="E3" t="e"><v>#DIV/0!</v></c></row>'
    '</sheetData><mergeCells count="2"><mergeCell ref="E5:F5"/><mergeCell ref="E6:F7"/></mergeCells>'
    '<conditionalFormatting sqref="B2:B3 C2:C3"><cfRule type="expression" dxfId="0" priority="1">'
    "<formula>$B2&gt;0</formula></cfRule></conditionalFormatting>"
    '<dataValidations count="1"><dataValidation type="list" prompt="which?" sqref="E10">'
    '<formula1>"good,bad"</formula1></dataValidation></dataValidations>'
    '<hyperlinks><hyperlink ref="E12" location="runs!A1"/></hyperlinks>'
    '<tableParts count="2"><tablePart r:id="rId1"/><tablePart r:id="rId2"/></tableParts></worksheet>',
    "xl/worksheets/_rels/sheet1.xml.rels": _relations(
        ("rId1", "table", "../tables/table1.xml"), ("rId2", "table", "../tables/table2.xml")
    ),
    "xl/worksheets/sheet2.xml": f'{_XML}<x:worksheet xmlns:x="{_MAIN}"><x:sheetData>'
    "<x:row><x:c><x:v>1</x:v></x:c><x:c><x:v>2</x:v></x:c></x:row>"
    '<x:row><x:c t="str"><x:f>IF(1,"(","[")</x:f><x:v>(</x:v></x:c></x:row>'
    '<x:row><x:c/><x:c><x:f t="array" ref="B3:B4">A1:A2</x:f><x:v>7</x:v></x:c></x:row>'
    '</x:sheetData><x:autoFilter ref="A1:B3"><x:filterColumn colId="1"/></x:autoFilter></x:worksheet>',
    "xl/worksheets/sheet3.xml": f'<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>',
    "xl/tables/table1.xml": f'{_XML}<table xmlns="{_MAIN}" id="1" name="Runs" displayName="Runs" ref="A1:C3">'
    '<autoFilter ref="A1:C3"/><tableColumns count="3"><tableColumn id="1" name="run_id"/>'
    '<tableColumn id="2" name="val_x000a_acc" dataDxfId="0"/><tableColumn id="5" name="twice">'
    "<calculatedColumnFormula>Runs[[#This Row],[val\nacc]]*2</calculatedColumnFormula></tableColumn></tableColumns>"
    '<tableStyleInfo name="TableStyleMedium2"/></table>',
    "xl/tables/table2.xml": f'{_XML}<table xmlns="{_MAIN}" id="2" name="Other" displayName="Other" ref="H2:I3"'
    ' tableType="queryTable" headerRowCount="0"><tableColumns count="2">'
    '<tableColumn id="1" name="a" queryTableFieldId="3"/>'
    '<tableColumn id="2" name="b" queryTableFieldId="4"/></tableColumns><tableStyleInfo name="Mine"/></table>',
    "xl/tables/_rels/table2.xml.rels": _relations(("rId1", "queryTable", "../queryTables/queryTable1.xml")),
    "xl/queryTables/queryTable1.xml": f'{_XML}<queryTable xmlns="{_MAIN}" name="q"><queryTableRefresh nextId="5">'
    "<queryTableFields>"
    '<queryTableField id="3" name="a" tableColumnId="1"/><queryTableField id="4" name="b" tableColumnId="2"/>'
    "</queryTableFields></queryTableRefresh></queryTable>",
}
"""The parts by name, in the order in which they are written."""


def write(path: Path, parts: Mapping[str, str]) -> Path:
    """Zip the parts; lone surrogates stand for raw bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text.encode("utf-8", "surrogatepass"))
    return path
