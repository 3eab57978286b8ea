"""Best and top, and the questions people get wrong."""

from __future__ import annotations

import pandas as pd
import pytest

from experiment_sheet.compare import best, top
from experiment_sheet.errors import UnknownColumn, UsageError


@pytest.fixture
def frame() -> pd.DataFrame:
    """Four runs: one without the metric, one whose cell holds text."""
    index = pd.Index(["r1", "r2", "r3", "r3"], name="run_id")
    return pd.DataFrame(
        {"val_acc": [0.7, 0.9, None, "diverged"], "latency_ms": [5, 30, 1, 2], "widgets": [1, 2, 3, 4]}, index=index
    )


def test_the_best_run_is_the_highest_or_the_lowest_as_the_metric_says(frame: pd.DataFrame) -> None:
    """Accuracy up, latency down, without being told."""
    assert best(frame, "val_acc").name == "r2"
    assert best(frame, "latency_ms")["latency_ms"] == 1


def test_mode_and_where_decide(frame: pd.DataFrame) -> None:
    """A query filters first; mode overrules the table."""
    assert best(frame, "val_acc", where="latency_ms < 20").name == "r1"
    assert best(frame, "val_acc", mode="min").name == "r1"


def test_top_runs_come_best_first_without_those_that_lack_the_metric(frame: pd.DataFrame) -> None:
    """Runs without a number are left out; doubled ids do no harm."""
    assert list(top(frame, "val_acc").index) == ["r2", "r1"]
    assert list(top(frame, "latency_ms", count=2)["latency_ms"]) == [1, 2]


def test_a_metric_of_no_known_way_wants_a_mode(frame: pd.DataFrame) -> None:
    """Nothing is guessed about a name that the table doesn't hold."""
    with pytest.raises(UsageError, match="mode="):
        best(frame, "widgets")
    assert best(frame, "widgets", mode="max")["widgets"] == 4
    with pytest.raises(UsageError, match="mode is"):
        best(frame, "widgets", mode="up")  # type: ignore[arg-type]


def test_a_typo_gets_the_nearest_column(frame: pd.DataFrame) -> None:
    """In the metric and in the query."""
    with pytest.raises(UnknownColumn, match="did you mean 'val_acc'"):
        best(frame, "val_ac")
    with pytest.raises(UnknownColumn, match="did you mean 'latency_ms'"):
        best(frame, "val_acc", where="latency < 20")
    with pytest.raises(UsageError, match="no query"):
        best(frame, "val_acc", where="latency_ms <")
    for query in ("bad syntax (", "latency_ms.nope()", "@nope", "", "latency_ms"):
        with pytest.raises(UsageError):
            best(frame, "val_acc", where=query)


def test_no_run_with_the_metric_is_said(frame: pd.DataFrame) -> None:
    """An empty answer names the filter that made it empty."""
    with pytest.raises(UsageError, match="latency_ms > 100"):
        best(frame, "val_acc", where="latency_ms > 100")
