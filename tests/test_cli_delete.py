"""`experiment-sheet delete`: into the bin, and back."""

from __future__ import annotations

import json

from sample_runs import sample
from terminal import ok, refused

import experiment_sheet as es

HERE = ("-s", "runs.csv")


def names() -> list[str]:
    """Names of the runs that `ls` lists."""
    return [run["run"] for run in json.loads(ok("ls", "--json", "--columns", "run", *HERE))]


def test_runs_go_and_come_back() -> None:
    """Several at once; --list says what is in the bin."""
    ids = sample()
    assert ok("delete", "calm-fox-1", "@last", *HERE).split() == [ids[0], "calm-fox-1", ids[4], "nan-run"]
    assert names() == ["old-owl-2", "wise-elk-3", "old-owl-2"]
    assert ok("delete", "--list", *HERE).split()[::2] == [ids[0], ids[4]]
    told = json.loads(ok("delete", "--restore", "calm-fox-1", "--json", *HERE))
    assert told["runs"] == [{"run_id": ids[0], "run": "calm-fox-1", "done": True}]
    assert names()[0] == "calm-fox-1"


def test_a_deleted_run_says_how_to_have_it_back() -> None:
    """By its name and by its id."""
    run = sample()[0]
    ok("delete", run, *HERE)
    for text in ("calm-fox-1", run, run[:8]):
        assert f"delete --restore {run}" in refused("show", text, *HERE, code=1)


def test_best_and_last_pass_over_the_bin() -> None:
    """They mean runs that are there."""
    sample()
    best = json.loads(ok("show", "@best:val_acc", "--json", *HERE))["run_id"]
    ok("delete", best, *HERE)
    assert json.loads(ok("show", "@best:val_acc", "--json", *HERE))["run_id"] != best


def test_what_cant_be_deleted() -> None:
    """Nothing named, nobody of that name, a run that is not in the bin, one that goes on."""
    sample()
    assert "name a run" in refused("delete", *HERE)
    assert "no run answers" in refused("delete", "--restore", "calm-fox-1", *HERE, code=1)
    with es.init("runs.csv", name="going") as _:
        assert "is running" in refused("delete", "going", *HERE)


def test_rows_that_people_typed_have_no_name_to_be_called_by() -> None:
    """A sheet with only people's columns says so."""
    from pathlib import Path

    Path("mine.csv").write_text("model,score\nsvm,1\n")
    assert "have no run_id" in refused("delete", "svm", "-s", "mine.csv", code=1)
