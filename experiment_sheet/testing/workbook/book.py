"""What a workbook is made of, as the rules ask for it: sheets, cells, tables, styles, strings, names.

Everything is read when a rule first asks. Worksheets are streamed: a row is seen once by every row and cell
rule and forgotten; what later rules compare (header cells, formulas the calculation chain lists) is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.markup import Node
from experiment_sheet.testing.workbook.package import Package
from experiment_sheet.testing.workbook.refs import Area
from experiment_sheet.testing.workbook.report import Fault

MOST_FAULTS: Final = 50
"""So many faults of one rule in one worksheet are told; the rest would say the same."""

_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(slots=True)
class Cell:
    """One cell as it is written."""

    sheet: Worksheet
    row: int
    column: int
    kind: str  # the attribute t; n where absent
    node: Node
    formula: Node | None
    value: str | None  # text of <v>; None where there is none
    inline: Node | None  # the <is> element

    @property
    def where(self) -> str:
        """Its address."""
        return refs.name(self.row, self.column)


@dataclass(slots=True)
class Row:
    """One row: its number, its element, its cells."""

    sheet: Worksheet
    number: int
    node: Node
    cells: list[Cell]


class Text(NamedTuple):
    """A string, and whether parts of it have their own format."""

    text: str
    rich: bool


CellRule = Callable[[Cell], str]
RowRule = Callable[[Row], Iterator[str]]


@dataclass
class Table:
    """One table part."""

    part: str
    root: Node
    sheet: Worksheet

    @property
    def area(self) -> Area | None:
        """Cells of the table, header and totals row included."""
        return refs.area(self.root.get("ref"))

    @property
    def header_rows(self) -> int:
        """1, or 0 if the table shows no header."""
        return self.root.number("headerRowCount", 1)

    @property
    def columns(self) -> list[Node]:
        """Its tableColumn elements."""
        return list(self.root.path("tableColumns", "tableColumn"))


@dataclass
class Worksheet:
    """One worksheet; `name` is its tab's."""

    book: Workbook
    name: str
    part: str
    sheet_id: int
    found: list[Fault] = field(default_factory=list)
    kept: dict[tuple[int, int], Cell] = field(default_factory=dict)  # header cells of its tables
    unlisted: set[tuple[int, int]] = field(default_factory=set)  # calcChain cells without a formula
    shared: dict[str, str] = field(default_factory=dict)  # shared formula → first cell that uses it
    masters: set[str] = field(default_factory=set)
    last_row: int = 0

    @cached_property
    def tables(self) -> list[Table]:
        """Its tables, in the order of its relationships."""
        parts = self.book.related(self.part, "table")
        return [Table(part, self.book.root(part), self) for part in parts]

    @cached_property
    def root(self) -> Node:
        """The worksheet element without its rows; rows and cells have been judged then."""
        self._headers = {place for table in self.tables for place in _header_places(table)}
        self.unlisted = set(self.book.calc_chain.get(self.sheet_id, ()))
        self._arrays: list[Area] = []
        self._told: Counter[str] = Counter()
        root = self.book.scan(self.part, hand_out="sheetData/row", take=self._take).root
        self.unlisted -= {cell for cell in self.unlisted if any(_inside(cell, area) for area in self._arrays)}
        return root or Node("", {})

    @property
    def whole(self) -> bool:
        """Whether it could be read to its end."""
        return bool(self.root.name) and not self.book.scan(self.part).error

    def areas(self, path: tuple[str, ...], attribute: str) -> list[Area]:
        """Legal areas that an attribute of all elements at a path names."""
        found = (refs.area(node.get(attribute)) for node in self.root.path(*path))
        return [area for area in found if area is not None]

    def _take(self, node: Node) -> None:
        number = node.number("r", self.last_row + 1)
        row = Row(self, number, node, list(_cells(self, node, number)))
        for row_rule in self.book.row_rules:
            for message in row_rule(row):
                self._tell(row_rule.__name__, f"row {number}", message)
        for cell in row.cells:
            for cell_rule in self.book.cell_rules:
                if message := cell_rule(cell):
                    self._tell(cell_rule.__name__, cell.where, message)
            self._keep(cell)
        self.last_row = max(self.last_row, number)

    def _tell(self, rule: str, where: str, message: str) -> None:
        self._told[rule] += 1
        if self._told[rule] <= MOST_FAULTS:
            self.found.append(Fault(rule, self.part, where, message))

    def _keep(self, cell: Cell) -> None:
        place = (cell.row, cell.column)
        if place in self._headers:
            self.kept[place] = cell
        if cell.formula is None:
            return
        self.unlisted.discard(place)
        area = refs.area(cell.formula.get("ref"))
        if area is not None and cell.formula.get("t") in ("array", "dataTable"):
            self._arrays.append(area)
        if cell.formula.get("t") == "shared":
            self.shared.setdefault(cell.formula.get("si"), cell.where)
            if cell.formula.text and area is not None:
                self.masters.add(cell.formula.get("si"))


class Workbook(Package):
    """An open workbook and the rules its rows and cells are held against while they stream by."""

    row_rules: tuple[RowRule, ...] = ()
    cell_rules: tuple[CellRule, ...] = ()

    def read(self) -> None:
        """Stream worksheets and shared strings, while no rule has asked for their XML yet."""
        _ = self.strings, [sheet.root for sheet in self.worksheets]

    @cached_property
    def part_of_workbook(self) -> str:
        """Name of the workbook part; empty if the package names none."""
        return next(iter(self.related("", "officeDocument")), "")

    @cached_property
    def workbook(self) -> Node:
        """The workbook element."""
        return self.root(self.part_of_workbook)

    @cached_property
    def worksheets(self) -> list[Worksheet]:
        """Worksheets in tab order; chart sheets and dialogs are no worksheets."""
        relations = {found.id: found for found in self.relations(self.part_of_workbook) if found.kind == "worksheet"}
        found = []
        for node in self.workbook.path("sheets", "sheet"):
            relation = relations.get(node.get("r:id"))
            part = self.part(relation.target) if relation is not None else None
            if part is not None:
                found.append(Worksheet(self, node.get("name"), part, node.number("sheetId")))
        return found

    @property
    def tables(self) -> list[Table]:
        """Every table of every worksheet."""
        return [table for sheet in self.worksheets for table in sheet.tables]

    @cached_property
    def styles(self) -> Node:
        """The styleSheet element."""
        return self.root(next(iter(self.related(self.part_of_workbook, "styles")), None))

    @cached_property
    def formats(self) -> int:
        """How many cell formats there are; without a styles part only the default one."""
        return max(1, sum(1 for _ in self.styles.path("cellXfs", "xf")))

    @cached_property
    def differential_formats(self) -> int:
        """How many differential formats (dxf) there are."""
        return sum(1 for _ in self.styles.path("dxfs", "dxf"))

    @cached_property
    def strings(self) -> list[Text]:
        """The shared strings."""
        found: list[Text] = []
        for part in self.related(self.part_of_workbook, "sharedStrings")[:1]:
            self.scan(part, hand_out="sst/si", take=lambda node: found.append(text_of(node)))
        return found

    @cached_property
    def names(self) -> list[Node]:
        """The definedName elements."""
        return list(self.workbook.path("definedNames", "definedName"))

    @cached_property
    def calc_chain(self) -> dict[int, list[tuple[int, int]]]:
        """Cells that the calculation chain lists, by sheet id; an entry without one has its forerunner's."""
        found: dict[int, list[tuple[int, int]]] = {}
        sheet_id = 0
        for part in self.related(self.part_of_workbook, "calcChain")[:1]:
            for node in self.root(part).all("c"):
                sheet_id = node.number("i", sheet_id)
                place = refs.cell(node.get("r"))
                if place is not None:
                    found.setdefault(sheet_id, []).append(place)
        return found


def text_of(node: Node) -> Text:
    """Text of a shared string or of an inline one, without phonetic guides."""
    runs = list(node.all("r"))
    parts = [t.text for t in node.all("t")] + [t.text for run in runs for t in run.all("t")]
    return Text("".join(parts), bool(runs))


def unescape(text: str) -> str:
    """``_x000a_`` is a line break (ECMA-376 Part 1, 22.9.2.19 ST_Xstring)."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def units(text: str) -> int:
    """Length in UTF-16 units, which is how Excel counts."""
    return len(text) + sum(1 for character in text if character > "\uffff") if not text.isascii() else len(text)


def _cells(sheet: Worksheet, row: Node, number: int) -> Iterator[Cell]:
    column = 0
    for node in row.all("c"):
        place = refs.cell(node.get("r"))
        column = place[1] if place is not None else column + 1
        formula = value = inline = None
        for child in node.children:
            if child.name == "v":
                value = child.text
            elif child.name == "f":
                formula = child
            elif child.name == "is":
                inline = child
        at = place[0] if place is not None else number
        yield Cell(sheet, at, column, node.get("t", "n"), node, formula, value, inline)


def _header_places(table: Table) -> Iterator[tuple[int, int]]:
    area = table.area
    if area is not None and table.header_rows:
        yield from ((area.top, column) for column in range(area.left, min(area.right, area.left + refs.COLUMNS) + 1))


def _inside(cell: tuple[int, int], area: Area) -> bool:
    return area.top <= cell[0] <= area.bottom and area.left <= cell[1] <= area.right
