"""Cells as Google keeps them: `Cell` to CellData and back. Pure.

A value is sent typed (numberValue, stringValue, boolValue), so that nothing is parsed: text that begins with ``=`` is
text, and no locale reads a number otherwise. Numbers are doubles; dates and spans are numbers of days since 1899-12-30
under a number format whose type says what they are (developers.google.com/workspace/sheets/api/guides/formats).

What comes back as the other, because the service can't tell them apart: ``5.0`` and ``5``; ``-0.0`` and ``0``; midnight
and the date; empty text and an empty cell; times beyond a microsecond; whole numbers of more than 15 digits, NaN and
infinities, and text that is spelled like them. A link to a file is its path as text, one to the web a link.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Final

from experiment_sheet.columns import Column
from experiment_sheet.look import FIXED, Look
from experiment_sheet.values import Cell, Link, cut, to_text

JSON = dict[str, Any]

LONGEST: Final = 50_000
"""UTF-16 units of text in a cell ("Files you can store in Google Drive", support.google.com/drive/answer/37603)."""

FORMATTED: Final = "userEnteredValue,userEnteredFormat.numberFormat,userEnteredFormat.textFormat.link"
"""Field mask of everything that `cell_data` sets."""

READ: Final = (
    "userEnteredValue,effectiveValue,effectiveFormat/numberFormat,userEnteredFormat(numberFormat,textFormat/link)"
)
"""Field mask of what `cell_of` needs."""

_EPOCH: Final = dt.datetime(1899, 12, 30)
_DAY: Final = dt.timedelta(days=1)
_MOST_DIGITS: Final = 10**15
_WEB: Final = re.compile(r"(https?|mailto|ftp):", re.IGNORECASE)
_WORDS: Final[dict[str, Cell]] = {"NaN": math.nan, "inf": math.inf, "-inf": -math.inf}
_LONG_INT: Final = re.compile(r"-?[1-9]\d{15,}", re.ASCII)
_ERRORS: Final = {
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "N_A": "#N/A",
    "NAME": "#NAME?",
    "NULL_VALUE": "#NULL!",
    "NUM": "#NUM!",
    "REF": "#REF!",
    "VALUE": "#VALUE!",
}


def cell_data(value: Cell, column: Column, look: Look) -> JSON:
    """CellData of a value in a new cell: the value, its number format, its link."""
    entered = _entered(value)
    data: JSON = {"userEnteredValue": entered} if entered else {}
    form: JSON = {}
    if number_format := _number_format(value, column, look):
        form["numberFormat"] = number_format
    if isinstance(value, Link) and is_web(value):
        form["textFormat"] = {"link": {"uri": value.href}}
    return data | ({"userEnteredFormat": form} if form else {})


def changed_data(value: Cell, column: Column, look: Look, found: JSON) -> tuple[JSON, str]:
    """CellData of a value in a cell that has been there, and the fields to set.

    A format that a person gave the cell stays, as long as the value shows under it as what it is.
    """
    data = cell_data(value, column, look)
    form = found.get("userEnteredFormat", {})
    fields = ["userEnteredValue"]
    wanted = data.get("userEnteredFormat", {})
    shown = form.get("numberFormat", {}).get("pattern", "")
    ours = shown in ("", FIXED) and shown != wanted.get("numberFormat", {}).get("pattern", "")
    if value is not None and (ours or kind_of(form) != kind_of(wanted)):
        fields.append("userEnteredFormat.numberFormat")
    if "link" in form.get("textFormat", {}) or "textFormat" in wanted:
        fields.append("userEnteredFormat.textFormat.link")
    return data, ",".join(fields)


def kind_of(form: JSON) -> str | None:
    """Whether a format shows a number as a time, and which kind."""
    number_format = form.get("numberFormat", {})
    kind = number_format.get("type")
    if kind == "TIME" and "[" in number_format.get("pattern", ""):
        return "SPAN"
    return kind if kind in ("DATE", "DATE_TIME", "TIME") else None


def cell_of(data: JSON) -> Cell:
    """What a cell holds; of a formula what it shows."""
    value = data.get("effectiveValue") or data.get("userEnteredValue") or {}
    if "numberValue" in value:
        form = data.get("effectiveFormat") or data.get("userEnteredFormat") or {}
        return _of_number(value["numberValue"], kind_of(form))
    if "boolValue" in value:
        return bool(value["boolValue"])
    if "stringValue" in value:
        return _of_text(str(value["stringValue"]), data)
    if "errorValue" in value:
        return _ERRORS.get(value["errorValue"].get("type", ""), "#ERROR!")
    return None


def stored(value: Cell, column: Column, look: Look) -> Cell:
    """What comes back for a value that is written."""
    return cell_of(cell_data(value, column, look))


def is_web(link: Link) -> bool:
    """Whether a link leads to the web: paths of files can't be clicked in a browser."""
    return bool(_WEB.match(link.href))


def _entered(value: Cell) -> JSON | None:
    """ExtendedValue of a value; None for an empty cell."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"numberValue": value} if abs(value) < _MOST_DIGITS else {"stringValue": cut(str(value), LONGEST)}
    if isinstance(value, float):
        return {"numberValue": value} if math.isfinite(value) else {"stringValue": to_text(value)}
    if isinstance(value, Link):
        return _entered(value.text if is_web(value) else value.href)
    if isinstance(value, str):
        return {"stringValue": cut(value, LONGEST)}
    return {"numberValue": _serial(value)}


def _serial(value: dt.datetime | dt.date | dt.time | dt.timedelta) -> float:
    """Days since 1899-12-30, or of a span."""
    if isinstance(value, dt.timedelta):
        return value / _DAY
    if isinstance(value, dt.time):
        return dt.timedelta(0, value.hour * 3600 + value.minute * 60 + value.second, value.microsecond) / _DAY
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    return (value - _EPOCH) / _DAY


_TYPES: Final[tuple[tuple[type, str, str], ...]] = (
    (dt.datetime, "DATE_TIME", "yyyy-mm-dd hh:mm"),
    (dt.date, "DATE", "yyyy-mm-dd"),
    (dt.timedelta, "TIME", "[h]:mm:ss"),
    (dt.time, "TIME", "hh:mm:ss"),
)


def _number_format(value: Cell, column: Column, look: Look) -> JSON | None:
    if value is None or isinstance(value, bool | str | Link):
        return None
    pattern = look.number_format(column, value)
    for kind, name, plain in _TYPES:
        if isinstance(value, kind):
            span = kind is dt.timedelta
            fits = pattern is not None and ("[" in pattern) == span
            return {"type": name, "pattern": pattern if fits else plain}
    beyond = isinstance(value, int) and abs(value) >= _MOST_DIGITS
    return {"type": "NUMBER", "pattern": pattern} if pattern and not beyond else None


def _of_number(number: float, kind: str | None) -> Cell:
    try:
        if kind in ("DATE", "DATE_TIME"):
            moment = _EPOCH + dt.timedelta(microseconds=round(number * 86_400_000_000))
            return moment.date() if kind == "DATE" and number == int(number) else moment
        if kind in ("TIME", "SPAN"):
            span = dt.timedelta(microseconds=round(number * 86_400_000_000))
            clock = kind == "TIME" and dt.timedelta(0) <= span < _DAY
            return (dt.datetime.min + span).time() if clock else span
    except OverflowError:
        pass
    whole = float(number).is_integer() and abs(number) < _MOST_DIGITS
    return int(number) if whole else float(number)


def _of_text(text: str, data: JSON) -> Cell:
    uri = data.get("userEnteredFormat", {}).get("textFormat", {}).get("link", {}).get("uri")
    if uri:
        return Link(uri, text)
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _LONG_INT.fullmatch(text) else text
