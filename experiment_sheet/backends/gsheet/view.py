"""A tab as one request shows it: cells, identities of columns, mark, turn. Pure.

What the library keeps in a spreadsheet, beside cells, is developer metadata that nobody sees: of a column
``es`` = ``o:loss`` (its role's first letter and its key), of the tab ``es.mark`` = ``sheet:generation``, ``es.by``
(who wrote last) and ``es.tab`` (the name under which it was made, so that it may be renamed); and one named range
``experiment_sheet_…`` on the header, whose id is the turn (see `batch`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from experiment_sheet.backends.base import Mark
from experiment_sheet.backends.gsheet.cells import READ, cell_of
from experiment_sheet.columns import RUN_ID, Column, Role, RunId, identify, label
from experiment_sheet.values import Cell, to_text

JSON = dict[str, Any]

COLUMN: Final = "es"
MARK: Final = "es.mark"
BY: Final = "es.by"
MADE_AS: Final = "es.tab"
ROOM: Final = 28_000
"""Characters of metadata that a tab is given; Google stores 30,000 ("Read and write developer metadata", limits)."""

LOOK: Final = (
    "properties/title,namedRanges(namedRangeId,name,range),sheets(properties(sheetId,title,gridProperties),developerMetadata,"
    f"data(startRow,startColumn,rowData(values({READ})),columnMetadata(developerMetadata)))"
)
"""Field mask of a look."""

_LETTERS: Final[dict[str, Role]] = {"r": "run", "i": "input", "o": "output"}
_HEADER_WITHIN: Final = 20  # rows in which the header is looked for


def turn_name(sheet_id: int) -> str:
    """Name of the range that holds the turn of a tab."""
    return f"experiment_sheet_{sheet_id}"


@dataclass(slots=True)
class Meta:
    """One developer metadata of the library."""

    id: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The named range whose id is the turn, and the row it lies on."""

    id: str
    row: int


@dataclass
class View:
    """A tab. `grid[row][column]` is CellData; rows and columns count from 0 as Google counts them."""

    sheet_id: int
    title: str
    grid: list[list[JSON]]
    size: tuple[int, int]  # rows and columns of the grid, blank ones too
    attached: dict[int, list[Meta]] = field(default_factory=dict)  # to columns
    own: list[Meta] = field(default_factory=list)  # to the tab
    turn: Turn | None = None
    known: Mapping[str, Column] = field(default_factory=dict)  # header → column, where metadata is lacking
    book: str = ""  # the spreadsheet's title

    @classmethod
    def of(cls, answer: JSON, sheet_id: int, known: Mapping[str, Column]) -> View | None:
        """The tab in an answer, as far as it is in there; None if it isn't."""
        for sheet in answer.get("sheets", ()):
            properties = sheet["properties"]
            if properties.get("sheetId", 0) == sheet_id:
                break
        else:
            return None
        blocks, sizes = sheet.get("data", ()), properties.get("gridProperties", {})
        return cls(
            sheet_id,
            properties.get("title", ""),
            _grid_of(blocks),
            (sizes.get("rowCount", 0), sizes.get("columnCount", 0)),
            {at: metas for block in blocks for at, metas in attached_of(block).items()},
            [_meta(one) for one in sheet.get("developerMetadata", ()) if one["metadataKey"] in (MARK, BY, MADE_AS)],
            _turn_of(answer, sheet_id),
            known,
            answer.get("properties", {}).get("title", ""),
        )

    # Cells

    def data(self, row: int, column: int) -> JSON:
        """CellData of a cell."""
        cells = self.grid[row] if row < len(self.grid) else []
        return cells[column] if column < len(cells) else {}

    def cell(self, row: int, column: int) -> Cell:
        """What a cell holds."""
        return cell_of(self.data(row, column))

    @cached_property
    def end(self) -> int:
        """The row below the last that holds something."""
        return max((row for row, cells in enumerate(self.grid) if any(map(filled, cells))), default=-1) + 1

    @cached_property
    def width(self) -> int:
        """The column right of the last that holds something or is ours."""
        widest = 0
        for cells in self.grid:
            last = next((at for at in range(len(cells) - 1, widest - 1, -1) if filled(cells[at])), -1)
            widest = max(widest, last + 1)
        return max([widest, *(at + 1 for at in self.attached)])

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in the tab."""
        return self.end == 0

    # Columns

    @cached_property
    def header(self) -> int | None:
        """The header's row; None if a person deleted it.

        In a tab that the library has written to it is the row that names most of its columns; where a person renamed
        them all, the one that bears the turn. Elsewhere it is the one that says ``run_id``, else the first that is not
        blank.
        """
        rows = range(min(self.end, _HEADER_WITHIN))
        if self.attached:
            bears = self.turn.row if self.turn else -1
            named = [(self._names(row), row == bears, -row) for row in rows]
            most, _, row = max(named, default=(0, False, 0))
            return -row if most else (bears if bears in rows and self._is_text(bears) else None)
        tells = (row for row in rows if any(self.cell(row, at) == RUN_ID.key for at in range(self.width)))
        first = next((row for row in rows if any(map(filled, self.grid[row]))), 0)
        return next(tells, first)

    def _names(self, row: int) -> int:
        """How many of our columns a row names."""
        pairs = ((column_of(metas), self.cell(row, at)) for at, metas in self.attached.items())
        return sum(column is not None and text in (column.key, label(column)) for column, text in pairs)

    def _is_text(self, row: int) -> bool:
        """Whether a row holds nothing but text under our columns."""
        found = [self.cell(row, at) for at in self.attached]
        return all(cell is None or isinstance(cell, str) for cell in found) and any(found)

    @cached_property
    def headers(self) -> list[str]:
        """Text of every header."""
        return [to_text(self.cell(self.header or 0, at)) for at in range(self.width)]

    @cached_property
    def labels(self) -> list[str]:
        """Headers, with a name of its own for each column whose metadata says what it is, whatever its text."""
        seen: set[Column] = set()
        found = list(self.headers)
        for at in sorted(self.attached):
            column = column_of(self.attached[at])
            if column is not None and column not in seen:
                seen.add(column)
                found[at] = f"\0{column.role}:{column.key}"
        return found

    @cached_property
    def certain(self) -> dict[str, Column]:
        """Label → column of those columns that are known to be ours."""
        found = {label: parse(label[1:]) for label in self.labels if label.startswith("\0")}
        sure = {label: column for label, column in found.items() if column is not None}
        there = set(sure.values())
        return sure | {h: c for h, c in self.known.items() if c not in there and h in self.labels}

    @cached_property
    def columns(self) -> list[Column]:
        """Identity of every column."""
        return identify(self.labels, self.certain)

    @cached_property
    def run_ids(self) -> dict[RunId, list[int]]:
        """Rows by run_id, top to bottom."""
        found: dict[RunId, list[int]] = {}
        for row in self.rows():
            if run := self.run_at(row):
                found.setdefault(run, []).append(row)
        return found

    @cached_property
    def _run_id_column(self) -> int:
        return self.columns.index(RUN_ID) if RUN_ID in self.columns else -1

    def run_at(self, row: int) -> RunId | None:
        """The run_id in a row."""
        run = self.cell(row, self._run_id_column) if self._run_id_column >= 0 else None
        return run if isinstance(run, str) else None

    def rows(self) -> Iterator[int]:
        """Rows below the header that are not blank."""
        first = (self.header or 0) + 1
        return (row for row in range(first, self.end) if any(map(filled, self.grid[row])))

    @property
    def top(self) -> int:
        """The header's row, of a tab that has one."""
        return self.header or 0

    # What the library keeps

    @property
    def mark(self) -> Mark | None:
        """The highest mark: of two writers at once the later may have known less."""
        found = [mark for one in self.own if one.key == MARK and (mark := _mark(one.value))]
        return max(found, key=lambda mark: mark.generation, default=None)

    @property
    def is_ours(self) -> bool:
        """Whether the library wrote here before."""
        return bool(self.own or self.attached)

    @property
    def room(self) -> int:
        """Characters of metadata that the tab still takes."""
        every = [*self.own, *(one for metas in self.attached.values() for one in metas)]
        return ROOM - sum(len(one.key) + len(one.value) for one in every)


def filled(data: JSON) -> bool:
    """Whether a cell holds something, if only a formula that shows nothing."""
    return bool(data.get("userEnteredValue"))


def value_of(data: JSON) -> JSON:
    """The value of a cell, in the spelling in which an answer gives it."""
    value: JSON = data.get("userEnteredValue") or {}
    if "numberValue" in value:
        return {"numberValue": float(value["numberValue"])}
    return {} if value == {"stringValue": ""} else value


def holds(view: View, row: int, column: int, data: JSON) -> bool:
    """Whether a cell has the value that was sent."""
    return value_of(view.data(row, column)) == value_of(data)


def attached_of(data: JSON) -> dict[int, list[Meta]]:
    """Metadata of the library, by column."""
    found: dict[int, list[Meta]] = {}
    for at, column in enumerate(data.get("columnMetadata", ()), data.get("startColumn", 0)):
        metas = [_meta(one) for one in column.get("developerMetadata", ()) if one.get("metadataKey") == COLUMN]
        if metas:
            found[at] = metas
    return found


def column_of(metas: Sequence[Meta]) -> Column | None:
    """What a column's metadata says it is; of several the first."""
    return next((column for one in metas if (column := parse(one.value))), None)


def written(column: Column) -> str:
    """Metadata's value of a column."""
    return f"{column.role[0]}:{column.key}"


def parse(value: str) -> Column | None:
    """Column of a metadata's value, its role whole or by its first letter."""
    role, _, key = value.partition(":")
    return Column(_LETTERS[role[0]], key) if role and key and role[0] in _LETTERS else None


def _meta(item: JSON) -> Meta:
    return Meta(item["metadataId"], item["metadataKey"], item.get("metadataValue", ""))


def _mark(value: str) -> Mark | None:
    sheet, _, generation = value.rpartition(":")
    return Mark(sheet, int(generation)) if sheet and generation.isdecimal() else None


def _turn_of(answer: JSON, sheet_id: int) -> Turn | None:
    name = turn_name(sheet_id)
    for one in answer.get("namedRanges", ()):
        if one.get("name", "").casefold() == name:
            return Turn(str(one["namedRangeId"]), one.get("range", {}).get("startRowIndex", 0))
    return None


def _grid_of(blocks: Sequence[JSON]) -> list[list[JSON]]:
    """Cells of one or more blocks, each where it stands."""
    grid: list[list[JSON]] = []
    for block in blocks:
        left = block.get("startColumn", 0)
        for row, found in enumerate(block.get("rowData", ()), block.get("startRow", 0)):
            cells = found.get("values", [])
            grid.extend([] for _ in range(row + 1 - len(grid)))
            line = grid[row]
            line.extend({} for _ in range(left + len(cells) - len(line)))
            line[left : left + len(cells)] = cells
    return grid
