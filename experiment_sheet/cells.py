"""What a cell is, and how it is compared and written down: as text, as JSON.

Pure: no I/O, no third-party import. `values` turns everything else into these few types and
shows the names of this module as its own; the rest of the library imports them from there.

Invariants:

- Datetimes are naive and in UTC; floats may be NaN or infinite; text has any length and may
  hold any character but lone surrogates.
- ``None`` is the empty cell. A key that is absent leaves a cell alone, ``None`` clears it,
  NaN is a value like any other.
- `from_json(to_json(cell))` is the cell, exactly; `from_text(to_text(cell))` is it for everything
  but times of day (read as durations), links (their address) and text that is spelled like another value.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads somewhere.

    `href` is a URL, or a path relative to the sheet's folder with forward slashes, not
    percent-encoded; `text` is what the cell shows.
    """

    href: str
    text: str


Cell = bool | int | float | str | dt.datetime | dt.date | dt.time | dt.timedelta | Link | None
"""One cell. `dt.time` is only ever read (people type it), never written."""

EMPTY: Final = None
"""The empty cell: written, it clears; read, there was nothing."""

CELL_LIMIT: Final = 32_767
"""Most UTF-16 units of text in a cell ("Excel specifications and limits", support.microsoft.com)."""

INT_BITS: Final = 2_000
"""Longest int kept as one: Python may refuse to write out more than 640 digits
(`sys.int_info.str_digits_check_threshold`); longer ones become hexadecimal text."""

_CUT: Final = re.compile(r"(.*)… \[cut: ([\d,]+) characters\]", re.DOTALL)


def clean(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates, which no file can hold, by U+FFFD."""
    if text.isascii():
        return str(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return str(text)


def units(text: str) -> int:
    """Count UTF-16 units, in which Excel and Google Sheets measure text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """Return `text`, or as much of it as fits `limit` UTF-16 units with a mark that says how long it was."""
    if units(text) <= limit:
        return text
    mark = f"… [cut: {len(text):,} characters]"
    room = limit - len(mark)
    if room < 0:
        mark, room = "", max(limit, 0)
    return text.encode("utf-16-le", "surrogatepass")[: 2 * room].decode("utf-16-le", "ignore") + mark


def same(found: Cell, other: Cell) -> bool:
    """Tell whether a cell still holds what was written, as far as programs that save it keep it exactly.

    Numbers agree within 1e-14 (Excel saves 15 to 17 digits), times within a millisecond, text whatever its line
    ends and wherever it was cut; a value agrees with its canonical text, a bool with ``TRUE``,
    a date with its midnight, a time of day with a duration, a link with its text or address.
    """
    if type(found) is type(other) and found == other:
        return True
    if isinstance(found, str) and isinstance(other, str):
        return _same_text(found, other) or _same_text(other, found)
    if isinstance(found, Link) and isinstance(other, Link):
        return found.href == other.href
    if isinstance(found, str) or isinstance(other, str):
        return _same_spelling(found, other) if isinstance(found, str) else _same_spelling(str(other), found)
    if isinstance(found, bool) or isinstance(other, bool) or found is None or other is None:
        return found is other
    if isinstance(found, int | float) and isinstance(other, int | float):
        return _same_number(found, other)
    return _same_time(found, other)


def _same_text(cut_one: str, whole: str) -> bool:
    mark = _CUT.fullmatch(cut_one)
    if mark and len(whole) == int(mark[2].replace(",", "")):
        return _unix(whole).startswith(_unix(mark[1]))
    return _unix(cut_one) == _unix(whole)


def _same_spelling(text: str, cell: Cell) -> bool:
    """Compare text with a cell that is none."""
    if isinstance(cell, Link):
        return text in (cell.href, cell.text)
    spelled = to_text(cell)
    return text == spelled or (isinstance(cell, bool) and text.casefold() == spelled.casefold())


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _same_number(one: float, two: float) -> bool:
    if one == two or (one != one and two != two):  # NaN alone differs from itself
        return True
    try:
        return math.isclose(one, two, rel_tol=1e-14)
    except OverflowError:  # an int that no float can hold
        return False


def _same_time(found: Cell, other: Cell) -> bool:
    one, two = _on_one_scale(found), _on_one_scale(other)
    return type(one) is type(two) and abs(one - two) <= dt.timedelta(milliseconds=1)


def _on_one_scale(value: Cell) -> Any:
    if isinstance(value, dt.time):
        return dt.timedelta(0, value.hour * 3600 + value.minute * 60 + value.second, value.microsecond)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value


def to_text(cell: Cell) -> str:
    """Write a cell as its canonical text: the one spelling that `from_text` reads back as this value.

    Floats by `repr`, ``NaN``, ``inf``, ``-inf``; ``True``; ``2026-11-23 18:30:00``; durations as hours, minutes and
    seconds, ``25:01:23``; a link by its address; the empty cell as the empty text.
    """
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, float):
        return repr(cell) if cell == cell else "NaN"
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.timedelta):
        return _duration_text(cell)
    if isinstance(cell, Link):
        return cell.href
    return str(cell)


def _duration_text(span: dt.timedelta) -> str:
    sign, span = ("-", -span) if span < dt.timedelta(0) else ("", span)
    minutes, seconds = divmod(span.days * 86_400 + span.seconds, 60)
    fraction = f".{span.microseconds:06d}" if span.microseconds else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{seconds:02d}{fraction}"


def from_text(text: str) -> Cell:
    """Read a text: as a number, bool or time only if it is exactly what `to_text` writes for that value."""
    if not text:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-0123456789":
        return text
    for pattern, read in _READERS:
        if pattern.fullmatch(text):
            try:
                value = read(text)
            except (ValueError, OverflowError):  # a 13th month, a number of too many digits
                return text
            return value if to_text(value) == text else text
    return text


def _duration(text: str) -> dt.timedelta:
    hours, minutes, seconds = text.removeprefix("-").split(":")
    whole, _, fraction = seconds.partition(".")
    span = dt.timedelta(0, int(hours) * 3600 + int(minutes) * 60 + int(whole), int(fraction or 0))
    return -span if text[0] == "-" else span


_WORDS: Final[Mapping[str, Cell]] = {
    "True": True,
    "False": False,
    "NaN": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
}
_DAY: Final = r"\d{4}-\d\d-\d\d"
_TIME: Final = r"\d\d:\d\d(\.\d{6})?"
_READERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Cell]], ...]] = (
    (re.compile(r"-?\d+", re.ASCII), int),
    (re.compile(r"-?\d+(\.\d+)?(e[-+]\d+)?", re.ASCII), float),
    (re.compile(rf"{_DAY} \d\d:{_TIME}", re.ASCII), dt.datetime.fromisoformat),
    (re.compile(_DAY, re.ASCII), dt.date.fromisoformat),
    (re.compile(rf"-?\d+:{_TIME}", re.ASCII), _duration),
)


def to_json(cell: Cell) -> object:
    """Write a cell as strict JSON, exactly: plain values as they are, others as ``{kind: text}``."""
    if cell is None or isinstance(cell, str | bool):
        return cell
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else {"float": to_text(cell)}
    if isinstance(cell, int):
        return cell if cell.bit_length() <= INT_BITS else {"int": hex(cell)}
    if isinstance(cell, Link):
        return {"link": [cell.href, cell.text]}
    return {type(cell).__name__: to_text(cell)}


def from_json(found: object) -> Cell:
    """Read what `to_json` wrote. Raises ValueError if it is something else."""
    if found is None or isinstance(found, str | bool | int | float):
        return found
    if isinstance(found, dict) and len(found) == 1:
        ((kind, content),) = found.items()
        if kind in _KINDS:
            return _KINDS[kind](content)
    raise ValueError(f"not a cell: {str(found)[:100]}")


_KINDS: Final[Mapping[str, Callable[[Any], Cell]]] = {
    "float": float,
    "int": lambda text: int(text, 16),
    "link": lambda parts: Link(*(clean(part) for part in parts)),
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": _duration,
}
