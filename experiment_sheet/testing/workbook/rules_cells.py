"""Rules of rows and cells, each asked once for every row or cell while the sheet streams by.

A cell rule answers with what is wrong, or with nothing; a row rule yields what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.book import Cell, CellRule, Row, RowRule, text_of, unescape, units

TEXT: Final = 32_767
"""UTF-16 units that a cell holds (Excel specifications and limits, Microsoft)."""

_KINDS: Final = frozenset(("n", "b", "d", "e", "s", "str", "inlineStr"))
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)
_DATE: Final = re.compile(
    r"-?\d{4,}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?\Z|\d\d:\d\d(:\d\d(\.\d+)?)?\Z"
)
_ERROR: Final = re.compile(r"#[A-Z0-9_/]+[!?]?\Z")
_ORDER: Final = {"f": 0, "v": 1, "is": 2, "extLst": 3}
_QUOTED: Final = re.compile(r"""("(?:[^"]|"")*")|'(?:[^']|'')*'|\[(?:'.|[^][']|\[(?:'.|[^]['])*\])*\]""", re.DOTALL)


def rows_ascend(row: Row) -> Iterator[str]:
    """Rows ascend and none comes twice (practice of Excel; ECMA-376 Part 1, 18.3.1.73)."""
    if row.number <= row.sheet.last_row and row.number > 0:
        yield f"stands behind row {row.sheet.last_row}"


def cells_ascend(row: Row) -> Iterator[str]:
    """Cells ascend inside their row, none comes twice, each says its own row (ECMA-376 Part 1, 18.3.1.4)."""
    column = 0
    for cell in row.cells:
        if cell.column <= column:
            yield f"cell {cell.where} stands behind {refs.name(cell.row, column)}"
        if cell.row != row.number:
            yield f"holds cell {cell.where}"
        column = cell.column


def rows_in_grid(row: Row) -> Iterator[str]:
    """1,048,576 rows of 16,384 cells (Excel specifications and limits, Microsoft)."""
    if not 1 <= row.number <= refs.ROWS:
        yield "lies outside the grid"
    for cell in row.cells:
        written = cell.node.get("r")
        if cell.column > refs.COLUMNS or (written and refs.cell(written) is None):
            yield f"cell {written or cell.column} lies outside the grid"


def row_looks_legal(row: Row) -> Iterator[str]:
    """Outline level at most 7, height at most 409.5 points, style there (ECMA-376 Part 1, 18.3.1.73; Excel limits)."""
    attributes = row.node.attributes
    if not 0 <= row.node.number("outlineLevel") <= 7:
        yield "outlineLevel is not in 0 to 7"
    if "ht" in attributes and not 0 <= _float(attributes["ht"]) <= 409.55:
        yield f"height {attributes['ht']} is not in 0 to 409.5"
    if not 0 <= row.node.number("s") < row.sheet.book.formats:
        yield f"style {attributes['s']} is none of {row.sheet.book.formats}"


def cell_styles_in_range(cell: Cell) -> str:
    """s counts the cell formats from 0 (ECMA-376 Part 1, 18.3.1.4)."""
    style = cell.node.attributes.get("s")
    if style is None or (style.isascii() and style.isdigit() and int(style) < cell.sheet.book.formats):
        return ""
    return f"style {style} is none of {cell.sheet.book.formats}"


def cell_kinds_known(cell: Cell) -> str:
    """The type is one of seven (ECMA-376 Part 1, 18.18.11 ST_CellType)."""
    return "" if cell.kind in _KINDS else f"type {cell.kind!r} is unknown"


def cell_children_in_order(cell: Cell) -> str:
    """Formula, value, inline string, extensions: in this order, each at most once (ECMA-376 Part 1, 18.3.1.4)."""
    last = -1
    for child in cell.node.children:
        place = _ORDER.get(child.name, -1)
        if place <= last:
            return f"<{child.name}> is out of place"
        last = place
    return ""


def values_legal(cell: Cell) -> str:
    """The value is one of its type; a number is finite: never NaN or inf, which openpyxl can't even open
    (ECMA-376 Part 1, 18.3.1.96 and 18.18.11)."""
    value = cell.value
    if value is None or cell.kind in ("str", "inlineStr", "s"):
        return ""
    if cell.kind == "n":
        legal = not value or (_NUMBER.match(value) is not None and abs(_float(value)) <= 1.7976931348623158e308)
    elif cell.kind == "b":
        legal = value in ("0", "1", "true", "false")
    else:
        legal = {"e": _ERROR, "d": _DATE}.get(cell.kind, _ERROR).match(value) is not None or cell.kind not in _KINDS
    return "" if legal else f"value {value[:40]!r} is none of type {cell.kind!r}"


def shared_strings_in_range(cell: Cell) -> str:
    """A shared string is there (OfficeXML4D#10: index -1 made Excel drop the cell)."""
    if cell.kind != "s" or cell.value is None:
        return ""
    index = cell.value.strip()
    if index.isascii() and index.isdigit() and int(index) < len(cell.sheet.book.strings):
        return ""
    return f"shared string {index} is none of {len(cell.sheet.book.strings)}"


def texts_short_enough(cell: Cell) -> str:
    """At most 32,767 UTF-16 units (Excel specifications and limits, Microsoft)."""
    text = (cell.value or "") if cell.kind == "str" else ""
    if cell.inline is not None:
        text = text_of(cell.inline).text
    length = units(unescape(text)) if len(text) > TEXT // 2 else 0
    return f"{length} UTF-16 units are more than {TEXT}" if length > TEXT else ""


def formulas_legal(cell: Cell) -> str:
    """At most 8,192 characters, text in it at most 255, quotes and brackets closed (XlsxWriter; Excel limits)."""
    return "" if cell.formula is None else formula_problem(cell.formula.text)


def formula_problem(formula: str) -> str:
    """What is wrong with a formula, as far as it can be told without knowing the functions."""
    if units(formula) > 8_192:
        return f"the formula has {units(formula)} characters, more than 8192"
    if '"' in formula or "'" in formula or "[" in formula or "(" in formula:
        if any(units(match[1][1:-1].replace('""', '"')) > 255 for match in _QUOTED.finditer(formula) if match[1]):
            return "a text in the formula is longer than 255"
        rest = _QUOTED.sub("", formula)
        if '"' in rest or "'" in rest or "[" in rest or rest.count("(") != rest.count(")"):
            return f"the formula {formula[:60]!r} has an open quote or bracket"
    return ""


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


ROW_RULES: Final[tuple[RowRule, ...]] = (rows_ascend, cells_ascend, rows_in_grid, row_looks_legal)
CELL_RULES: Final[tuple[CellRule, ...]] = (
    cell_styles_in_range,
    cell_kinds_known,
    cell_children_in_order,
    values_legal,
    shared_strings_in_range,
    texts_short_enough,
    formulas_legal,
)
