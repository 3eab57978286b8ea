"""A workbook that a person has open in a real LibreOffice while experiments are logged into it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from calc_person import CalcPerson
from openpyxl import load_workbook

from experiment_sheet.sheet import Sheet

pytestmark = pytest.mark.libreoffice


def cells(path: Path) -> dict[str, dict[str, object]]:
    """Rows by run_id, as an independent reader has them."""
    rows = list(load_workbook(path).active.iter_rows(values_only=True))
    place = rows[0].index("run_id")
    return {str(row[place]): dict(zip(map(str, rows[0]), row, strict=True)) for row in rows[1:] if row[place]}


def command(*words: str) -> str:
    """Output of a command."""
    line = [sys.executable, "-m", "experiment_sheet", *words, "-s", "runs.xlsx"]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=True).stdout


def test_rows_wait_while_it_is_open_and_the_persons_edit_survives(
    soffice: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows wait and are shown all the same; what the person typed and saved stays; the rows arrive after closing."""
    path = tmp_path / "runs.xlsx"
    sheet = Sheet(path)
    sheet.append([{"run_id": "r1", "acc": 0.1}, {"run_id": "r2", "acc": 0.2}])
    with CalcPerson(soffice, path, tmp_path / "calc") as person:
        sheet.append({"run_id": "r3", "acc": 0.9})
        assert sheet.pending() == ["r3"]
        assert sorted(cells(path)) == ["r1", "r2"], "the file is as the program read it"
        (said,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert "is open in LibreOffice" in said
        assert "experiment-sheet open --view" in said
        # Waiting rows are in all that reads.
        assert sheet.best("acc").name == "r3"
        assert [run["run_id"] for run in json.loads(command("ls", "--json"))] == ["r1", "r2", "r3"]
        person.type("I2", "looks good")
        person.save()
        sheet.append({"run_id": "r4", "acc": 0.4})
        assert sheet.pending() == ["r3", "r4"]
        assert sheet.read()["notes"].dropna().to_dict() == {"r1": "looks good"}
        person.close()
        sheet.append({"run_id": "r5", "acc": 0.5})
        assert sheet.pending() == []
    found = cells(path)
    assert sorted(found) == ["r1", "r2", "r3", "r4", "r5"]
    assert {run: row["acc"] for run, row in found.items()} == {"r1": 0.1, "r2": 0.2, "r3": 0.9, "r4": 0.4, "r5": 0.5}
    assert found["r1"]["notes"] == "looks good"


def test_rows_arrive_with_sync_and_at_exit(soffice: str, tmp_path: Path) -> None:
    """A script that ended while the workbook was open leaves its rows to `sync`; a longer one, to its exit."""
    path = tmp_path / "runs.xlsx"
    sheet = Sheet(path)
    sheet.append({"run_id": "r1", "acc": 0.1})
    with CalcPerson(soffice, path, tmp_path / "calc") as person:
        command("log", "acc=0.2", "--name", "from a shell")
        program = "import experiment_sheet as es; es.log_run('runs.xlsx', {'acc': 0.3}, name='waited'); input()"
        script = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while len(sheet.pending()) < 2:
            pass
        assert len(cells(path)) == 1
        person.close()
        script.communicate(b"\n", timeout=60)
        assert script.returncode == 0
        assert {row["run"] for row in cells(path).values()} == {None, "from a shell", "waited"}
        command("sync")
        assert len(cells(path)) == 3


def test_a_view_can_be_left_open(soffice: str, tmp_path: Path) -> None:
    """A throw-away copy has the waiting rows too; while it is open, rows arrive in the sheet."""
    from experiment_sheet.viewing import view

    path = tmp_path / "runs.xlsx"
    sheet = Sheet(path)
    sheet.append({"run_id": "r1", "acc": 0.1})
    copy = view(sheet)
    with CalcPerson(soffice, copy, tmp_path / "calc"):
        sheet.append({"run_id": "r2", "acc": 0.2})
        assert sheet.pending() == []
    assert sorted(cells(path)) == ["r1", "r2"]
    assert sorted(cells(copy)) == ["r1"]
