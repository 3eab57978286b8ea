"""Runs side by side, their curves aligned, what single changes brought; the questions people get wrong."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pandas as pd
import pytest

import experiment_sheet as es
from experiment_sheet.effects import changes
from experiment_sheet.errors import RunNotFound, UnknownColumn, UsageError


def log(name: str, config: dict[str, object], accs: list[float], sheet: str = "runs.csv") -> str:
    """Log a run with a curve."""
    with es.init(sheet, name=name, config=config) as run:
        for step, acc in enumerate(accs):
            run.log({"val_acc": acc, "note": "text"}, step=step * 2)
    return run.id


def test_only_what_differs_is_shown() -> None:
    """Inputs first, then outputs with their differences to the first run, absolute and in percent."""
    log("first", {"lr": 0.1, "epochs": 3, "same": "x"}, [0.4])
    log("second", {"lr": 0.2, "epochs": 3, "same": "x", "dropout": 0.5}, [0.5])
    table = es.Sheet("runs.csv").compare(["first", "second"])
    assert list(table.index[:3]) == ["lr", "dropout", "val_acc"]
    assert list(table.columns) == ["role", "first", "second", "Δ second", "Δ% second"]
    assert table.loc["val_acc"].tolist() == ["output", 0.4, 0.5, pytest.approx(0.1), 25.0]
    assert table.loc["dropout", ["first", "Δ second"]].tolist() == [None, None]
    assert "same" not in table.index
    assert "run_id" not in table.index


def test_runs_are_found_as_people_name_them() -> None:
    """By run_id, its beginning, name, @last and @best; more than one at a time, each once."""
    one, two = log("first", {"lr": 1}, [0.9]), log("second", {"lr": 2}, [0.1])
    sheet = es.Sheet("runs.csv")
    assert list(sheet.compare("@best", "@last").columns[1:3]) == ["first", "second"]
    assert sheet.compare([one[:8], two]).equals(sheet.compare("first", "second"))
    with pytest.raises(RunNotFound, match="did you mean second"):
        sheet.compare("first", "secnd")
    with pytest.raises(UsageError, match="two runs"):
        sheet.compare("first", one)
    with pytest.raises(UsageError, match="run_ids or names"):
        sheet.compare(["first", 3])  # type: ignore[list-item]


def test_namesakes_are_told_apart() -> None:
    """A name of two runs names neither; in headings they have the end of their ids."""
    one, two = log("night", {"lr": 1}, [0.1]), log("night", {"lr": 2}, [0.2])
    sheet = es.Sheet("runs.csv")
    with pytest.raises(UsageError, match="may mean 2 runs"):
        sheet.compare("night", one)
    assert list(sheet.compare([one, two]).columns[1:3]) == [f"night …{one[-4:]}", f"night …{two[-4:]}"]


def test_a_deleted_run_is_no_run() -> None:
    """Neither for comparisons nor for the best."""
    log("good", {"lr": 1}, [0.9])
    kept = log("kept", {"lr": 2}, [0.2])
    sheet = es.Sheet("runs.csv")
    sheet.delete(str(sheet.best("val_acc").name))
    assert sheet.best("val_acc").name == kept
    with pytest.raises(RunNotFound, match="deleted"):
        sheet.compare("good", "kept")


def test_differences_of_anything(tmp_path: Path) -> None:
    """NaN, text instead of a number, zero, and durations make no difference that can't be."""
    rows = [
        {"run": "a", "acc": 0.0, "loss": math.nan, "mae": "diverged", "mse": 1},
        {"run": "b", "acc": 0.5, "loss": 0.1, "mae": 3, "mse": True},
        {"run": "c", "acc": math.inf, "loss": 0.1, "mae": 4, "mse": 10**400},
    ]
    sheet = es.Sheet("runs.csv")
    sheet.append(rows)
    table = sheet.compare(["a", "b", "c"])
    assert table.loc["acc", ["Δ b", "Δ% b"]].tolist() == [0.5, None]
    assert table.loc["mae", "Δ b"] is None
    assert table.loc["acc", "Δ% c"] is None


def test_curves_are_aligned_by_step(caplog: pytest.LogCaptureFixture) -> None:
    """One column per run, one row per step of any; a run without the curve is empty, and said."""
    one, two = log("one", {}, [0.1, 0.2, 0.3]), log("two", {}, [0.5])
    es.log_run("runs.csv", {"lr": 1}, name="flat")
    sheet = es.Sheet("runs.csv")
    table = sheet.history([one, two, "flat"], "val_acc")
    assert table.index.tolist() == [0, 2, 4]
    assert table["one"].tolist() == [0.1, 0.2, 0.3]
    assert table["two"].notna().tolist() == [True, False, False]
    assert not table["flat"].notna().any()
    assert "flat" in caplog.text
    assert sheet.history(one)["val_acc"].tolist() == [0.1, 0.2, 0.3]


def test_history_says_what_is_wrong() -> None:
    """Several runs need a metric; a typo gets the nearest."""
    one = log("one", {}, [0.1, 0.2])
    sheet = es.Sheet("runs.csv")
    with pytest.raises(UsageError, match="need a metric"):
        sheet.history([one])
    with pytest.raises(UnknownColumn, match="did you mean 'val_acc'"):
        sheet.history("one", "val_ac")
    with pytest.raises(RunNotFound):
        sheet.history(["nobody"], "val_acc")


def test_columns_of_mixed_kinds_can_be_queried() -> None:
    """Numbers among texts are compared as numbers; the typo in a query gets the nearest column."""
    sheet = es.Sheet("runs.csv")
    sheet.append([{"lr": 0.1, "acc": 1}, {"lr": "auto", "acc": 2}, {"lr": 0.001, "acc": 3}, {"acc": 4}])
    assert sheet.best("acc", where="lr < 0.01")["acc"] == 3
    assert sheet.top("acc", 9, where="lr > 0.01")["acc"].tolist() == [1]
    with pytest.raises(UnknownColumn, match="did you mean 'acc'"):
        sheet.best("acc", where="ac > 1")
    with pytest.raises(UsageError, match="no query"):
        sheet.best("acc", where="lr < 'x' and acc < 'y'")


def test_a_nested_name_is_suggested_in_backticks() -> None:
    """Python would read a dot as an attribute."""
    sheet = es.Sheet("runs.csv")
    sheet.append([{"model": {"hidden": 3}, "acc": 1}])
    with pytest.raises(UnknownColumn, match=r"`model\.hidden`, in backticks"):
        sheet.best("acc", where="model.hidden > 2")
    assert sheet.best("acc", where="`model.hidden` > 2")["acc"] == 1


# Single changes


def frame_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Runs with inputs, and the output acc."""
    frame = pd.DataFrame(rows)
    frame.attrs["roles"] = {name: "output" if name == "acc" else "input" for name in frame.columns}
    return frame


def test_single_changes_are_ranked_by_what_followed() -> None:
    """Each against the latest run that differs in it alone, wherever that stands; seeds make no change."""
    found = changes(
        frame_of(
            [
                {"lr": 1, "model": "a", "seed": 1, "acc": 0.5},
                {"lr": 2, "model": "a", "seed": 1, "acc": 0.6},
                {"lr": 1, "model": "b", "seed": 1, "acc": 0.4},
                {"lr": 2, "model": "a", "seed": 2, "acc": 0.7},
                {"lr": 9, "model": "z", "seed": 2, "acc": 0.99},
            ]
        ),
        "acc",
        "max",
    )
    table = found.frame
    assert list(table.index) == ["lr 1 → 2", "model a → b"]
    assert table.loc["lr 1 → 2", ["gain", "seen", "better"]].tolist() == [pytest.approx(0.15), 2, 2]
    assert table.loc["model a → b", "gain"] == -0.1
    assert "1 run differs from every earlier one in several inputs at once, which proves nothing" in found.note
    assert "proves nothing" in str(found)
    assert "<table" in found._repr_html_()


def test_several_changes_at_once_prove_nothing() -> None:
    """However good the run was, nothing is ranked."""
    found = changes(frame_of([{"a": 1, "b": 1, "acc": 0.1}, {"a": 2, "b": 2, "acc": 0.9}]), "acc", "max")
    assert len(found) == 0
    assert "1 run differs" in found.note


def test_changes_in_a_sheet() -> None:
    """The metric is the one that gain is of; less may be more; missing numbers and crashed runs do no harm."""
    for lr, loss in ((1, 0.5), (2, 0.3), (2, math.nan), (1, 0.7)):
        es.log_run("runs.csv", {"lr": lr, "val_loss": loss})
    es.log_run("runs.csv", {"lr": 3}, status="crashed")
    table = es.Sheet("runs.csv").changes().frame
    assert table["gain"].to_dict() == {"lr 1 → 2": pytest.approx(0.2), "lr 2 → 1": pytest.approx(-0.4)}
    with pytest.raises(UnknownColumn, match="did you mean 'val_loss'"):
        es.Sheet("runs.csv").changes("val_los")
    with pytest.raises(UsageError, match="name a metric"):
        es.Sheet("empty.csv").changes()


def test_a_hundred_thousand_runs_are_asked() -> None:
    """Every question has an answer at that size: the best is the best, groups are complete."""
    rng = random.Random(1)
    count = 100_000
    frame = frame_of(
        [
            {"lr": rng.choice([1, 2, 3]), "model": rng.choice("abc"), "seed": n, "acc": rng.random()}
            for n in range(count)
        ]
    )
    from experiment_sheet import compare, groups

    assert compare.best(frame, "acc", mode="max", where="lr == 2")["acc"] == frame[frame["lr"] == 2]["acc"].max()
    assert groups.group(frame)["runs"].sum() == count
    assert len(changes(frame, "acc", "max")) == 12
