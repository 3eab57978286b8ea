"""What people's and other programs' tables spell as text: a whole column at a time, numbers, dates, times, words. Pure.

A CSV of ours spells each value in one way; others write ``  0.10``, ``1.234,5``, ``true``, ``161ms`` or
``2026-05-25T14:08:33.000Z``. A column is read as numbers only if every cell of it that says anything is one, because
``007`` beside ``1a3`` is a name; and with decimal commas only if they can't be thousands: ``1,234`` alone stays text.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from experiment_sheet.values import Cell, to_cell

MISSING: Final = frozenset(("", "-", "--", "na", "n/a", "#n/a", "null", "none", "?"))
"""What is written where there is no value; in small letters."""

_PLAIN: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_COMMA: Final = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+", re.ASCII)
_ZEROS: Final = re.compile(r"[-+]?0\d", re.ASCII)  # 007 is a name
_ODD: Final[dict[str, float]] = {
    name: value
    for value, names in ((math.nan, ("nan",)), (math.inf, ("inf", "+inf", "infinity")), (-math.inf, ("-inf",)))
    for name in names
}
_TRUTH: Final = {"true": True, "false": False}
_SPAN: Final = re.compile(r"(?:(\d+) days?,? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "m": 60.0, "min": 60.0, "mins": 60.0,
                 "minutes": 60.0, "h": 3600.0, "hours": 3600.0, "d": 86400.0, "days": 86400.0}  # fmt: skip
_WITH_UNIT: Final = re.compile(rf"(\d+(?:\.\d+)?)\s?({'|'.join(_UNITS)})", re.ASCII | re.IGNORECASE)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[-+]\d\d:?\d\d)?)?", re.ASCII)


def column(cells: Sequence[Cell], *, commas: bool = False) -> list[Cell]:
    """Read the cells of one column; those that are no text stay as they are.

    `commas`: the table is known to write decimal commas (`has_commas` of another column).
    """
    texts = [_text(cell) for cell in cells]
    said = [text for text in texts if text is not None]
    if not said:
        return [None if isinstance(cell, str) else cell for cell in cells]
    read = next((read for read in _readers(said, commas) if all(read(text) is not None for text in said)), None)
    if read is None:
        return [cell.strip() or None if isinstance(cell, str) else cell for cell in cells]
    return [
        cell if not isinstance(cell, str) else None if text is None else read(text)
        for cell, text in zip(cells, texts, strict=True)
    ]


def has_commas(cells: Sequence[Cell]) -> bool:
    """Whether a column can be nothing but numbers with decimal commas."""
    said = [text for cell in cells if (text := _text(cell)) is not None and text.lower() not in _ODD]
    return bool(said) and all(map(_COMMA.fullmatch, said)) and any(map(_is_decimal, said))


def spans(cells: Sequence[Cell], *, unit: float = 1.0) -> list[Cell] | None:
    """Read a column as spans of time; numbers are in units of so many seconds. None if one can't be read so."""
    found = [_span(cell, unit) if cell is not None else None for cell in cells]
    if any(span is None and cell is not None for span, cell in zip(found, cells, strict=True)):
        return None
    return list(found)


def moments(cells: Sequence[Cell]) -> list[Cell] | None:
    """Read a column as moments, numbers as seconds or milliseconds since 1970. None if one can't be read so."""
    found = [_moment(cell) if cell is not None else None for cell in cells]
    if any(moment is None and cell is not None for moment, cell in zip(found, cells, strict=True)):
        return None
    return list(found)


def _text(cell: Cell) -> str | None:
    """What a cell spells; None where it spells nothing."""
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    return None if text.lower() in MISSING else text


def _readers(said: Sequence[str], commas: bool) -> list[Callable[[str], Cell]]:
    if commas or (any("," in text for text in said) and has_commas(said)):
        return [_comma_number, _truth, _date]
    return [_number, _truth, _date]


def _is_decimal(text: str) -> bool:
    return "," in text and not _THOUSANDS.fullmatch(text)


def _number(text: str) -> Cell:
    if text.lower() in _ODD:
        return _ODD[text.lower()]
    if not _PLAIN.fullmatch(text) or _ZEROS.match(text):
        return None
    return to_cell(int(text)) if text.lstrip("+-").isdigit() else float(text)


def _comma_number(text: str) -> Cell:
    if text.lower() in _ODD:
        return _ODD[text.lower()]
    if not _COMMA.fullmatch(text) or not any(sign.isdigit() for sign in text):
        return _number(text)
    plain = text.replace(".", "").replace(",", ".")
    return _number(plain)


def _truth(text: str) -> Cell:
    return _TRUTH.get(text.lower())


def _date(text: str) -> Cell:
    if not _DATE.fullmatch(text):
        return None
    try:
        if len(text) <= len("2026-01-01"):
            return dt.date.fromisoformat(text)
        return to_cell(dt.datetime.fromisoformat(text.replace(",", ".")))
    except ValueError:
        return None


def _span(cell: Cell, unit: float) -> dt.timedelta | None:
    if isinstance(cell, dt.timedelta):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _seconds(cell * unit)
    if not isinstance(cell, str):
        return None
    if found := _SPAN.fullmatch(cell.strip()):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return _seconds(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if found := _WITH_UNIT.fullmatch(cell.strip()):
        return _seconds(float(found[1]) * _UNITS[found[2].lower()])
    return None


def _seconds(number: float) -> dt.timedelta | None:
    try:
        return dt.timedelta(seconds=number)
    except (OverflowError, ValueError):
        return None


def _moment(cell: Cell) -> Cell:
    if isinstance(cell, dt.datetime):
        return cell
    if isinstance(cell, dt.date):
        return dt.datetime(cell.year, cell.month, cell.day)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 1e8 < cell < 1e14:
        seconds = cell / 1000 if cell > 1e11 else cell
        return to_cell(dt.datetime.fromtimestamp(seconds, dt.UTC))
    return None
