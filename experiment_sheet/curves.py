"""Curves of several runs, aligned by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from experiment_sheet import compare, notices
from experiment_sheet.columns import RunId
from experiment_sheet.errors import UnknownColumn

if TYPE_CHECKING:
    import pandas as pd


def aligned(titles: Mapping[RunId, str], metric: str, read: Callable[[RunId], pd.DataFrame]) -> pd.DataFrame:
    """Put one metric of several runs side by side: one row per step, one column per run, named by its title.

    A run that never logged the metric has an empty column, and a message says so. Raises UnknownColumn where no run
    has it.
    """
    import pandas as pd

    found: dict[str, pd.Series[Any]] = {}
    known: dict[str, None] = {}
    for run, title in titles.items():
        steps = read(run)
        known.update(dict.fromkeys(map(str, steps.columns)))
        if metric in steps:
            found[title] = pd.to_numeric(steps[metric], errors="coerce")
        else:
            found[title] = pd.Series(dtype=float)
            notices.logger.warning("%s (%s) has logged no %r step by step", title, run, metric)
    if metric not in known:
        nearest = compare.nearest(metric, pd.DataFrame(columns=list(known)))
        raise UnknownColumn(f"none of these runs has logged {metric!r} step by step{nearest}")
    table = pd.concat(found, axis=1).sort_index()
    table.index.name = "step"
    return table
