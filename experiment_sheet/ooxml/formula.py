"""Formulas as text: cell references in them moved, nothing else touched.

Only what a row append needs: references with a relative row follow a formula that is copied down
(ECMA-376 Part 1, 18.17.2), and references in a totals row follow it down and grow with the data above.
Quoted text, sheet names, structured references and function names are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_TOKEN: Final = re.compile(
    r'"(?:[^"]|"")*"'  # text
    r"|'(?:[^']|'')*'!?"  # quoted sheet
    r"|\[(?:[^\[\]]|\[(?:[^\[\]])*\])*\]"  # structured reference, external workbook
    r"|[A-Za-z_\\][\w.]*!"  # sheet
    r"|[A-Za-z_\\][\w.]*\("  # function
    r"|(\$?[A-Za-z]{1,3})(\$?)([0-9]{1,7})(?![\w.(!])"  # reference: column, $, row
    r"|[A-Za-z_\\$][\w.]*"  # name
    r"|[0-9][\w.]*"  # number
)
_ELSEWHERE: Final = re.compile(r"!(?:\$?[A-Za-z]{1,3}\$?[0-9]+:)?$")


def copied_down(formula: str, rows: int) -> str:
    """Formula as it reads when its cell is copied so many rows down."""
    return _with_rows(formula, lambda row, fixed, _: row if fixed else row + rows)


def follows_table(formula: str, *, last: int, totals: int, added: int) -> str:
    """Formula of a totals row after rows were added above it.

    Ranges that ended with the last row of data grow, references to the totals row itself go with it.
    """

    def moved(row: int, fixed: bool, before: str) -> int:  # noqa: ARG001
        if _ELSEWHERE.search(before):
            return row
        return row + added if row == totals or (row == last and before.endswith(":")) else row

    return _with_rows(formula, moved)


def qualified(formula: str, table: str) -> str:
    """Formula with ``[loss]`` as ``Runs[loss]``, which Excel takes for the same, and LibreOffice understands."""

    def named(match: re.Match[str]) -> str:
        start, end = match.span()
        whose = start and (formula[start - 1].isalnum() or formula[start - 1] in "_.\\]")
        elsewhere = formula[end : end + 1].isalnum() or formula[end : end + 1] in {"'", "!", "_"}
        return match[0] if not match[0].startswith("[") or whose or elsewhere else table + match[0]

    return _TOKEN.sub(named, formula)


def _with_rows(formula: str, move: Callable[[int, bool, str], int]) -> str:
    """Formula with each reference's row mapped by `move(row, has $, formula before the reference)`."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return f"{match[1]}{match[2]}{move(int(match[3]), bool(match[2]), formula[: match.start()])}"

    return _TOKEN.sub(replaced, formula)
