"""The functions that formulas of the emulator know."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Final

from experiment_sheet.testing.google.formulas import (
    Argument,
    Block,
    FormulaError,
    Function,
    Value,
    number_of,
    single,
    text_of,
    truth_of,
)
from experiment_sheet.testing.google.numbers import EPOCH, shown


def _values(arguments: list[Argument]) -> Iterator[Value]:
    for argument in arguments:
        if isinstance(argument, Block):
            yield from argument.flat()
        else:
            yield argument


def _numbers(arguments: list[Argument]) -> list[float]:
    """Numbers that an aggregate counts: those of ranges, and whatever an argument can be taken for."""
    found: list[float] = []
    for argument in arguments:
        if isinstance(argument, Block):
            found += [v for v in argument.flat() if isinstance(v, int | float) and not isinstance(v, bool)]
        elif argument is not None:
            found.append(number_of(argument))
    return found


def _average(arguments: list[Argument]) -> Argument:
    numbers = _numbers(arguments)
    if not numbers:
        raise FormulaError("DIVIDE_BY_ZERO", "Evaluation of function AVERAGE caused a divide by zero error.")
    return sum(numbers) / len(numbers)


def _spread(arguments: list[Argument]) -> Argument:
    numbers = _numbers(arguments)
    if len(numbers) < 2:
        raise FormulaError("DIVIDE_BY_ZERO", "Evaluation of function STDEV caused a divide by zero error.")
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


def _median(arguments: list[Argument]) -> Argument:
    numbers = sorted(_numbers(arguments))
    if not numbers:
        raise FormulaError("NUM", "MEDIAN has no valid input data.")
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _rounded(number: float, places: float) -> float:
    factor = 10 ** int(places)
    return math.copysign(math.floor(abs(number) * factor + 0.5) / factor, number)


def _root(number: float) -> float:
    if number < 0:
        raise FormulaError("NUM", "Function SQRT parameter 1 value is negative.")
    return math.sqrt(number)


def _modulo(number: float, divisor: float) -> float:
    if divisor == 0:
        raise FormulaError("DIVIDE_BY_ZERO", "Function MOD parameter 2 cannot be zero.")
    return number % divisor


def _logarithm(number: float, base: float = 10.0) -> float:
    if number <= 0 or base <= 0 or base == 1:
        raise FormulaError("NUM", "LOG of a number that has none.")
    return math.log(number, base)


def _date(year: float, month: float, day: float) -> float:
    years, months = divmod(int(month) - 1, 12)
    first = dt.datetime(int(year) + years, months + 1, 1)
    return (first - EPOCH).days + int(day) - 1


def _match(arguments: list[Argument]) -> Argument:
    wanted, block = single(arguments[0]), arguments[1]
    if isinstance(block, Block):
        for at, value in enumerate(block.flat()):
            if value == wanted or (
                isinstance(value, str) and isinstance(wanted, str) and value.lower() == wanted.lower()
            ):
                return at + 1
    raise FormulaError("N_A", f"Did not find value '{wanted}' in MATCH evaluation.")


def _index(arguments: list[Argument]) -> Argument:
    block = arguments[0]
    row, column = (int(number_of(single(a))) if a is not None else 1 for a in [*arguments[1:], 1, 1][:2])
    try:
        return block.rows[row - 1][column - 1] if isinstance(block, Block) else block
    except IndexError:
        raise FormulaError("REF", "INDEX is out of bounds.") from None


def _of_numbers(function: Callable[..., float], least: int, most: int | None = None) -> Function:
    """A function of so many numbers."""

    def called(arguments: list[Argument]) -> Argument:
        if not least <= len(arguments) <= (most or least):
            raise FormulaError("N_A", f"Wrong number of arguments. Expected {least}, but got {len(arguments)}.")
        return function(*(number_of(single(argument)) for argument in arguments))

    return called


def _of_text(function: Callable[[str], Argument]) -> Function:
    """A function of one text."""
    return lambda arguments: function(text_of(single(arguments[0])))


FUNCTIONS: Final[dict[str, Function]] = {
    "SUM": lambda a: sum(_numbers(a)),
    "AVERAGE": _average,
    "MEDIAN": _median,
    "STDEV": _spread,
    "MIN": lambda a: min(_numbers(a), default=0),
    "MAX": lambda a: max(_numbers(a), default=0),
    "COUNT": lambda a: len(_numbers(a)),
    "COUNTA": lambda a: sum(value is not None for value in _values(a)),
    "PRODUCT": lambda a: math.prod(_numbers(a)),
    "ROUND": _of_numbers(lambda n, places=0: _rounded(n, places), 1, 2),
    "ABS": _of_numbers(abs, 1),
    "INT": _of_numbers(math.floor, 1),
    "SQRT": _of_numbers(_root, 1),
    "POWER": _of_numbers(pow, 2),
    "MOD": _of_numbers(_modulo, 2),
    "LOG": _of_numbers(_logarithm, 1, 2),
    "LN": _of_numbers(lambda n: _logarithm(n, math.e), 1),
    "EXP": _of_numbers(math.exp, 1),
    "PI": lambda _: math.pi,
    "DATE": _of_numbers(_date, 3),
    "AND": lambda a: all(truth_of(value) for value in _values(a) if value is not None),
    "OR": lambda a: any(truth_of(value) for value in _values(a) if value is not None),
    "NOT": lambda a: not truth_of(single(a[0])),
    "TRUE": lambda _: True,
    "FALSE": lambda _: False,
    "ISBLANK": lambda a: single(a[0]) is None,
    "ISNUMBER": lambda a: isinstance(single(a[0]), int | float) and not isinstance(single(a[0]), bool),
    "ISTEXT": lambda a: isinstance(single(a[0]), str),
    "CONCATENATE": lambda a: "".join(text_of(value) for value in _values(a)),
    "CONCAT": lambda a: "".join(text_of(value) for value in _values(a)),
    "JOIN": lambda a: text_of(single(a[0])).join(text_of(value) for value in _values(a[1:])),
    "LEN": _of_text(len),
    "UPPER": _of_text(str.upper),
    "LOWER": _of_text(str.lower),
    "TRIM": _of_text(lambda text: " ".join(text.split())),
    "VALUE": lambda a: number_of(single(a[0])),
    "TEXT": lambda a: shown(number_of(single(a[0])), None, text_of(single(a[1]))),
    "MATCH": _match,
    "INDEX": _index,
    "HYPERLINK": lambda a: single(a[1]) if len(a) > 1 else single(a[0]),
    "IMAGE": lambda _: None,
    "NA": lambda _: _not_available(),
}


def _not_available() -> Argument:
    raise FormulaError("N_A", "Value not available.")
