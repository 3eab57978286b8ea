"""Cell styles of a new workbook, collected by openpyxl while they are asked for.

Headers of each role, text and numbers have *named* styles: the engine finds them by name for a column that comes
later, and a person who changes one in Excel's gallery of cell styles changes all cells that have it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, get_args

from experiment_sheet.columns import Column, Role
from experiment_sheet.look import Look, tint
from experiment_sheet.ooxml.styles import fitting
from experiment_sheet.values import Cell, Link

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Border, Font, NamedStyle

_LINK_COLOR: Final = "1D4ED8"
_LINE_COLOR: Final = "D9DEE5"


def header_style(role: Role) -> str:
    """Name of the cell style of a role's headers, in the workbooks that `create` makes."""
    return f"{role} header"


def cell_style(value: Cell) -> str:
    """Name of the cell style of such values, in the workbooks that `create` makes."""
    return "run number" if _is_number(value) else "run text"


def _font(**said: Any) -> Font:
    from openpyxl.styles import Font

    return Font(name="Calibri", size=11, **said)


def _alignment(value: Cell) -> Alignment:
    from openpyxl.styles import Alignment

    return Alignment("right") if _is_number(value) else Alignment("left", indent=1)


def _line() -> Border:
    """Line that tells rows and columns apart on paper, and where a person hides the gridlines."""
    from openpyxl.styles import Border, Side

    side = Side("thin", color=_LINE_COLOR)
    return Border(right=side, bottom=side)


class NewStyles:
    """Index of the style that a cell is written with; openpyxl collects them while they are asked for."""

    def __init__(self, book: Workbook, look: Look) -> None:
        self._book = book
        self._sheet = book.worksheets[0]
        self._look = look
        self._known: dict[tuple[str | None, bool, bool], int] = {}
        self._name_styles()

    def of(self, column: Column, value: Cell) -> int:
        """Return the style of a cell in one of the rows."""
        kind = (self._format(column, value), _is_number(value), isinstance(value, Link))
        if kind not in self._known:
            self._known[kind] = self._new(self._dress_cell, column, value)
        return self._known[kind]

    def of_header(self, column: Column) -> int:
        """Return the style of a column's header."""
        return self._new(self._dress_header, column)

    def dress(self, styled: Any, column: Column, value: Cell) -> None:
        """Give a cell, or a whole column, the style of such a value."""
        styled.number_format = self._format(column, value) or "General"
        styled.alignment, styled.border = _alignment(value), _line()
        if isinstance(value, Link):
            styled.font = _font(color=_LINK_COLOR, underline="single")

    def _format(self, column: Column, value: Cell) -> str | None:
        """Format that the look has for the value; a number of seconds in a column of durations is no duration."""
        code = self._look.number_format(column, value)
        return fitting(code, value) if code else None

    def _dress_cell(self, styled: Any, column: Column, value: Cell) -> None:
        styled.style = cell_style(value)
        self.dress(styled, column, value)

    def _name_styles(self) -> None:
        from openpyxl.styles import NamedStyle

        for role in get_args(Role):
            header = NamedStyle(header_style(role))
            self._paint_header(header, self._look.role_colors.get(role))
            self._add(header)
        for value in ("text", 1):
            self._add(NamedStyle(cell_style(value), font=_font(), border=_line(), alignment=_alignment(value)))

    def _add(self, style: NamedStyle) -> None:
        """Add a named style, and a cell's style that has nothing but its name: the engine looks for that one."""
        self._book.add_named_style(style)
        self._new(lambda styled: setattr(styled, "style", style.name))

    def _dress_header(self, styled: Any, column: Column) -> None:
        color = self._look.header_color(column)
        roles = (role for role in (column.role, *get_args(Role)) if self._look.role_colors.get(role) == color)
        role = next(roles, None)
        if role is None:
            self._paint_header(styled, color)
        else:
            styled.style = header_style(role)

    def _paint_header(self, styled: Any, color: str | None) -> None:
        from openpyxl.styles import Alignment, Border, PatternFill, Side

        styled.font = _font(bold=True, color=color and tint(color, -0.35))
        styled.alignment = Alignment(horizontal="left", vertical="center", indent=1)
        if color:
            styled.fill = PatternFill("solid", fgColor=tint(color, 0.84))
            styled.border = Border(bottom=Side("medium", color=color))

    def _new(self, dress: Callable[..., None], *what: Any) -> int:
        from openpyxl.cell import Cell as Scratch

        scratch = Scratch(self._sheet, row=1, column=1)
        dress(scratch, *what)
        return scratch.style_id


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float, dt.timedelta)) and not isinstance(value, bool)
