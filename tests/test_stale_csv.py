"""A CSV that keeps no mark, saved over by a program that had read it before: what its rows prove, and no more."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet.sheet import Sheet

PATH = Path("runs.csv")


def names() -> list[str]:
    """The runs' names in the file, as another program reads it."""
    with PATH.open(encoding="utf-8-sig", newline="") as file:
        return [row["run"] for row in csv.DictReader(file)]


def statuses() -> dict[str, str]:
    """The runs' statuses in the file."""
    with PATH.open(encoding="utf-8-sig", newline="") as file:
        return {row["run"]: row["status"] for row in csv.DictReader(file)}


def opened_while_one_ran() -> bytes:
    """A program opens the file while a run goes on; that run ends, and two more are logged."""
    es.log_run(PATH, {"lr": 1}, name="first")
    run = es.init(PATH, name="long")
    run.log({"loss": 0.5})
    held = PATH.read_bytes()
    run.finish()
    es.log_run(PATH, {"lr": 2}, name="second")
    es.log_run(PATH, {"lr": 3}, name="third")
    return held


@pytest.mark.parametrize("what_next", ["sync", "log", "read"])
def test_a_stale_save_is_mended_where_a_row_proves_it(what_next: str) -> None:
    """A run stands there as running that has ended: what was written from its end on is written again."""
    held = opened_while_one_ran()
    PATH.write_bytes(held.replace(b"first", b"typed"))  # … edits it, and saves
    if what_next == "read":
        assert sorted(Sheet(PATH).read()["run"]) == ["long", "second", "third", "typed"]
        assert set(Sheet(PATH).read()["status"]) == {"finished"}
        return
    if what_next == "log":
        es.log_run(PATH, {"lr": 4}, name="fourth")
    assert Sheet(PATH).sync() == 0
    assert sorted(names()) == sorted(["typed", "long", "second", "third", *(["fourth"] if what_next == "log" else [])])
    assert set(statuses().values()) == {"finished"}
    before = PATH.read_bytes()
    assert Sheet(PATH).sync() == 0
    assert PATH.read_bytes() == before


def test_rows_that_a_person_deleted_stay_deleted() -> None:
    """In the copy that is mended, before it, and the latest rows of a file that nothing proves to be old."""
    held = opened_while_one_ran()
    lines = held.splitlines(keepends=True)
    PATH.write_bytes(b"".join(line for line in lines if b"first" not in line))
    assert Sheet(PATH).sync() == 0
    assert sorted(names()) == ["long", "second", "third"]
    lines = PATH.read_bytes().splitlines(keepends=True)
    PATH.write_bytes(b"".join(lines[:-1]))  # the latest row: an older copy looks no different
    assert Sheet(PATH).sync() == 0
    assert len(names()) == 2


def test_a_status_that_a_person_typed_proves_nothing() -> None:
    """Somebody who writes that a run is running, and deletes the latest rows, is a person who decides."""
    opened_while_one_ran()
    lines = PATH.read_bytes().splitlines(keepends=True)
    text = b"".join(line for line in lines if b"third" not in line)
    PATH.write_bytes(text.replace(b"finished", b"running"))
    assert Sheet(PATH).sync() == 0
    assert names() == ["first", "long", "second"]
    assert set(statuses().values()) == {"running"}


def test_a_copy_that_holds_what_came_later_proves_nothing() -> None:
    """Rows put together from an old copy and the sheet: nothing is concluded."""
    held = opened_while_one_ran()
    old = next(line for line in held.splitlines(keepends=True) if b"long" in line)
    lines = PATH.read_bytes().splitlines(keepends=True)
    PATH.write_bytes(b"".join(old if b"long" in line else line for line in lines if b"second" not in line))
    assert Sheet(PATH).sync() == 0
    assert names() == ["first", "long", "third"]


def test_a_run_that_goes_on_proves_nothing() -> None:
    """It is running, and the file is as it should be."""
    run = es.init(PATH, name="long")
    es.log_run(PATH, {"lr": 1}, name="second")
    lines = PATH.read_bytes().splitlines(keepends=True)
    PATH.write_bytes(b"".join(line for line in lines if b"second" not in line))
    es.log_run(PATH, {"lr": 1}, name="third")
    run.finish()
    assert names() == ["long", "third"]


def test_a_lost_state_counts_the_generations_anew() -> None:
    """What the log of generations said before means nothing for those that come."""
    held = opened_while_one_ran()
    (Sheet(PATH).files / "journal" / "checkpoint.json").unlink()
    es.log_run(PATH, {"lr": 4}, name="fourth")
    PATH.write_bytes(held)
    assert Sheet(PATH).sync() == 0
    assert "third" not in names(), "nothing proves it any more"
