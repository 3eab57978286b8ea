"""Comparing runs: the best, the top, a filter in pandas' query language. Pure functions over a DataFrame of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiment_sheet import metrics
from experiment_sheet.errors import UnknownColumn, UsageError
from experiment_sheet.metrics import Goal, goal

if TYPE_CHECKING:
    import pandas as pd


def top(
    frame: pd.DataFrame, metric: str, *, count: int = 5, mode: Goal | None = None, where: str | None = None
) -> pd.DataFrame:
    """The `count` best runs by a metric, the best first; runs without it are left out.

    Raises UnknownColumn, or UsageError where neither `mode` nor the metric says which way is better.
    """
    chosen = frame if where is None else query(frame, where)
    values = numbers(chosen, metric).reset_index(drop=True).dropna()
    ordered = values.sort_values(ascending=direction(metric, mode) == "min", kind="stable")
    return chosen.iloc[ordered.index[:count]]


def best(frame: pd.DataFrame, metric: str, *, mode: Goal | None = None, where: str | None = None) -> pd.Series[Any]:
    """The best run by a metric. Raises ValueError where no run has it, and as `top`."""
    runs = top(frame, metric, count=1, mode=mode, where=where)
    if runs.empty:
        raise UsageError(f"no run{'' if where is None else f' with {where}'} has a number in {metric!r}")
    return runs.iloc[0]


def direction(metric: str, mode: Goal | None) -> Goal:
    """Which way is better: what was said, else what the published table says of the metric."""
    found = known_direction(metric, mode)
    if found is None:
        raise UsageError(f'which way is {metric!r} better? Say mode="max" or mode="min"')
    return found


def known_direction(metric: str, mode: Goal | None) -> Goal | None:
    """As `direction`, but None where nothing says it."""
    if mode not in (None, "max", "min"):
        raise UsageError(f'mode is "max" or "min", not {mode!r}')
    return mode or goal(metric)


def main_metric(frame: pd.DataFrame, goals: Mapping[str, Goal] | None = None) -> tuple[str, Goal]:
    """The output that runs are judged by, and which way is better; as `metrics.main_metric`, of those with numbers.

    Raises UsageError if there is none.
    """
    roles = frame.attrs.get("roles", {})
    outputs = [name for name in map(str, frame.columns) if roles.get(name) == "output"]
    while outputs and (found := metrics.main_metric(outputs, goals)) is not None:
        if numbers(frame, found[0]).notna().any():
            return found
        outputs.remove(found[0])
    raise UsageError("no column says by itself which run is best; name a metric (at the command line: @best:METRIC)")


def numbers(frame: pd.DataFrame, metric: str) -> pd.Series[Any]:
    """The numbers of a column; NaN where a cell holds none. Raises UnknownColumn."""
    import pandas as pd

    column = frame[column_in(frame, metric)]
    return column if column.dtype.kind in "fi" else pd.to_numeric(column, errors="coerce")


def column_in(frame: pd.DataFrame, name: str) -> str:
    """Return the name if there is such a column. Raises UnknownColumn with the nearest one."""
    if not isinstance(name, str) or name not in frame.columns:
        raise UnknownColumn(f"there is no column {name!r}{nearest(str(name), frame)}")
    return name


def query(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Filter runs with a pandas query. Raises UsageError for one that can't be read or names no column.

    In a column of numbers and texts only the numbers are compared with a number.
    """
    import pandas as pd

    try:
        return frame.query(where)
    except pd.errors.UndefinedVariableError as error:
        name = str(error).split("'")[1] if "'" in str(error) else where
        raise UnknownColumn(f"{where!r}: there is no column {name!r}{nearest(name, frame)}") from error
    except TypeError as error:
        mixed = {name: numbers(frame, name) for name in frame.columns if _is_mixed(frame[name])}
        if mixed:
            return frame[_kept(frame.assign(**mixed), where)]
        raise _no_query(where, error) from error
    except Exception as error:  # pandas lets through whatever its parser and numexpr raise
        raise _no_query(where, error) from error


def _kept(frame: pd.DataFrame, where: str) -> list[bool]:
    """Tell of each run whether a query is true; run_ids may stand twice, so places are asked for."""
    try:
        places = set(frame.reset_index(drop=True).query(where).index)
        return [place in places for place in range(len(frame))]
    except Exception as error:
        raise _no_query(where, error) from error


def _is_mixed(column: pd.Series[Any]) -> bool:
    return column.dtype == object and any(isinstance(cell, int | float) and cell == cell for cell in column)


def _no_query(where: str, error: Exception) -> UsageError:
    example = "lr < 0.01 and model == 'cnn'"
    return UsageError(f'{where!r} is no query ({error}); one is "{example}"')


def nearest(name: str, frame: pd.DataFrame) -> str:
    """Suggest the column that was probably meant."""
    import difflib

    names = [str(column) for column in frame.columns]
    nested = [column for column in names if column.startswith(f"{name}.")]
    close = difflib.get_close_matches(name, names, n=1) or nested[:1]
    if not close:
        return ""
    return f"; did you mean {close[0]!r}?" if close[0].isidentifier() else f"; did you mean `{close[0]}`, in backticks?"
