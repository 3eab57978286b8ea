"""The doctor: what is wrong with a sheet and its folder is found, and mended only when asked for."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet import locks
from experiment_sheet.doctor import Doctor, Finding
from experiment_sheet.errors import RunNotFound, UsageError
from experiment_sheet.events import Event
from experiment_sheet.mending import merge, restore
from experiment_sheet.sheet import Sheet


def doctor(*words: str) -> tuple[int, str]:
    """Run the command; answer exit code and output."""
    line = [sys.executable, "-m", "experiment_sheet", "doctor", *words]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def found(sheet: Sheet) -> list[tuple[str, str]]:
    """Kind and subject of all that the doctor finds."""
    return [(finding.kind, finding.subject) for finding in Doctor(sheet).findings()]


def without(path: Path, run: str) -> None:
    """A person deletes the row of a run from a CSV."""
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if run not in line), encoding="utf-8-sig")


@pytest.fixture
def sheet() -> Sheet:
    """A sheet of three runs."""
    sheet = Sheet("runs.csv")
    sheet.append([{"run_id": f"r{n}", "acc": n / 10} for n in (1, 2, 3)])
    return sheet


def test_a_healthy_sheet_has_no_findings(sheet: Sheet) -> None:
    """Exit code 0, and it says so."""
    assert found(sheet) == []
    assert doctor("-s", "runs.csv") == (0, f"{sheet.name}: all well\n")


def test_a_sheet_that_is_yet_to_be_made_is_healthy() -> None:
    """Looking makes nothing."""
    assert found(Sheet("none.xlsx")) == []
    assert not list(Path().iterdir())


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_missing_run_is_found_and_restored(suffix: str) -> None:
    """A run whose row is gone is listed; `restore` puts it back as it was logged, updates included, at the end."""
    path = Path(f"runs.{suffix}")
    sheet = Sheet(path)
    sheet.append({"run_id": "r0", "acc": 0.0})
    before = path.read_bytes()
    sheet.append([{"run_id": "gone", "acc": 0.5, "lr": 0.1}, {"run_id": "here", "acc": 0.6}])
    sheet.update("gone", {"notes": "keep", "acc": 0.55})
    if suffix == "csv":
        without(path, "gone")
    else:  # another file took its place, that never was ours
        path.write_bytes(before)
        sheet.sync()
        delete_row(path, "gone")
    assert found(sheet) == [("missing", "gone")]
    code, text = doctor("--restore", "all", "-s", str(path))
    assert (code, "restored: gone" in text) == (0, True)
    row = sheet.read().loc["gone"]
    assert (row["acc"], row["lr"], row["notes"]) == (0.55, 0.1, "keep")
    assert sorted(sheet.read().index) == ["gone", "here", "r0"]
    assert found(sheet) == []


def delete_row(path: Path, run: str) -> None:
    """A person deletes a row in a spreadsheet program."""
    from openpyxl import load_workbook

    book = load_workbook(path)
    tab = book.active
    place = next(row[0].row for row in tab.iter_rows() if any(cell.value == run for cell in row))
    tab.delete_rows(place)
    book.save(path)


def test_the_row_of_a_running_run_is_restored_and_goes_on(sheet: Sheet) -> None:
    """A person deleted it by mistake; what the run tells later arrives in it."""
    run = es.init(sheet, config={"lr": 0.1})
    without(Path("runs.csv"), run.id)
    run.summary["acc"] = 0.5
    sheet.sync()
    assert run.id not in sheet.read().index
    restore(Doctor(sheet), [run.id])
    assert sheet.read().loc[run.id, "status"] == "running"
    run.finish()
    assert tuple(sheet.read().loc[run.id, ["status", "lr", "acc"]]) == ("finished", 0.1, 0.5)


def test_a_restored_row_may_be_deleted_again(sheet: Sheet) -> None:
    """Deleting is a decision, the second time too."""
    without(Path("runs.csv"), "r2")
    restore(Doctor(sheet), ["r2"])
    without(Path("runs.csv"), "r2")
    sheet.append({"run_id": "r4"})
    assert "r2" not in sheet.read().index
    assert found(sheet) == [("missing", "r2")]


def test_what_is_to_be_restored_is_said_clearly(sheet: Sheet) -> None:
    """The beginning of a run_id will do; what is not missing, or may mean two, is refused."""
    for run in ("r1", "r2"):
        without(Path("runs.csv"), run)
    with pytest.raises(RunNotFound, match="r3"):
        restore(Doctor(sheet), ["r3"])
    with pytest.raises(UsageError, match="r1, r2"):
        restore(Doctor(sheet), ["r"])
    assert restore(Doctor(sheet), ["r2"]) == ["r2"]


def test_doubled_runs_are_found(sheet: Sheet) -> None:
    """A row that a person copied stands twice; the doctor says so and leaves it."""
    path = Path("runs.csv")
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text + next(line for line in text.splitlines(keepends=True) if "r2" in line), encoding="utf-8-sig")
    before = path.read_bytes()
    assert found(sheet) == [("doubled", "r2")]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name",
    [
        "runs (Kim's conflicted copy 2026-11-23).csv",
        "runs (conflicted copy 2026-11-23 183000).csv",
        "runs.sync-conflict-20261123-183000-ABCDEF7.csv",
        "runs-DESKTOP-A1B2C3.csv",
        "runs-Kims-MacBook.csv",
        "runs (1).csv",
    ],
)
def test_conflict_copies_are_found_and_merged(sheet: Sheet, name: str) -> None:
    """Dropbox's, Nextcloud's, Syncthing's, OneDrive's and Google Drive's are merged by run_id; ours stands."""
    copy = Path(name)
    shutil.copy("runs.csv", copy)
    sheet.update("r1", {"notes": "ours"})
    other = Sheet(copy)
    other.update("r1", {"notes": "theirs"})
    other.update("r2", {"notes": "only theirs"})
    other.append({"run_id": "r9", "acc": 0.9, "depth": 4})
    assert found(sheet) == [("conflict", str(copy.absolute()))]
    code, text = doctor("--merge", str(copy), "-s", "runs.csv")
    assert code == 1, "the copy is still there"
    assert all(part in text for part in ("r9", "notes of r2", "notes of r1"))
    frame = sheet.read()
    assert frame["notes"].dropna().to_dict() == {"r1": "ours", "r2": "only theirs"}
    assert (frame.loc["r9", "acc"], frame.loc["r9", "depth"]) == (0.9, 4)
    assert list(frame.index) == ["r1", "r2", "r3", "r9"]
    again = merge(Doctor(sheet), copy)
    assert (again.added, again.filled, again.differing) == ([], {}, {"r1": ["notes"]})
    copy.unlink()
    assert found(sheet) == []


def test_a_workbook_is_merged_with_its_columns(tmp_path: Path) -> None:
    """In .xlsx renamed columns are known all the same, and people's own come along."""
    from openpyxl import load_workbook

    sheet = Sheet("runs.xlsx")
    sheet.append({"run_id": "r1", "lr": 0.1, "acc": 0.5})
    shutil.copy("runs.xlsx", "runs (1).xlsx")
    Sheet("runs (1).xlsx").append({"run_id": "r2", "lr": 0.2, "acc": 0.6})
    book = load_workbook("runs (1).xlsx")
    tab = book.active
    names = {cell.value: cell.column for cell in tab[1]}
    tab.cell(1, names["acc"]).value = "accuracy on the test set"
    book.save("runs (1).xlsx")
    merge(Doctor(sheet), Path("runs (1).xlsx"))
    assert sheet.read()["acc"].to_dict() == {"r1": 0.5, "r2": 0.6}


def test_files_that_only_look_like_conflict_copies_are_passed(sheet: Sheet) -> None:
    """Another sheet of a similar name holds none of our runs."""
    Sheet("runs-ablation.csv").append({"acc": 0.1})
    Path("runs (2).csv").write_text("a,b\n1,2\n")
    Path("runs-notes.csv").write_bytes(b"\0\0\0")
    assert found(sheet) == []


def test_damaged_journals_are_found(sheet: Sheet) -> None:
    """Lines that can't be read are counted; whole ones count on."""
    (path,) = (sheet.files / "journal").glob("*.jsonl")
    with open(path, "ab") as file:
        file.write(b'{"sheet": "runs.csv", "ru\n\0\0\0\0\n')
    sheet.append({"run_id": "r4"})
    (finding,) = Doctor(sheet).findings()
    assert (finding.kind, finding.subject, "2 lines" in finding.detail) == ("damaged", str(path), True)


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_archive_is_found(damage: str) -> None:
    """An archive that is shorter than it was, or can't be unpacked, is said; rows are not affected."""
    for n in range(2):
        subprocess.run(
            [sys.executable, "-m", "experiment_sheet", "log", f"n={n}", "-s", "runs.csv"],
            check=True,
            capture_output=True,
        )
    sheet = Sheet("runs.csv")
    sheet.sync()
    archive = sheet.files / "journal" / "archive.jsonl.gz"
    assert found(sheet) == []
    text = archive.read_bytes()
    middle = len(text) // 2
    archive.write_bytes(text[:middle] if damage == "cut" else text[:middle] + b"\xff" * 20 + text[middle + 20 :])
    assert [kind for kind, _ in found(sheet)] == ["damaged"]
    assert len(sheet.read()) == 2


def test_orphaned_run_folders_are_found_and_restored(sheet: Sheet) -> None:
    """Journal and row are gone, the run folder is there: its run.json makes the row again."""
    Path("weights.bin").write_bytes(b"123")
    run = sheet.log_run(inputs={"lr": 0.5}, outputs={"acc": 0.7}, artifacts=["weights.bin"], name="calm-fox")
    without(Path("runs.csv"), run)
    shutil.rmtree(sheet.files / "journal")
    assert found(sheet) == [("orphan", str(sheet.files / run))]
    assert doctor("--restore", run, "-s", "runs.csv")[0] == 0
    row = sheet.read().loc[run]
    assert (row["run"], row["lr"], row["acc"], row["status"]) == ("calm-fox", 0.5, 0.7, "finished")


def test_folders_of_other_tabs_are_no_orphans() -> None:
    """A workbook's tabs share one files folder."""
    Path("weights.bin").write_bytes(b"123")
    for target in ("runs.xlsx#A", "runs.xlsx#B"):
        Sheet(target).log_run({"acc": 0.1}, artifacts=["weights.bin"])
    assert found(Sheet("runs.xlsx#A")) == []


def test_json_says_all_of_it(sheet: Sheet) -> None:
    """For programs: what was done, and what was found."""
    without(Path("runs.csv"), "r2")
    code, text = doctor("--json", "-s", "runs.csv")
    (finding,) = json.loads(text)["findings"]
    assert (code, finding["kind"], finding["subject"]) == (1, "missing", "r2")
    code, text = doctor("--json", "--restore", "r2", "-s", "runs.csv")
    assert (code, json.loads(text)["restored"], json.loads(text)["findings"]) == (0, ["r2"], [])


def test_waiting_rows_are_not_missing(sheet: Sheet) -> None:
    """They will arrive by themselves."""
    Path("~$runs.csv").write_bytes(bytes(165))
    sheet.append({"run_id": "r4"})
    assert sheet.pending() == ["r4"]
    assert found(sheet) == []


def test_a_lock_of_another_host_is_found_and_freed(sheet: Sheet) -> None:
    """On NFS a claim outlives its process; one of this host is removed unasked, another's with --unlock."""
    lock = sheet.files / "journal" / "sheet.lock"
    lock.unlink()
    (lock.parent / "sheet.lock.filelock").mkdir()  # what makes every process take the kind of lock that NFS needs
    program = f"""
import os, socket, sys
if sys.argv[1:]:
    socket.gethostname = lambda: sys.argv[1]
from pathlib import Path
from experiment_sheet import locks
with locks.holding(Path({str(lock)!r}), wait=5, done=lambda: False):
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert [holder.host for holder in locks.holders(lock)] == [socket.gethostname()] * 2
    sheet.append({"run_id": "r4"})
    assert sheet.pending() == []
    assert locks.holders(lock) == []
    subprocess.run([sys.executable, "-c", program, "elsewhere"], check=False)
    sheet.record("r5", {}, kind="end", wait=0.1)
    assert sheet.pending() == ["r5"]
    (finding,) = Doctor(sheet).findings()
    assert (finding.kind, "on elsewhere" in finding.detail) == ("held", True)
    assert doctor("--unlock", "-s", "runs.csv")[0] == 0
    assert sheet.sync() == 0


def test_events_of_another_sheet_are_nobodys_business(sheet: Sheet) -> None:
    """A journal that was copied in from elsewhere is not applied, nor missed."""
    from experiment_sheet.events import encode

    foreign = sheet.files / "journal" / "foreign-0.jsonl"
    foreign.write_bytes(encode(Event("other.xlsx", "x1", "end", {})))
    sheet.append({"run_id": "r4"})
    assert sorted(sheet.read().index) == ["r1", "r2", "r3", "r4"]
    assert found(sheet) == []


def test_findings_have_a_remedy(sheet: Sheet) -> None:
    """What can be done stands behind each."""
    without(Path("runs.csv"), "r2")
    assert Doctor(sheet).findings() == [
        Finding(
            "missing",
            "r2",
            "was logged and has no row: a person deleted it, or somebody replaced the file",
            "doctor --restore r2",
        )
    ]
