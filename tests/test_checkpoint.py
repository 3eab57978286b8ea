"""The checkpoint: group commit, ownership by cell, replay, columns, waiting."""

from __future__ import annotations

from pathlib import Path

import pytest
from json_sheet import ACC, LR, NOTES, STATUS, World

from experiment_sheet import state as states
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetBusy
from experiment_sheet.events import Event


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A sheet that is yet to be made."""
    return World(tmp_path)


def test_what_was_journalled_is_in_the_sheet_after_a_checkpoint(world: World) -> None:
    """Start, change and end of a run become one row, written as it goes."""
    world.log("start", {STATUS: "running", LR: 0.1})
    world.run()
    assert world.rows(STATUS) == {"r1": "running"}
    world.log("change", {ACC: 0.5})
    world.log("end", {STATUS: "finished", ACC: 0.9})
    world.run()
    assert (world.rows(STATUS), world.rows(ACC), world.rows(LR)) == ({"r1": "finished"}, {"r1": 0.9}, {"r1": 0.1})


def test_a_checkpoint_with_nothing_to_do_writes_nothing(world: World) -> None:
    """The sheet is not touched when every event was applied."""
    world.log("end", {ACC: 0.9})
    world.run()
    before = world.book["writes"]
    world.run()
    assert world.book["writes"] == before


def test_one_process_applies_the_events_of_all(world: World) -> None:
    """Whoever holds the lock writes everybody's rows, in one write; the others find theirs covered."""
    other = world.new_process()
    other.journal.append([Event("runs.json", "r2", "end", {ACC: 0.2}, drawn=True)])
    world.log("end", {ACC: 0.1}, drawn=True)
    world.run()
    assert world.rows(ACC) == {"r1": 0.1, "r2": 0.2}
    assert world.book["writes"] == 1
    other.run(wait=5)
    assert world.book["writes"] == 1


def test_a_lost_state_means_one_look_up_and_no_double(world: World) -> None:
    """Everything is applied again after the state was lost, which changes nothing."""
    world.log("end", {ACC: 0.9}, drawn=True)
    world.run()
    (world.process.folder / states.NAME).unlink()
    world.log("end", {ACC: 0.8}, run="r2", drawn=True)
    world.run()
    assert world.rows(ACC) == {"r1": 0.9, "r2": 0.8}
    assert len(world.book["rows"]) == 2


def test_a_state_older_than_the_sheet_means_no_double(world: World) -> None:
    """A crash between the sheet and the state: the rows are found, not appended again."""
    world.log("end", {ACC: 0.9}, drawn=True)
    world.run()
    old = (world.process.folder / states.NAME).read_bytes()
    world.log("end", {ACC: 0.8}, run="r2", drawn=True)
    world.run()
    (world.process.folder / states.NAME).write_bytes(old)
    world.log("end", {ACC: 0.7}, run="r3", drawn=True)
    world.run()
    assert sorted(world.rows(ACC)) == ["r1", "r2", "r3"]
    assert len(world.book["rows"]) == 3


def test_no_look_up_where_none_is_needed(world: World) -> None:
    """A row whose id the library drew is appended to an unchanged sheet without a search."""
    world.log("end", {ACC: 0.9}, drawn=True)
    world.run()
    looked = world.book["looked"]
    world.log("end", {ACC: 0.8}, run="r2", drawn=True)
    world.run()
    assert world.book["looked"] == looked
    world.log("end", {ACC: 0.7}, run="mine", drawn=False)
    world.run()
    assert world.book["looked"] == looked + 1


def test_a_cell_that_a_person_changed_is_theirs_from_then_on(world: World) -> None:
    """Corrected while the run goes on, a cell stays the person's to the end, even if it once equals ours again."""
    world.log("start", {STATUS: "running", ACC: 0.1})
    world.run()
    world.person(lambda rows: rows[0].update({"output:acc": 0.5}))
    world.log("change", {ACC: 0.2})
    world.run()
    assert world.rows(ACC) == {"r1": 0.5}
    world.person(lambda rows: rows[0].update({"output:acc": 0.1}))
    world.log("end", {STATUS: "finished", ACC: 0.3})
    world.run()
    assert world.rows(ACC) == {"r1": 0.1}
    assert world.rows(STATUS) == {"r1": "finished"}


def test_a_cell_that_a_person_cleared_stays_clear(world: World) -> None:
    """Clearing is a change like any other."""
    world.log("start", {STATUS: "running", NOTES: "auto"})
    world.run()
    world.person(lambda rows: rows[0].pop("run:notes"))
    world.log("end", {STATUS: "finished", NOTES: "auto 2"})
    world.run()
    assert world.rows(NOTES) == {"r1": None}


def test_a_row_that_a_person_deleted_stays_deleted(world: World) -> None:
    """Neither a refresh nor the end of the run brings a deleted row back."""
    world.log("start", {STATUS: "running"})
    world.log("end", {ACC: 1.0}, run="other")
    world.run()
    world.person(lambda rows: rows.pop(0))
    for kind in ("change", "end"):
        world.log(kind, {ACC: 0.2})
        world.run()
    assert world.rows(ACC) == {"other": 1.0}
    assert states.load(world.process.folder).sheets["runs.json"].live == {}


def test_an_ended_run_is_changed_by_an_update_only_where_it_is_ours(world: World) -> None:
    """What was written long ago is known from the history; what a person typed since is left alone."""
    world.log("end", {ACC: 0.9, NOTES: "auto"})
    world.run()
    world.log("update", {NOTES: "better"}, epoch=2)
    world.run()
    assert world.rows(NOTES) == {"r1": "better"}
    world.person(lambda rows: rows[0].update({"run:notes": "mine"}))
    world.log("update", {NOTES: "even better", ACC: 0.95}, epoch=3)
    outcome = world.run()
    assert world.rows(NOTES) == {"r1": "mine"}
    assert world.rows(ACC) == {"r1": 0.95}
    assert outcome.kept == {"r1": {NOTES: "mine"}}
    world.log("update", {NOTES: "forced"}, epoch=4, overwrite=True)
    world.run()
    assert world.rows(NOTES) == {"r1": "forced"}


def test_late_news_of_an_older_epoch_changes_nothing_newer(world: World) -> None:
    """A resumed run's old process may speak up late: only cells that nobody set since take what it says."""
    world.log("start", {STATUS: "running"})
    world.run()
    world.log("start", {STATUS: "running", ACC: 0.5}, epoch=2)
    world.run()
    world.log("change", {ACC: 0.1, LR: 7})
    world.run()
    assert (world.rows(ACC), world.rows(LR)) == ({"r1": 0.5}, {"r1": 7})


def test_rows_wait_while_the_sheet_is_busy_and_arrive_afterwards(world: World) -> None:
    """A sheet that can't be written is an entry in the outcome, not an exception; nothing is lost."""
    world.log("end", {ACC: 0.1})
    world.run()
    world.backend.busy = True
    world.log("end", {ACC: 0.2}, run="r2")
    assert isinstance(world.run().errors["runs.json"], SheetBusy)
    assert list(world.process.waiting("runs.json")) == ["r2"]
    world.backend.busy = False
    assert not world.run().errors
    assert world.rows(ACC) == {"r1": 0.1, "r2": 0.2}


def test_a_save_in_between_is_answered_by_reading_again(world: World) -> None:
    """SheetChanged costs another attempt, not the row."""
    world.backend.changes_once = True
    world.log("end", {ACC: 0.1})
    assert not world.run().errors
    assert world.rows(ACC) == {"r1": 0.1}


def test_automatic_columns_are_bounded(world: World) -> None:
    """Columns beyond the limit are not made; the outcome says what they held."""
    world.process = world.new_process(max_columns=3)
    world.log("end", {Column("input", f"k{n}"): n for n in range(5)})
    outcome = world.run()
    assert outcome.no_room == {"r1": {Column("input", "k3"): 3, Column("input", "k4"): 4}}
    world.log("end", {Column("input", "k0"): 1, ACC: 0.5, STATUS: "finished"}, run="r2")
    outcome = world.run()
    assert outcome.no_room == {"r2": {ACC: 0.5}}
    assert world.rows(STATUS)["r2"] == "finished"


def test_columns_of_many_runs_in_one_write_are_bounded_together(world: World) -> None:
    """The limit holds for what one checkpoint adds, not for each run."""
    world.process = world.new_process(max_columns=3)
    for n in range(5):
        world.log("end", {Column("input", f"k{n}"): n}, run=f"r{n}")
    outcome = world.run()
    assert list(outcome.no_room) == ["r3", "r4"]
    assert len(world.book["rows"]) == 5
    assert {key for row in world.book["rows"] for key in row} == {"run:run_id", "input:k0", "input:k1", "input:k2"}


def test_a_lock_that_is_held_is_waited_for_only_so_long(world: World) -> None:
    """Another process that holds the lock costs a bounded wait, then the rows wait."""
    from experiment_sheet import locks

    world.log("end", {ACC: 0.1})
    world.run()
    held = locks.take(world.process.folder / "sheet.lock")
    world.log("end", {ACC: 0.2}, run="r2")
    with pytest.raises(SheetBusy, match="held by another process"):
        world.process.run(wait=0.2)
    assert held is not None
    held.release()
    world.run()
    assert world.rows(ACC) == {"r1": 0.1, "r2": 0.2}
