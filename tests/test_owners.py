"""Owner files: who has the sheet open, and who only left a file behind."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from experiment_sheet.owners import DAY, owner_of
from experiment_sheet.sheet import Sheet


def excel_owner_file(path: Path, user: str) -> Path:
    """Write the 165 bytes that Excel writes."""
    ansi = user.encode("cp1252")
    text = bytes([len(ansi)]) + ansi.ljust(54) + len(user).to_bytes(2, "little") + user.encode("utf-16-le")
    owner = path.with_name(f"~${path.name}")
    owner.write_bytes(text.ljust(165, b"\0"))
    return owner


def libreoffice_owner_file(path: Path, *, name: str = "", login: str = "kim", host: str = "lab7") -> Path:
    """Write what LibreOffice writes."""
    owner = path.with_name(f".~lock.{path.name}#")
    owner.write_text(f"{name},{login},{host},23.11.2026 18:30,file:///home/{login}/.config/libreoffice/4;")
    return owner


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sheet with one row."""
    path = tmp_path / "runs.csv"
    Sheet(path).append({"acc": 0.1})
    return path


def test_excel_is_named_with_its_user(path: Path) -> None:
    """Excel's owner file says who."""
    excel_owner_file(path, "Zoë Müller")
    owner = owner_of(path)
    assert owner is not None
    assert str(owner) == "Excel by Zoë Müller"


def test_libreoffice_on_another_machine_is_named_with_it(path: Path) -> None:
    """LibreOffice's says who and where; commas in a name are escaped."""
    libreoffice_owner_file(path, name=r"Kim\, Dr.", login="kim", host="lab7")
    assert str(owner_of(path)) == "LibreOffice by Kim, Dr. on lab7"


def test_a_file_of_a_day_ago_is_passed(path: Path) -> None:
    """What another host left behind a day ago holds nothing up, and is not deleted."""
    for leave in (lambda: excel_owner_file(path, "Kim"), lambda: libreoffice_owner_file(path)):
        owner = leave()
        assert owner_of(path) is not None
        os.utime(owner, (time.time() - DAY - 60,) * 2)
        assert owner_of(path) is None
        assert owner.exists()


@pytest.mark.xdist_group("libreoffice")
def test_a_file_of_this_user_without_a_program_is_passed(path: Path) -> None:
    """LibreOffice crashed here: no such process runs, so the file is stale at once."""
    if any(
        (process.info["name"] or "").startswith(("soffice", "oosplash")) for process in psutil.process_iter(["name"])
    ):
        pytest.skip("LibreOffice is running on this machine")
    owner = libreoffice_owner_file(path, login=getpass.getuser(), host=socket.gethostname())
    assert owner_of(path) is None
    assert owner.exists()


@pytest.mark.parametrize("text", [b"", b"\xff" * 500, b",,,;", b"\x07"])
def test_a_strange_owner_file_is_no_error(path: Path, text: bytes) -> None:
    """Whatever stands in it, somebody has the file open."""
    path.with_name(f"~${path.name}").write_bytes(text)
    assert owner_of(path) is not None


def test_rows_wait_while_the_sheet_is_open_and_arrive_afterwards(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One message names who has it open; the rows are readable at once and in the sheet after it was closed."""
    owner = excel_owner_file(path, "Kim")
    before = path.read_bytes()
    sheet = Sheet(path)
    sheet.append({"acc": 0.2})
    sheet.append({"acc": 0.3})
    assert path.read_bytes() == before
    assert sheet.read()["acc"].tolist() == [0.1, 0.2, 0.3]
    assert [r.message for r in caplog.records if "open in Excel by Kim" in r.message] == [
        r.message for r in caplog.records
    ]
    assert len(caplog.records) == 1
    owner.unlink()
    sheet.append({"acc": 0.4})
    assert path.read_text(encoding="utf-8-sig").count("\n") == 5
    assert sheet.pending() == []


def test_rows_arrive_at_exit_once_it_is_closed(path: Path) -> None:
    """A script that logged while the sheet was open delivers its rows when it ends."""
    owner = excel_owner_file(path, "Kim")
    program = f"""
import os
from experiment_sheet.sheet import Sheet
Sheet({str(path)!r}).append({{"acc": 0.2}})
os.unlink({str(owner)!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert path.read_text(encoding="utf-8-sig").count("\n") == 3
