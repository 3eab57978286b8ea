"""Writes cells into rows: which style they get, which formulas a new row is filled with.

A new cell looks like its column: what at least three of the last five rows share, else the style of the whole
column, else what the sheet's look says of such a value. A date in a style that shows none gets that style with
a date format. Calculated columns are filled as Excel fills them; their values are left to be computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from experiment_sheet.columns import Column
from experiment_sheet.look import FIXED, Look, suits_fixed
from experiment_sheet.ooxml import cells
from experiment_sheet.ooxml.formula import copied_down, qualified
from experiment_sheet.ooxml.held import blank, formula, with_formula
from experiment_sheet.ooxml.new_styles import cell_style
from experiment_sheet.ooxml.place import Place
from experiment_sheet.ooxml.rows import RawCell, Row, cells_of, column_letters, styles_of
from experiment_sheet.ooxml.styles import Styles, fitting
from experiment_sheet.ooxml.worksheet import Worksheet
from experiment_sheet.ooxml.xml import escape, with_attributes
from experiment_sheet.values import Cell, units

_ENOUGH: Final = 3
_LONGEST: Final = 8_192
"""Characters of a formula ("Excel specifications and limits": length of formula contents)."""


class Pen:
    """Spells cells for one tab."""

    def __init__(self, sheet: Worksheet, styles: Styles | None, look: Look, *, date1904: bool) -> None:
        self.prefix = sheet.prefix
        self._sheet = sheet
        self._styles = styles
        self._look = look
        self._date1904 = date1904
        self._shared: dict[int, int | None] = {}  # column → style that most of the last rows share
        self._chosen: dict[tuple[int, type], int] = {}  # column, kind of value → style
        self._calculated: dict[int, tuple[str, int]] = {}  # column → formula, row it is written for

    def follow(self, rows: Iterable[Row], place: Place) -> None:
        """Look at the last rows of data, which new ones are to look like."""
        rows = list(rows)
        styles: dict[int, list[int]] = {}
        for row in rows:
            for column, style in styles_of(row.text, self.prefix):
                styles.setdefault(column, []).append(style)
        for column, found in styles.items():
            style = max(found, key=found.count)
            self._shared[column] = style if found.count(style) >= min(_ENOUGH, len(rows)) else None
        if place.table and any(column.formula for column in place.table.columns):
            last = {cell.column: (cell, row.number) for row in rows for cell in cells_of(row.text, self.prefix)}
            for at, table_column in zip(place.headers, place.table.columns, strict=False):
                if table_column.formula:
                    text, number = _calculated(table_column.formula, place.first, last.get(at))
                    whole = qualified(text, place.table.name)
                    if units(whole) <= _LONGEST:
                        self._calculated[at] = whole, number

    def new_cell(self, at: int, number: int, column: Column | None, value: Cell) -> bytes:
        """Cell of a new row."""
        key = (at, type(value))
        style = self._chosen.get(key)
        if style is None:
            style = self._chosen[key] = self._style(at, column, value)
        return self._written(value, at, number, style)

    def old_cell(self, cell: RawCell | None, at: int, number: int, column: Column | None, value: Cell) -> bytes:
        """Cell of a row that exists: it keeps its style, but for a date that would show as a number."""
        if cell is None or (blank(cell) and not cell.style):
            return b"" if value is None else self.new_cell(at, number, column, value)
        style = self._fitting(cell.style, value) if value is not None else cell.style
        if value is None and not style:
            return b""
        return self._written(value, at, number, style)

    def blank_cell(self, at: int, number: int) -> bytes:
        """Styled empty cell of a new row, where its column has a style; else nothing."""
        style = self._shared.get(at) or 0
        return self._written(None, at, number, style) if style else b""

    def formula_cell(self, at: int, number: int) -> bytes | None:
        """Cell of a calculated column; None where the column is none."""
        found = self._calculated.get(at)
        if found is None:
            return None
        text, row = found
        style = self._shared.get(at)
        style = self._sheet.column_style(at) if style is None else style
        attrs = f' s="{style}"' if style else ""
        content = escape(copied_down(text, number - row))
        plain = b'<c r="%b%d"%b><f>%b</f></c>' % (column_letters(at).encode(), number, attrs.encode(), content)
        return cells.prefixed(plain, self.prefix) if self.prefix else plain

    def moved_cell(self, whole: bytes, cell: RawCell, ref: str, text: str | None) -> bytes:
        """Cell of a totals row at another place; a formula without its cached value, to be computed."""
        tag = with_attributes(cell.tag, {"r": ref, **({"t": None} if text is not None else {})})
        rest = whole[len(cell.tag) :]
        return tag + (rest if text is None else with_formula(rest, text))

    def _written(self, value: Cell, at: int, number: int, style: int) -> bytes:
        ref = f"{column_letters(at)}{number}"
        return cells.written(value, ref, style, prefix=self.prefix, date1904=self._date1904)

    @property
    def is_ours(self) -> bool:
        """Whether this library made the workbook."""
        return self._styles is not None and self._styles.named(cell_style(None)) is not None

    def column_style(self, column: Column, samples: Iterable[Cell]) -> int:
        """Style of a whole new column, in a workbook that this library made; in any other, none."""
        first = next((value for value in samples if value is not None), None)
        return self._new_style(column, first) if self.is_ours else 0

    def _style(self, at: int, column: Column | None, value: Cell) -> int:
        shared = self._shared.get(at)
        style = self._sheet.column_style(at) if shared is None else shared
        if not style and shared is None and column is not None and column.role != "people":
            style = self._new_style(column, value)
        return self._fitting(style, value)

    def _new_style(self, column: Column, value: Cell) -> int:
        """Style by the sheet's look, of a column that has none."""
        if self._styles is None:
            return 0
        style = self._styles.named(cell_style(value)) or 0
        code = self._look.number_format(column, value)
        return self._styles.with_format(style, code) if code and code != "General" else style

    def _fitting(self, style: int, value: Cell) -> int:
        """Style, or one like it that shows this kind of value as what it is."""
        if self._styles is None or value is None:
            return style
        code = self._styles.code(style)
        if code == FIXED and isinstance(value, float) and not suits_fixed(value):
            return self._styles.with_format(style, "General")
        fits = fitting(code, cells.settled(value, date1904=self._date1904))
        return style if fits == code else self._styles.with_format(style, fits)


def _calculated(text: str, first: int, last: tuple[RawCell, int] | None) -> tuple[str, int]:
    """Formula of a calculated column, and the row for which it is written.

    Excel keeps it as written for the first row; where the last row has its own, that is what a person
    would copy down, unless it is shared (then its text stands elsewhere).
    """
    typed = formula(last[0]) if last else None
    if last is not None and typed and b't="' not in last[0].inside:
        shifted = copied_down(text, last[1] - first)
        return (typed, last[1]) if typed.replace(" ", "") == shifted.replace(" ", "") else (text, first)
    return text, first
