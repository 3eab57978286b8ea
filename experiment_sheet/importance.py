"""How much each input has to do with a metric: rank correlation, and a small forest where scikit-learn is at hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import compare, groups, notices

if TYPE_CHECKING:
    import pandas as pd

FEW: Final = 30
"""Runs below which importances say little."""

_TREES: Final = 200
_SEED: Final = 0  # the same sheet shows the same picture
_MANY: Final = 3  # a text that is another one in every third run names runs, not settings


def importance(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Tell of each input that differs how much it has to do with a metric, the most important first.

    ``correlation`` is Spearman's, of the ranks: its sign says which way. Of texts it is that of the mean rank by value,
    and has no sign. ``importance`` is a forest's (mean decrease of impurity, all together 1); NaN without scikit-learn.
    Raises UnknownColumn. Below 30 runs one message says that it is little to go by.
    """
    import pandas as pd

    frame = groups.inherited(frame)
    numbers = compare.numbers(frame, metric)
    there = numbers.abs() < math.inf  # false for NaN, too
    frame, result = frame[there], numbers[there]
    if len(result) < FEW:
        notices.logger.warning("importance of inputs from %d runs is little to go by; %d are few", len(result), FEW)
    found = {name: _column(frame[name]) for name in groups.differing_settings(frame)}
    columns = {name: column for name, column in found.items() if column is not None}
    ranks = result.rank()
    table = pd.DataFrame(
        {
            "correlation": {name: _correlation(column, ranks) for name, column in columns.items()},
            "importance": _forest(columns, result),
        },
        index=pd.Index(list(columns), name="input", dtype=object),
        dtype=float,
    )
    key = table["importance"].fillna(table["correlation"].abs())
    return table.loc[key.sort_values(ascending=False, kind="stable").index]


def _column(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return a column as numbers, or as text of which one value stands in several runs; None for others."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").astype(float)
    if values.notna().sum() >= column.notna().sum():
        return values
    texts = column.astype(str).where(column.notna(), "none")
    return texts if texts.nunique() * _MANY <= len(texts) or texts.nunique() == 2 else None


def _correlation(column: pd.Series[Any], ranks: pd.Series[Any]) -> float:
    import pandas as pd

    if column.dtype.kind == "f":
        ordered, there = column.rank(), column.notna()
    else:
        ordered, there = ranks.groupby(column.to_numpy()).transform("mean"), column.notna()
    one, other = pd.Series(ordered.to_numpy())[there.to_numpy()], pd.Series(ranks.to_numpy())[there.to_numpy()]
    if one.nunique() < 2 or other.nunique() < 2:
        return float("nan")
    return float(one.corr(other))


def _forest(columns: dict[str, pd.Series[Any]], result: pd.Series[Any]) -> dict[str, float]:
    """Return the importances of a small forest; nothing without scikit-learn, and a message says how to get it."""
    import pandas as pd

    if not columns or len(result) < 2:
        return {}
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError:
        notices.say(
            "scikit-learn",
            "importance",
            "without scikit-learn (pip install 'experiment-sheet[demo]') importance is rank correlation alone",
        )
        return {}
    table = {
        name: column.fillna(column.min() - 1) if column.dtype.kind == "f" else pd.factorize(column)[0]
        for name, column in columns.items()
    }
    forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=_SEED)
    forest.fit(pd.DataFrame(table).to_numpy(), result.to_numpy())
    return dict(zip(columns, map(float, forest.feature_importances_), strict=True))
