"""Excel tables: the part that says which cells of a tab are one, read and changed in place.

Rules that keep Excel from offering a repair (from openpyxl's, XlsxWriter's and ClosedXML's trackers): a header
cell is text equal to its column's name; names differ caselessly; ``ref`` is as wide as there are columns; ids
are unique; the filter lies in the table; a table has at least one row below its header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from experiment_sheet.errors import SheetDamaged
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.rows import column_letters, column_number
from experiment_sheet.ooxml.xml import Document, Edit, apply, attribute, parse

_AREA: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Za-z]{1,3})\$?([0-9]{1,7}))?")
_BREAK: Final = re.compile(r"_x000[aAdD]_")
_STYLE: Final = b'<tableStyleInfo name="TableStyleLight1" showFirstColumn="0" showLastColumn="0" showRowStripes="1"'
_BEFORE_COLUMNS: Final = ("tableColumns",)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells; rows and columns count from 1, both ends belong to it."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        first = f"{column_letters(self.left)}{self.top}"
        last = f"{column_letters(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"

    def meets(self, other: Area) -> bool:
        """Whether the two have a cell in common."""
        rows = self.top <= other.bottom and other.top <= self.bottom
        return rows and self.left <= other.right and other.left <= self.right


def area_of(text: str) -> Area | None:
    """``A1:C7`` or ``A1``; None for whole rows and columns, and for anything else."""
    match = _AREA.fullmatch(text.strip())
    if match is None:
        return None
    left, top = column_number(match[1]), int(match[2])
    right, bottom = (column_number(match[3]), int(match[4])) if match[3] else (left, top)
    return Area(min(top, bottom), min(left, right), max(top, bottom), max(left, right))


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table: its name, and the formula that fills its cells, if it has one."""

    name: str
    formula: str | None
    totals: bool  # has something in the totals row


@dataclass(frozen=True, slots=True)
class ExcelTable:
    """A table part, read."""

    part: str
    area: Area  # with header and totals row
    header: bool
    totals: bool
    columns: Sequence[TableColumn]
    name: str
    document: Document = field(repr=False, compare=False)
    mended: bool = False  # differs from the part that was read (`refit`)

    @property
    def rows(self) -> Area:
        """Cells below the header and above the totals row."""
        return replace(self.area, top=self.area.top + self.header, bottom=self.area.bottom - self.totals)


def read_table(package: Source, part: str) -> ExcelTable:
    """Read a table part."""
    return table_of(package.read(part), part, f"{package.path}, {part}")


def table_of(data: bytes, part: str, what: str) -> ExcelTable:
    """Read the text of a table part; `what` names it in errors."""
    document = parse(data, what)
    root = document.root
    area = area_of(root.attrs.get("ref", ""))
    if area is None:
        raise SheetDamaged(f"{what}: the table has no range. Open and save the workbook in Excel.")
    holder = root.first("tableColumns")
    columns = []
    for node in holder.all("tableColumn") if holder else ():
        formula = node.first("calculatedColumnFormula")
        array = formula is not None and formula.attrs.get("array") in {"1", "true"}
        totals = "totalsRowFunction" in node.attrs or "totalsRowLabel" in node.attrs
        text = document.text(formula) if formula is not None and not array else None
        columns.append(TableColumn(_BREAK.sub("\n", node.attrs.get("name", "")), text, totals))
    if len(columns) != area.right - area.left + 1:
        raise SheetDamaged(f"{what}: the table has {len(columns)} columns in the range {area}. Restore a backup.")
    return ExcelTable(
        part,
        area,
        header=root.attrs.get("headerRowCount", "1") != "0",
        totals=root.attrs.get("totalsRowCount", "0") not in {"", "0"},
        columns=columns,
        name=root.attrs.get("displayName") or root.attrs.get("name", ""),
        document=document,
    )


def new_ids(table: ExcelTable, count: int) -> range:
    """Ids of columns to come."""
    holder = table.document.root.first("tableColumns")
    used = (table.document.integer(node, "id") for node in (holder.children if holder else ()))
    first = max(used, default=0) + 1
    return range(first, first + count)


def grown(table: ExcelTable, area: Area, new: Sequence[str], fields: Sequence[int] = ()) -> bytes:
    """Part of the table with another last row and further columns at the right.

    `fields`: ids of the new columns in the table's query, if it has one.
    """
    document, root = table.document, table.document.root
    edits: list[Edit] = [document.set(root, ref=str(area))]
    bottom = area.bottom - table.totals
    for node in root.all("autoFilter", "sortState"):
        old = area_of(node.attrs.get("ref", ""))
        if old is None:
            continue
        # LibreOffice counts the totals row in; the last column is the table's own as long as it was so before.
        last = area.bottom if table.totals and old.bottom == table.area.bottom else bottom
        right = area.right if old.right == table.area.right else old.right
        edits.append(document.set(node, ref=str(replace(old, bottom=last, right=right))))
        edits += _sorted(document, node, table, bottom)
    for node in root.all("autoFilter"):
        for state in node.all("sortState"):
            old = area_of(state.attrs.get("ref", ""))
            if old is not None and old.bottom == table.rows.bottom:
                edits.append(document.set(state, ref=str(replace(old, bottom=bottom))))
                edits += _sorted(document, state, table, bottom)
    return apply(document.data, [*edits, *_columns_added(table, new, fields)])


def new_table(*, number: int, name: str, area: Area, headers: Sequence[str], namespace: str) -> bytes:
    """Part of a table that is made here."""
    columns = b"".join(column_element(index, header, b"") for index, header in enumerate(headers, 1))
    return (
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        b'<table xmlns="%b" id="%d" name="%b" displayName="%b" ref="%b" totalsRowShown="0"><autoFilter ref="%b"/>'
        b'<tableColumns count="%d">%b</tableColumns>%b showColumnStripes="0"/></table>'
    ) % (
        namespace.encode(),
        number,
        attribute(name),
        attribute(name),
        str(area).encode(),
        str(area).encode(),
        len(headers),
        columns,
        _STYLE,
    )


def free_table_name(tab: str, taken: Iterable[str]) -> str:
    """Name for a table in a tab; tables and defined names share one caseless space, and none may look like a cell."""
    used = {name.casefold() for name in taken}
    word = re.sub(r"\W+", "_", tab, flags=re.ASCII).strip("_") or "Runs"
    first = f"Runs_{word}" if word.casefold() != "runs" else "Runs"
    name, number = first[:200], 1
    while name.casefold() in used:
        number += 1
        name = f"{first[:200]}_{number}"
    return name


def _sorted(document: Document, state: object, table: ExcelTable, bottom: int) -> list[Edit]:
    """Edits of the conditions of a sort state that reached the last row."""
    edits = []
    for node in getattr(state, "children", ()):
        old = area_of(node.attrs.get("ref", "")) if node.name == "sortCondition" else None
        if old is not None and old.bottom == table.rows.bottom:
            edits.append(document.set(node, ref=str(replace(old, bottom=bottom))))
    return edits


def _columns_added(table: ExcelTable, new: Sequence[str], fields: Sequence[int]) -> list[Edit]:
    holder = table.document.root.first("tableColumns")
    if not new or holder is None:
        return []
    prefix = table.document.root.prefix
    ids = new_ids(table, len(new))
    queried = [b' uniqueName="%d" queryTableFieldId="%d"' % (field, field) for field in fields] or [b""] * len(new)
    more = b"".join(map(column_element, ids, new, [prefix] * len(new), queried))
    return table.document.extend(holder, more, count=str(len(table.columns) + len(new)))


def column_element(number: int, header: str, prefix: bytes, more: bytes = b"") -> bytes:
    """Return the element of a new column."""
    # Excel keeps a line break in a header as _x000a_ in the name, and nothing else of the kind.
    name = attribute(header).replace(b"&#10;", b"_x000a_")
    return b'<%btableColumn id="%d" name="%b"%b/>' % (prefix, number, name, more)
