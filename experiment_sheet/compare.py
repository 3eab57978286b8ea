"""Comparing runs: the best, the top, a filter in pandas' query language. Pure functions over a DataFrame of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    if mode not in (None, "max", "min"):
        raise UsageError(f'mode is "max" or "min", not {mode!r}')
    found = mode or goal(metric)
    if found is None:
        raise UsageError(f'which way is {metric!r} better? Say mode="max" or mode="min"')
    return found


def numbers(frame: pd.DataFrame, metric: str) -> pd.Series[Any]:
    """The numbers of a column; NaN where a cell holds none. Raises UnknownColumn."""
    import pandas as pd

    if metric not in frame.columns:
        raise UnknownColumn(f"there is no column {metric!r}{nearest(metric, frame)}")
    return pd.to_numeric(frame[metric], errors="coerce")


def query(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Filter runs with a pandas query. Raises UsageError for one that can't be read or names no column."""
    import pandas as pd

    try:
        return frame.query(where)
    except pd.errors.UndefinedVariableError as error:
        name = str(error).split("'")[1] if "'" in str(error) else where
        raise UnknownColumn(f"{where!r}: there is no column {name!r}{nearest(name, frame)}") from error
    except Exception as error:  # pandas lets through whatever its parser and numexpr raise
        example = "lr < 0.01 and model == 'cnn'"
        raise UsageError(f'{where!r} is no query ({error}); one is "{example}"') from error


def nearest(name: str, frame: pd.DataFrame) -> str:
    """Suggest the column that was probably meant."""
    import difflib

    close = difflib.get_close_matches(name, [str(column) for column in frame.columns], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
