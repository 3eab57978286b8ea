"""Rules of a worksheet around its rows: order, ranges, limits, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.book import Workbook, unescape, units
from experiment_sheet.testing.workbook.markup import Node
from experiment_sheet.testing.workbook.refs import Area
from experiment_sheet.testing.workbook.report import Finding
from experiment_sheet.testing.workbook.rules_cells import TEXT, formula_problem

_SEQUENCES: Final = {
    "worksheet": (
        "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges "
        "scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting "
        "dataValidations hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks "
        "customProperties cellWatches ignoredErrors smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture "
        "oleObjects controls webPublishItems tableParts extLst"
    ),
    "workbook": (
        "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups externalReferences "
        "definedNames calcPr oleSize customWorkbookViews pivotCaches smartTagPr smartTagTypes webPublishing "
        "fileRecoveryPr webPublishObjects extLst"
    ),
    "styleSheet": ("numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs tableStyles colors extLst"),
    "table": "autoFilter sortState tableColumns tableStyleInfo extLst",
    "tableColumn": "calculatedColumnFormula totalsRowFormula xmlColumnPr extLst",
}
_ORDER: Final = {name: names.split() for name, names in _SEQUENCES.items()}
_SEVERAL: Final = frozenset(("conditionalFormatting", "fileRecoveryPr"))
_COUNTED: Final = {
    "mergeCells": "mergeCell",
    "dataValidations": "dataValidation",
    "tableParts": "tablePart",
    "cellXfs": "xf",
    "cellStyleXfs": "xf",
    "dxfs": "dxf",
    "fonts": "font",
    "fills": "fill",
    "borders": "border",
    "numFmts": "numFmt",
}
_REFS: Final = ("autoFilter", "sortState", "hyperlink", "mergeCell", "dimension", "sortCondition")
_SQREFS: Final = ("conditionalFormatting", "dataValidation", "selection", "protectedRange", "ignoredError")


def elements_in_order(book: Workbook) -> Iterator[Finding]:
    """Children stand in the order of the schema, each once (ECMA-376 Part 1, annex A.2; exceljs#106)."""
    for part, root in _roots(book):
        for node in [root, *root.path("tableColumns", "tableColumn")]:
            yield from _disorder(part, node)


def _disorder(part: str, node: Node) -> Iterator[Finding]:
    order = _ORDER.get(node.name, [])
    last = -1
    for child in node.children if order else ():
        name = _inner_name(child)
        if name is None:
            continue
        place = order.index(name) if name in order else -1
        if place < last or place == -1 or (place == last and name not in _SEVERAL):
            yield Finding(part, node.name, f"<{name}> is out of place")
        last = max(last, place)


def _inner_name(node: Node | None) -> str | None:
    while node is not None and node.name == "mc:AlternateContent":
        node = next((child for choice in node.children for child in choice.children), None)
    return None if node is None or node.name[0] == "{" or ":" in node.name else node.name


def counts_equal(book: Workbook) -> Iterator[Finding]:
    """A count that is told is right (ECMA-376 Part 1, 18.3.1.55 and alike; exceljs#106)."""
    for part, root in _roots(book):
        for node in root.children:
            if node.name in _COUNTED and "count" in node.attributes:
                actual = sum(1 for _ in node.all(_COUNTED[node.name]))
                if node.number("count") != actual:
                    yield Finding(part, f"{node.name}/@count", f"says {node.get('count')}, there are {actual}")


def ranges_legal(book: Workbook) -> Iterator[Finding]:
    """Every ref and sqref names cells of the grid, top left first (ECMA-376 Part 1, 18.18.62 and 18.18.76)."""
    for sheet in book.worksheets:
        for node in sheet.root.walk():
            texts = [node.get("ref")] if node.name in _REFS else []
            if node.name in _SQREFS and "sqref" in node.attributes:
                texts = node.get("sqref").split() or [""]
            if node.name == "xm:sqref":
                texts = node.text.split() or [""]
            for text in texts:
                if refs.area(text) is None:
                    yield Finding(sheet.part, node.name, f"{text!r} is no range")


def columns_ascend(book: Workbook) -> Iterator[Finding]:
    """cols ascend without overlap, inside the grid, with legal widths and levels (ECMA-376 Part 1, 18.3.1.13)."""
    for sheet in book.worksheets:
        last = 0
        for node in sheet.root.path("cols", "col"):
            first, end = node.number("min"), node.number("max")
            where = f"col {node.get('min')}-{node.get('max')}"
            if not last < first <= end <= refs.COLUMNS:
                yield Finding(sheet.part, where, f"overlaps or precedes column {last}, or lies outside the grid")
            if not 0 <= node.number("style") < book.formats:
                yield Finding(sheet.part, where, f"style {node.get('style')} is none of {book.formats}")
            if not 0 <= node.number("outlineLevel") <= 7:
                yield Finding(sheet.part, where, "outlineLevel is not in 0 to 7")
            last = max(last, end)


def merges_apart(book: Workbook) -> Iterator[Finding]:
    """Merged ranges don't overlap (abap2xlsx#361; XlsxWriter `merge_range`). One cell alone is harmless (xlrd#120)."""
    for sheet in book.worksheets:
        areas = sheet.areas(("mergeCells", "mergeCell"), "ref")
        for first, second in overlaps(areas):
            yield Finding(sheet.part, refs.name_area(second), f"overlaps the merged range {refs.name_area(first)}")


def overlaps(areas: list[Area]) -> Iterator[tuple[Area, Area]]:
    """Pairs that share a cell; of each area the first partner that is found."""
    by_top = sorted(areas)
    live: list[Area] = []
    for area in by_top:
        live = [other for other in live if other.bottom >= area.top]
        partner = next((other for other in live if other.meets(area)), None)
        if partner is not None:
            yield partner, area
        live.append(area)


def hyperlinks_few_enough(book: Workbook) -> Iterator[Finding]:
    """65,530 hyperlink elements a sheet, each at most 2,079 long (XlsxWriter `write_url`; Excel limits, Microsoft)."""
    for sheet in book.worksheets:
        links = list(sheet.root.path("hyperlinks", "hyperlink"))
        if len(links) > 65_530:
            yield Finding(sheet.part, "hyperlinks", f"{len(links)} are more than 65530")
        targets = {found.id: found.target for found in book.relations(sheet.part) if found.external}
        for link in links:
            if units(targets.get(link.get("r:id"), "")) > 2_079 or units(link.get("location")) > 2_079:
                yield Finding(sheet.part, link.get("ref"), "the link is longer than 2079")


def dxf_ids_in_range(book: Workbook) -> Iterator[Finding]:
    """Every dxfId counts the differential formats from 0 (ECMA-376 Part 1, 18.18.25)."""
    for part, root in _roots(book):
        for node in root.walk():
            for name, value in node.attributes.items():
                legal = value.isascii() and value.isdigit() and int(value) < book.differential_formats
                if name.lower().endswith("dxfid") and not legal:
                    yield Finding(part, f"{node.name}/@{name}", f"{value} is none of {book.differential_formats}")


def validations_legal(book: Workbook) -> Iterator[Finding]:
    """Titles at most 32 long, messages and a literal list 255; formulas legal (XlsxWriter `data_validation`)."""
    for sheet in book.worksheets:
        for node in sheet.root.path("dataValidations", "dataValidation"):
            where = node.get("sqref")
            for name, most in (("promptTitle", 32), ("errorTitle", 32), ("prompt", 255), ("error", 255)):
                if units(unescape(node.get(name))) > most:
                    yield Finding(sheet.part, where, f"{name} is longer than {most}")
            for child in (*node.all("formula1"), *node.all("formula2")):
                if problem := formula_problem(child.text):
                    yield Finding(sheet.part, where, problem)


def rules_of_formats_legal(book: Workbook) -> Iterator[Finding]:
    """A conditional format's rules have a priority from 1 and whole formulas (ECMA-376 Part 1, 18.3.1.10)."""
    for sheet in book.worksheets:
        for area in sheet.root.all("conditionalFormatting"):
            for node in area.all("cfRule"):
                problem = next(filter(None, (formula_problem(child.text) for child in node.all("formula"))), "")
                if node.get("type") == "expression" and not any(child.text for child in node.all("formula")):
                    problem = "an expression needs a formula"
                if node.number("priority") < 1:
                    problem = f"priority {node.get('priority')!r} is not 1 or more"
                if problem:
                    yield Finding(sheet.part, area.get("sqref"), problem)


def filter_columns_in_range(book: Workbook) -> Iterator[Finding]:
    """filterColumn/@colId counts the filter's columns from 0, each once (ECMA-376 Part 1, 18.3.2.7)."""
    for part, root in _roots(book):
        for node in root.all("autoFilter"):
            area = refs.area(node.get("ref"))
            seen: set[int] = set()
            for column in node.all("filterColumn"):
                number = column.number("colId", -1)
                if number in seen or number < 0 or (area is not None and number >= area.width):
                    yield Finding(
                        part, f"filterColumn {column.get('colId')}", f"is none of {node.get('ref')}, or twice"
                    )
                seen.add(number)


def shared_formulas_have_masters(book: Workbook) -> Iterator[Finding]:
    """A shared formula's first cell holds its text and range (ECMA-376 Part 1, 18.3.1.40)."""
    for sheet in book.worksheets:
        _ = sheet.root
        for index, where in sheet.shared.items() if sheet.whole else ():
            if index not in sheet.masters:
                yield Finding(sheet.part, where, f"shared formula {index} is nowhere spelled out")


def strings_short_enough(book: Workbook) -> Iterator[Finding]:
    """A shared string has at most 32,767 UTF-16 units (Excel specifications and limits, Microsoft)."""
    for part in book.related(book.part_of_workbook, "sharedStrings")[:1]:
        for index, found in enumerate(book.strings):
            if len(found.text) > TEXT // 2 and units(unescape(found.text)) > TEXT:
                yield Finding(part, f"si {index}", f"is longer than {TEXT} UTF-16 units")


def _roots(book: Workbook) -> Iterator[tuple[str, Node]]:
    yield book.part_of_workbook, book.workbook
    for part in book.related(book.part_of_workbook, "styles")[:1]:
        yield part, book.root(part)
    for sheet in book.worksheets:
        yield sheet.part, sheet.root
    for table in book.tables:
        yield table.part, table.root


RULES: Final = (
    elements_in_order,
    counts_equal,
    ranges_legal,
    columns_ascend,
    merges_apart,
    hyperlinks_few_enough,
    dxf_ids_in_range,
    validations_legal,
    rules_of_formats_legal,
    filter_columns_in_range,
    shared_formulas_have_masters,
    strings_short_enough,
)
