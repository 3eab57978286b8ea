"""The checkpoint: group commit, ownership by cell, replay, dead writers, stale saves.

Most tests use a backend that lives in this file: a real sheet in a JSON file with a mark, so that what a
person does to it is one line here.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from experiment_sheet import state as states
from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.rows import Found, plan
from experiment_sheet.checkpoint import Checkpoint
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetBusy, SheetChanged, SheetMissing
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal, journals_in
from experiment_sheet.values import Cell, to_json

STATUS, ACC, LR, NOTES = Column("run", "status"), Column("output", "acc"), Column("input", "lr"), Column("run", "notes")


class JsonBackend(Backend):
    """A sheet in a JSON file: rows in order, a mark, and a list of the writes it saw."""

    keeps_mark = True
    busy = False
    changes_once = False

    @property
    def path(self) -> Path:
        return Path(self.target.path)

    def load(self) -> dict[str, object]:
        try:
            return dict(json.loads(self.path.read_text()))
        except FileNotFoundError:
            return {"mark": None, "rows": [], "writes": 0, "looked": 0}

    def read(self) -> Table:
        if not self.path.exists():
            raise SheetMissing(f"{self.path} is not there")
        rows = self.load()["rows"]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        columns = [Column(*key.split(":")) for key in keys]
        return Table(columns, [c.key for c in columns], [[row.get(key) for key in keys] for row in rows])

    def write(
        self,
        rows: Mapping[str, Row],
        *,
        new: Collection[str] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,
    ) -> Written:
        if type(self).busy:
            raise SheetBusy(f"{self.path} is open in Excel")
        if type(self).changes_once:
            type(self).changes_once = False
            raise SheetChanged(f"{self.path} was saved")
        book = self.load()
        sheet = book["rows"]
        looks = since != f"t{book['writes']}" or set(rows) != set(new)
        places: dict[str, list[int]] = {}
        for place, row in enumerate(sheet if looks else []):
            places.setdefault(row.get("run:run_id"), []).append(place)
        name = lambda column: f"{column.role}:{column.key}"  # noqa: E731
        columns = {c for row in rows.values() for c in row} | {RUN_ID}
        found = Found(columns, {r: places[r] for r in rows if r in places}, lambda p, c: sheet[p].get(name(c)))
        todo = plan(rows, found, new=new, last=last)
        for place, cells in todo.updates.items():
            sheet[place].update({name(c): to_json(v) for c, v in cells.items()})
        sheet.extend({name(c): to_json(v) for c, v in cells.items()} for cells in todo.appends.values())
        book["mark"] = [mark.sheet, mark.generation] if mark else None
        book["writes"] += 1
        book["looked"] += looks
        self.path.write_text(json.dumps(book))
        return todo.written(known={c.key: c for c in columns}, token=f"t{book['writes']}")

    def mark(self) -> Mark | None:
        mark = self.load()["mark"]
        return Mark(*mark) if mark else None


class World:
    """A sheet, its files folder, and what a process and a person do to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "runs.json"
        self.files = Files("runs.json", folder / "runs_files", None)
        self.backend = type("ThisBackend", (JsonBackend,), {})
        self.process = self.new_process()

    def new_process(self, max_columns: int = 100) -> Checkpoint:
        """A process that logs, as far as its journal tells."""
        target = Target("file", str(self.path))
        exists = self.path.exists
        return Checkpoint(self.files, lambda _: self.backend(target), Journal(self.files), max_columns, exists)

    def log(self, kind: str, cells: dict[Column, Cell], run: str = "r1", **more: object) -> None:
        self.process.journal.append([Event("runs.json", run, kind, cells, **more)])

    def run(self, **more: object) -> object:
        return self.process.run(wait=5, **more)

    @property
    def book(self) -> dict[str, object]:
        return dict(json.loads(self.path.read_text()))

    def rows(self, column: Column) -> dict[str, Cell]:
        return {row["run:run_id"]: row.get(f"{column.role}:{column.key}") for row in self.book["rows"]}

    def person(self, edit: object) -> None:
        """A person changes the rows and saves."""
        book = self.book
        edit(book["rows"])
        self.path.write_text(json.dumps(book))


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


def test_a_run_whose_process_died_becomes_crashed(world: World) -> None:
    """The lock of its journal is free, so the next checkpoint on the machine ends the run."""
    program = """
import os, sys
from pathlib import Path
from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal
journal = Journal(Files("runs.json", Path("runs_files"), None))
journal.append([Event("runs.json", "dead", "start", {Column("run", "status"): "running"}, drawn=True)])
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", program], check=False, cwd=world.folder)
    world.log("start", {STATUS: "running"}, run="alive")
    world.run()
    assert world.rows(STATUS) == {"dead": "crashed", "alive": "running"}
    world.run()
    assert list(states.load(world.process.folder).sheets["runs.json"].live) == ["alive"]


def test_journals_of_dead_writers_go_to_one_archive(world: World) -> None:
    """What short processes leave behind is packed, readable with gzip, and never applied again."""
    program = """
import sys
from pathlib import Path
from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal
for n in range(6):
    journal = Journal(Files("runs.json", Path("runs_files"), None))
    journal.append([Event("runs.json", f"r{sys.argv[1]}-{n}", "end", {Column("output", "acc"): n}, drawn=True)])
"""
    for part in "ab":
        subprocess.run([sys.executable, "-c", program, part], check=True, cwd=world.folder)
        world.run(all_of_it=True)
    assert journals_in(world.process.folder) == []
    assert not list(world.process.folder.glob("*.lock")) or [p.name for p in world.process.folder.glob("*.lock")] == [
        "sheet.lock"
    ]
    with gzip.open(world.process.folder / "archive.jsonl.gz", "rt") as archive:
        assert sum('"run"' in line for line in archive) == 12
    world.run(all_of_it=True)
    assert len(world.book["rows"]) == 12
    world.log("update", {NOTES: "found"}, run="ra-3", epoch=2)
    world.run()
    assert world.rows(NOTES)["ra-3"] == "found"


def test_a_crash_between_archive_and_unlink_applies_nothing_twice(world: World) -> None:
    """A journal that is archived but still lies there is only unlinked."""
    other = world.new_process()
    other.journal.append([Event("runs.json", "r2", "end", {ACC: 0.2}, drawn=True)])
    path = other.journal.path
    assert path is not None
    text = path.read_bytes()
    world.run()
    other.journal._abandon()
    world.run(all_of_it=True)
    assert not path.exists()
    path.write_bytes(text)  # as if the unlink had not reached the disk
    world.log("end", {ACC: 0.1}, drawn=True)
    world.run()
    assert world.rows(ACC) == {"r2": 0.2, "r1": 0.1}
    world.run(all_of_it=True)
    assert not path.exists()


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
