"""Running a restored run, and telling whether the same came out.

Whatever sheet the code names, it writes into ``reproduced.xlsx`` in the restored folder (`sheet.REDIRECT`), so no run
can touch the sheet that it reproduces. A program may make many runs: the one that counts has the same inputs.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from experiment_sheet.errors import RunNotFound
from experiment_sheet.reproduce import Facts, Restored, known, logged
from experiment_sheet.sheet import REDIRECT, Sheet
from experiment_sheet.values import Cell, Link, from_json

TOLERANCE: Final = 1e-6
"""Relative difference up to which two numbers count as the same: sums of many floats depend on the order that a
processor or library chooses; a different seed or dataset shows far above."""

SHEET: Final = "reproduced.xlsx"

_AGAIN: Final = (
    "PYTHONHASHSEED",
    "OMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "NUMEXPR_*",
    "KMP_*",
    "CUBLAS_*",
    "TF_[DCEXGNF]*",
    "XLA_*",
)
"""Recorded variables that are set again: those of determinism and threads; others name things of one machine."""

_OURS: Final = ("EXPERIMENT_SHEET*", "WANDB_*", "MLFLOW_*")


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that is not what it was; a side is None where it is missing."""

    key: str
    then: Cell
    now: Cell


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out when a run was made again."""

    run_id: str
    same: tuple[str, ...]
    different: tuple[Difference, ...]


def run(made: Restored, facts: Facts, *, python: str | None = None) -> int:
    """Run the command of a restored run; its output goes to stderr. Returns its exit code, 127 if there is none."""
    if not made.command:
        return 127
    system = facts.get("system")
    then = system.get("environment") if isinstance(system, Mapping) else None
    before = {key: value for key, value in os.environ.items() if not _matches(key, _OURS)}
    again = {k: str(v) for k, v in then.items() if _matches(k, _AGAIN)} if isinstance(then, Mapping) else {}
    environ = before | again | {REDIRECT: str(made.path / SHEET)}
    try:
        words = [_program(made.command[0], python or sys.executable), *made.command[1:]]
        return subprocess.run(
            words, cwd=made.folder, env=environ, stdout=2, stdin=subprocess.DEVNULL, check=False
        ).returncode
    except OSError:
        return 127


def compare(made: Restored, facts: Facts, *, tolerance: float = TOLERANCE, but: tuple[str, ...] = ()) -> Compared:
    """Compare outputs with those that came out before, except those whose keys match a pattern of `but`.

    Raises RunNotFound if the command logged no run.
    """
    new = _same_run(Sheet(made.path / SHEET), facts)
    then, now = _outputs(facts), _outputs(new)
    keys = [key for key in dict.fromkeys((*then, *now)) if not _matches(key, but)]
    same = tuple(key for key in keys if key in then and key in now and _agree(then[key], now[key], tolerance))
    different = tuple(Difference(key, then.get(key), now.get(key)) for key in keys if key not in same)
    return Compared(str(new["run_id"]), same, different)


def _program(word: str, python: str) -> str:
    if word.startswith("python"):
        return python
    beside = Path(python).parent / word
    return str(beside) if beside.is_file() else shutil.which(word) or word


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _same_run(sheet: Sheet, facts: Facts) -> dict[str, Any]:
    frame = sheet.read()
    runs = [known(sheet, run, frame) for run in frame.index if isinstance(run, str)]
    if not runs:
        raise RunNotFound(f"{sheet.name} is empty: the command logged no run")
    same = [run for run in runs if logged(run, "inputs") == logged(facts, "inputs")]
    name = facts["run"].get("run")
    return next((run for run in same if run["run"].get("run") == name), (same or runs)[0])


def _outputs(facts: Facts) -> dict[str, Cell]:
    """Return the outputs that can be compared; a link to a plot or model says nothing of what is in it."""
    cells = {key: _cell(value) for key, value in logged(facts, "outputs").items()}
    return {key: cell for key, cell in cells.items() if not isinstance(cell, Link)}


def _cell(value: object) -> Cell:
    try:
        return from_json(value)
    except (ValueError, TypeError):
        return str(value)


def _agree(then: Cell, now: Cell, tolerance: float) -> bool:
    numbers = (int, float)
    if isinstance(then, numbers) and isinstance(now, numbers):
        both_nan = then != then and now != now
        return both_nan or math.isclose(then, now, rel_tol=tolerance, abs_tol=tolerance * 1e-6)
    return then == now
