"""How a cell is spelled, so that it comes back as what it was.

| value                         | in the sheet                                                            |
|-------------------------------|-------------------------------------------------------------------------|
| int of up to 15 digits, float | a number, by `repr` (17 digits bring a float back exactly)                |
| longer int, NaN, ±inf         | text (Excel keeps 15 digits; error cells would poison every AVERAGE)      |
| text                          | inline text, cut at 32,767 UTF-16 units; ``=1+1`` is text like any other  |
| date, datetime, timedelta     | a serial number, to the millisecond, as Excel keeps them                  |
| date the calendar lacks       | ISO text (before 1900-01-01; before 1904-01-01 in workbooks of that kind) |
| Link                          | a HYPERLINK formula with cached text; plain text where a part is over 255 |

What the format can't tell apart: ``5.0`` and ``5``; midnight and the date; text that reads ``NaN``,
``inf``, ``-inf`` or a whole number of more than 15 digits, and that number.

Limits: "Excel specifications and limits" (32,767 characters, 15 digits, 255 characters of text in a formula);
`_xHHHH_`: ECMA-376 Part 1, 22.9.2.19 (ST_Xstring). Serials: 18.17.4.1; the day 1900-02-29, which never was, is kept
for Lotus 1-2-3's sake, so days before it count from 1899-12-31, days after it from 1899-12-30.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final
from urllib.parse import quote, unquote

from experiment_sheet import values
from experiment_sheet.ooxml.xml import escape
from experiment_sheet.values import Cell, Link

TEXT_LIMIT: Final = 32_767
_LITERAL_LIMIT: Final = 255
_DIGITS: Final = 10**15
_DAY: Final = dt.timedelta(days=1)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)
_EPOCH: Final = dt.datetime.fromisoformat("1899-12-30")  # day 0, for days from 1900-03-01 on
_EARLY_EPOCH: Final = dt.datetime.fromisoformat("1899-12-31")  # for days before it
_EPOCH_1904: Final = dt.datetime.fromisoformat("1904-01-01")
_FIRST_DAY: Final = dt.datetime.fromisoformat("1900-01-01")
_NO_SUCH_DAY: Final = dt.datetime.fromisoformat("1900-03-01")
_NO_SUCH_NUMBER: Final = 60  # 1900-02-29
_MIDNIGHT: Final = dt.time()
_LAST_DAY: Final = 2_958_465  # 9999-12-31
_SPECIAL: Final = {"NaN": math.nan, "inf": math.inf, "-inf": -math.inf}
_LONG_INT: Final = re.compile(r"-?[1-9][0-9]{15,}")
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HYPERLINK: Final = re.compile(r'=?\s*HYPERLINK\(\s*"((?:[^"]|"")*)"\s*[,;]\s*"((?:[^"]|"")*)"\s*\)', re.IGNORECASE)


def written(value: Cell, ref: str, style: int = 0, *, prefix: bytes = b"", date1904: bool = False) -> bytes:
    """Cell element for `value` at `ref`; elements get `prefix` (with its colon). None is an empty, styled cell."""
    attrs = f' r="{ref}" s="{style}"' if style else f' r="{ref}"'
    if type(value) is float and math.isfinite(value) and not prefix:  # most cells are
        return f"<c{attrs}><v>{value!r}</v></c>".encode()
    kind, inside = _spelled(settled(value, date1904=date1904), date1904=date1904)
    plain = f"<c{attrs}{kind}>{inside}</c>" if inside else f"<c{attrs}/>"
    return prefixed(plain.encode(), prefix) if prefix else plain.encode()


def settled(value: Cell, *, date1904: bool = False) -> Cell:
    """Value as the sheet will hold it: text cut, dates to the millisecond, what has no serial as text."""
    if isinstance(value, str):
        return values.cut(value, TEXT_LIMIT) or None  # no program keeps empty text apart from an empty cell
    if isinstance(value, Link):
        return value if _fits_formula(value) else values.cut(value.text or value.href, TEXT_LIMIT)
    if isinstance(value, dt.datetime):
        value = _rounded(value)
    if isinstance(value, dt.date) and serial(value, date1904=date1904) is None:
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return value


def serial(value: dt.date | dt.time | dt.timedelta, *, date1904: bool = False) -> float | int | None:
    """Number that stands for a date or time in a cell; None where the calendar has none for it."""
    if isinstance(value, dt.timedelta):
        return _number(value)
    if isinstance(value, dt.time):
        return _number(dt.datetime.combine(_EPOCH, value.replace(tzinfo=None)) - _EPOCH)
    found = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, _MIDNIGHT)
    if date1904:
        return _number(found - _EPOCH_1904) if found >= _EPOCH_1904 else None
    if found < _FIRST_DAY:
        return None
    return _number(found - (_EPOCH if found >= _NO_SUCH_DAY else _EARLY_EPOCH))


def moment(number: float, kind: type, *, date1904: bool = False) -> Cell:
    """Date or time that a number stands for in a cell formatted so; the number itself where there is none."""
    if not math.isfinite(number) or abs(number) > _LAST_DAY:
        return number
    span = dt.timedelta(milliseconds=round(number * 86_400_000))
    if kind is dt.timedelta:
        return span
    if kind is dt.time and 0 <= number < 1:
        return (_EPOCH + span).time()
    if number < 0:
        return number
    early = _EARLY_EPOCH if number < _NO_SUCH_NUMBER else _EPOCH
    found = (_EPOCH_1904 if date1904 else early) + span
    return found.date() if span % _DAY == dt.timedelta(0) else found


def special(text: str) -> Cell:
    """Number that a text stands for, if it is one that no number cell can hold; else the text."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    return int(text) if len(text) > 15 and len(text) < 640 and _LONG_INT.fullmatch(text) else text


def encoded(text: str) -> str:
    """Text with the characters that XML can't hold, and what looks like such an escape, as ``_xHHHH_``."""
    if text.isprintable() and "_x" not in text:
        return text
    return _UNSPEAKABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def decoded(text: str) -> str:
    """Text that `encoded` made, as it was."""
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return values.clean(plain)


def link(formula: str) -> Link | None:
    """Link that a formula makes; None for any other formula."""
    match = _HYPERLINK.fullmatch(formula.strip())
    if match is None:
        return None
    href, shown = (part.replace('""', '"') for part in match.groups())
    return Link(href if _URL.match(href) else unquote(href), shown)


def prefixed(plain: bytes, prefix: bytes) -> bytes:
    """Elements as this library spells them, with a namespace prefix."""
    return re.sub(rb"<(/?)(?=[a-z])", rb"<\1" + prefix, plain)


def _spelled(value: Cell, *, date1904: bool) -> tuple[str, str]:
    """Attribute ``t`` and the content of a cell."""
    if value is None:
        return "", ""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return ' t="b"', f"<v>{int(value)}</v>"
    if isinstance(value, float):
        return ("", f"<v>{value!r}</v>") if math.isfinite(value) else _text(str(value).replace("nan", "NaN"))
    if isinstance(value, int):
        return ("", f"<v>{value}</v>") if -_DIGITS < value < _DIGITS else _text(str(value))
    if isinstance(value, Link):
        shown = escape(encoded(value.text)).decode()
        return ' t="str"', f"<f>{escape(_formula(value)).decode()}</f><v>{shown}</v>"
    return "", f"<v>{serial(value, date1904=date1904)!r}</v>"


def _text(value: str) -> tuple[str, str]:
    return ' t="inlineStr"', f'<is><t xml:space="preserve">{escape(encoded(value)).decode()}</t></is>'


def _formula(value: Link) -> str:
    quoted = (part.replace('"', '""') for part in (_target(value.href), value.text))
    return "HYPERLINK({})".format(",".join(f'"{part}"' for part in quoted))


def _target(href: str) -> str:
    return quote(href, safe="/:#?&=%~@!$'()*+,;[]") if _URL.match(href) else quote(href, safe="/~!'()+,;@=")


def _fits_formula(value: Link) -> bool:
    plain = value.text.isprintable() and "_x" not in value.text  # a formula's text can't be escaped
    short = values.units(value.text) <= _LITERAL_LIMIT and len(_target(value.href)) <= _LITERAL_LIMIT
    return bool(value.href and value.text) and short and plain


def _number(span: dt.timedelta) -> float | int:
    """Days, whole or with a fraction, to the millisecond."""
    milliseconds = round(span / _MILLISECOND)
    days, rest = divmod(milliseconds, 86_400_000)
    return milliseconds / 86_400_000 if rest else days


def _rounded(value: dt.datetime) -> dt.datetime:
    try:
        return value.replace(microsecond=0) + dt.timedelta(milliseconds=round(value.microsecond / 1000))
    except OverflowError:
        return value.replace(microsecond=999_000)
