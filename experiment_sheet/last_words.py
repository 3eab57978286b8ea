"""The last words of a run whose process died without one: what its histories say that its row doesn't.

A run tells its row at most every 30 s, its history with every step. Of each history the last `TAIL` bytes are read,
which bounds what a checkpoint spends on a dead run; statistics that `define_metric` asked for are worked out only
from whole histories, and only where ``run.json`` (of an earlier life of the run) still says what was asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from experiment_sheet import history
from experiment_sheet.columns import Column
from experiment_sheet.jsonl import read_file
from experiment_sheet.outputs import Definition, Outputs
from experiment_sheet.values import Cell, Link

TAIL: Final = 32 << 20
"""Bytes of a history that are read, from its end."""

_RUN_JSON: Final = 16 << 20  # bytes of run.json that are read; nobody's metrics need more

DURATION: Final = Column("run", "duration")


@dataclass(slots=True)
class _Heard:
    outputs: Outputs = field(default_factory=Outputs)
    step: float | None = None
    seconds: float = 0.0


def of(folder: Path, *, first_life: bool) -> Mapping[Column, Cell]:
    """Read the last metrics, the last step and the duration of a run from its folder. Never raises for the world.

    `first_life`: the run was never resumed, so its histories count their seconds from its beginning; else the
    duration is left as its row has it, at most 30 s old.
    """
    heard = _Heard()
    try:
        paths = history.paths_in(folder)
        if sum(path.stat().st_size for path in paths) <= TAIL:
            heard.outputs.definitions = _definitions(folder)
        for path in paths:
            _hear(path, heard)
    except OSError:
        return {}
    if heard.step is None:
        return {}
    cells = {Column("output", key): cell for key, cell in heard.outputs.values().items() if not isinstance(cell, Link)}
    if first_life:
        cells[DURATION] = dt.timedelta(seconds=round(heard.seconds, 3))
    cells[Column("run", "error")] = f"the process died without a word; the last step it logged was {heard.step:g}"
    return cells


def _hear(path: Path, heard: _Heard) -> None:
    for step, seconds, values in history.lines(path, start=max(0, path.stat().st_size - TAIL)):
        heard.outputs.add(values, step)
        heard.step = step if heard.step is None else max(heard.step, step)
        heard.seconds = max(heard.seconds, seconds)


def _definitions(folder: Path) -> list[Definition]:
    try:
        found: Any = read_file(folder / "run.json", largest=_RUN_JSON)["metrics"]
        return [Definition(**{**item, "summaries": tuple(map(str, item["summaries"]))}) for item in found]
    except (OSError, ValueError, KeyError, TypeError):
        return []
