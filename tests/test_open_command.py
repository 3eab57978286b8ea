"""`experiment-sheet open`, and the copies that `--view` makes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiment_sheet.errors import SheetError, SheetMissing, UsageError
from experiment_sheet.sheet import Sheet
from experiment_sheet.viewing import view

OPENER = {"darwin": "open"}.get(sys.platform, "xdg-open")


def opened(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the command where the person's own program writes down what it was asked to open."""
    folder.mkdir(exist_ok=True)
    program, said = folder / OPENER, folder / "said"
    program.write_text(f'#!/bin/sh\necho "$1" > "{said}.tmp"; mv "{said}.tmp" "{said}"\n')
    program.chmod(0o755)
    line = [sys.executable, "-m", "experiment_sheet", "open", *words]
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    deadline = time.monotonic() + 10
    while done.returncode == 0 and not said.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return done, said.read_text().strip() if said.exists() else ""


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the person's program")
def test_the_sheet_is_opened_in_the_persons_program(tmp_path: Path) -> None:
    """The path is handed over, and printed."""
    Sheet("runs.csv").append({"run_id": "r1"})
    done, said = opened(tmp_path / "bin", "-s", "runs.csv")
    assert (done.returncode, said) == (0, str(Path("runs.csv").resolve()))
    assert done.stdout.strip() == said


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the person's program")
def test_a_google_sheet_is_opened_in_the_browser(tmp_path: Path) -> None:
    """Its address is handed over."""
    pytest.importorskip("experiment_sheet.backends.gsheet")
    _, said = opened(tmp_path / "bin", "-s", "https://docs.google.com/spreadsheets/d/KEY_1/edit#gid=0")
    assert said == "https://docs.google.com/spreadsheets/d/KEY_1/edit"


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the person's program")
def test_a_view_has_the_waiting_rows_and_leaves_the_sheet_alone(tmp_path: Path, suffix: str) -> None:
    """A read-only copy elsewhere, of the same name, whose links lead to the run folders."""
    path = tmp_path / f"runs.{suffix}"
    sheet = Sheet(path)
    sheet.append([{"run_id": "r1", "acc": 0.1}])
    path.with_name(f"~${path.name}").write_bytes(bytes(165))
    sheet.append({"run_id": "r2", "acc": 0.2, "lr": 5})
    before = path.read_bytes()
    done, said = opened(tmp_path / "bin", "--view", "-s", str(path))
    copy = Path(said)
    assert done.returncode == 0
    assert copy.name == path.name
    assert copy.parent != path.parent
    assert not stat.S_IMODE(copy.stat().st_mode) & 0o222
    assert Sheet(copy).read()["acc"].to_dict() == {"r1": 0.1, "r2": 0.2}
    assert (copy.parent / "runs_files").resolve() == sheet.files.resolve()
    assert path.read_bytes() == before
    assert sheet.pending() == ["r2"]


def test_a_view_of_rows_that_have_no_sheet_yet() -> None:
    """All of them wait: the copy is made of them alone."""
    Path("~$runs.csv").write_bytes(bytes(165))
    sheet = Sheet("runs.csv")
    sheet.append({"run_id": "r1", "acc": 0.1})
    assert not Path("runs.csv").exists()
    assert Sheet(view(sheet)).read().index.tolist() == ["r1"]


def test_what_can_not_be_viewed_is_said(tmp_path: Path) -> None:
    """No sheet, no file, or a file that can't be read."""
    with pytest.raises(SheetMissing):
        view(Sheet("none.xlsx"))
    with pytest.raises(UsageError):
        view(Sheet("memory://x"))
    Path("runs.csv").mkdir()
    with pytest.raises(SheetError):
        view(Sheet("runs.csv"))


@pytest.mark.parametrize("words", [[], ["--view"]])
def test_opening_what_is_not_there_is_a_message(words: list[str]) -> None:
    """Exit code 1, no traceback, and nothing is made."""
    line = [sys.executable, "-m", "experiment_sheet", "open", *words, "-s", "none.xlsx"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no sheet" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(Path().glob("none*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a program to open files is always there")
def test_a_machine_without_a_program_to_open_files_is_told_the_path() -> None:
    """The person can open it by hand."""
    Sheet("runs.csv").append({"run_id": "r1"})
    line = [sys.executable, "-m", "experiment_sheet", "open", "-s", "runs.csv"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, "PATH": "/nowhere"})
    assert done.returncode == 1
    assert str(Path("runs.csv").resolve()) in done.stderr
