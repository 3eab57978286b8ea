"""Runs whose process died, and runs of other machines that fell silent."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet import locks
from experiment_sheet.journal import journals_in, lock_of
from experiment_sheet.live import Live
from experiment_sheet.liveness import SILENCE
from experiment_sheet.machine import uptime
from experiment_sheet.sheet import Sheet
from experiment_sheet.writers import is_dead, writer_of

HOUR = 3600.0


def died(program: str) -> None:
    """Run a script that dies without a word."""
    script = f"import os\nimport experiment_sheet as es\n{program}\nos.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


def moved_elsewhere(journal: Path, *, machine: str = "another-boot", host: str = "elsewhere") -> None:
    """Make a journal one that another machine wrote."""
    first, _, rest = journal.read_bytes().partition(b"\n")
    told = {**json.loads(first), "machine": machine, "host": host}
    journal.write_bytes(json.dumps(told).encode() + b"\n" + rest)


def silent_for(seconds: float, *paths: Path) -> None:
    """Nothing was written for so long, by the file system's clock."""
    for path in paths:
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_crashed_run_has_its_last_words(suffix: str) -> None:
    """Its last metrics, its last step and how long it ran come from its history, which had every step."""
    died(f"""
import time
run = es.init("runs.{suffix}", config={{"lr": 0.1}})
for step in range(50):
    run.log({{"loss": 1 / (step + 1), "val": {{"acc": step / 50}}}})
    if step == 20:
        time.sleep(0.3)
run.log({{"note": "late", "loss": 0.5}}, step=7)
""")
    Sheet(f"runs.{suffix}").sync()
    (row,) = Sheet(f"runs.{suffix}").read().to_dict("records")
    assert (row["status"], row["loss"], row["val.acc"], row["note"], row["lr"]) == ("crashed", 0.5, 0.98, "late", 0.1)
    assert "last step it logged was 49" in row["error"]
    assert row["duration"] >= dt.timedelta(seconds=0.3)


def test_a_run_that_died_before_its_first_step_is_crashed() -> None:
    """Without a history there are no last words."""
    died("es.init('runs.csv', config={'lr': 0.1})")
    Sheet("runs.csv").sync()
    (row,) = Sheet("runs.csv").read().to_dict("records")
    assert (row["status"], row["lr"], "error" in row and row["error"] is not None) == ("crashed", 0.1, False)


def test_statistics_of_a_crashed_run_that_run_json_knows() -> None:
    """What an earlier life asked for by `define_metric` is worked out from the histories."""
    program = "run = es.init('runs.csv', id='mine')\nrun.define_metric('acc', summary='max')\n"
    first = f"import experiment_sheet as es\n{program}for acc in (0.1, 0.9, 0.5): run.log({{'acc': acc}})\nrun.finish()"
    subprocess.run([sys.executable, "-c", first], check=True)
    died(f"{program}run.log({{'acc': 0.95}})\nrun.log({{'acc': 0.3}})")
    Sheet("runs.csv").sync()
    row = Sheet("runs.csv").read().loc["mine"]
    assert (row["status"], row["acc"], row["acc.max"], row["acc.max_step"]) == ("crashed", 0.3, 0.95, 3)


def test_a_strange_history_does_not_stop_the_verdict() -> None:
    """Damaged lines are passed over; a run.json of somebody else's is not believed."""
    died("run = es.init('runs.csv', id='mine')\nrun.log({'acc': 0.5})")
    folder = Path("runs_files/mine")
    (history,) = folder.glob("history-*.jsonl")
    with open(history, "ab") as file:
        file.write(b"[" * 100_000 + b'\n{"step": {}, "time": 1, "log": {}}\n{"step": 2, "time": 1e999, "log"')
    (folder / "run.json").write_text('{"metrics": [{"name": "acc", "evil": 1, "summaries": ["max"]}]}')
    Sheet("runs.csv").sync()
    row = Sheet("runs.csv").read().loc["mine"]
    assert (row["status"], row["acc"]) == ("crashed", 0.5)


def test_a_silent_run_of_another_machine_is_shown_as_lost_until_it_speaks() -> None:
    """Derived from the journal's silence, never stored: the sheet says running, and `read` once it speaks up."""
    died("run = es.init('runs.csv', id='mine')\nrun.log({'acc': 0.5})")
    (journal,) = journals_in(Path("runs_files/journal"))
    (history,) = Path("runs_files/mine").glob("history-*.jsonl")
    moved_elsewhere(journal)
    sheet = Sheet("runs.csv")
    sheet.sync()
    assert sheet.read().loc["mine", "status"] == "running"
    silent_for(SILENCE + HOUR, journal, history)
    sheet.sync()
    assert sheet.read().loc["mine", "status"] == "lost"
    listed = subprocess.run(
        [sys.executable, "-m", "experiment_sheet", "ls", "-s", "runs.csv"], capture_output=True, text=True, check=True
    )
    assert "lost" in listed.stdout
    assert "running" in Path("runs.csv").read_text(encoding="utf-8-sig")
    assert "lost" not in Path("runs.csv").read_text(encoding="utf-8-sig")
    silent_for(SILENCE - HOUR / 2, history)  # a step, and no news for the journal
    assert sheet.read().loc["mine", "status"] == "running"
    assert journal.exists()


def test_silence_is_measured_on_the_file_systems_clock(tmp_path: Path) -> None:
    """A journal that was written this moment is not silent, whatever this machine's own clock says."""
    died("run = es.init('runs.csv', id='mine')")
    (journal,) = journals_in(Path("runs_files/journal"))
    moved_elsewhere(journal)
    program = "import time; time.time = lambda: 9e9\nfrom experiment_sheet.sheet import Sheet\n"
    program += "print(Sheet('runs.csv').read().loc['mine', 'status'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "running\n"


def test_a_waiting_run_of_another_machine_may_be_lost_too() -> None:
    """Nobody has put its row into the sheet yet."""
    died("run = es.init('runs.csv', id='mine')")
    (journal,) = journals_in(Path("runs_files/journal"))
    moved_elsewhere(journal)
    Path("runs.csv").unlink()
    (journal.parent / "checkpoint.json").unlink()
    silent_for(SILENCE + HOUR, journal)
    assert Sheet("runs.csv").read().loc["mine", "status"] == "lost"


@pytest.mark.skipif(uptime() is None, reason="this system has no clock that counts since it was started")
def test_a_run_of_before_the_reboot_is_crashed() -> None:
    """The same host, another boot, nothing written since, no lock: its process can't be alive."""
    died("run = es.init('runs.csv', id='mine')\nrun.log({'acc': 0.5})")
    (journal,) = journals_in(Path("runs_files/journal"))
    moved_elsewhere(journal, host=socket.gethostname())
    assert not is_dead(journal), "it was written since this machine was started, so another one wrote it"
    silent_for(float(uptime() or 0) + HOUR, journal)
    assert is_dead(journal)
    Sheet("runs.csv").sync()
    assert Sheet("runs.csv").read().loc["mine", "status"] == "crashed"


@pytest.mark.parametrize("first", [b"[" * 4000 + b"\n", b"null\n", b'{"machine": []}\n', b"\xff\xfe\n"])
def test_a_journal_of_unknown_origin_is_not_dead(tmp_path: Path, first: bytes) -> None:
    """Who can't tell leaves it alone."""
    journal = tmp_path / "x-0.jsonl"
    journal.write_bytes(first)
    assert writer_of(journal) == ("", "")
    assert not is_dead(journal)


def dropped(lock: Path) -> None:
    """What a network file system does to a lock that this process holds when the connection breaks."""
    fcntl = pytest.importorskip("fcntl", reason="locks of Windows can't be dropped from here")
    if not Path("/proc/self/fd").exists():
        pytest.skip("which file a descriptor is of can't be told")
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if link.readlink() == lock.resolve():
                fcntl.flock(int(link.name), fcntl.LOCK_UN)


def sync_elsewhere() -> None:
    """Another process syncs."""
    command = [sys.executable, "-m", "experiment_sheet", "sync", "-s", "runs.csv"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.skipif(os.name == "nt", reason="a lock's file that is held can't be deleted there")
def test_a_living_run_whose_locks_file_was_deleted_is_not_crashed() -> None:
    """Somebody cleaned up: the process lives, so the run does; with its next word it holds a lock again."""
    sheet = Sheet("runs.csv")
    run = es.init(sheet, config={"lr": 0.1})
    (journal,) = journals_in(sheet.files / "journal")
    lock_of(journal).unlink()
    sync_elsewhere()
    assert sheet.read().loc[run.id, "status"] == "running"
    run.summary["acc"] = 0.75
    (*_, last) = sorted(journals_in(sheet.files / "journal"), key=lambda path: path.stat().st_mtime_ns)
    assert last != journal
    assert not locks.is_free(lock_of(last))
    sync_elsewhere()
    assert sheet.read().loc[run.id, "status"] == "running"
    run.finish()
    assert sheet.read().loc[run.id, ["status", "acc"]].tolist() == ["finished", 0.75]


def test_a_run_whose_steps_take_hours_gives_signs_of_life() -> None:
    """Its journal is written to while it logs nothing, so that no other machine takes it for lost."""
    with es.init("runs.csv") as run:
        (journal,) = journals_in(Path("runs_files/journal"))
        silent_for(2 * SILENCE, journal)
        Live(lambda: [run], pace=0.05).begin()
        deadline = time.monotonic() + 30
        while time.time() - journal.stat().st_mtime > SILENCE:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_slow_writer_goes_on_in_a_new_file_when_its_journal_was_archived_under_it() -> None:
    """A file system dropped its lock, so another process took it for dead: it says so no more, and nothing is lost."""
    sheet = Sheet("runs.csv")
    run = es.init(sheet, config={"lr": 0.1})
    run.summary["acc"] = 0.5
    (journal,) = journals_in(sheet.files / "journal")
    dropped(lock_of(journal))
    sync_elsewhere()
    assert not journal.exists(), "it was archived"
    assert sheet.read().loc[run.id, "status"] == "crashed"
    run.summary["acc"] = 0.75
    assert not journal.exists(), "nobody writes to an archived journal"
    run.finish()
    row = sheet.read().loc[run.id]
    assert (row["status"], row["acc"], row["lr"]) == ("finished", 0.75, 0.1)
    assert len(sheet.read()) == 1
    assert sheet.log_run({"acc": 0.1}) in sheet.read().index


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("waiting", [False, True])
def test_a_files_folder_that_was_deleted_while_runs_live(suffix: str, waiting: bool) -> None:
    """The runs go on: what the sheet has of them is still theirs, what waited is written anew."""
    import shutil

    sheet = Sheet(f"runs.{suffix}")
    sheet.append({"run_id": "old", "acc": 0.1})
    run = es.init(sheet, config={"lr": 0.1})
    run.log({"acc": 0.5})
    owner = Path(f"~$runs.{suffix}")
    if waiting:
        owner.write_bytes(bytes(165))
    run.summary["f1"] = 0.6
    late = sheet.log_run({"acc": 0.7})
    shutil.rmtree(sheet.files)
    run.log({"acc": 0.8})
    owner.unlink(missing_ok=True)
    run.finish()
    frame = sheet.read()
    assert sorted(frame.index) == sorted(["old", run.id, late])
    row = frame.loc[run.id]
    assert (row["status"], row["lr"], row["acc"], row["f1"]) == ("finished", 0.1, 0.8, 0.6)
    assert frame.loc[late, "acc"] == 0.7
    assert sheet.pending() == []
    assert sheet.log_run({"acc": 0.9}) in sheet.read().index


def test_a_results_folder_that_was_deleted_while_a_run_lives() -> None:
    """Sheet and files folder are gone: the run makes its row anew, whole."""
    import shutil

    folder = Path("results")
    sheet = Sheet(folder / "runs.csv")
    run = es.init(sheet, config={"lr": 0.1})
    run.log({"acc": 0.5})
    shutil.rmtree(folder)
    run.log({"acc": 0.8})
    run.finish()
    row = sheet.read().loc[run.id]
    assert (row["status"], row["lr"], row["acc"]) == ("finished", 0.1, 0.8)


def test_rows_that_wait_when_their_journal_is_deleted_arrive_at_exit() -> None:
    """Nothing else is logged: the events in memory are what is left, and they are enough."""
    program = """
import os, shutil
import experiment_sheet as es
open("~$runs.csv", "wb").write(bytes(165))
es.log_run("runs.csv", {"acc": 0.5})
shutil.rmtree("runs_files")
os.unlink("~$runs.csv")
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert Sheet("runs.csv").read()["acc"].tolist() == [0.5]
