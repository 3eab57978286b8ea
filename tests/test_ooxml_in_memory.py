"""A workbook is made without temporary files."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

from experiment_sheet.ooxml.in_memory import saved


def test_openpyxl_saves_the_same_without_temporary_files(tmp_path: Path) -> None:
    """Every part is as its own `save` writes it."""
    books = [openpyxl.Workbook() for _ in range(2)]
    for book in books:
        sheet = book.active
        sheet.append(["a", "b"])
        sheet.append([1, 2.5])
        sheet.add_table(Table(displayName="Runs", ref="A1:B2"))
        sheet.add_data_validation(DataValidation("list", formula1='"x,y"', sqref="A2"))
        sheet["C1"].comment = Comment("said", "who")
        book.create_sheet("more")
    books[0].save(tmp_path / "its_own.xlsx")
    (tmp_path / "ours.xlsx").write_bytes(saved(books[1]))
    theirs, ours = (zipfile.ZipFile(tmp_path / name) for name in ("its_own.xlsx", "ours.xlsx"))
    assert ours.namelist() == theirs.namelist()
    for name in ours.namelist():
        if name != "docProps/core.xml":  # when it was saved
            assert ours.read(name) == theirs.read(name)
    theirs.close()
    ours.close()


MADE = """
import sys
import experiment_sheet as es
sys.addaudithook(lambda event, details: event == "tempfile.mkstemp" and print(*details))
es.log_run("runs.xlsx", {"a": 1})
"""


def test_a_workbook_is_made_without_temporary_files_elsewhere(tmp_path: Path) -> None:
    """The system's folder for temporary files has no part in it: it may be full, and a kill leaves nothing there."""
    done = subprocess.run([sys.executable, "-c", MADE], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == ""
    assert openpyxl.load_workbook(tmp_path / "runs.xlsx").active.max_row == 2


NO_LINKS = """
import os, sys
from pathlib import Path

from experiment_sheet.ooxml.replacement import name_new


def link(*_, **__):
    raise OSError(95, "Operation not supported")

os.link = link
Path("new.tmp").write_text("whole")
print("now", flush=True)
name_new(Path("new.tmp"), Path("runs.xlsx"))
try:
    Path("other.tmp").write_text("another")
    name_new(Path("other.tmp"), Path("runs.xlsx"))
except FileExistsError:
    print("taken")
"""


def test_a_file_system_without_hard_links_never_holds_an_empty_sheet(tmp_path: Path) -> None:
    """Killed at whatever call, the name has the whole file or nobody; and a name that is taken stays taken."""
    done = subprocess.run([sys.executable, "-c", NO_LINKS], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["now", "taken"]
    assert (tmp_path / "runs.xlsx").read_text() == "whole"
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not on the PATH")
    for number in range(1, 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        kill = ["-e", "trace=/^rename", f"--inject=/^rename:signal=KILL:when={number}"]
        subprocess.run([strace, "-o", "log", *kill, sys.executable, "-c", NO_LINKS], cwd=folder, check=False)
        sheet = folder / "runs.xlsx"
        assert not sheet.exists() or sheet.read_text() == "whole"
