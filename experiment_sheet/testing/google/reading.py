"""What cells show: values of formulas, number formats, render options."""

from __future__ import annotations

import re
from typing import Any, Final

from experiment_sheet.testing.google.a1 import Area, Reference
from experiment_sheet.testing.google.formulas import Block, Formula, FormulaError, Value, single, tokens
from experiment_sheet.testing.google.functions import FUNCTIONS
from experiment_sheet.testing.google.numbers import DATE_TYPES, kept, shown
from experiment_sheet.testing.google.refusal import JSON, invalid
from experiment_sheet.testing.google.spreadsheet import Spreadsheet
from experiment_sheet.testing.google.tab import Tab

Shown = Value | FormulaError

RENDERS: Final = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")
DATES: Final = ("SERIAL_NUMBER", "FORMATTED_STRING")
_LONE_CELL: Final = re.compile(r"=\s*\$?[A-Za-z]{1,3}\$?[0-9]+\s*")


class Reader:
    """Reads one spreadsheet at one moment; computes each formula once."""

    def __init__(self, book: Spreadsheet) -> None:
        self.book = book
        self._known: dict[tuple[int, int, int], Shown] = {}

    def value(self, tab: Tab, row: int, column: int) -> Shown:
        """Value of a cell; None if it is empty."""
        entered = tab.cell(row, column).get("userEnteredValue")
        if not entered:
            return None
        if "formulaValue" not in entered:
            plain: Value = next(iter(entered.values()))
            return plain
        place = (tab.sheet_id, row, column)
        if place not in self._known:
            self._known[place] = FormulaError("REF", "Circular dependency detected.")
            self._known[place] = self._computed(tab, entered["formulaValue"])
        return self._known[place]

    def _computed(self, tab: Tab, text: str) -> Shown:
        try:
            formula = Formula(tokens(text), lambda found: self._block(tab, found), FUNCTIONS, self._named)
            return single(formula.value())
        except FormulaError as error:
            return error
        except (IndexError, ValueError, OverflowError, RecursionError):
            return FormulaError("VALUE", "Wrong arguments.")

    def _named(self, name: str) -> Reference | None:
        found = self.book.named(name)
        return found[1] if found else None

    def _block(self, tab: Tab, found: Reference) -> Block:
        """Values of a range, as far as the grid is used."""
        target = tab if found.title is None else self.book.titled(found.title)
        if target is None:
            raise FormulaError("REF", f"Unresolved sheet name '{found.title}'.")
        whole, used = target.whole, target.used
        top, left = found.top or 0, found.left or 0
        if top >= whole.bottom or left >= whole.right:
            raise FormulaError("REF", "Reference does not exist.")
        bottom = used.bottom if found.bottom is None else min(found.bottom, max(used.bottom, top + 1))
        right = used.right if found.right is None else min(found.right, max(used.right, left + 1))
        rows: list[list[Value]] = []
        for row in range(top, bottom):
            values = [self.value(target, row, column) for column in range(left, right)]
            rows.append([_or_raise(value) for value in values])
        return Block(rows)

    def number_format(self, tab: Tab, row: int, column: int) -> JSON:
        """NumberFormat of a cell; that of the cell a formula names, where it has none."""
        cell = tab.cell(row, column)
        own: JSON | None = cell.get("userEnteredFormat", {}).get("numberFormat")
        formula = cell.get("userEnteredValue", {}).get("formulaValue", "")
        if own or not formula:
            return own or {}
        if formula.upper().startswith("=DATE("):
            return {"type": "DATE"}
        if _LONE_CELL.fullmatch(formula):
            target, area = self.book.resolve(f"'{tab.title.replace(chr(39), chr(39) * 2)}'!{formula[1:].strip()}")
            if (area.top, area.left) != (row, column):
                return self.number_format(target, area.top, area.left)
        return {}

    def text(self, tab: Tab, row: int, column: int) -> str:
        """What a cell shows."""
        value = self.value(tab, row, column)
        if value is None:
            return ""
        if isinstance(value, FormulaError):
            return value.text
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, str):
            return value
        code = self.number_format(tab, row, column)
        return shown(value, code.get("type"), code.get("pattern"), self.book.locale)

    def rendered(self, tab: Tab, row: int, column: int, render: str = RENDERS[0], dates: str = DATES[0]) -> Any:
        """A cell in a render option; the empty text where it is empty."""
        if render == "FORMATTED_VALUE":
            return self.text(tab, row, column)
        entered = tab.cell(row, column).get("userEnteredValue") or {}
        if render == "FORMULA" and "formulaValue" in entered:
            return entered["formulaValue"]
        value = self.value(tab, row, column)
        if isinstance(value, FormulaError):
            return value.text
        if value is None or isinstance(value, str | bool):
            return "" if value is None else value
        if dates == DATES[1] and self.number_format(tab, row, column).get("type") in DATE_TYPES:
            return self.text(tab, row, column)
        return kept(value)

    def values(
        self, tab: Tab, area: Area, *, major: str = "ROWS", render: str = RENDERS[0], dates: str = DATES[0]
    ) -> list[list[Any]]:
        """Values of an area without the empty ones at the end of each line, and without empty lines at the end."""
        bottom = min(area.bottom, len(tab.rows))
        lines = []
        for row in range(area.top, bottom):
            filled = [
                c for c in tab.rows[row] if area.left <= c < area.right and tab.rows[row][c].get("userEnteredValue")
            ]
            last = max(filled, default=area.left - 1)
            lines.append([self.rendered(tab, row, column, render, dates) for column in range(area.left, last + 1)])
        if major == "COLUMNS":
            width = max((len(line) for line in lines), default=0)
            lines = [[line[at] if at < len(line) else "" for line in lines] for at in range(width)]
        trimmed = [_trimmed(line) for line in lines]
        while trimmed and not trimmed[-1]:
            trimmed.pop()
        return trimmed


def _or_raise(value: Shown) -> Value:
    if isinstance(value, FormulaError):
        raise value
    return value


def _trimmed(line: list[Any]) -> list[Any]:
    end = len(line)
    while end and line[end - 1] == "":
        end -= 1
    return line[:end]


def option(value: str | None, field: str, choices: tuple[str, ...]) -> str:
    """An enum of a request; the first choice is the default."""
    if not value:
        return choices[0]
    if value not in choices:
        raise invalid(f"Invalid value at '{field}' (type.googleapis.com/google.apps.sheets.v4), \"{value}\"")
    return value
