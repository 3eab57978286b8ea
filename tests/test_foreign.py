"""Tables that other programs wrote: what their cells spell, what their columns become, whose rows they are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet import foreign, spelled
from experiment_sheet.backends.base import Table
from experiment_sheet.columns import Column
from experiment_sheet.errors import UnknownColumn
from experiment_sheet.values import Cell


def table(headers: str, *rows: Sequence[Cell]) -> Table:
    """A table whose headers are separated by commas."""
    names = headers.split(",")
    return Table([Column("people", name) for name in names], names, rows)


def became(found: Sequence[foreign.Guess]) -> dict[str, str]:
    """What each header became."""
    return {g.header: "" if g.column is None else f"{g.column.role}:{g.column.key}" for g in found}


@pytest.mark.parametrize(
    ("texts", "cells"),
    [
        (["  0.10", "1e-3", ".5", "+2"], [0.1, 0.001, 0.5, 2]),
        (["0,95", "1.234,5", "7"], [0.95, 1234.5, 7]),
        (["1,234", "2,345"], ["1,234", "2,345"]),  # thousands or thousandths? Nobody knows
        (["007", "12"], ["007", "12"]),
        (["1a3", "12"], ["1a3", "12"]),
        (["TRUE", "false", ""], [True, False, None]),
        (["1.5", "n/a", "-", "null"], [1.5, None, None, None]),
        (["inf", "-inf", "1"], [math.inf, -math.inf, 1]),
        (["2026-05-25T14:08:33.000Z"], [dt.datetime(2026, 5, 25, 14, 8, 33)]),
        (["2026-05-25 14:08:33+02:00"], [dt.datetime(2026, 5, 25, 12, 8, 33)]),
        (["2026-05-25", "2026-13-01"], ["2026-05-25", "2026-13-01"]),
        (["2026-05-25"], [dt.date(2026, 5, 25)]),
        (["=1+1", "+cmd"], ["=1+1", "+cmd"]),
        (["1.2.3", "1.2.4"], ["1.2.3", "1.2.4"]),
        (["192.168.1,5"], ["192.168.1,5"]),
    ],
)
def test_what_a_column_spells(texts: list[Cell], cells: list[Cell]) -> None:
    """A column is read as one kind if every cell that says anything is of that kind, else it stays text."""
    assert spelled.column(texts) == cells
    assert [type(cell) for cell in spelled.column(texts)] == [type(cell) for cell in cells]


def test_nan_is_a_result() -> None:
    """A metric that is NaN was measured; it is no missing value."""
    (cell,) = spelled.column(["nan"])
    assert isinstance(cell, float)
    assert math.isnan(cell)


def test_a_table_with_decimal_commas_has_them_everywhere() -> None:
    """What one column leaves open another may decide: ``1,234`` beside ``0,5`` is no thousand."""
    lr, loss = foreign.guesses(table("lr,loss", ["0,5", "1,234"], ["0,25", "2,345"]))
    assert (list(lr.cells), list(loss.cells)) == ([0.5, 0.25], [1.234, 2.345])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60), min_size=1))
def test_numbers_survive_any_spelling_of_ours(numbers: list[float]) -> None:
    """Numbers written by Python, padded, come back as they were."""
    assert spelled.column([f"  {number!r} " for number in numbers]) == numbers


@given(st.lists(st.none() | st.text() | st.floats() | st.booleans() | st.dates()))
def test_any_column_can_be_read(cells: list[Cell]) -> None:
    """Whatever stands in a column, one cell comes out for each, and what was no text is as it was."""
    read = spelled.column(cells)
    assert len(read) == len(cells)
    assert all(out is cell for out, cell in zip(read, cells, strict=True) if not isinstance(cell, str))


@pytest.mark.parametrize(
    ("text", "seconds"), [("161ms", 0.161), ("0:01:02", 62), ("1 day, 2:00:00", 93600), ("2.5 min", 150), (3, 3)]
)
def test_spans(text: Cell, seconds: float) -> None:
    """Durations are written in many ways."""
    assert spelled.spans([text, None]) == [dt.timedelta(seconds=seconds), None]
    assert spelled.spans([text, "soon"]) is None


def test_wandb_s_columns() -> None:
    """The run's own facts are known by wandb's headers, and read as what they are."""
    found = foreign.guesses(
        table(
            "Name,State,Notes,Created,Runtime,lr,train/loss",
            ["calm-fox", "finished", "-", "2026-05-25T14:08:33.000Z", "732", "0.1", "0.5"],
            ["old-owl", "crashed", "-", "2026-05-25T14:09:33.000Z", "12", "0.2", ""],
        )
    )
    assert list(became(found).values()) == [
        "run:run", "run:status", "", "run:started", "run:duration", "input:lr", "output:train/loss",
    ]  # fmt: skip
    assert found[4].cells[0] == dt.timedelta(seconds=732)


def test_a_fact_that_can_t_be_read_is_an_input() -> None:
    """A column is not a duration because its header says so, if its cells say otherwise."""
    found = became(foreign.guesses(table("duration,date,status", ["long", "May", "great"], ["short", "June", "bad"])))
    assert found == {"duration": "input:duration", "date": "input:date", "status": "input:status"}


def test_mlflow_s_columns() -> None:
    """MLflow's run ids stay, and its prefixes say what went in and what came out."""
    one, other = "2ed4127cbcaf4332ab8d382ccb7f520f", "f3b4f7978ccf468c914c2ea69ee923e4"
    found = foreign.guesses(
        table("run_id,start_time,params.lr,metrics.speed", [one, 1764000000000, "0.1", 3], [other, None, "0.2", 4])
    )
    assert list(became(found).values()) == ["run:run_id", "run:started", "input:params.lr", "output:metrics.speed"]
    assert foreign.ids(found, "here") == [f"r{one}", other]


def test_what_the_caller_says_counts() -> None:
    """`inputs` and `outputs` overrule every guess; patterns will do; a slip is answered with the nearest header."""
    runs = table("name,loss,train/size,train/x", ["a", 0.5, 3, 1], ["b", 0.4, 4, 2])
    found = became(foreign.guesses(runs, inputs=["loss", "name"], outputs=["train/*"]))
    assert list(found.values()) == ["input:name", "input:loss", "output:train/size", "output:train/x"]
    with pytest.raises(UnknownColumn, match="did you mean 'loss'"):
        foreign.guesses(runs, inputs=["losss"])


def test_what_is_left_out() -> None:
    """Empty columns, and the row numbers that pandas writes without a header, are no columns."""
    found = became(foreign.guesses(table(",lr,blank", [0, 0.1, None], [1, 0.2, "-"])))
    assert found == {"": "", "lr": "input:lr", "blank": ""}


def test_two_header_rows() -> None:
    """What pandas writes for nested columns becomes dotted names; the row with the index's name is none."""
    nested = table(
        "split,train,train,val,val", [None, "loss", "acc", "loss", "acc"], ["model", None, None, None, None],
        ["a", "0.5", "0.9", "0.6", "0.8"], ["b", "0.4", "0.95", "0.7", "0.7"],
    )  # fmt: skip
    found = foreign.guesses(nested)
    assert [g.header for g in found] == ["model", "train.loss", "train.acc", "val.loss", "val.acc"]
    assert [g.column.role for g in found if g.column] == ["input", *["output"] * 4]
    assert list(found[1].cells) == [0.5, 0.4]


def test_namesakes_stay_apart() -> None:
    """Two columns of one name are two columns."""
    assert [g.column and g.column.key for g in foreign.guesses(table("lr,lr", [1, 2]))] == ["lr", "lr (2)"]


def test_credentials_are_masked() -> None:
    """What other programs logged in the clear is masked here."""
    (guess,) = foreign.guesses(table("api_key", ["sk-abcdefghijklmnopqrstuvwx"], ["x"]))
    assert "sk-abc" not in str(guess.cells)


def test_steps_of_one_run() -> None:
    """Rows that count epochs and change results are one run with a curve; its cells are the last ones."""
    found = foreign.guesses(
        table("epoch,time,lr,train/loss,val/loss,seed", *([n, 10.0 * n, 0.1 / (n + 1), 1 / (n + 1), None if n < 2 else
              0.5, 3] for n in range(4)))
    )  # fmt: skip
    counter = foreign.steps_in(found)
    assert counter is not None
    assert counter.header == "epoch"
    assert foreign.steps_of(found, counter)[1] == (1.0, 10.0, {"lr": 0.05, "train/loss": 0.5})
    run = foreign.whole_run(found, counter)
    assert run[Column("output", "train/loss")] == 0.25
    assert run[Column("input", "seed")] == 3
    assert run[Column("output", "lr")] == 0.025


@pytest.mark.parametrize(
    "runs",
    [
        table("name,epoch,loss", ["a", 1, 0.5], ["b", 2, 0.4], ["c", 3, 0.3]),
        table("epoch,loss", [3, 0.5], [1, 0.4], [2, 0.3]),
        table("epoch,loss", [1, 0.5], [1, 0.4], [1, 0.3]),
        table("iteration,lr,depth,loss", [1, 0.1, 3, 0.5], [2, 0.2, 4, 0.4], [3, 0.3, 5, 0.3]),
    ],
)
def test_rows_that_are_runs(runs: Table) -> None:
    """Names, an order that jumps, or inputs that change in every row: each row is a run."""
    assert foreign.steps_in(foreign.guesses(runs)) is None


def test_rows_are_known_again() -> None:
    """A named row keeps its id when its results change, any other while it says the same; sources are told apart."""
    first = foreign.guesses(table("name,loss", ["a", 0.5], ["b", 0.4]))
    later = foreign.guesses(table("name,loss", ["a", 0.45], ["b", 0.4], ["c", 0.3]))
    assert foreign.ids(later, "here")[:2] == foreign.ids(first, "here")
    assert not set(foreign.ids(first, "here")) & set(foreign.ids(first, "there"))
    plain = foreign.guesses(table("lr,loss", [1, 0.5], [1, 0.5], [2, 0.4]))
    grown = foreign.guesses(table("lr,loss", [1, 0.5], [1, 0.5], [2, 0.4], [3, 0.3]))
    assert foreign.ids(grown, "here")[:3] == foreign.ids(plain, "here")
    assert len(set(foreign.ids(grown, "here"))) == 4
