"""A tab as its part has it: what stands before the rows, what behind them, and its tables.

`head` ends with the start tag of ``sheetData``, `trailer` begins with its end tag; together they are one small XML
document, which is parsed without the rows between. Where the part carries a proven tail (`Package.tail`),
the trailer is read from there and only the first kilobytes are inflated for the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final

from experiment_sheet.errors import SheetDamaged, SheetRefused
from experiment_sheet.ooxml import parts
from experiment_sheet.ooxml.lay import Tail
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.rows import OUTSIDE, Row, Rows
from experiment_sheet.ooxml.table import Area, ExcelTable, area_of, read_table
from experiment_sheet.ooxml.workbook import Tab
from experiment_sheet.ooxml.xml import Document, Edit, Node, parse, well_formed

LAST_ROW: Final = 1_048_576
"""Excel specifications and limits."""
_HEAD_CHUNK: Final = 1 << 14
_RULES: Final = frozenset({"conditionalFormatting", "dataValidation"})
_BEFORE_TABLE_PARTS: Final = ("extLst",)


class Worksheet:
    """One tab's part, and its tables."""

    def __init__(self, package: Source, tab: Tab) -> None:
        self.package = package
        self.tab = tab
        self.part = tab.part
        self.what = f"{package.path}, tab {tab.name!r}"
        self.size = 0  # of the whole part; known once the trailer is
        self.tail: Tail | None = package.tail(tab.part)
        beginning = Rows(package.chunks(tab.part, _HEAD_CHUNK), self.what)
        self.head, self.prefix, self.empty = beginning.head, beginning.prefix, beginning.empty
        self._beginning = beginning
        self._trailer: bytes | None = None
        self._trailer_at = 0
        self.relationships = parts.relationships(package, tab.part)
        self.tables: list[ExcelTable] = [
            read_table(package, found.part)
            for found in self.relationships
            if found.kind == "table" and found.part and package.has(found.part)
        ]

    def rows(self, chunk: int = 1 << 18) -> Iterator[Row]:
        """Every row, from the start of the part."""
        chunks: Iterable[bytes] = self.package.chunks(self.part, chunk)
        if self.tail is None:  # it may be anybody's work
            chunks = well_formed(chunks, self.what)
        rows = Rows(chunks, self.what)
        last = 0
        for row in rows:
            if row.number <= last:
                raise SheetRefused(f"{self.what}: row {row.number} follows row {last}. Open and save it in Excel.")
            if row.number > LAST_ROW:
                raise SheetDamaged(f"{self.what} has a row {row.number}; the last one possible is {LAST_ROW}.")
            if self.tail is None and b"<%bsheetData" % self.prefix in row.text:
                raise SheetDamaged(f"{self.what}: row {row.number} holds a sheet. Restore the workbook from a backup.")
            if self.tail is None and OUTSIDE.search(row.text):
                raise SheetDamaged(f"{self.what}: row {row.number} holds a cell outside the grid. Restore a backup.")
            last = row.number
            yield row
        self._take_trailer(rows)

    def hot_rows(self) -> list[Row] | None:
        """Rows of the proven tail; None where there is no tail, or where it doesn't say their numbers."""
        if self.tail is None or self.empty:
            return None
        rows = Rows([self.tail.text], self.what, behind=self._beginning, at=self.tail.start)
        found = list(rows)
        self._take_trailer(rows)
        numbered = bool(found) and found[0].number > 1
        return found if numbered else None

    @property
    def trailer(self) -> bytes:
        """From the end tag of ``sheetData`` to the end of the part."""
        if self._trailer is None and (self.tail is None or self.empty):
            for _ in self.rows():
                pass
        elif self._trailer is None:
            self.hot_rows()
        assert self._trailer is not None
        return self._trailer

    @property
    def trailer_at(self) -> int:
        """Where the trailer begins in the part; for an empty ``<sheetData/>``, right behind it."""
        assert self.trailer is not None
        return self._trailer_at

    @cached_property
    def document(self) -> Document:
        """Everything but the rows. Places in it are those of `place`."""
        opened = self.head if not self.empty else self.head[:-2].rstrip() + b">"
        closing = b"" if not self.empty else b"</" + self.prefix + b"sheetData>"
        document = parse(opened + closing + self.trailer, self.what)
        if document.root.name != "worksheet":
            raise SheetDamaged(f"{self.what} is a {document.root.name}, not a worksheet.")
        node = document.root.first("sheetData")
        if node is None or node.inside != len(opened):
            raise SheetDamaged(f"{self.what} has its sheetData in a wrong place. Restore the workbook from a backup.")
        self._shift = self.trailer_at - len(opened + closing)
        self._head_end = len(opened)
        return document

    def place(self, edit: Edit) -> Edit:
        """Edit of `document`, as an edit of the part."""
        start, end, content = edit
        if start < self._head_end:
            return edit
        return start + self._shift, end + self._shift, content

    def first(self, name: str) -> Node | None:
        """First element of this name beside the rows."""
        return self.document.root.first(name)

    @property
    def protected(self) -> bool:
        """Whether the tab is protected against changes of its cells."""
        node = self.first("sheetProtection")
        return node is not None and node.attrs.get("sheet", "0") in {"1", "true"}

    @cached_property
    def merged(self) -> list[Area]:
        """Merged cells."""
        node = self.first("mergeCells")
        found = (area_of(child.attrs.get("ref", "")) for child in node.children) if node else ()
        return [area for area in found if area is not None]

    @cached_property
    def column_styles(self) -> list[tuple[int, int, int]]:
        """(first column, last column, style) where a whole column has a style."""
        node, number = self.first("cols"), self.document.integer
        found = ((number(c, "min"), number(c, "max"), number(c, "style")) for c in (node.children if node else ()))
        return [styled for styled in found if styled[2]]

    def column_style(self, column: int) -> int:
        """Style of a whole column; 0 where it has none."""
        return next((style for first, last, style in self.column_styles if first <= column <= last), 0)

    def without_dimension(self) -> list[Edit]:
        """Edit that takes out the ``dimension`` hint, which is optional and can't be kept true by appending."""
        node = self.first("dimension")
        return [self.place((node.start, node.end, b""))] if node else []

    def with_widths(self, widths: Mapping[int, float], styles: Mapping[int, int]) -> list[Edit]:
        """Edits that give new columns a width, and a style for cells to come; a column that has one keeps it."""
        if not widths:
            return []
        node = self.first("cols")
        number = self.document.integer
        taken = [(number(child, "min"), number(child, "max")) for child in node.children] if node else []
        new = {c: w for c, w in widths.items() if not any(first <= c <= last for first, last in taken)}
        if not new or (taken and max(last for _, last in taken) > min(new)):
            return []
        elements = b"".join(
            b'<%bcol min="%d" max="%d" width="%b" customWidth="1"%b/>'
            % (self.prefix, c, c, repr(w).encode(), b' style="%d"' % styles[c] if styles.get(c) else b"")
            for c, w in sorted(new.items())
        )
        if node is not None:
            return [self.place(self.document.append(node, elements))]
        whole = b"<%bcols>%b</%bcols>" % (self.prefix, elements, self.prefix)
        return [self.place(self.document.insert(self.document.root, whole, before=("sheetData",)))]

    def with_table(self, rel_id: str, family: str) -> list[Edit]:
        """Edits that make a table part belong to the tab."""
        root, node = self.document.root, self.first("tableParts")
        element = b'<%btablePart xmlns:r="%b" r:id="%b"/>' % (root.prefix, family.encode(), rel_id.encode())
        if node is not None:
            count = str(len(node.children) + 1)
            return [self.place(edit) for edit in self.document.extend(node, element, count=count)]
        whole = b'<%btableParts count="1">%b</%btableParts>' % (root.prefix, element, root.prefix)
        return [self.place(self.document.insert(root, whole, before=_BEFORE_TABLE_PARTS))]

    def grown_ranges(self, old: Area, bottom: int) -> list[Edit]:
        """Edits that let every rule which reached the last row of `old` (the rows, without header) reach `bottom`."""
        edits: list[Edit] = []
        for node in self.document.elements:
            if node.name in _RULES:
                edits += self._grown_node(node, old, bottom)
        return [self.place(edit) for edit in edits]

    def _grown_node(self, node: Node, old: Area, bottom: int) -> list[Edit]:
        """Edit of a rule's range: an attribute, or in those of Excel 2010 (x14) an element."""
        document, element = self.document, node.first("sqref")
        if "sqref" in node.attrs:
            ranges = grown_list(node.attrs["sqref"], old, bottom)
            return [document.set(node, sqref=ranges)] if ranges else []
        ranges = grown_list(document.text(element), old, bottom) if element else None
        return [document.fill(element, ranges)] if element and ranges else []

    def grown_filter(self, old: Area, bottom: int) -> list[Edit]:
        """Edits that let the tab's own filter, and its sort state, reach `bottom`."""
        edits = []
        node = self.first("autoFilter")
        states = [*(node.all("sortState") if node else ()), *self.document.root.all("sortState")]
        for found in [node, *states, *(child for state in states for child in state.children)]:
            area = area_of(found.attrs.get("ref", "")) if found is not None else None
            if found is not None and area is not None and area.bottom == old.bottom and area.meets(old):
                edits.append(self.place(self.document.set(found, ref=str(replace(area, bottom=bottom)))))
        return edits

    def _take_trailer(self, rows: Rows) -> None:
        self._trailer, self._trailer_at = rows.trailer, rows.trailer_at
        self.size = rows.trailer_at + len(rows.trailer)


def grown_list(ranges: str, old: Area, bottom: int) -> str | None:
    """Space-separated ranges, with those that reached the last row reaching `bottom`; None if none did.

    A rule for some rows stays as it is: one grows only if it begins at or above the first row, or, over several
    rows, ends with the last one, as a rule does that Excel itself has extended row by row.
    """
    grew = False
    found = []
    for item in ranges.split():
        area = area_of(item)
        if area is not None and _reaches(area, old):
            item, grew = str(replace(area, bottom=bottom)), True
        found.append(item)
    return " ".join(found) if grew else None


def _reaches(area: Area, old: Area) -> bool:
    reached = area.bottom == old.bottom and area.meets(old)
    return reached and (area.top <= old.top or area.top < area.bottom)


def overlapping(areas: Iterable[Area], area: Area) -> Area | None:
    """First of the areas that has a cell in common with this one."""
    return next((found for found in areas if found.meets(area)), None)
