"""Runs that belong together: mean, spread and count of what they came to, whatever their seeds and folds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import compare
from experiment_sheet.changed import is_setting
from experiment_sheet.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

AGGREGATES: Final = ("mean", "std", "min", "max", "median", "count")
"""What can be made of the numbers of a group; ``std`` is that of a sample (n − 1), so one run alone has none."""

COUNT: Final = "runs"
"""The column that says how many runs a group has."""


def group(
    frame: pd.DataFrame, by: str | Iterable[str] | None = None, *, agg: str | Iterable[str] = "mean"
) -> pd.DataFrame:
    """Put runs together that agree in the columns `by`, and aggregate the numbers that they came to.

    Without `by`: in every input that differs, but for seeds, folds and the places of results. Runs without a value
    there are a group of their own; a fold or seed has the inputs of its parent. Raises UnknownColumn, UsageError.
    """
    import pandas as pd

    words = checked(agg)
    frame = inherited(frame)
    keys = names_in(frame, by) if by is not None else differing_settings(frame)
    values = numeric(frame, leaving=keys)
    table = pd.DataFrame({**{name: frame[name] for name in keys}, **values})
    if not keys:
        table, keys = table.assign(group="all runs"), ["group"]
    grouped = table.groupby(keys, dropna=False, sort=False)
    found: dict[str, Any] = {COUNT if COUNT not in keys else "count": grouped.size()}
    for name in values:
        found |= {name if len(words) == 1 else f"{name}.{word}": getattr(grouped[name], word)() for word in words}
    return in_order(pd.DataFrame(found))


def checked(agg: str | Iterable[str]) -> list[str]:
    """Return the words for what is to be made of a group. Raises UsageError."""
    words = [agg] if isinstance(agg, str) else list(agg)
    wrong = next((word for word in words if word not in AGGREGATES), None if words else "nothing")
    if wrong is not None:
        raise UsageError(f"agg is one or several of {', '.join(AGGREGATES)}, not {wrong!r}")
    return words


def names_in(frame: pd.DataFrame, names: str | Iterable[str]) -> list[str]:
    """Return names of columns, each once. Raises UnknownColumn with the nearest one."""
    listed = [names] if isinstance(names, str) else list(names)
    return list(dict.fromkeys(compare.column_in(frame, name) for name in listed))


def differing_settings(frame: pd.DataFrame) -> list[str]:
    """Name the inputs in which runs differ, but for seeds, folds and the places of results."""
    roles = frame.attrs.get("roles", {})
    inputs = [name for name in map(str, frame.columns) if roles.get(name) == "input"]
    return [name for name in inputs if is_setting(name) and frame[name].nunique(dropna=False) > 1]


def numeric(frame: pd.DataFrame, *, leaving: Iterable[str] = ()) -> dict[str, pd.Series[Any]]:
    """Return what runs came to, as far as it is numbers: outputs, and what people typed beside them."""
    roles = frame.attrs.get("roles", {})
    found = {}
    for name in [name for name in frame.columns if name not in set(leaving)]:
        role = roles.get(name, "output" if not roles else "people")
        if role == "output" or (role == "people" and frame[name].dtype.kind in "fi"):
            values = compare.numbers(frame, name)
            if values.notna().any():
                found[str(name)] = values
    return found


def inherited(frame: pd.DataFrame) -> pd.DataFrame:
    """Give folds and seeds the inputs of their parent, which doesn't stand for itself then."""
    if "parent" not in frame or not frame["parent"].notna().any():
        return frame
    import pandas as pd

    parents = frame["parent"]
    rows = frame[~frame.index.duplicated()]
    filled = frame.copy()
    for name, role in frame.attrs.get("roles", {}).items():
        if role == "input" and name in frame:
            above = pd.Series(rows[name].reindex(parents).to_numpy(), index=frame.index)
            filled[name] = frame[name].where(frame[name].notna(), above)
    return filled[~frame.index.isin(parents.dropna())]


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort by the index, where its values can be compared; else leave the order in which they came."""
    try:
        return frame.sort_index(kind="stable")
    except TypeError:
        return frame
