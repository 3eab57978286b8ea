"""Number formats: a number and a pattern to the text that a cell shows.

Patterns: https://developers.google.com/workspace/sheets/api/guides/formats. Dates are serial numbers, days since
1899-12-30.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

EPOCH: Final = dt.datetime(1899, 12, 30)

DEFAULT_PATTERNS: Final = {
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "CURRENCY": '"$"#,##0.00',
    "DATE": "m/d/yyyy",
    "TIME": "h:mm:ss am/pm",
    "DATE_TIME": "m/d/yyyy h:mm:ss",
    "SCIENTIFIC": "0.00E+00",
}
"""Type → pattern of the locale en_US, where a format names none."""

DATE_TYPES: Final = {"DATE", "TIME", "DATE_TIME"}

COMMA_LANGUAGES: Final = frozenset(
    {"bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "fi", "fr", "gl", "hr", "hu", "id", "it", "lt", "lv"}
    | {"nb", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk", "vi"}
)
"""Languages whose locales write a decimal comma (Unicode CLDR, numbers). Exceptions: es_MX, and so on."""

_POINT_LOCALES: Final = {
    "es_MX",
    "es_US",
    "es_PR",
    "es_DO",
    "es_GT",
    "es_HN",
    "es_NI",
    "es_PA",
    "es_PE",
    "es_SV",
    "de_CH",
    "it_CH",
}


def decimal_comma(locale: str) -> bool:
    """Whether a locale writes 1,5 for one and a half."""
    return locale not in _POINT_LOCALES and re.split("[_-]", locale)[0] in COMMA_LANGUAGES


def kept(number: float) -> float:
    """A number as the service keeps it, in a double, and as it prints it: whole ones without a point."""
    number = float(number)
    return int(number) if number.is_integer() and abs(number) < _WRITTEN_OUT else number


_WRITTEN_OUT: Final = 1e21
"""From here on JSON's numbers are printed with an exponent (ECMA-262, Number::toString)."""


def general(number: float) -> str:
    """A number without a format: up to ten significant digits, whole numbers in full below 1E+15."""
    if number == 0:
        return "0"
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    size = abs(number)
    if size >= 1e15 or size < 1e-9:
        mantissa, exponent = f"{number:.5E}".split("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent[0]}{exponent[1:].zfill(2)}"
    digits = max(0, 9 - math.floor(math.log10(size)))
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(number: float, kind: str | None, pattern: str | None, locale: str = "en_US") -> str:
    """Text of a number in a number format; `kind` and `pattern` as in the API's NumberFormat."""
    code = pattern or DEFAULT_PATTERNS.get(kind or "", "")
    if kind == "TEXT" or code in {"", "@", "General"}:
        text = general(number)
    elif kind in DATE_TYPES or (kind is None and _has_date(code)):
        return date_text(number, code)
    else:
        text = _number_text(number, code)
    return text.translate(_COMMA) if decimal_comma(locale) else text


_COMMA: Final = str.maketrans(".,", ",.")
_QUOTED: Final = re.compile(r'"([^"]*)"|\\(.)')


def _has_date(code: str) -> bool:
    return bool(re.search("[ymdhs]", _QUOTED.sub("", re.sub(r"\[[^\]]*\]", "", code)), re.IGNORECASE))


def _section(number: float, code: str) -> tuple[str, float]:
    """The section of a pattern that applies, and the number to show in it."""
    sections = code.split(";")
    for section in sections:
        condition = re.match(r"\[(<=|>=|<>|<|>|=)(-?[0-9.]+)\]", section)
        if condition and _holds(number, condition[1], float(condition[2])):
            return section[condition.end() :], number
    plain = [section for section in sections if not re.match(r"\[[<>=]", section)]
    if len(plain) < len(sections):
        return (plain[0] if plain else "General"), number
    if number < 0 and len(sections) > 1:
        return sections[1], -number
    if number == 0 and len(sections) > 2:
        return sections[2], number
    return sections[0], number


def _holds(number: float, sign: str, limit: float) -> bool:
    return {
        "<": number < limit,
        "<=": number <= limit,
        ">": number > limit,
        ">=": number >= limit,
        "=": number == limit,
        "<>": number != limit,
    }[sign]


def _number_text(number: float, code: str) -> str:
    section, number = _section(number, code)
    section = re.sub(r"\[(?!h|m|s)[^\]]*\]", "", section, flags=re.IGNORECASE)
    if re.search(r"\[h+\]|\[m+\]|\[s+\]", section, re.IGNORECASE):
        return date_text(number, section)
    if section.strip().lower() == "general":
        return general(number)
    place = re.search(r"[0#?][0#?,]*(?:\.[0#?]*)?(?:E[+-][0#]+)?|\.[0#?]+", section)
    if not place:
        return _QUOTED.sub(lambda m: m[1] or m[2] or "", section)
    if "%" in section:
        number *= 100
    digits = _digits(abs(number), place[0])
    sign = "-" if number < 0 and re.search("[1-9]", digits) else ""
    before, after = (
        _QUOTED.sub(lambda m: m[1] or m[2] or "", part) for part in (section[: place.start()], section[place.end() :])
    )
    return f"{sign}{before}{digits}{after}"


def _digits(number: float, picture: str) -> str:
    """Digits of a number that isn't negative, as a picture like ``#,##0.00`` or ``0.0E+00`` says."""
    if "E" in picture:
        mantissa, exponent = picture.split("E")
        places = len(mantissa.partition(".")[2])
        text, power = f"{number:.{places}E}".split("E")
        return f"{text}E{power[0]}{power[1:].lstrip('0').zfill(len(exponent) - 1)}"
    whole, _, fraction = picture.partition(".")
    text = f"{number:.{len(fraction)}f}"
    left, _, right = text.partition(".")
    left = left.lstrip("0").zfill(whole.replace(",", "").count("0"))
    if "," in whole:
        left = f"{int(left or 0):,}" if left else left
    optional = len(fraction) - len(fraction.rstrip("#?"))
    kept = right[: len(right) - optional] + right[len(right) - optional :].rstrip("0") if optional else right
    return f"{left}.{kept}" if kept else left


_DATE_TOKEN: Final = re.compile(
    r'\[(h+|m+|s+)\]|(y+|m+|d+|h+|s+|am/pm|a/p)|(\.0+)|"([^"]*)"|\\(.)|(.)', re.IGNORECASE | re.DOTALL
)


def date_text(number: float, code: str) -> str:
    """A serial number as date, time or duration."""
    moment = EPOCH + dt.timedelta(days=math.floor(number), seconds=round((number % 1) * 86400, 3))
    tokens = list(_DATE_TOKEN.finditer(code.split(";")[0]))
    words = [(match[2] or match[1] or "").lower() for match in tokens]
    twelve = any(word in {"am/pm", "a/p"} for word in words)
    parts = []
    for at, match in enumerate(tokens):
        if match[1]:
            seconds = round(number * 86400)
            unit = {"h": 3600, "m": 60, "s": 1}[match[1][0].lower()]
            parts.append(str(seconds // unit).zfill(len(match[1])))
        elif match[2]:
            word = words[at]
            minutes = word[0] == "m" and word[-1] != "/" and _is_minutes(words, at)
            parts.append(_date_part(moment, "n" * len(word) if minutes else word, twelve=twelve))
        elif match[3]:
            parts.append(f".{moment.microsecond:06d}"[: len(match[3])])
        else:
            parts.append(match[4] or match[5] or match[6] or "")
    return "".join(parts)


def _is_minutes(words: list[str], at: int) -> bool:
    """``m`` is minutes behind hours or before seconds."""
    before = next((word for word in reversed(words[:at]) if word and word[0] in "ymdhs"), "")
    after = next((word for word in words[at + 1 :] if word and word[0] in "ymdhs"), "")
    return before.startswith("h") or after.startswith("s")


def _date_part(moment: dt.datetime, word: str, *, twelve: bool) -> str:
    hour = moment.hour % 12 or 12 if twelve else moment.hour
    if word[0] == "y":
        return f"{moment:%Y}" if len(word) > 2 else f"{moment:%y}"
    if word in {"am/pm", "a/p"}:
        return f"{moment:%p}"[: 2 if word == "am/pm" else 1]
    names = {"mmm": "%b", "mmmm": "%B", "mmmmm": "%b", "ddd": "%a", "dddd": "%A"}
    if word in names:
        text = moment.strftime(names[word])
        return text[:1] if word == "mmmmm" else text
    value = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute, "s": moment.second}[word[0]]
    return f"{value:0{min(len(word), 2)}d}"
