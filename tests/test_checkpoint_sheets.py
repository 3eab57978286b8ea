"""Which sheet a checkpoint finds: a stale save, another one, one that was deleted, tabs of one file."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from json_sheet import ACC, LR, STATUS, JsonBackend, World

from experiment_sheet import state as states
from experiment_sheet.backends.base import Target
from experiment_sheet.events import Event


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A sheet that is yet to be made."""
    return World(tmp_path)


def test_a_stale_save_is_mended_and_deleted_rows_stay_deleted(world: World) -> None:
    """Rows that a later generation wrote come back; a row that the stale sheet had seen and lacks was deleted."""
    world.log("end", {ACC: 0.1})
    world.log("end", {ACC: 0.15}, run="gone")
    world.run()
    world.person(lambda rows: rows.pop(1))
    stale = world.path.read_bytes()
    world.log("end", {ACC: 0.2}, run="r2")
    world.log("update", {ACC: 0.11}, epoch=2)
    world.run()
    world.log("end", {ACC: 0.3}, run="r3")
    world.run()
    world.path.write_bytes(stale)
    world.log("end", {ACC: 0.4}, run="r4")
    world.run()
    assert world.rows(ACC) == {"r1": 0.11, "r2": 0.2, "r3": 0.3, "r4": 0.4}


def test_another_sheet_in_its_place_gets_only_what_is_going_on(world: World) -> None:
    """A sheet with another identity is not filled with old runs, but running ones are not lost."""
    world.log("end", {ACC: 0.1}, run="old")
    world.log("start", {STATUS: "running", LR: 3}, run="live")
    world.run()
    world.path.write_text(json.dumps({"mark": ["another", 7], "rows": [], "writes": 0, "looked": 0}))
    world.log("end", {STATUS: "finished"}, run="live")
    world.run()
    assert world.rows(STATUS) == {"live": "finished"}
    assert world.rows(LR) == {"live": 3}
    assert world.book["mark"] == ["another", 8]


def test_a_deleted_sheet_is_made_anew_with_what_is_going_on(world: World) -> None:
    """After it was absent for a while the sheet is made again, with waiting and running runs."""
    world.process.absent = 0.2
    world.log("end", {ACC: 0.1}, run="old")
    world.log("start", {STATUS: "running", LR: 3}, run="live")
    world.run()
    world.path.unlink()
    world.log("change", {ACC: 0.4}, run="live")
    world.log("end", {ACC: 0.5}, run="new", drawn=True)
    world.run()
    assert world.rows(ACC) == {"live": 0.4, "new": 0.5}
    assert world.rows(LR)["live"] == 3


def test_a_run_without_news_is_put_into_the_sheet_that_was_made_anew(world: World) -> None:
    """Another run's row makes the sheet again; one that goes on silently is in it too, and its end is written."""
    world.process.absent = 0.2
    world.log("start", {STATUS: "running", LR: 3}, run="live")
    world.run()
    world.path.unlink()
    world.log("end", {ACC: 0.5}, run="new", drawn=True)
    world.run()
    assert world.rows(STATUS)["live"] == "running"
    world.log("end", {STATUS: "finished"}, run="live")
    world.run()
    assert world.rows(STATUS)["live"] == "finished"
    assert world.rows(LR)["live"] == 3


def test_a_sheet_that_is_away_for_a_moment_is_waited_for(world: World) -> None:
    """Excel saves by delete and rename: what comes back within seconds is the sheet."""
    world.log("end", {ACC: 0.1}, run="old")
    world.run()
    text = world.path.read_bytes()
    world.path.unlink()
    threading.Timer(0.3, lambda: world.path.write_bytes(text)).start()
    world.log("end", {ACC: 0.2}, run="new")
    world.run()
    assert world.rows(ACC) == {"old": 0.1, "new": 0.2}


def test_tabs_of_one_file_are_applied_apart(world: World) -> None:
    """One tab that can't be written holds up no other, and its rows are applied when it can."""
    target = Target("file", str(world.path))
    busy = type("Busy", (JsonBackend,), {"busy": True})
    backends = {"runs.json": world.backend, "runs.json#bad": busy}
    process = world.process
    process.open_backend = lambda sheet: backends[sheet](target)
    process.journal.append([Event("runs.json#bad", "b", "end", {ACC: 1}), Event("runs.json", "a", "end", {ACC: 2})])
    assert list(process.run(wait=5).errors) == ["runs.json#bad"]
    assert world.rows(ACC) == {"a": 2}
    process.journal.append([Event("runs.json", "a2", "end", {ACC: 3})])
    process.run(wait=5)
    backends["runs.json#bad"] = world.backend
    assert not process.run(wait=5).errors
    assert world.rows(ACC) == {"a": 2, "a2": 3, "b": 1}


def test_a_sheet_that_nobody_writes_to_holds_up_no_other(world: World) -> None:
    """What was read for one tab is behind every tab, so that nothing is read twice and journals can be archived."""
    target = Target("file", str(world.path))
    world.process.open_backend = lambda _: world.backend(target)
    world.process.journal.append([Event("runs.json#A", "a", "end", {ACC: 1})])
    world.run()
    for n in range(3):
        world.log("end", {ACC: n}, run=f"b{n}")
        world.run()
    offsets = [applied.offsets for applied in states.load(world.process.folder).sheets.values()]
    path = world.process.journal.path
    assert path is not None
    assert offsets == [{path.name: path.stat().st_size}] * 2
