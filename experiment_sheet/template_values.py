"""What a template may say under each key: every value is checked and made what a `Look` holds. Pure.

Each check answers the value, or raises `Wrong` with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from experiment_sheet import number_formats
from experiment_sheet.columns import LABEL_LIMIT, Role
from experiment_sheet.metrics import Goal
from experiment_sheet.overview.model import BLOCKS
from experiment_sheet.values import clean, units

T = TypeVar("T")

ROLES: Final[tuple[Role, ...]] = ("run", "input", "output", "people")
GOALS: Final[tuple[Goal, ...]] = ("max", "min")
_COLOR: Final = re.compile(r"#?([0-9A-Fa-f]{6})")
_WIDEST: Final = 255  # characters of a column, of a list and of a hint (Excel specifications and limits)
_LONGEST_TAB: Final = 31  # UTF-16 units (Excel specifications and limits)
_ILLEGAL_IN_TAB: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$|^history$", re.IGNORECASE)
_MOST_COLUMNS: Final = 10_000
_MOST_DAYS: Final = 60
_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


class Wrong(Exception):
    """A value that can't be meant."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Hint at the nearest of the known words, to be put behind a message; nothing where none is near."""
    import difflib

    words = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), words, n=1, cutoff=0.6)
    return f"; did you mean {words[close[0]]!r}?" if close else ""


def syntax(message: str, text: str, mistake: Callable[[int, str], T]) -> T:
    """Mistake of a text that is no TOML, with the line that the parser names."""
    match = _AT.search(message)
    line = int(match[1]) if match and match[1] else len(text.splitlines())
    return mistake(line, f"this is no TOML: {_AT.sub('', message)}")


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Wrong(f"text in quotation marks is meant, not {value!r}")
    return clean(value)


def texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise Wrong(f'a list is meant, like ["a", "b"], not {value!r}')
    return tuple(map(text, value))


def one_of(value: object, words: tuple[str, ...]) -> Any:
    """One of some words."""
    if not isinstance(value, str) or value not in words:
        known = ", ".join(f'"{word}"' for word in words)
        raise Wrong(f"one of {known} is meant, not {value!r}{nearest(str(value), words)}")
    return value


def role(value: object) -> Any:
    """Who fills a column."""
    return one_of(value, ROLES)


def goal(value: object) -> Any:
    """Which way is better."""
    return one_of(value, GOALS)


def label(value: object) -> str:
    """Header of a column."""
    found = text(value)
    if units(found) > LABEL_LIMIT or re.search(r"[\x00-\x1f]", found):
        raise Wrong(f"a header is one line of at most {LABEL_LIMIT} characters")
    return found.strip()


def width(value: object) -> float:
    """Width of a column."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _WIDEST:
        raise Wrong(f"a number of characters is meant, above 0 and at most {_WIDEST}, not {value!r}")
    return float(value)


def number_format(value: object) -> str:
    """A number format code."""
    code = text(value)
    if wrong := number_formats.problem(code):
        raise Wrong(f"{code!r} is no number format: {wrong}")
    return code


def choices(value: object) -> tuple[str, ...]:
    """Words of a dropdown, which Excel keeps in one line with commas between."""
    words = texts(value)
    if with_comma := next((word for word in words if "," in word), None):
        raise Wrong(f"{with_comma!r} has a comma, which would make two choices of it")
    if len(",".join(words)) > _WIDEST:
        raise Wrong(f"all choices together have at most {_WIDEST} characters")
    if len({word.casefold() for word in words}) < len(words):
        raise Wrong("a choice stands there twice")
    return words


def color(value: object) -> str:
    """A colour as RRGGBB."""
    match = _COLOR.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Wrong(f'a colour is six hexadecimal digits, like "15803D", not {value!r}')
    return match[1].upper()


def color_or_role(value: object) -> str:
    """A colour, or a role whose colour is meant."""
    return value if isinstance(value, str) and value in ROLES else color(value)


def scale(value: object) -> tuple[str, ...]:
    """Colours from the worst value to the best: none, two or three."""
    if not isinstance(value, list) or len(value) not in (0, 2, 3):
        raise Wrong(f'two or three colours from the worst to the best, like ["FFFFFF", "A9DFB9"], or []; not {value!r}')
    return tuple(map(color, value))


def help_text(value: object) -> str:
    """What a header explains."""
    found = text(value)
    if units(found) > _WIDEST:
        raise Wrong(f"a hint has at most {_WIDEST} characters, this one {units(found)}")
    return found


def tab(value: object) -> str:
    """Name of a tab."""
    found = text(value)
    if units(found) > _LONGEST_TAB or _ILLEGAL_IN_TAB.search(found):
        raise Wrong(f"{found!r} can't be a tab's name: at most {_LONGEST_TAB} characters, and none of [ ] : * ? / \\")
    return found


def yes_or_no(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(f"true or false is meant, not {value!r}")
    return value


def count(value: object) -> int:
    """How many columns."""
    return _whole(value, _MOST_COLUMNS)


def days(value: object) -> int:
    """How many days."""
    return _whole(value, _MOST_DAYS)


def _whole(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise Wrong(f"a whole number from 1 to {most} is meant, not {value!r}")
    return value


def blocks(value: object) -> tuple[str, ...]:
    """Blocks of an overview."""
    return tuple(one_of(word, BLOCKS) for word in texts(value))


def colors(value: object) -> dict[str, str]:
    """A colour for each of some words."""
    return {word: color(one) for word, one in _table(value).items()}


def role_colors(value: object) -> dict[str, str]:
    """A colour for each of some roles."""
    return {role(word): color(one) for word, one in _table(value).items()}


def tables(value: object) -> list[Mapping[str, object]]:
    """A list of tables."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Wrong("columns are written as [[column]], each with its keys below")
    return value


def table_or_no(value: object) -> Mapping[str, object] | None:
    """A table, or false for none."""
    return None if value is False else _table(value)


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Wrong(f"a table is meant, not {value!r}")
    return value
