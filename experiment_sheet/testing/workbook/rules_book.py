"""Rules of the workbook part, its names, its styles and the calculation chain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.book import Workbook, units
from experiment_sheet.testing.workbook.markup import Node
from experiment_sheet.testing.workbook.report import Finding
from experiment_sheet.testing.workbook.rules_cells import formula_problem

_NAME: Final = re.compile(r"[^\W\d][\w.\\?]*\Z|\\[\w.\\?]*\Z")
_R1C1: Final = re.compile(r"[Rr]\d*([Cc]\d*)?\Z|[Cc]\d*\Z")
_TEXT: Final = re.compile(r'"(?:[^"]|"")*"')
_SHEET: Final = re.compile(r"""(?<![\w'#])(?:'((?:[^']|'')+)'|([^\W\d][\w.]*(?::[^\W\d][\w.]*)?))!""")
_STYLES: Final = "styles"
_WITHIN_XF: Final = {"fontId": "fonts", "fillId": "fills", "borderId": "borders"}


def legal_name(name: str) -> bool:
    """Whether a defined name or a table may be called so.

    A letter, ``_`` or ``\\`` first; then letters, digits, ``.``, ``_``, ``?``, ``\\``; at most 255; no cell's address
    (Microsoft: Names in formulas; XlsxWriter `define_name` and `add_table`).
    """
    if refs.cell(name) or _R1C1.match(name):
        return False
    return units(name) <= 255 and bool(_NAME.match(name))


def sheet_names_legal(book: Workbook) -> Iterator[Finding]:
    """At most 31 UTF-16 units, none of ``[]:*?/\\``, no apostrophe at an end (XlsxWriter `_check_sheetname`)."""
    for node in _sheets(book):
        name = node.get("name")
        if not name.strip() or units(name) > 31 or re.search(r"[][:*?/\\]", name) or "'" in (name[0], name[-1]):
            yield Finding(book.part_of_workbook, f"sheet {name!r}", "is no legal name of a sheet")


def sheet_names_unique(book: Workbook) -> Iterator[Finding]:
    """Unique ignoring case (ECMA-376 Part 1, 18.2.19; XlsxWriter `_check_sheetname`)."""
    for name, count in Counter(node.get("name").casefold() for node in _sheets(book)).items():
        if count > 1:
            yield Finding(book.part_of_workbook, f"sheet {name!r}", f"{count} sheets have this name")


def sheet_ids_unique(book: Workbook) -> Iterator[Finding]:
    """Ids are 1 to 65534 and unique, and no two sheets are one part (ECMA-376 Part 1, 18.2.19)."""
    for attribute in ("sheetId", "r:id"):
        for value, count in Counter(node.get(attribute) for node in _sheets(book)).items():
            if count > 1 or not value:
                yield Finding(book.part_of_workbook, f"sheet/@{attribute}", f"{count} sheets have {value!r}")
    for node in _sheets(book):
        if not 1 <= node.number("sheetId") <= 65534:
            yield Finding(book.part_of_workbook, f"sheet {node.get('name')!r}", "sheetId is not in 1 to 65534")


def sheets_related(book: Workbook) -> Iterator[Finding]:
    """There is a sheet, one is visible, and each r:id names a sheet's part (ECMA-376 Part 1, 18.2.19 and 18.2.20)."""
    sheets = list(_sheets(book))
    if book.workbook.name and all(node.get("state", "visible") != "visible" for node in sheets):
        yield Finding(book.part_of_workbook, "sheets", "no sheet is visible")
    kinds = {found.id: found.kind for found in book.relations(book.part_of_workbook)}
    for node in sheets:
        kind = kinds.get(node.get("r:id"), "worksheet")
        if kind not in ("worksheet", "chartsheet", "dialogsheet", "xlMacrosheet", "xlIntlMacrosheet"):
            yield Finding(book.part_of_workbook, f"sheet {node.get('name')!r}", f"leads to a {kind}")


def views_in_range(book: Workbook) -> Iterator[Finding]:
    """activeTab and firstSheet are tabs; each sheet view's workbookViewId is a book view (ECMA-376 Part 1, 18.2.30)."""
    views = list(book.workbook.path("bookViews", "workbookView"))
    count = sum(1 for _ in _sheets(book))
    for view in views:
        for attribute in ("activeTab", "firstSheet"):
            if not 0 <= view.number(attribute) < max(count, 1):
                yield Finding(book.part_of_workbook, f"workbookView/@{attribute}", f"there are only {count} sheets")
    for sheet in book.worksheets:
        for view in sheet.root.path("sheetViews", "sheetView"):
            if not 0 <= view.number("workbookViewId") < max(len(views), 1):
                yield Finding(sheet.part, "sheetView/@workbookViewId", f"there are only {len(views)} book views")


def defined_names_legal(book: Workbook) -> Iterator[Finding]:
    """Legal names (see `legal_name`) that stand for a legal formula (ECMA-376 Part 1, 18.2.5; Excel limits)."""
    for node in book.names:
        name = node.get("name")
        if not legal_name(name):
            yield Finding(book.part_of_workbook, f"name {name!r}", "is no legal name")
        if not node.text.strip() and node.get("xlm") not in ("1", "true"):
            yield Finding(book.part_of_workbook, f"name {name!r}", "stands for nothing")
        if problem := formula_problem(node.text):
            yield Finding(book.part_of_workbook, f"name {name!r}", problem)


def defined_names_lead_to_sheets(book: Workbook) -> Iterator[Finding]:
    """A sheet in a name's formula is there (ClosedXML#1007, #848; rubyXL#193: names of a deleted sheet)."""
    sheets = {node.get("name").casefold() for node in _sheets(book)}
    for node in book.names:
        formula = _TEXT.sub('""', node.text)
        for quoted, plain in _SHEET.findall(formula) if "[" not in formula else ():
            told = (quoted.replace("''", "'") or plain).casefold()
            for name in [told] if told in sheets else told.split(":"):
                if name not in sheets:
                    yield Finding(book.part_of_workbook, f"name {node.get('name')!r}", f"there is no sheet {name!r}")


def defined_names_unique(book: Workbook) -> Iterator[Finding]:
    """Unique in their scope, ignoring case (ECMA-376 Part 1, 18.2.5)."""
    names = Counter((node.get("localSheetId"), node.get("name").casefold()) for node in book.names)
    for (scope, name), count in names.items():
        if count > 1:
            where = f"of sheet {scope}" if scope else "of the workbook"
            yield Finding(book.part_of_workbook, f"name {name!r}", f"{count} names {where} are called so")


def local_sheet_ids_in_range(book: Workbook) -> Iterator[Finding]:
    """A name's localSheetId counts the sheets from 0 (ECMA-376 Part 1, 18.2.5)."""
    count = sum(1 for _ in _sheets(book))
    for node in book.names:
        if not 0 <= node.number("localSheetId") < max(count, 1):
            yield Finding(book.part_of_workbook, f"name {node.get('name')!r}", "localSheetId is no sheet's")


def filter_database_equal(book: Workbook) -> Iterator[Finding]:
    """_xlnm._FilterDatabase is the area of the sheet's own autoFilter (practice of Excel; facts of XlsxWriter)."""
    order = {node.get("name"): str(index) for index, node in enumerate(_sheets(book))}
    for sheet in book.worksheets:
        named = [node for node in book.names if node.get("name").lower() == "_xlnm._filterdatabase"]
        texts = [node.text for node in named if node.get("localSheetId") == order[sheet.name]]
        filters = sheet.areas(("autoFilter",), "ref")
        for text in texts if filters else ():
            if refs.area(text.rpartition("!")[2]) != filters[0]:
                where = f"_xlnm._FilterDatabase of {sheet.name!r}"
                yield Finding(
                    book.part_of_workbook, where, f"{text} is not the autoFilter, {refs.name_area(filters[0])}"
                )


def calc_chain_calculates(book: Workbook) -> Iterator[Finding]:
    """The calculation chain lists only cells with a formula (Open-XML-SDK#1491, #1457; unioffice#215)."""
    chain = next(iter(book.related(book.part_of_workbook, "calcChain")), "")
    known = {sheet.sheet_id for sheet in book.worksheets}
    for sheet in book.worksheets:
        _ = sheet.root
        for row, column in sorted(sheet.unlisted) if sheet.whole else ():
            yield Finding(chain, refs.name(row, column), f"the cell of {sheet.name!r} has no formula")
    for sheet_id in book.calc_chain.keys() - known if known else ():
        yield Finding(chain, f"c/@i {sheet_id}", "no sheet has this id")


def xf_parts_in_range(book: Workbook) -> Iterator[Finding]:
    """Fonts, fills, borders and cell style formats that a format names are there (ECMA-376 Part 1, 18.8.45)."""
    sizes = {name: sum(1 for _ in node.children) for name in _WITHIN_XF.values() for node in book.styles.all(name)}
    bases = sum(1 for _ in book.styles.path("cellStyleXfs", "xf"))
    for kind in ("cellStyleXfs", "cellXfs"):
        for index, node in enumerate(book.styles.path(kind, "xf")):
            for attribute, name in _WITHIN_XF.items():
                if not 0 <= node.number(attribute) < max(sizes.get(name, 0), 1):
                    yield Finding(_styles_part(book), f"{kind} {index}", f"{attribute}: there is no such one")
            if kind == "cellXfs" and not 0 <= node.number("xfId") < max(bases, 1):
                yield Finding(_styles_part(book), f"{kind} {index}", "xfId: there is no such cell style format")


def formats_few_enough(book: Workbook) -> Iterator[Finding]:
    """At most 65,490 cell formats (Excel specifications and limits, Microsoft)."""
    if book.formats > 65_490:
        yield Finding(_styles_part(book), "cellXfs", f"{book.formats} are more than 65490")


def number_formats_legal(book: Workbook) -> Iterator[Finding]:
    """Ids of number formats are unique, their codes at most 255 long (ECMA-376 Part 1, 18.8.30)."""
    formats = list(book.styles.path("numFmts", "numFmt"))
    for name, count in Counter(node.get("numFmtId") for node in formats).items():
        if count > 1:
            yield Finding(_styles_part(book), f"numFmt {name}", f"stands there {count} times")
    for node in formats:
        if units(node.get("formatCode")) > 255:
            yield Finding(_styles_part(book), f"numFmt {node.get('numFmtId')}", "the code is over 255 long")


def _sheets(book: Workbook) -> Iterator[Node]:
    return book.workbook.path("sheets", "sheet")


def _styles_part(book: Workbook) -> str:
    return next(iter(book.related(book.part_of_workbook, _STYLES)), _STYLES)


RULES: Final = (
    sheet_names_legal,
    sheet_names_unique,
    sheet_ids_unique,
    sheets_related,
    views_in_range,
    defined_names_legal,
    defined_names_lead_to_sheets,
    defined_names_unique,
    local_sheet_ids_in_range,
    filter_database_equal,
    calc_chain_calculates,
    xf_parts_in_range,
    formats_few_enough,
    number_formats_legal,
)
