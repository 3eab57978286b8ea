"""Number format codes: what a cell's number looks like (ECMA-376 Part 1, 18.8.31). Pure.

`problem` finds what Excel refuses, for who writes a code by hand: a wrong one in a file makes Excel offer a repair.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r'(?P<text>"[^"]*")'
    r"|(?P<escaped>\\.|_.|\*.)"
    r"|(?P<elapsed>\[(?:h+|m+|s+)\])"
    r"|(?P<bracket>\[[^\[\]]+\])"
    r"|(?P<general>General)"
    r"|(?P<clock>AM/PM|A/P)"
    r"|(?P<exponent>E[+-])"
    r"|(?P<date>[ymdhs]+)"
    r"|(?P<digit>[0#?])"
    r"|(?P<number>[%,/])"
    r"|(?P<point>\.)"
    r"|(?P<any>@)"
    r"|(?P<plain>[-+$€£¥():! ^&'~{}<>=]|[1-9]|[^\x00-\x7f])",
    re.IGNORECASE,
)
_BRACKET: Final = re.compile(
    r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d{1,2}|(?:[<>]=?|=|<>)-?\d+(?:\.\d+)?|\$[^\]]*)\]",
    re.IGNORECASE,
)
_MOST_SECTIONS: Final = 4
_LONGEST: Final = 255


def problem(code: str) -> str | None:
    """Say what is wrong with a number format code; None if it is sound."""
    if not code.strip():
        return "it is empty"
    if len(code) > _LONGEST:
        return f"it has {len(code)} characters, and {_LONGEST} are allowed"
    sections: list[set[str]] = [set()]
    at = 0
    while at < len(code):
        if code[at] == ";":
            sections.append(set())
            at += 1
            continue
        match = _TOKEN.match(code, at)
        if match is None:
            return _unknown(code, at)
        kind = str(match.lastgroup)
        if kind == "bracket" and not _BRACKET.fullmatch(match[0]):
            return f"{match[0]} is no colour, condition or elapsed time"
        sections[-1].add(kind)
        at = match.end()
    if len(sections) > _MOST_SECTIONS:
        return f"it has {len(sections)} sections, and {_MOST_SECTIONS} are allowed"
    return next(filter(None, map(_mixed, sections)), None)


def _unknown(code: str, at: int) -> str:
    if code[at] == '"':
        return "a quotation mark is not closed"
    if code[at] in "[]":
        return "a bracket is not closed"
    word = re.match(r"[A-Za-z]+", code[at:])
    shown = word[0] if word else code[at]
    return f'{shown!r} means nothing in it; to show it as it is write "{shown}" in quotation marks'


def _mixed(kinds: set[str]) -> str | None:
    times, numbers = kinds & {"date", "elapsed", "clock"}, kinds & {"exponent", "general"}
    if times and numbers:
        return "a part is of a date and of a number at once"
    if "general" in kinds and kinds & {"digit", "exponent", "any"}:
        return "General stands alone"
    if times and "digit" in kinds and not kinds & {"point"}:
        return "a part is of a date and of a number at once"
    return None
