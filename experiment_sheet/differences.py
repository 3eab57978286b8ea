"""What differs between some runs, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import naming
from experiment_sheet.columns import RunId
from experiment_sheet.errors import UsageError
from experiment_sheet.outputs import is_curve
from experiment_sheet.values import same, to_cell

if TYPE_CHECKING:
    import pandas as pd

_ORDER: Final = ("input", "output", "people", "run")
_OWN: Final = ("run", "started", "plots", "changed", "gain", "inputs_hash", "group", "parent")
"""Run columns that differ anyway, or tell the same once more."""


def compare(frame: pd.DataFrame, runs: str | Iterable[str]) -> pd.DataFrame:
    """Put runs side by side: one row per column that differs, one column per run.

    Outputs have, behind the runs, how far each lies from the first run: absolutely (``Δ name``) and relatively
    (``Δ% name``, in percent). Runs are named by run_id, a prefix of one, name, ``@last`` or ``@best``. Raises
    RunNotFound, UsageError.
    """
    import pandas as pd

    chosen = naming.find_runs(frame, runs)
    if len(chosen) < 2:
        raise UsageError("compare takes at least two runs")
    titles = naming.titles(frame, chosen)
    cells = {run: _cells(frame, run) for run in chosen}
    roles = frame.attrs.get("roles", {})
    names = [name for name in map(str, frame.columns) if _differs([cells[run].get(name) for run in chosen])]
    names = [name for name in names if not is_curve(name) and not (roles.get(name) == "run" and name in _OWN)]
    names.sort(key=lambda name: _ORDER.index(roles.get(name, "people")))
    table: dict[str, list[Any]] = {"role": [roles.get(name, "people") for name in names]}
    table |= {title: [cells[run].get(name) for name in names] for run, title in titles.items()}
    first = cells[chosen[0]]
    for run in chosen[1:]:
        pairs = [(first.get(name), cells[run].get(name)) if _is_result(name, roles) else (None, None) for name in names]
        table[f"Δ {titles[run]}"] = [_distance(*pair) for pair in pairs]
        table[f"Δ% {titles[run]}"] = [_percent(*pair) for pair in pairs]
    return pd.DataFrame(table, index=pd.Index(names, name="column"), dtype=object)


def _cells(frame: pd.DataFrame, run: RunId) -> dict[str, Any]:
    """Return the cells of a run; of a row that stands twice the first."""
    row = frame[frame.index == run].iloc[0]
    cells = {str(name): to_cell(cell) for name, cell in row.items()}
    return {name: cell for name, cell in cells.items() if cell not in (None, "") and cell == cell}  # nor NaN


def _differs(cells: list[Any]) -> bool:
    return any(not same(cells[0], cell) for cell in cells[1:])


def _is_result(name: str, roles: dict[str, str]) -> bool:
    return roles.get(name, "people") in ("output", "people") or name == "duration"


def _distance(before: Any, after: Any) -> Any:
    if before is None or after is None or isinstance(before, str | bool) or isinstance(after, str | bool):
        return None
    try:
        return after - before
    except TypeError:
        return None


def _percent(before: Any, after: Any) -> float | None:
    distance = _distance(before, after)
    try:
        share = float(distance / abs(before)) * 100
    except (TypeError, ZeroDivisionError, OverflowError):
        return None
    return round(share, 6) if math.isfinite(share) else None
