"""Formulas: arithmetic, comparison, text, references and a few dozen functions.

Enough for the sheets that programs write; a function that isn't here answers ``#NAME?``, as Sheets does
for one that it doesn't know. Precedence, from weakest: comparison, ``&``, ``+ -``, ``* /``, ``^``, sign, ``%``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.testing.google.a1 import Reference, column_of, letters, parse_cells, quoted, split_title
from experiment_sheet.testing.google.numbers import general
from experiment_sheet.testing.google.shifts import COLUMNS, ROWS, Shift

Value = float | int | str | bool | None


class FormulaError(Exception):
    """A value that a formula can't have. `kind` as in the API's ErrorType, `text` as the cell shows it."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(message)

    @property
    def text(self) -> str:
        """What the cell shows."""
        return _ERROR_TEXTS[self.kind]


_ERROR_TEXTS: Final = {
    "ERROR": "#ERROR!",
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
}

_NAME_OR_RANGE: Final = (
    r"(?:'(?:[^']|'')+'!|[^\W\d]\w*!)?\$?[A-Za-z]{1,3}\$?[0-9]+(?::\$?[A-Za-z]{1,3}(?:\$?[0-9]+)?)?(?![\w(])"
    r"|(?:'(?:[^']|'')+'!|[^\W\d]\w*!)?\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}(?![\w(])"
    r"|(?:'(?:[^']|'')+'!|[^\W\d]\w*!)?\$?[0-9]+:\$?[0-9]+(?![\w(.])"
)
_TOKEN: Final = re.compile(
    rf"""\s*(?:
    (?P<text>"(?:[^"]|"")*")
    |(?P<range>{_NAME_OR_RANGE})
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d][\w.]*)
    |(?P<error>\#(?:REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!))
    |(?P<sign><=|>=|<>|[-+*/^&=<>(),;%:!])
    )""",
    re.VERBOSE,
)


@dataclass(slots=True)
class Block:
    """The values of a range, row by row."""

    rows: list[list[Value]]

    def flat(self) -> Iterator[Value]:
        """Every value."""
        return (value for row in self.rows for value in row)

    def first(self) -> Value:
        """The upper left value, which a range means where one value is asked for."""
        return self.rows[0][0] if self.rows and self.rows[0] else None


Argument = Value | Block
Look = Callable[[Reference], Block]
Function = Callable[[list[Argument]], Argument]


@dataclass(slots=True)
class Formula:
    """One formula being read and computed, left to right."""

    tokens: list[tuple[str, str]]
    look: Look
    functions: dict[str, Function]
    named: Callable[[str], Reference | None] = field(default=lambda _: None)
    at: int = 0

    def value(self) -> Argument:
        """Compute the whole formula."""
        result = self._comparison()
        if self.at < len(self.tokens):
            raise FormulaError("ERROR", "Formula parse error.")
        return result

    def _sign(self, *wanted: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in wanted:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def _comparison(self) -> Argument:
        left = self._joined()
        while sign := self._sign("=", "<>", "<", ">", "<=", ">="):
            left = _compare(single(left), single(self._joined()), sign)
        return left

    def _joined(self) -> Argument:
        left = self._sum()
        while self._sign("&"):
            left = text_of(single(left)) + text_of(single(self._sum()))
        return left

    def _sum(self) -> Argument:
        left = self._product()
        while sign := self._sign("+", "-"):
            right = number_of(single(self._product()))
            left = number_of(single(left)) + (right if sign == "+" else -right)
        return left

    def _product(self) -> Argument:
        left = self._power()
        while sign := self._sign("*", "/"):
            right = number_of(single(self._power()))
            if sign == "/" and right == 0:
                raise FormulaError("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
            left = number_of(single(left)) * right if sign == "*" else number_of(single(left)) / right
        return left

    def _power(self) -> Argument:
        left = self._unary()
        if self._sign("^"):
            return _raised(number_of(single(left)), number_of(single(self._power())))
        return left

    def _unary(self) -> Argument:
        if sign := self._sign("+", "-"):
            value = self._unary()
            return -number_of(single(value)) if sign == "-" else value
        value = self._atom()
        while self._sign("%"):
            value = number_of(single(value)) / 100
        return value

    def _atom(self) -> Argument:
        if self._sign("("):
            value = self._comparison()
            self._close()
            return value
        if self.at >= len(self.tokens):
            raise FormulaError("ERROR", "Formula parse error.")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(text) if re.search("[.eE]", text) else int(text)
        if kind == "text":
            return text[1:-1].replace('""', '"')
        if kind == "range":
            return self.look(reference(text))
        if kind == "word":
            return self._word(text)
        raise FormulaError("REF" if text == "#REF!" else "ERROR", "Formula parse error.")

    def _word(self, word: str) -> Argument:
        if not self._sign("("):
            if word.upper() in {"TRUE", "FALSE"}:
                return word.upper() == "TRUE"
            named = self.named(word)
            if named is None:
                raise FormulaError("NAME", f"Unknown range name: '{word.upper()}'.")
            return self.look(named)
        if word.upper() in {"IF", "IFERROR"}:
            return self._lazy(word.upper())
        function = self.functions.get(word.upper())
        if function is None:
            raise FormulaError("NAME", f"Unknown function: '{word}'.")
        return function(self._arguments())

    def _arguments(self) -> list[Argument]:
        found: list[Argument] = []
        if self._sign(")"):
            return found
        while True:
            empty = self.tokens[self.at : self.at + 1] in ([("sign", ",")], [("sign", ";")], [("sign", ")")])
            found.append(None if empty else self._comparison())
            if not self._sign(",", ";"):
                self._close()
                return found

    def _lazy(self, word: str) -> Argument:
        """IF and IFERROR, which compute only what they return."""
        parts = self._split()
        computed = [Formula(part, self.look, self.functions, self.named) for part in parts]
        if word == "IFERROR":
            try:
                return computed[0].value()
            except FormulaError:
                return computed[1].value() if len(computed) > 1 else ""
        if len(computed) < 2:
            raise FormulaError("N_A", "Wrong number of arguments to IF.")
        if truth_of(single(computed[0].value())):
            return computed[1].value()
        return computed[2].value() if len(computed) > 2 else False

    def _split(self) -> list[list[tuple[str, str]]]:
        """Tokens of each argument, up to the closing bracket."""
        depth = 0
        parts: list[list[tuple[str, str]]] = [[]]
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token == ("sign", ")") and depth == 0:
                return parts
            depth += {"(": 1, ")": -1}.get(token[1], 0) if token[0] == "sign" else 0
            if depth == 0 and token in {("sign", ","), ("sign", ";")}:
                parts.append([])
            else:
                parts[-1].append(token)
        raise FormulaError("ERROR", "Formula parse error.")

    def _close(self) -> None:
        if not self._sign(")"):
            raise FormulaError("ERROR", "Formula parse error.")


def tokens(formula: str) -> list[tuple[str, str]]:
    """Tokens of a formula, as (kind, text), without its equals sign."""
    found, at, text = [], 1, formula.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise FormulaError("ERROR", "Formula parse error.")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


def reference(text: str) -> Reference:
    """The range that a formula names."""
    title, cells = split_title(text)
    parsed = parse_cells(cells or "")
    if parsed is None:
        raise FormulaError("REF", "Reference does not exist.")
    return Reference(title, parsed.top, parsed.left, parsed.bottom, parsed.right)


def single(value: Argument) -> Value:
    """One value, where a range may stand for its first."""
    return value.first() if isinstance(value, Block) else value


def number_of(value: Value) -> float:
    """A value as a number, as an operator takes it."""
    if value is None:
        return 0
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise FormulaError("VALUE", f"'{value}' is a text and cannot be coerced to a number.") from None
    return int(value) if isinstance(value, bool) else value


def text_of(value: Value) -> str:
    """A value as text, as ``&`` takes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return value if isinstance(value, str) else general(value)


def truth_of(value: Value) -> bool:
    """A value as a condition."""
    if isinstance(value, str):
        if value.upper() in {"TRUE", "FALSE"}:
            return value.upper() == "TRUE"
        raise FormulaError("VALUE", f"'{value}' is a text and cannot be coerced to a boolean.")
    return bool(value)


def _raised(base: float, power: float) -> float:
    try:
        result: float | complex = base**power
    except ZeroDivisionError:
        raise FormulaError("DIVIDE_BY_ZERO", "POWER of zero.") from None
    except OverflowError:
        raise FormulaError("NUM", "The number is too large.") from None
    if isinstance(result, complex):
        raise FormulaError("NUM", "POWER of a negative number.")
    return result


def rank(value: Value) -> tuple[int, float | str]:
    """Order of values in Sheets: numbers, text whatever its case, FALSE, TRUE."""
    if isinstance(value, bool):
        return 2, float(value)
    if isinstance(value, str):
        return 1, value.casefold()
    return 0, float(value or 0)


def _compare(left: Value, right: Value, sign: str) -> bool:
    left = "" if left is None and isinstance(right, str) else left
    right = "" if right is None and isinstance(left, str) else right
    one, two = rank(left), rank(right)
    return {
        "=": one == two,
        "<>": one != two,
        "<": one < two,
        ">": one > two,
        "<=": one <= two,
        ">=": one >= two,
    }[sign]


_RANGE: Final = re.compile(rf'("(?:[^"]|"")*")|({_NAME_OR_RANGE})')
_PART: Final = re.compile(r"(\$?)([A-Za-z]{0,3})(\$?)([0-9]*)")


def follow(formula: str, own: str, changed: str, shift: Shift) -> str:
    """A formula after rows or columns of the tab `changed` moved; it stands in the tab `own`."""

    def moved(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        title, cells = split_title(match[2])
        if (title or own) != changed or cells is None:
            return match[2]
        prefix = "" if title is None else f"{quoted(title)}!"
        return prefix + _moved(cells, shift)

    return _RANGE.sub(moved, formula)


def _moved(cells: str, shift: Shift) -> str:
    first, colon, last = cells.partition(":")
    start, end = _PART.fullmatch(first), _PART.fullmatch(last or first)
    if not start or not end:
        return cells
    group = 4 if shift.dimension == ROWS else 2
    if not start[group] or not end[group]:
        return cells  # open-ended: nothing to move
    old = [_index(part[group], shift.dimension) for part in (start, end)]
    span = shift.span(min(old), max(old) + 1)
    if span is None:
        return "#REF!"
    new = (span[0], span[1] - 1)
    texts = [_put(part, at, shift.dimension) for part, at in zip((start, end), new, strict=True)]
    return ":".join(texts) if colon else texts[0]


def _index(text: str, dimension: str) -> int:
    if dimension == ROWS:
        return int(text) - 1
    return column_of(text)


def _put(part: re.Match[str], at: int, dimension: str) -> str:
    if dimension == COLUMNS:
        return f"{part[1]}{letters(at)}{part[3]}{part[4]}"
    return f"{part[1]}{part[2]}{part[3]}{at + 1}"


def pasted(formula: str, down: int, right: int) -> str:
    """A formula copied so many cells away: references without ``$`` move along."""

    def moved(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        title, cells = split_title(match[2])
        prefix = "" if title is None else f"{quoted(title)}!"
        return prefix + ":".join(_away(part, down, right) for part in (cells or "").split(":"))

    return _RANGE.sub(moved, formula)


def _away(part: str, down: int, right: int) -> str:
    match = _PART.fullmatch(part)
    if not match:
        return part
    column, row = match[2], match[4]
    if column and not match[1]:
        at = _index(column, COLUMNS) + right
        if at < 0:
            return "#REF!"
        column = letters(at)
    if row and not match[3]:
        if int(row) + down < 1:
            return "#REF!"
        row = str(int(row) + down)
    return f"{match[1]}{column}{match[3]}{row}"
