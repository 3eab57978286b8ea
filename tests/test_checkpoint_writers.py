"""Dead writers: their runs are crashed, their journals go to one archive."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from json_sheet import ACC, NOTES, STATUS, World

from experiment_sheet import state as states
from experiment_sheet.events import Event
from experiment_sheet.journal import journals_in


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A sheet that is yet to be made."""
    return World(tmp_path)


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
