"""`experiment-sheet history`: what runs logged step by step."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sample_runs import sample
from terminal import ok, refused, terminal, typed

import experiment_sheet as es

HERE = ("-s", "runs.csv")


def test_every_metric_is_a_line_with_its_curve() -> None:
    """Last, best with its step, first, how many; best only where it is known which way is better."""
    sample()
    lines = [line.split() for line in ok("history", "wise-elk-3", *HERE).splitlines()]
    assert lines[0] == ["metric", "curve", "last", "best", "at", "step", "first", "steps"]
    assert lines[1] == ["loss", "▇▃▁", "0.2", "0.2", "2", "0.3333", "3"]
    assert lines[3] == ["phase", "train", "train", "3"]


def test_one_metric_of_two_runs_step_by_step() -> None:
    """A column per run; -n takes the last steps, and says of how many."""
    sample()
    done = typed("history", "calm-fox-1", "wise-elk-3", "-m", "loss", "-n", "2", *HERE)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["step", "calm-fox-1", "wise-elk-3"], ["1", "0.5", "0.25"], ["2", "0.3333", "0.2"]]  # fmt: skip
    assert "2 of 3 steps" in done.stderr


def test_namesakes_are_told_by_their_ids() -> None:
    """A column of each has its run_id on it."""
    ids = sample()
    assert ok("history", ids[1], ids[3], "-m", "loss", *HERE).split()[:3] == ["step", ids[1], ids[3]]


def test_json_and_csv_have_every_step() -> None:
    """JSON is strict: NaN is null. In CSV it is NaN, and text never a formula."""
    with es.init("runs.csv", name="odd") as run:
        run.log({"loss": float("nan"), "said": "=1+1"})
        run.log({"loss": 0.5})
    (found,) = json.loads(ok("history", "odd", "--json", *HERE), parse_constant=pytest.fail)
    assert [step["loss"] for step in found["steps"]] == [None, 0.5]
    rows = list(csv.DictReader(io.StringIO(ok("history", "odd", "--csv", *HERE))))
    assert [(row["run"], row["step"], row["loss"], row["said"]) for row in rows] == [
        ("odd", "0", "NaN", "'=1+1"), ("odd", "1", "0.5", "")]  # fmt: skip


def test_a_metric_that_was_nan_throughout_has_no_best() -> None:
    """It is shown as what it is."""
    with es.init("runs.csv", name="odd") as run:
        run.log({"loss": float("nan")})
        run.log({"loss": float("nan")})
    assert ok("history", "odd", *HERE).splitlines()[1].split() == ["loss", "NaN", "NaN", "2"]


def test_a_run_without_steps() -> None:
    """It is said, and what its row says is elsewhere; beside another run that has steps it is no failure."""
    sample()
    assert "nan-run logged no steps" in refused("history", "nan-run", *HERE, code=1)
    done = typed("history", "nan-run", "calm-fox-1", *HERE)
    assert (done.exit_code, "no steps" in done.stderr, "val_acc" in done.stdout) == (0, True, True)


def test_a_metric_that_nobody_logged() -> None:
    """The nearest is suggested."""
    sample()
    assert "did you mean 'val_acc'" in refused("history", "calm-fox-1", "-m", "val_ac", *HERE)


def test_a_name_that_two_runs_have() -> None:
    """Both are listed with their ids."""
    ids = sample()
    said = refused("history", "old-owl-2", *HERE)
    assert "may mean 2 runs" in said
    assert all(f"{run}  old-owl-2, finished" in said for run in (ids[1], ids[3]))


def test_a_narrow_terminal() -> None:
    """In 40 columns no line wraps, and the curve is there."""
    sample()
    with terminal("history", "calm-fox-1", "-s", str(Path("runs.csv").absolute()), columns=40) as shown:
        text = shown.rest()
    from rich.text import Text

    assert all(len(Text.from_ansi(line)) <= 40 for line in text.splitlines())
    assert "▇" in text
