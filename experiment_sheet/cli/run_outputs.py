r"""Outputs of a run, recognised in what its command prints. Pure.

Recognised without being told: ``name=value``, ``name: value``, and lines that are a JSON object or a Python
dictionary. A value is a number, also with a % behind it or in ``tensor(…)``; one that goes on as something else
(``12s``, ``3/10``, ``127.0.0.1``, ``1,234``) is none. A word like ``val`` or ``test`` before a name belongs to it:
``Val loss: 0.3`` is ``val_loss``. A pattern is a regular expression whose groups are the names of outputs
(``acc is (?P<acc>\S+)``), or are called ``name`` and ``value``; its groups ``step`` and ``epoch`` tell the step.

Steps: the finest unit that a line names (``global_step``, ``step``, ``iteration``, ``epoch``), which holds until
another is named. Where steps begin anew with each epoch they go on counting. Where no step was ever named, the first
value of a name is its step 0, the second its step 1.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from experiment_sheet.cli.log import Value, read_value
from experiment_sheet.columns import flatten
from experiment_sheet.errors import UsageError

Values = dict[str, Value]

_SPLITS: Final = (
    "train|training|val|valid|validation|test|testing|eval|evaluation|dev|best|final|mean|avg|average|total|running"
)
_NUMBER: Final = r"(?>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:[-+]?(?:nan|inf)(?:inity)?\b))"
_VALUE: Final = re.compile(
    rf"""
    (?<![\w.@/'-])['"]?
    (?P<name> (?: (?i:{_SPLITS}) [ ]+ ){{0,3}} [A-Za-z_] [\w./@-]* )
    ['"]? [ \t]*
    (?: = (?!=) | : (?=\s) | : (?= [-+]? (?: \d*\.\d | (?i:nan|inf)) ) )     # cuda:0 and host:8080 are names
    [ \t]* (?: tensor\( | (?:np\.)? float\d*\( )?
    (?P<value> {_NUMBER} )
    (?! \w | [.:/-]\w | ,\d )
    """,
    re.VERBOSE,
)
_UNITS: Final[tuple[str, ...]] = ("global_step", "step", "iteration", "iter", "epoch")  # the finest first
_STEP: Final = re.compile(
    r"""(?<!\w) (global[_ ]step | step | iteration | iter | epoch) \b ['"]?
        [ \t]* [:=\#]? [ \t]* [\[(]? [ \t]* (\d+(?:\.\d+)?) (?!\w)""",
    re.VERBOSE | re.IGNORECASE,
)
_COLOURS: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


def compiled(pattern: str) -> re.Pattern[str]:
    """Read a pattern. Raises UsageError for one that can't be read, or names no output."""
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--pattern {pattern!r} is no regular expression: {error}") from error
    if not found.groupindex.keys() - {*_UNITS, "name"}:
        example = r"acc is (?P<acc>\S+)"
        raise UsageError(f"--pattern {pattern!r} has no group that names an output; one is '{example}'")
    return found


@dataclass(slots=True)
class Outputs:
    """Recognises outputs, line by line. `inputs` are what is known already, and no output if printed once more."""

    patterns: Sequence[re.Pattern[str]] = ()
    guess: bool = True
    inputs: Mapping[str, object] = field(default_factory=dict)
    matched: Counter[str] = field(default_factory=Counter)  # values by pattern
    count: int = 0  # values
    _steps: dict[str, float] = field(default_factory=dict)  # the last one of each unit
    _passed: float = 0.0  # steps of the epochs before, where each counts anew
    _seen: Counter[str] = field(default_factory=Counter)  # values by name, while no step is known

    def read(self, line: str) -> list[tuple[float, Values]]:
        """Return what a line says, by step."""
        plain = _COLOURS.sub("", line).strip()
        units, values = self._told(plain)
        if self.guess:
            guessed_units, guessed = _guessed(plain)
            units, values = guessed_units | units, guessed | values
        values = {key: value for key, value in values.items() if self.inputs.get(key, self) != value}
        step = self._step(units)
        self.count += len(values)
        if step is not None:
            unit = next((unit for unit in _UNITS if unit in self._steps), None)
            values.pop(unit or "", None)
            return [(step, values)] if values else []
        return list(self._by_count(values))

    def _told(self, line: str) -> tuple[dict[str, float], Values]:
        """Return what the given patterns find: units of steps, and values."""
        units: dict[str, float] = {}
        values: Values = {}
        for pattern in self.patterns:
            for match in pattern.finditer(line):
                groups = {key: text for key, text in match.groupdict().items() if text is not None}
                self.matched[pattern.pattern] += 1
                if "name" in groups and "value" in groups:
                    groups[_key(groups.pop("name"))] = groups.pop("value")
                for key, text in groups.items():
                    value = read_value(text.rstrip("%,;"))
                    if key in _UNITS and isinstance(value, int | float):
                        units[key] = value
                    else:
                        values[key] = value
        return units, values

    def _step(self, units: Mapping[str, float]) -> float | None:
        """Return the step that holds now."""
        before = dict(self._steps)
        self._steps.update(units)
        unit = next((unit for unit in _UNITS if unit in self._steps), None)
        if unit is None:
            return None
        begun_anew = unit != "epoch" and unit in before and self._steps[unit] < before[unit]
        if begun_anew and before.get("epoch", 0) < self._steps.get("epoch", 0):
            self._passed += before[unit]
        return self._steps[unit] + self._passed

    def _by_count(self, values: Values) -> Iterator[tuple[float, Values]]:
        by_step: dict[float, Values] = {}
        for key, value in values.items():
            by_step.setdefault(self._seen[key], {})[key] = value
            self._seen[key] += 1
        yield from by_step.items()


def _guessed(line: str) -> tuple[dict[str, float], Values]:
    """Return what the common ways to print a value say: units of steps, and values."""
    if line.startswith("{") and line.endswith("}") and (found := _dictionary(line)) is not None:
        numbers = {str(key): value for key, value in flatten(found).items() if isinstance(value, int | float)}
        units = {key: numbers[key] for key in _UNITS if key in numbers and math.isfinite(numbers[key])}
        return units, {key: value for key, value in numbers.items() if key not in units or key == "epoch"}
    if not any(sign in line for sign in "=:") and "poch" not in line and "tep" not in line:
        return {}, {}
    units = {name.lower().replace(" ", "_"): float(number) for name, number in _STEP.findall(line)}
    values = {_key(match["name"]): _read(match["value"]) for match in _VALUE.finditer(line)}
    coarse = {"epoch": _whole(units["epoch"])} if "epoch" in units else {}
    return units, {key: value for key, value in values.items() if key not in _UNITS} | coarse


def _dictionary(line: str) -> Mapping[str, Any] | None:
    """Read JSON, or what Python prints of a dictionary."""
    for reader in (json.loads, ast.literal_eval):
        try:
            found = reader(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return found if isinstance(found, Mapping) else None
    return None


def _read(text: str) -> Value:
    number = float(text)
    return int(text) if text.lstrip("+-").isdigit() and math.isfinite(number) else number


def _whole(number: float) -> Value:
    return int(number) if number.is_integer() else number


def _key(name: str) -> str:
    """Return a printed name as a column has it: ``Val loss`` is ``val_loss``; ``mAP50`` stays as it is."""
    words = (word.lower() if word.istitle() else word for word in name.split())
    return "_".join(words).strip("./@-")


@dataclass(slots=True)
class Lines:
    """Cuts a stream into lines; those that a progress bar writes over each other are lines, too."""

    longest: int = 1 << 16  # bytes; longer lines are passed over
    _rest: bytes = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that end in a chunk."""
        *whole, rest = re.split(rb"[\r\n]+", self._rest + chunk)
        self._rest = rest[: self.longest + 1]  # no more is kept than tells that it is too long
        return [line.decode("utf-8", "replace") for line in whole if line and len(line) <= self.longest]

    def end(self) -> list[str]:
        """Return the line that no line end ended."""
        return self.feed(b"\n")
