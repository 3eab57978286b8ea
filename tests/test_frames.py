"""From table to DataFrame and back."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.frames import column_names, frame_of, roles_of, rows_of
from experiment_sheet.values import Cell, Link


def _table(**columns: list[Cell]) -> Table:
    ids: list[Cell] = [f"r{n}" for n in range(len(next(iter(columns.values()))))]
    rows = list(zip(ids, *columns.values(), strict=True))
    names = [RUN_ID, *(Column("input", name) for name in columns)]
    return Table(names, [c.key for c in names], rows)


def test_a_table_becomes_a_frame_indexed_by_run_id() -> None:
    """Numbers are numbers, dates are dates, and roles are told."""
    frame = frame_of(_table(lr=[0.1, 0.2], n=[1, 2], when=[dt.datetime(2026, 1, 1), None], name=["a", None]))
    assert list(frame.index) == ["r0", "r1"]
    assert frame.index.name == "run_id"
    assert frame["lr"].dtype == float
    assert frame["n"].dtype == int
    assert frame["when"].dt.year.tolist()[0] == 2026
    assert frame["name"].isna().tolist() == [False, True]
    assert roles_of(frame)["lr"] == "input"


def test_big_whole_numbers_stay_exact_beside_gaps() -> None:
    """A column of large ints with an empty cell does not become one of floats."""
    frame = frame_of(_table(seed=[2**60 + 1, None]))
    assert frame["seed"].tolist()[0] == 2**60 + 1


def test_bools_beside_gaps_stay_bools() -> None:
    """True does not become 1.0."""
    assert frame_of(_table(flag=[True, None]))["flag"].tolist() == [True, None]


def test_namesakes_of_two_roles_are_told_apart() -> None:
    """The first keeps the bare key, the second says its role."""
    columns = [Column("input", "loss"), Column("output", "loss")]
    assert list(column_names(columns).values()) == ["loss", "loss (output)"]


def test_a_link_is_its_address() -> None:
    """What a link leads to is what code can use."""
    assert frame_of(_table(plots=[Link("runs_files/r0/index.html", "plots")]))["plots"].tolist() == [
        "runs_files/r0/index.html"
    ]


def test_an_empty_table_is_an_empty_frame() -> None:
    """No sheet, no rows, no error."""
    frame = frame_of(Table((), (), ()))
    assert frame.empty
    assert frame.index.name == "run_id"


def test_a_sheet_without_run_ids_has_rows_all_the_same() -> None:
    """People's rows are read even where there is no run_id column."""
    frame = frame_of(Table([Column("people", "score")], ["score"], [[1], [2]]))
    assert frame["score"].tolist() == [1, 2]


def test_a_frame_becomes_dictionaries_without_its_gaps() -> None:
    """A missing value of a DataFrame is no value; types are kept; a named index is a column."""
    frame = pd.DataFrame({"n": [1, 2], "acc": [0.5, np.nan], "model": ["cnn", None]})
    assert rows_of(frame) == [{"n": 1, "acc": 0.5, "model": "cnn"}, {"n": 2}]
    frame.index = pd.Index(["a", "b"], name="run_id")
    assert [row["run_id"] for row in rows_of(frame)] == ["a", "b"]


def test_a_dictionary_keeps_its_nan() -> None:
    """In a dictionary NaN is a value like any other."""
    assert math.isnan(rows_of({"loss": math.nan})[0]["loss"])  # type: ignore[arg-type]
    assert rows_of([{"a": 1}, {"b": 2}]) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("data", ["runs.xlsx", 7, [1, 2], None])
def test_anything_else_is_refused_by_name(data: object) -> None:
    """What is no row says so, with its type."""
    with pytest.raises(TypeError, match="rows are"):
        rows_of(data)
