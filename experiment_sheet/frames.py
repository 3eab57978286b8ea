"""From a table to a DataFrame and back: the room of pandas.

A DataFrame of runs is indexed by run_id (None where a person typed a row without one). Its columns are named by key,
even where a person renamed the header; people's columns by header. Two columns that share a key are told apart
by role: ``loss (output)``. ``frame.attrs["roles"]`` says who each column belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column, Role, label
from experiment_sheet.history import TIME
from experiment_sheet.values import Cell, Link

if TYPE_CHECKING:
    import pandas as pd

_EXACT: Final = 2**53  # beyond, a float can't hold every integer (IEEE 754)


def frame_of(table: Table) -> pd.DataFrame:
    """Make a DataFrame of a table: one row per run, indexed by run_id."""
    import pandas as pd

    names = column_names(table.columns)
    cells = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(names)
    series = {name: _series(list(column)) for name, column in zip(names.values(), cells, strict=True)}
    index = series.pop(names[RUN_ID]) if RUN_ID in names else pd.Series([None] * len(table.rows), dtype=object)
    frame = pd.DataFrame(series)
    frame.index = pd.Index(index, name="run_id")
    frame.attrs["roles"] = {name: column.role for column, name in names.items() if column != RUN_ID}
    return frame


def frame_of_steps(steps: Mapping[float, Mapping[str, Cell]]) -> pd.DataFrame:
    """Make a DataFrame of logged steps: indexed by step, ``seconds`` since the run began, then what was logged."""
    import pandas as pd

    keys = list(dict.fromkeys(key for values in steps.values() for key in values))
    series = {"seconds" if key == TIME else key: _series([v.get(key) for v in steps.values()]) for key in keys}
    frame = pd.DataFrame(series)
    frame.index = pd.Index(list(steps), name="step")
    return frame


def column_names(columns: Iterable[Column]) -> dict[Column, str]:
    """Name columns for a DataFrame: the bare key for the first of namesakes."""
    names: dict[Column, str] = {}
    for column in columns:
        names[column] = column.key if column.key not in names.values() else label(column, list(names.values()))
    return names


def roles_of(frame: pd.DataFrame) -> dict[str, Role]:
    """Who each column of a DataFrame of runs belongs to."""
    roles: dict[str, Role] = frame.attrs.get("roles", {})
    return {name: roles.get(name, "people") for name in map(str, frame.columns)}


def rows_of(data: object) -> list[dict[str, object]]:
    """Bring a dictionary, some dictionaries or a DataFrame down to dictionaries, one per run.

    A missing value of a DataFrame (NaN, NaT, NA) is no value; in a dictionary NaN is one. Raises TypeError for anything
    else.
    """
    if isinstance(data, Mapping):
        return [dict(data)]
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        return _rows_of_frame(data)
    if isinstance(data, Sequence | Iterable) and not isinstance(data, str | bytes):
        rows = list(data)
        if all(isinstance(row, Mapping) for row in rows):
            return [dict(row) for row in rows]
    raise TypeError(f"rows are a dictionary, a list of dictionaries or a DataFrame, not {type(data).__name__}")


def _rows_of_frame(data: Any) -> list[dict[str, object]]:
    frame = data if data.index.name is None else data.reset_index()
    there = frame.notna().to_numpy()
    names = list(frame.columns)
    rows = frame.astype(object).to_numpy()
    return [
        {name: cell for name, cell, is_there in zip(names, row, mask, strict=True) if is_there}
        for row, mask in zip(rows, there, strict=True)
    ]


def _series(cells: list[Cell]) -> pd.Series[Any]:
    """Make a column; a whole number that a float can't hold keeps the column from becoming one of floats."""
    import pandas as pd

    kinds = set(map(type, cells))
    if kinds == {float}:
        return pd.Series(cells, dtype=float)  # nothing to be found out
    if Link in kinds:
        cells = [cell.href if isinstance(cell, Link) else cell for cell in cells]
    if int in kinds and kinds != {int} and any(type(c) is int and abs(c) > _EXACT for c in cells):
        return pd.Series(cells, dtype=object)
    if kinds <= {type(None)} or len(kinds - {type(None), int, float}) > 1 or {bool, type(None)} <= kinds:
        return pd.Series(cells, dtype=object)
    return pd.Series(cells)
