"""`experiment-sheet set`: what is known of runs, changed afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_runs import sample
from terminal import ok, refused, typed

import experiment_sheet as es
from experiment_sheet.cli.set import changed_tags

HERE = ("-s", "runs.csv")


def row(run: str) -> dict[str, object]:
    """What the sheet has of a run."""
    return dict(es.Sheet("runs.csv").read().loc[run])


def test_cells_notes_and_name() -> None:
    """Each is written, and the run_id printed."""
    run = sample()[0]
    words = ["val_acc=0.94", "epochs=4", "--notes", "measured again", "--name", "best-fox", "--verdict", "confirmed"]
    assert ok("set", "calm-fox-1", *words, *HERE).split() == [run]
    found = row(run)
    assert (found["val_acc"], found["epochs"], found["notes"]) == (0.94, 4, "measured again")
    assert (found["run"], found["verdict"]) == ("best-fox", "confirmed")


def test_a_cell_is_cleared() -> None:
    """KEY= leaves nothing in it."""
    run = sample()[0]
    ok("set", run, "epochs=", *HERE)
    assert row(run)["epochs"] != row(run)["epochs"]


def test_several_runs_at_once() -> None:
    """Each gets the same; JSON tells of each."""
    ids = sample()
    told = json.loads(ok("set", ids[0], ids[1], "--notes", "draft", "--json", *HERE))
    assert told["runs"] == [{"run_id": run, "whole": True} for run in ids[:2]]
    assert [row(run)["notes"] for run in ids[:2]] == ["draft", "draft"]


def test_tags_are_added_and_taken_away() -> None:
    """Also those that a person typed stay."""
    run = sample()[0]
    text = Path("runs.csv").read_text(encoding="utf-8-sig")
    places = text.splitlines()[0].split(",")
    lines = [line.split(",") for line in text.splitlines()]
    lines[1][places.index("tags")] = "mine"
    Path("runs.csv").write_text("\n".join(",".join(line) for line in lines) + "\n")
    ok("set", run, "--tags", "+baseline,+draft", *HERE)
    ok("set", run, "--tags", "-draft", *HERE)
    assert row(run)["tags"] == "mine, baseline"


@pytest.mark.parametrize(
    ("there", "said", "then"),
    [
        ("a, b", "+c", "a, b, c"),
        ("a, b", "-a", "b"),
        ("a", "+a", "a"),
        (None, "+a,-b", "a"),
        ("a, b", "x,y", "x, y"),
        ("a", "-a", ""),
    ],
)
def test_what_tags_become(there: str | None, said: str, then: str) -> None:
    """Signs add and take away; without signs the words take the place of all."""
    assert changed_tags(there, said) == then


def test_what_a_person_typed_is_left_alone() -> None:
    """Exit code 1 and a message; --overwrite writes over it."""
    run = sample()[0]
    text = Path("runs.csv").read_text(encoding="utf-8-sig").replace("0.1,mlp", "0.7,mlp")
    assert "0.7,mlp" in text
    Path("runs.csv").write_text(text)
    assert typed("set", run, "lr=0.2", *HERE).exit_code == 1
    assert row(run)["lr"] == 0.7
    ok("set", run, "lr=0.2", "--overwrite", *HERE)
    assert row(run)["lr"] == 0.2


def test_a_slip_of_the_finger_makes_no_column() -> None:
    """The nearest column is suggested; --new makes one."""
    run = sample()[0]
    assert "did you mean 'val_acc'" in refused("set", run, "val_ac=0.9", *HERE)
    assert "val_ac" not in row(run)
    ok("set", run, "leaderboard=0.9", "--new", *HERE)
    assert row(run)["leaderboard"] == 0.9


@pytest.mark.parametrize(
    "words",
    [["calm-fox-1"], ["lr=1"], ["calm-fox-1", "--tags", "+a,b"], ["calm-fox-1", "run_id=r2"], ["calm-fox-1", "=1"]],
)
def test_what_cant_be_meant(words: list[str]) -> None:
    """Nothing named, nothing to change, tags with and without signs, another run_id."""
    sample()
    before = Path("runs.csv").read_bytes()
    assert "Error" in refused("set", *words, *HERE)
    assert Path("runs.csv").read_bytes() == before
