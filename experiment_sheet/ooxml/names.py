"""Hidden defined names: how a workbook remembers which column is whose, and which writes it has seen.

A column's identity (role, key) is kept as a hidden, sheet-scoped defined name that refers to its header
cell, so that it survives what people do: Excel and LibreOffice adjust the reference when the column is
moved, drop it when the column is deleted, and leave it alone when the header is renamed.

Names have rules (ECMA-376 Part 1, 18.2.5; Excel, "Names in formulas"): letters, digits, ``_`` and ``.``
only, at most 255 characters, compared *caselessly*. So a key is escaped to lower-case ASCII: ``a-z``,
digits and ``.`` stand for themselves, ``__`` is an underscore, ``_4c_`` is the character U+004C. A key that
becomes too long is named by its hash, and carried by further names (`names_of`), because the
comment that a name may have is cut at 255 characters by Excel and dropped by LibreOffice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, get_args

from experiment_sheet.backends.base import Mark
from experiment_sheet.columns import Column, Role

PREFIX: Final = "_es."
MARK: Final = "_es.mark"
FOUND: Final = "_es.found"
_LONGEST: Final = 200  # escaped characters of a key; 255 less role, prefix and room for numbering
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.")
_HASHED: Final = "_x"
_ESCAPE: Final = re.compile(r"_(?:_|([0-9a-f]+)_)")
_NAME: Final = re.compile(rf"_es\.({'|'.join(get_args(Role))})\.(.+)", re.DOTALL)
_MORE: Final = re.compile(r"_es\.more\.([0-9a-f]{32})\.([0-9]+)\.(.*)", re.DOTALL)
_MARK: Final = re.compile(r'"?([^":]+):([0-9]+)(:own)?"?')


def column_name(column: Column) -> str:
    """Defined name that says which column stands at a header cell."""
    return names_of(column)[0]


def names_of(column: Column) -> tuple[str, ...]:
    """Every defined name of a column: the one that identifies it, then those that carry a long key.

    All of them refer to the header cell.
    """
    escaped = _escape(column.key)
    if 0 < len(escaped) <= _LONGEST:
        return (f"{PREFIX}{column.role}.{escaped}",)
    digest = _digest(column.key)
    pieces = (_escape(column.key[at : at + 24]) for at in range(0, max(1, len(column.key)), 24))
    more = (f"{PREFIX}more.{digest}.{number}.{piece}" for number, piece in enumerate(pieces))
    return (f"{PREFIX}{column.role}.{_HASHED}{digest}", *more)


@lru_cache(maxsize=1024)  # the same names are read at every write
def column_of(name: str, comment: str | None = None) -> Column | None:
    """Column that a defined name identifies; None for any other name.

    A hashed name needs the key in `comment`; without it, `columns_of` finds the key in the other names.
    """
    match = _NAME.fullmatch(name.lower())
    if match is None:
        return None
    role: Role = match[1]  # type: ignore[assignment]  # the pattern is made of the roles
    if match[2].startswith(_HASHED):
        whole = comment is not None and _digest(comment) == match[2].removeprefix(_HASHED)
        return Column(role, comment) if whole and comment is not None else None
    return Column(role, _unescape(match[2]))


def columns_of(names: Iterable[tuple[str, str | None]]) -> dict[str, Column]:
    """Name → column for every name, given with its comment, that identifies one."""
    pairs = list(names)
    long = _long_keys(name for name, _ in pairs)
    found = {}
    for name, comment in pairs:
        hashed = name.lower().rpartition(_HASHED)[2]
        column = column_of(name, long.get(hashed, comment))
        if column is not None:
            found[name] = column
    return found


def is_ours(name: str) -> bool:
    """Whether a defined name belongs to this library."""
    return name.lower().startswith(PREFIX)


def mark_formula(mark: Mark) -> str:
    """What the name `MARK` holds: a text constant."""
    return f'"{mark.sheet}:{mark.generation}{":own" if mark.own else ""}"'


def parse_mark(text: str) -> Mark | None:
    """Mark of what the name `MARK` holds; None if it is none."""
    match = _MARK.fullmatch(text.strip().removeprefix("="))
    return Mark(match[1], int(match[2]), own=bool(match[3])) if match else None


def _escape(key: str) -> str:
    return "".join(c if c in _PLAIN else "__" if c == "_" else f"_{ord(c):x}_" for c in key)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else "_", text)


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _long_keys(names: Iterable[str]) -> dict[str, str]:
    """Hash → key of the keys that are spread over several names."""
    pieces: dict[str, dict[int, str]] = {}
    for name in names:
        match = _MORE.fullmatch(name.lower())
        if match:
            pieces.setdefault(match[1], {})[int(match[2])] = _unescape(match[3])
    joined = {digest: "".join(text for _, text in sorted(parts.items())) for digest, parts in pieces.items()}
    return {digest: key for digest, key in joined.items() if _digest(key) == digest}
