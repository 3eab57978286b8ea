"""A training goes on, and ends with 0, while everything around it fails at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from parallel.program import acked, rows_of, run

pytestmark = [pytest.mark.crash, pytest.mark.skipif(os.name == "nt", reason="limits and links of POSIX")]

TRAINING = """
import resource, shutil
sheet = Path(sys.argv[1])
files = sheet.with_name("runs_files")
owner = sheet.with_name(f".~lock.{sheet.name}#")

class Hostile:
    def __repr__(self): raise RuntimeError("somebody's __repr__")

def full_disk(on):
    resource.setrlimit(resource.RLIMIT_FSIZE, (200 if on else resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def no_descriptors(on):
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) if on else 1024, 4096))

def open_in_excel(on):
    if on: owner.write_text("A Person,person,elsewhere.example,01.01.2026 10:00,profile;")
    else: owner.unlink()

def damaged_sheet(on):
    if on: sheet.rename(f"{sheet}.aside"), sheet.write_bytes(b"" if sheet.suffix == ".csv" else b"PK no workbook")
    else: Path(f"{sheet}.aside").rename(sheet)

def sheet_is_a_folder(on):
    if on: sheet.rename(f"{sheet}.aside"), sheet.mkdir()
    else: sheet.rmdir(), Path(f"{sheet}.aside").rename(sheet)

def files_folder_deleted(on):
    if on: shutil.rmtree(files, ignore_errors=True)

def files_folder_is_a_file(on):
    if on: files.rename(f"{files}.aside"), files.write_text("")
    else: files.unlink(), Path(f"{files}.aside").rename(files)

def state_is_rubbish(on):
    if on: (files / "journal" / "checkpoint.json").write_bytes(os.urandom(100))

def journals_are_rubbish(on):
    if on: [path.write_bytes(os.urandom(100)) for path in (files / "journal").glob("*.jsonl")]

def locked(on):
    global lock
    from filelock import FileLock
    if on: lock = FileLock(files / "journal" / "sheet.lock"); lock.acquire()
    else: lock.release()

def working_folder_deleted(on):
    if on: os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
    else: os.chdir(sheet.parent)

trouble = globals()[sys.argv[2]]
ack(es.log_run(sheet, {"lr": 0.5}))
run = es.init(sheet, config={"lr": 0.1})
for step in range(30):
    if step == 10: trouble(True)
    run.log({"loss": 1 / (step + 1), "odd": Hostile()})
    if step in (5, 15, 25):
        run.summary["best"] = step
        run.log_artifact("/nowhere/model.pt")
        ack(es.log_run(sheet, {"step": step, "odd": Hostile()}))
    if step == 20: trouble(False)
run.finish()
ack(run.id)
"""

TROUBLES = [line[4:].partition("(")[0] for line in TRAINING.splitlines() if line.endswith("(on):")]


@pytest.mark.parametrize("name", ["runs.xlsx", "runs.csv"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_training_goes_on_while(trouble: str, name: str, tmp_path: Path) -> None:
    """From step 10 to 20 something is badly wrong; the training ends with 0 under -W error, all rows are there."""
    run(TRAINING, tmp_path, tmp_path / name, trouble, seconds=100)
    assert run("print(es.Sheet(sys.argv[1]).sync())", tmp_path, name).strip() == "0"
    rows = {str(row["run_id"]): row for row in rows_of(tmp_path / name)}
    assert set(acked(tmp_path)) <= rows.keys()
    assert rows[acked(tmp_path)[-1]]["status"] == "finished"


@pytest.mark.parametrize("name", ["runs.xlsx", "runs.csv"])
def test_a_training_goes_on_with_all_of_it_to_its_end(name: str, tmp_path: Path) -> None:
    """Nothing can be written any more, up to the end: exit 0, and the rows are printed as JSON lines."""
    program = TRAINING.replace("if step == 20: trouble(False)", "pass")
    out = run(program, tmp_path, tmp_path / name, "full_disk", seconds=100)
    printed = [line for line in out.splitlines() if line.startswith('{"sheet"')]
    assert printed, out
    if sys.platform == "linux":
        assert any(acked(tmp_path)[-1] in line and "finished" in line for line in printed)
