"""What a cell holds: the value a person sees, as this library's types have it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Final

from experiment_sheet import values
from experiment_sheet.ooxml import cells
from experiment_sheet.ooxml.rows import RawCell
from experiment_sheet.ooxml.strings import SharedStrings, rich_text
from experiment_sheet.ooxml.styles import Styles
from experiment_sheet.ooxml.xml import IN_TAG, escape, text
from experiment_sheet.values import Cell, Link

_VALUE: Final = re.compile(rb"<(?:[\w.\-]+:)?v(?=[\s/>])" + IN_TAG + rb">(.*?)</(?:[\w.\-]+:)?v\s*>", re.DOTALL)
_FORMULA: Final = re.compile(
    rb"<(?:[\w.\-]+:)?f(?=[\s/>])" + IN_TAG + rb">(?:(?<=/>)|(.*?)</(?:[\w.\-]+:)?f\s*>)", re.DOTALL
)
_INDEX: Final = re.compile(r"\s*[0-9]{1,9}\s*")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")


class Holder:
    """Reads cells with what the workbook says of their style and text."""

    def __init__(self, strings: SharedStrings, styles: Callable[[], Styles | None], *, date1904: bool) -> None:
        """`styles` is called when the first number is read."""
        self.date1904 = date1904
        self._strings = strings
        self._styles = styles

    def value(self, cell: RawCell) -> Cell:
        """Return the value of a cell; that of a formula is the cached one, an error is NaN."""
        found = formula(cell)
        if found is not None and (link := cells.link(found)) is not None:
            return link
        if cell.kind == "inlineStr":
            return cells.special(rich_text(cell.inside) or _plain(cell)) or None
        raw = _plain(cell)
        if not raw:
            return None
        match cell.kind:
            case "s":
                return cells.special(self._strings[int(raw)]) or None if _INDEX.fullmatch(raw) else None
            case "str":
                return cells.special(cells.decoded(raw))
            case "b":
                return raw.strip() in {"1", "true"}
            case "e":
                return math.nan
            case "d":
                return _iso(raw.strip())
            case _:
                return self._number(raw.strip(), cell.style)

    def holds(self, cell: RawCell, wanted: Cell) -> bool:
        """Whether a cell holds a value, as far as the format can tell."""
        found = self.value(cell)
        wanted = cells.settled(wanted, date1904=self.date1904)
        if isinstance(wanted, Link):
            shown = found.text if isinstance(found, Link) else found
            same_place = not isinstance(found, Link) or found.href == wanted.href
            return same_place and shown == wanted.text
        if isinstance(found, int | float) and isinstance(wanted, dt.date | dt.timedelta | dt.time):
            number = cells.serial(wanted, date1904=self.date1904)
            return number is not None and abs(found - number) < 1e-8
        if isinstance(found, Link):
            return found.text == wanted
        if isinstance(wanted, str):
            wanted = cells.special(wanted)
        return found is wanted if found is None or wanted is None else values.same(found, wanted)

    def of_kind(self, cell: RawCell, wanted: Cell) -> bool:
        """Whether a cell that holds `wanted` is also text, or truth, as it is; ``FALSE`` may be either."""
        found, settled = self.value(cell), cells.settled(wanted, date1904=self.date1904)
        settled = cells.special(settled) if isinstance(settled, str) else settled
        return all(isinstance(found, kind) == isinstance(settled, kind) for kind in (bool, str))

    def _number(self, raw: str, style: int) -> Cell:
        styles = self._styles() if style else None
        kind = styles.kind(style) if styles else None
        try:
            number = int(raw) if _WHOLE.fullmatch(raw) and len(raw) < 300 else float(raw)
        except ValueError:
            return math.nan
        return cells.moment(number, kind, date1904=self.date1904) if kind else number


def formula(cell: RawCell) -> str | None:
    """Formula of a cell, empty where it is shared with another cell; None if it has none."""
    match = _FORMULA.search(cell.inside) if b"f" in cell.inside else None
    return None if match is None else text(match[1] or b"")


def blank(cell: RawCell) -> bool:
    """Whether a cell shows nothing: no value and no formula."""
    return not cell.inside or (formula(cell) is None and not _plain(cell) and not rich_text(cell.inside))


def with_formula(content: bytes, text: str) -> bytes:
    """Content of a cell with another formula, and without its cached value, so that every program computes it."""
    match = _FORMULA.search(content)
    if match is not None and match[1] is not None:
        content = content[: match.start(1)] + escape(text) + content[match.end(1) :]
    return _VALUE.sub(b"", content)


def _plain(cell: RawCell) -> str:
    match = _VALUE.search(cell.inside)
    return text(match[1]) if match else ""


def _iso(raw: str) -> Cell:
    try:
        found = dt.datetime.fromisoformat(raw)
    except ValueError:
        return raw
    return values.to_cell(found if "T" in raw or " " in raw else found.date())
