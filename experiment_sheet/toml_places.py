"""Where in the text of a TOML file each key stands: `tomllib` says it of syntax errors alone. Pure.

Only for text that `tomllib` has read: nothing is checked here.
"""

from __future__ import annotations

import re
from typing import Final

Place = tuple[str | int, ...]
"""Path of keys; in an array of tables the number of the table, from 0, follows its name."""

_ARRAY: Final = re.compile(r"\s*\[\[\s*(.+?)\s*\]\]")
_TABLE: Final = re.compile(r"\s*\[\s*([^\[].*?)\s*\]")
_WORD: Final = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_PART: Final = re.compile(_WORD)
_KEY: Final = re.compile(rf"\s*({_WORD}(?:\s*\.\s*{_WORD})*)\s*=(.*)", re.DOTALL)
_QUIET: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')
_TRIPLE: Final = ('"""', "'''")


def places(text: str) -> dict[Place, int]:
    """Line, counted from 1, of every table and key."""
    found: dict[Place, int] = {}
    prefix: Place = ()
    counts: dict[str, int] = {}
    value = ""  # of a key whose value goes on over several lines
    for number, line in enumerate(text.splitlines(), 1):
        if value:
            value = _going_on(value + "\n" + line)
        elif match := _ARRAY.match(line):
            name = match[1].strip("\"'")
            counts[name] = counts.get(name, -1) + 1
            prefix = (name, counts[name])
            found[prefix] = number
        elif match := _TABLE.match(line):
            prefix = _parts(match[1])
            found[prefix] = number
        elif match := _KEY.match(line):
            found[prefix + _parts(match[1])] = number
            value = _going_on(match[2])
    return found


def _parts(text: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _going_on(value: str) -> str:
    """Return the value as far as it was read, if it goes on in the next line; else nothing."""
    for quotes in _TRIPLE:
        if value.lstrip().startswith(quotes):
            return "" if quotes in value.lstrip()[3:] else value
    plain = _QUIET.sub("", value)
    return value if plain.count("[") + plain.count("{") > plain.count("]") + plain.count("}") else ""
