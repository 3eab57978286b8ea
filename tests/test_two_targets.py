"""One run, two sheets: a file of this machine, and a Google Sheet that its journal feeds."""

from __future__ import annotations

import csv
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from far_away import NOBODY, World
from google_target import GooglePerson, rows_of

import experiment_sheet as es
from experiment_sheet import UsageError
from experiment_sheet.testing.google import GoogleSheets

AWAY = {"EXPERIMENT_SHEET_GOOGLE_URL": NOBODY, "EXPERIMENT_SHEET_WAIT": "0.3"}
BOTH = "['runs.csv', URL]"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A Google that answers, for this process, too."""
    with GoogleSheets() as google:
        found = World(google)
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        yield found


def local() -> list[dict[str, str]]:
    """What is in the file, as the csv module reads it."""
    with open("runs.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def told(rows: list[dict[str, Any]], *names: str) -> list[list[str]]:
    """Some cells of each row, as text; rows of several processes come in any order."""
    return sorted([str(row.get(name, "")) for name in names] for row in rows)


@pytest.mark.parametrize("first", ["runs.csv", "runs.xlsx"])
def test_a_run_has_a_row_in_both(world: World, first: str) -> None:
    """And one folder, beside the file; the thread that trains speaks to nobody."""
    done = world.run(
        f"with es.init(['{first}', URL], config={{'lr': 0.1}}) as run:\n"
        "    for step in range(100): run.log({'loss': 1 / (1 + step)})\n"
        "    run.log({'text': 'x' * 40_000})\n"
        f"sheet = es.Sheet('{first}').read()\n"
        "assert sheet.loc[run.id, ['loss', 'lr', 'status']].tolist() == [0.01, 0.1, 'finished']\n"
        "print(run.id)"
    )
    assert (done.code, done.talking) == (0, ["experiment_sheet: sender"])
    (run_id,) = done.printed
    assert told(world.rows(), "run_id", "status", "lr", "loss") == [[run_id, "finished", "0.1", "0.01"]]
    assert Path("runs_files", run_id, "history.csv").exists()
    assert not list(Path("state").rglob("history*"))


def test_log_run_takes_several_sheets_too(world: World) -> None:
    """In whatever order they are named: the file has the journal."""
    world.run("print(es.log_run([URL, 'runs.csv'], {'lr': 0.1, 'loss': 0.5}))").fine()
    assert told(local(), "run_id", "lr", "loss") == told(world.rows(), "run_id", "lr", "loss")
    assert len(local()) == 1
    assert list(Path("runs_files/journal").glob("*.jsonl"))


def test_both_may_be_google_sheets(world: World) -> None:
    """The journal of the first, in the state folder, feeds the second."""
    other = world.google.create("more")
    world.run(f"es.log_run([URL, 'gsheet://{other}/runs'], {{'n': 1}})").fine()
    assert told(rows_of(world.google, other), "run_id", "n") == told(world.rows(), "run_id", "n")
    assert len(world.rows()) == 1


@pytest.mark.parametrize("target", ["runs.csv", "URL"])
def test_the_file_is_complete_while_google_is_away(world: World, target: str) -> None:
    """`sync` of either sheet then brings Google's up to date, once."""
    done = world.run(
        f"for n in range(3):\n    with es.init({BOTH}, config={{'n': n}}) as run: run.log({{'loss': n}})", **AWAY
    )
    assert done.code == 0
    assert all("not arrived" in line for line in done.said)
    assert told(local(), "n", "loss", "status") == [[str(n), str(n), "finished"] for n in range(3)]
    assert world.rows() == []
    assert sorted(es.Sheet("runs.csv").pending()) == sorted(row["run_id"] for row in local())
    for _ in range(2):
        assert world.sync(None if target == "URL" else target) == 0
        assert told(world.rows(), "run_id", "n") == told(local(), "run_id", "n")
    assert es.Sheet("runs.csv").pending() == []


def test_a_program_that_begins_anew_sends_what_the_last_one_could_not(world: World) -> None:
    """Whoever sends, sends everybody's."""
    world.run(f"es.log_run({BOTH}, {{'n': 1}})", **AWAY)
    world.run(f"es.log_run({BOTH}, {{'n': 2}})").fine()
    assert told(world.rows(), "n") == [["1"], ["2"]] == told(local(), "n")


def test_readers_of_google_see_what_waits_beside_the_file(world: World) -> None:
    """As every reader of a sheet sees what waits for it; and may change it."""
    world.run(f"es.log_run({BOTH}, {{'n': 1}})", **AWAY)
    sheet = es.Sheet(world.target)
    (run_id,) = sheet.read().index
    assert sheet.pending() == [run_id]
    assert sheet.update(run_id, {"n": 7, "verdict": "good"})
    assert told(world.rows(), "run_id", "n", "verdict") == [[run_id, "7", "good"]]
    assert told(local(), "n", "verdict") == [["1", ""]]


def test_a_run_is_resumed_on_both(world: World) -> None:
    """After a kill without a word, in a new process; each sheet has one row of it, up to date."""
    program = f"run = es.init({BOTH}, id='theone', resume='allow', config={{'lr': 1}})\n"
    training = world.begin(program + "run.log({'loss': 2}); print('begun', flush=True); sys.stdin.read()")
    assert training.says() == "begun"
    training.process.send_signal(signal.SIGKILL)
    training.end()
    done = world.run(
        f"run = es.init({BOTH}, id='theone', resume='must')\n"
        "assert run.config['lr'] == 1 and run.step == 1\n"
        "run.log({'loss': 1}); run.finish()"
    ).fine()
    assert done.talking == ["experiment_sheet: sender"]
    for rows in (local(), world.rows()):
        assert told(rows, "run_id", "lr", "loss", "status") == [["theone", "1", "1", "finished"]]


@pytest.mark.parametrize("first", ["'runs.csv'", "URL"])
def test_a_run_that_only_one_sheet_knew_is_whole_in_both(world: World, first: str) -> None:
    """Whichever it was: the other is told all of it."""
    world.run(f"with es.init({first}, id='theone', config={{'lr': 1}}) as run: run.log({{'acc': 0.5}})").fine()
    world.run(f"with es.init({BOTH}, id='theone', resume='must') as run: run.log({{'loss': 2}})").fine()
    world.run(f"with es.init({BOTH}, id='theone', resume='must') as run: run.log({{'loss': 3}})").fine()
    for rows in (local(), world.rows()):
        assert told(rows, "run_id", "lr", "acc", "loss", "status") == [["theone", "1", "0.5", "3", "finished"]]


def test_a_crash_is_told_to_both(world: World) -> None:
    """The next checkpoint of each finds the process dead."""
    training = world.begin(f"run = es.init({BOTH}); run.log({{'loss': 2}}); print('begun', flush=True); input()")
    assert training.says() == "begun"
    training.process.kill()
    training.end()
    assert world.sync("runs.csv") == 0
    for rows in (local(), world.rows()):
        assert told(rows, "status", "loss") == [["crashed", "2"]]


def test_what_a_person_changes_in_one_is_theirs_there(world: World) -> None:
    """And the other goes on as it was."""
    training = world.begin(
        f"run = es.init({BOTH}, config={{'lr': 1}})\n"
        "es.Sheet(URL).sync(); print('begun', flush=True); sys.stdin.readline()\n"
        "run.config['lr'] = 2; run.finish()"
    )
    assert training.says() == "begun"
    GooglePerson(world.google, world.key).set_cell(0, "lr", 99)
    training.end().fine()
    assert told(world.rows(), "lr", "status") == [["99", "finished"]]
    assert told(local(), "lr", "status") == [["2", "finished"]]


def test_journals_are_kept_until_both_have_everything(world: World) -> None:
    """The file's own checkpoint archives nothing that Google lacks, and everything afterwards."""
    for n in range(3):
        world.run(f"es.log_run({BOTH}, {{'n': {n}}})", **AWAY)
    journals = Path("runs_files/journal")
    assert world.run("print(es.Sheet('runs.csv').sync())", **AWAY).code == 0
    assert len(list(journals.glob("*.jsonl"))) == 3
    assert world.sync() == 0
    assert world.sync("runs.csv") == 0
    assert not list(journals.glob("*.jsonl"))
    world.run(f"with es.init({BOTH}, id={local()[0]['run_id']!r}, resume='must') as run: run.log({{'m': 1}})").fine()
    assert told(world.rows(), "run_id", "n", "m") == told(local(), "run_id", "n", "m")
    assert len(world.rows()) == 3


def test_a_folder_deleted_while_google_is_away_loses_no_row_of_a_living_run(world: World) -> None:
    """What Google lacks is still in memory, and is journaled anew."""
    training = world.begin(
        f"run = es.init({BOTH}, config={{'lr': 1}}); print('begun', flush=True); sys.stdin.readline(); run.finish()",
        **AWAY,
    )
    assert training.says() == "begun"
    shutil.rmtree("runs_files")
    training.end()
    assert world.sync() == 0
    assert told(world.rows(), "lr", "status") == [["1", "finished"]]


def test_a_folder_of_somebody_elses_sends_nothing(world: World) -> None:
    """That a journal feeds a sheet counts only if this user said so: a folder may come from anybody."""
    world.run(f"es.log_run({BOTH}, {{'n': 1}})", **AWAY)
    (state,) = Path("runs_files/journal").glob("to-*")
    assert json.loads((state / "sheet.json").read_text()) == {"sheet": f"gsheet://{world.key}"}
    for note in Path("state").glob("*/fed_by/*.json"):
        note.unlink()
    for target in ("runs.csv", world.target):
        assert world.sync(target) == 0
    assert world.rows() == []
    world.run(f"es.log_run({BOTH}, {{'n': 2}})").fine()  # this is how one says so
    assert told(world.rows(), "n") == [["1"], ["2"]]


def test_what_cannot_be_meant(world: World) -> None:
    """Two files, no sheet at all, something else; one sheet named twice is one."""
    with pytest.raises(UsageError, match=r"one may lie on this machine.*runs\.xlsx is a second one"):
        es.init(["runs.csv", "runs.xlsx"])
    with pytest.raises(UsageError, match="takes a sheet or some"):
        es.init([])
    with pytest.raises(UsageError, match="takes the sheet first"):
        es.log_run(["runs.csv", 7], {"lr": 1})  # type: ignore[list-item]
    es.log_run(["runs.csv", "runs.csv"], {"lr": 1})
    assert len(local()) == 1
