"""Deleting runs, and bringing them back: the row stays, the folder moves, nothing of a person's is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet.doctor import Doctor
from experiment_sheet.errors import RunNotFound, SheetError, UsageError
from experiment_sheet.wastebin import NAME

TARGETS = ["runs.csv", "runs.xlsx", "memory://binned"]


def logged(target: str, **config: object) -> str:
    """Log a run that has a folder; answer its id."""
    with es.init(target, config=config) as run:
        run.log({"loss": 0.5})
        run.log({"loss": 0.25})
    return run.id


@pytest.mark.parametrize("target", TARGETS)
def test_a_deleted_run_is_passed_over_and_comes_back_whole(target: str) -> None:
    """Neither `read` nor `best` sees it; its row stays; restored, row and folder are as they were."""
    sheet = es.Sheet(target)
    one, other = logged(target, lr=0.1), logged(target, lr=0.2)
    before = sheet.read()
    assert sheet.delete(one)
    assert list(sheet.read().index) == [other]
    assert sheet.best("loss").name == other
    kept = sheet.read(deleted=True)
    assert (kept.loc[one, "status"], kept.loc[one, "lr"]) == ("deleted", 0.1)
    assert not (sheet.files / one).exists()
    assert sheet.restore(one)
    assert sheet.read().equals(before)
    assert len(sheet.history(one)) == 2
    assert list((sheet.files / NAME).iterdir()) == []


def test_a_row_that_a_person_typed_is_deleted_and_restored() -> None:
    """It has no status of its own, and none when it is back."""
    Path("mine.csv").write_text("run_id,lr,notes\nr1,0.1,keep me\n")
    sheet = es.Sheet("mine.csv")
    assert sheet.delete("r1")
    assert sheet.read().empty
    assert sheet.restore("r1")
    row = sheet.read().loc["r1"]
    assert (row["notes"], row["lr"]) == ("keep me", 0.1)
    assert row["status"] != row["status"] or row["status"] is None


def test_a_status_that_a_person_wrote_comes_back() -> None:
    """What the status was is remembered, whoever wrote it."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    sheet.update(run, {"status": "suspicious"}, overwrite=True)
    sheet.delete(run)
    sheet.restore(run)
    assert sheet.read().loc[run, "status"] == "suspicious"


def test_deleting_twice_is_deleting_once() -> None:
    """The second time changes nothing, and the first one's status comes back."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    assert sheet.delete(run)
    assert sheet.delete(run)
    assert sheet.restore(run)
    assert sheet.read().loc[run, "status"] == "finished"


def test_a_deletion_that_was_cut_short_is_finished_by_the_next_one() -> None:
    """The row is marked and the folder still there, as after a kill between the two."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    sheet.update(run, {"status": "deleted"}, overwrite=True)
    sheet.delete(run)
    assert (sheet.files / NAME / run).is_dir()


def test_what_cant_be_deleted_or_restored() -> None:
    """A run that goes on, one that isn't there, one that isn't in the bin."""
    sheet = es.Sheet("runs.csv")
    with es.init("runs.csv") as run, pytest.raises(UsageError, match="is running"):
        sheet.delete(run.id)
    with pytest.raises(RunNotFound):
        sheet.delete("nobody")
    with pytest.raises(UsageError, match="not in the bin"):
        sheet.restore(run.id)


def test_a_folder_that_is_in_the_way_is_said() -> None:
    """Nothing is overwritten; the message names both."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    shutil.copytree(sheet.files / run, sheet.files / NAME / run)
    with pytest.raises(SheetError, match=NAME):
        sheet.delete(run)
    assert (sheet.files / run).is_dir()


def test_a_bin_that_was_emptied_by_hand_leaves_the_row() -> None:
    """The row comes back without its folder, as finished: nobody knows better."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    sheet.delete(run)
    shutil.rmtree(sheet.files / NAME)
    assert sheet.restore(run)
    assert sheet.read().loc[run, "status"] == "finished"
    assert sheet.history(run).empty


def test_a_deleted_run_that_is_resumed_comes_back_with_its_steps() -> None:
    """It goes on where it was."""
    sheet = es.Sheet("runs.csv")
    run = logged("runs.csv")
    sheet.delete(run)
    with es.init("runs.csv", id=run, resume="must") as again:
        again.log({"loss": 0.1})
    assert list(sheet.read().index) == [run]
    assert list(sheet.history(run)["loss"]) == [0.5, 0.25, 0.1]


def test_a_deleted_run_was_not_done() -> None:
    """``if_exists="skip"`` doesn't find it."""
    with es.init("runs.csv", config={"lr": 1}, if_exists="skip") as first:
        first.log({"loss": 1})
    es.Sheet("runs.csv").delete(first.id)
    with es.init("runs.csv", config={"lr": 1}, if_exists="skip") as second:
        assert not second.skipped


def test_the_doctor_finds_nothing_wrong_with_a_bin() -> None:
    """Neither an orphan nor a missing run, whatever the runs are called."""
    for run in ("run", "plots"):
        with es.init("runs.csv", id=run) as begun:
            begun.log({"loss": 1.0})
        es.Sheet("runs.csv").delete(run)
    assert Doctor(es.Sheet("runs.csv")).findings() == []
