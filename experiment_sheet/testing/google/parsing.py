"""What a cell makes of what is typed into it.

RAW keeps JSON's own types. USER_ENTERED reads text as the Sheets page does: numbers, percentages, money, dates,
times, TRUE and FALSE, formulas (https://developers.google.com/workspace/sheets/api/reference/rest/v4/ValueInputOption).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from experiment_sheet.testing.google.numbers import EPOCH, decimal_comma, kept
from experiment_sheet.testing.google.refusal import JSON, invalid

_NUMBER: Final = re.compile(
    r"([+-]?)\s*(\$|€|£)?\s*([+-]?)(\d{1,3}(?:,\d{3})+|\d+)?(\.\d*)?(?:[eE]([+-]?\d+))?\s*(%|€)?"
)
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_TIME: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<part>\.\d+)?)?\s*(?P<half>[aApP][mM])?"
_YMD: Final = r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})"
_MDY: Final = r"(?P<first>\d{1,2})(?P<sep>[-/.])(?P<second_>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})"
_MD: Final = r"(?P<first>\d{1,2})(?P<sep>[-/])(?P<second_>\d{1,2})"
_WORDS: Final = r"(?P<name>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})"
_WORDS_DAY: Final = r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})[ -](?P<year>\d{4})"
_MONTH_FIRST: Final = {"en_US", "en_PH", "en_CA", "fil_PH"}


def raw(value: Any) -> JSON | None:
    """The ExtendedValue of a JSON value as it is; None for an empty cell."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        if value in (float("inf"), float("-inf")):
            raise invalid(f"Invalid value: {value} is beyond what a cell holds.")
        return {"numberValue": kept(value)}
    return {"stringValue": value} if value else None


def typed(value: Any, locale: str = "en_US") -> tuple[JSON | None, JSON | None]:
    """The ExtendedValue of a value that a person types, and the number format that comes with it."""
    if not isinstance(value, str):
        return raw(value), None
    if value.startswith("'"):
        return raw(value[1:]), None
    if len(value) > 1 and value[0] == "=":
        return {"formulaValue": value}, None
    text = value.strip()
    if text.upper() in {"TRUE", "FALSE"}:
        return {"boolValue": text.upper() == "TRUE"}, None
    for read in (_number, _moment):
        found = read(text, locale)
        if found:
            return {"numberValue": kept(found[0])}, found[1]
    return raw(value), None


def _number(text: str, locale: str) -> tuple[float, JSON | None] | None:
    comma = decimal_comma(locale)
    if comma:
        text = re.sub(r"(?<=\d)[  ](?=\d{3})", ".", text).translate(str.maketrans(".,", ",."))
    match = _NUMBER.fullmatch(text)
    if not match or not (match[4] or (match[5] or "") > ".") or (match[1] and match[3]):
        return None
    whole, fraction, power = (match[4] or "0").replace(",", ""), match[5] or "", match[6]
    number: float = float(f"{whole}{fraction if fraction != '.' else ''}" + (f"e{power}" if power else ""))
    if number == float("inf"):
        return None
    number = -number if "-" in (match[1], match[3]) else number
    if not fraction and not power and len(whole) < 16:
        number = int(number)
    grouped, decimals = "," in (match[4] or ""), len(fraction) > 1
    money = match[2] or (match[7] if match[7] == "€" else None)
    if match[7] == "%":
        return number / 100, {"type": "PERCENT", "pattern": "0.00%" if decimals else "0%"}
    if money:
        return number, {"type": "CURRENCY", "pattern": f'"{money}"#,##0' + (".00" if decimals else "")}
    if power:
        return number, {"type": "SCIENTIFIC", "pattern": "0.00E+00"}
    if grouped:
        return number, {"type": "NUMBER", "pattern": "#,##0.00" if decimals else "#,##0"}
    return number, None


def _moment(text: str, locale: str) -> tuple[float, JSON] | None:
    """A date, a time or both."""
    if match := re.fullmatch(_TIME, text):
        part = _day_part(match)
        return None if part is None else (part, {"type": "TIME", "pattern": _time_pattern(match)})
    for pattern in (_YMD, _MDY, _MD, _WORDS, _WORDS_DAY):
        match = re.fullmatch(rf"{pattern}(?:(?:\s+|T){_TIME})?", text)
        day = _day(match, locale) if match else None
        if not match or day is None:
            continue
        code = _date_pattern(match, locale)
        if match["hour"] is None:
            return day, {"type": "DATE", "pattern": code}
        part = _day_part(match)
        if part is None:
            return None
        return day + part, {"type": "DATE_TIME", "pattern": f"{code} {_time_pattern(match)}"}
    return None


def _day(match: re.Match[str], locale: str) -> int | None:
    """Serial number of a date; None if there is no such day."""
    parts = match.groupdict()
    said = parts.get("year") or str(dt.datetime.now(dt.UTC).year)  # people who type 3/4 mean this year
    year = int(said)
    if len(said) == 2:
        year += 2000 if year < 30 else 1900
    if parts.get("name"):
        short = parts["name"][:3].lower()
        if short not in _MONTHS:
            return None
        month, day = _MONTHS.index(short) + 1, int(parts["day"])
    elif parts.get("first"):
        first, second = int(parts["first"]), int(parts["second_"])
        month, day = (first, second) if locale in _MONTH_FIRST else (second, first)
    else:
        month, day = int(parts["month"]), int(parts["day"])
    try:
        return (dt.datetime(year, month, day) - EPOCH).days
    except ValueError:
        return None


def _day_part(match: re.Match[str]) -> float | None:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    half = (match["half"] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23):
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return (hour * 3600 + minute * 60 + second + float(match["part"] or 0)) / 86400


def _time_pattern(match: re.Match[str]) -> str:
    hours = "hh" if len(match["hour"]) == 2 and match["hour"][0] == "0" else "h"
    seconds = ":ss" if match["second"] else ""
    return f"{hours}:mm{seconds}" + (" am/pm" if match["half"] else "")


def _date_pattern(match: re.Match[str], locale: str) -> str:
    parts = match.groupdict()
    if parts.get("name"):
        month = "mmm" if len(parts["name"]) == 3 else "mmmm"
        return f"d {month} yyyy" if match.start("day") < match.start("name") else f"{month} d, yyyy"
    year, sep = "y" * len(parts.get("year") or ""), parts["sep"]
    if not parts.get("first"):
        month = "mm" if len(parts["month"]) == 2 else "m"
        return sep.join((year, month, "dd" if len(parts["day"]) == 2 else "d"))
    padded = parts["first"][0] == "0" or parts["second_"][0] == "0"
    month, day = ("mm", "dd") if padded else ("m", "d")
    order = (month, day, year) if locale in _MONTH_FIRST else (day, month, year)
    return sep.join(part for part in order if part)


def serial_of(moment: dt.datetime) -> float:
    """Serial number of a moment."""
    return (moment - EPOCH) / dt.timedelta(days=1)
