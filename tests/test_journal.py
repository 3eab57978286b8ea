"""The journal: nothing acknowledged is lost, nothing torn is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet import locks
from experiment_sheet.backends.base import Target
from experiment_sheet.columns import Column
from experiment_sheet.events import Event, decode, encode
from experiment_sheet.files import Files, files_of
from experiment_sheet.journal import Journal, journals_in, lock_of, read
from experiment_sheet.values import Cell
from experiment_sheet.writers import is_dead

LR = Column("input", "lr")


def _event(run: str = "r1", value: Cell = 0.1) -> Event:
    return Event("runs.csv", run, "end", {LR: value}, drawn=True)


def _journal(folder: Path) -> Journal:
    return Journal(Files("runs.csv", folder / "runs_files", None))


def test_an_event_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """What append wrote, read answers, in order, with seq and the journal's name."""
    journal = _journal(tmp_path)
    journal.append([_event("r1"), _event("r2", "ü\n=1")])
    assert journal.path is not None
    entries, end = read(journal.path)
    assert [(e.event.run, e.event.cells[LR], e.event.seq) for e in entries] == [("r1", 0.1, 1), ("r2", "ü\n=1", 2)]
    assert end == journal.path.stat().st_size == entries[-1].end
    assert {e.event.journal for e in entries} == {journal.path.name}


@given(st.floats(allow_nan=False) | st.text() | st.integers() | st.booleans() | st.none(), st.text(min_size=1))
def test_a_line_holds_any_cell_under_any_key(value: Cell, key: str) -> None:
    """encode and decode are inverses for every key and value, and a line is one line of ASCII."""
    event = Event("s", "r", "change", {Column("output", key): value}, epoch=3, seq=4, overwrite=True, journal="j")
    line = encode(event)
    assert decode(line, "j") == event
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1


def test_a_torn_last_line_is_ignored_at_every_length(tmp_path: Path) -> None:
    """However much of the last line reached the disk, the lines before it are read and it is not."""
    journal = _journal(tmp_path)
    journal.append([_event("r1")])
    assert journal.path is not None
    whole = journal.path.stat().st_size
    journal.append([_event("r2")])
    text = journal.path.read_bytes()
    for length in range(whole, len(text)):
        torn = tmp_path / "torn.jsonl"
        torn.write_bytes(text[:length])
        entries, end = read(torn)
        assert [entry.event.run for entry in entries] == ["r1"]
        assert end == whole


@pytest.mark.parametrize(
    "damage", [b"not json\n", b'{"run": 1}\n', b"[]\n", b'{"run":"r","cells":7}\n', b"\xff\xfe\n", b"\n"]
)
def test_a_damaged_line_in_the_middle_hides_no_other(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that is no event is skipped with one message; the events around it are read."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(encode(_event("r1")) + damage + encode(_event("r2")))
    for _ in range(2):
        assert [entry.event.run for entry in read(path)[0]] == ["r1", "r2"]
    assert len([r for r in caplog.records if "damaged" in r.message]) == 1


def test_reading_on_from_an_offset_answers_only_what_is_new(tmp_path: Path) -> None:
    """The offset that read answers is where the next read begins."""
    journal = _journal(tmp_path)
    journal.append([_event("r1")])
    assert journal.path is not None
    _, end = read(journal.path)
    journal.append([_event("r2")])
    assert [entry.event.run for entry in read(journal.path, end)[0]] == ["r2"]


def test_a_deleted_files_folder_gets_the_waiting_events_anew(tmp_path: Path) -> None:
    """Events that no sheet holds yet are written again where their journal vanished."""
    import shutil

    journal = _journal(tmp_path)
    journal.append([_event("r1")])
    shutil.rmtree(tmp_path / "runs_files")
    journal.append([_event("r2")])
    assert journal.path is not None
    assert [entry.event.run for entry in read(journal.path)[0]] == ["r1", "r2"]


def test_settled_events_are_not_written_anew(tmp_path: Path) -> None:
    """What is in a sheet that was fsynced needs no second journal."""
    import shutil

    journal = _journal(tmp_path)
    journal.append([_event("r1")])
    assert journal.path is not None
    journal.settle(journal.path.name, journal.path.stat().st_size)
    shutil.rmtree(tmp_path / "runs_files")
    journal.append([_event("r2")])
    assert [entry.event.run for entry in read(journal.path)[0]] == ["r2"]


def test_a_folder_that_cannot_be_written_sends_events_to_the_spare_one(tmp_path: Path) -> None:
    """A file where the files folder should be sends the journal to the state folder."""
    (tmp_path / "runs_files").write_text("in the way")
    journal = Journal(Files("runs.csv", tmp_path / "runs_files", tmp_path / "spare"))
    journal.append([_event("r1")])
    assert journal.path is not None
    assert journal.path.parent == tmp_path / "spare" / "journal"


def test_events_that_no_folder_takes_stay_in_memory_and_are_written_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing can be written the events wait in memory, go out with the next chance, else to stderr."""
    (tmp_path / "runs_files").write_text("in the way")
    journal = _journal(tmp_path)
    with pytest.raises(OSError, match="stay in memory"):
        journal.append([_event("r1")])
    assert [event.run for event in journal.unwritten()] == ["r1"]
    journal.print_unwritten()
    assert json.loads(capsys.readouterr().err)["run"] == "r1"
    (tmp_path / "runs_files").unlink()
    journal.append([_event("r2")])
    assert journal.path is not None
    assert [entry.event.run for entry in read(journal.path)[0]] == ["r1", "r2"]
    assert journal.unwritten() == []


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_short_write_is_cut_off_and_swallows_no_later_event(tmp_path: Path) -> None:
    """A file that may not grow takes half a line; it is cut back, and the next event stands whole."""
    program = """
import resource, signal, sys
from pathlib import Path
from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal, read
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Files("runs.csv", Path("runs_files"), None))
event = lambda run: Event("runs.csv", run, "end", {Column("input", "lr"): 1})
journal.append([event("r1")])
size = journal.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
try:
    journal.append([event("r2")])
    sys.exit("the write should have come short")
except OSError:
    pass
assert journal.path.stat().st_size == size, "the torn line was not cut off"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append([event("r3")])
assert [e.event.run for e in read(journal.path)[0]] == ["r1", "r2", "r3"]
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_journal_that_takes_nothing_more_is_gone_on_with_elsewhere(tmp_path: Path) -> None:
    """Where the disk of an open journal is full, its waiting events and the new one go to the spare folder."""
    program = """
import resource, signal
from pathlib import Path
from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal, read
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Files("runs.csv", Path("runs_files"), Path("spare")))
event = lambda run, size: Event("runs.csv", run, "end", {Column("input", "lr"): "x" * size})
for n in range(50):
    journal.append([event(f"r{n}", 100)])
full = journal.path
journal.settle(full.name, full.stat().st_size - 10)  # all but the last are in the sheet
resource.setrlimit(resource.RLIMIT_FSIZE, (full.stat().st_size, resource.RLIM_INFINITY))
journal.append([event("new", 10)])
assert journal.path.parent == Path("spare/journal"), journal.path
assert [e.event.run for e in read(journal.path)[0]] == ["r49", "new"]
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_journal_is_alive_while_its_process_is(tmp_path: Path) -> None:
    """The lock of a journal is held by a living writer and free once the writer was killed."""
    program = """
import sys, time
from pathlib import Path
from experiment_sheet.columns import Column
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal
journal = Journal(Files("runs.csv", Path("runs_files"), None))
journal.append([Event("runs.csv", "r1", "start", {})])
print(flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (path,) = journals_in(tmp_path / "runs_files" / "journal")
        assert not is_dead(path)
        writer.kill()
        writer.wait()
        assert is_dead(path)


def test_a_journal_of_another_machine_is_never_called_dead(tmp_path: Path) -> None:
    """A free lock proves nothing about a process on another machine."""
    path = tmp_path / "elsewhere.jsonl"
    path.write_text('{"journal": 1, "machine": "another"}\n')
    assert locks.is_free(lock_of(path))
    assert not is_dead(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    """Parent and child never share a file, and a child that outlives its parent doesn't keep it alive."""
    program = """
import os, sys, time
from experiment_sheet.columns import Column
from experiment_sheet.sheet import Sheet
from experiment_sheet.journal import journals_in
from experiment_sheet.writers import is_dead
sheet = Sheet("memory://fork")
sheet.record("r-parent", {Column("input", "lr"): 1}, kind="start")
folder = sheet.files / "journal"
(parents,) = journals_in(folder)
read_end, write_end = os.pipe()
middle = os.fork()
if middle == 0:                      # the parent that will die
    sheet.record("r-middle", {}, kind="start")
    (middles,) = set(journals_in(folder)) - {parents}
    if os.fork() == 0:               # its worker lives on
        time.sleep(1.5)
        os._exit(0)
    os._exit(0)
os.waitpid(middle, 0)
(middles,) = set(journals_in(folder)) - {parents}
deadline = time.monotonic() + 1      # the worker lets go as soon as it has come to life
while not is_dead(middles):
    assert time.monotonic() < deadline, "the worker keeps its dead parent's journal alive"
    time.sleep(0.01)
assert not is_dead(parents)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_the_journal_folder_says_what_it_is(tmp_path: Path) -> None:
    """A person who finds the folder, and git, are told."""
    journal = _journal(tmp_path)
    journal.append([_event()])
    folder = tmp_path / "runs_files" / "journal"
    assert len((folder / "README").read_text().splitlines()) == 3
    assert (folder / ".gitignore").read_text() == "*\n"


def test_two_sheets_of_one_stem_have_folders_of_their_own(tmp_path: Path) -> None:
    """runs.csv beside runs.xlsx gets runs.csv_files, and keeps it."""
    excel = Journal(files_of(Target("file", str(tmp_path / "runs.xlsx"))))
    excel.append([_event()])
    text = Journal(files_of(Target("file", str(tmp_path / "runs.csv"))))
    text.append([_event()])
    assert excel.path is not None
    assert text.path is not None
    assert excel.path.parents[1].name == "runs_files"
    assert text.path.parents[1].name == "runs.csv_files"
    assert files_of(Target("file", str(tmp_path / "runs.xlsx"))).root == tmp_path / "runs_files"


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """runs_files with other things in it is another's; ours is runs.xlsx_files then."""
    (tmp_path / "runs_files").mkdir()
    (tmp_path / "runs_files" / "holiday.jpg").touch()
    assert files_of(Target("file", str(tmp_path / "runs.xlsx"))).root == tmp_path / "runs.xlsx_files"
