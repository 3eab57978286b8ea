"""Somebody saved over our rows, restored a backup, or holds the file: what then becomes of them, in real files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from calc_person import CalcPerson
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from experiment_sheet.errors import SheetBusy
from experiment_sheet.locks import file_system_of
from experiment_sheet.ooxml.replacement import explained, put_in_place
from experiment_sheet.sheet import Sheet


def acc(path: Path) -> dict[str, float]:
    """One column by run_id, as an independent reader has it."""
    rows = list(load_workbook(path).active.iter_rows(values_only=True))
    run, place = rows[0].index("run_id"), rows[0].index("acc")
    return {row[run]: row[place] for row in rows[1:] if row[run]}


def delete_row(path: Path, run: str) -> None:
    """A person deletes a row and saves."""
    book = load_workbook(path)
    tab = book.active
    tab.delete_rows(next(row[0].row for row in tab.iter_rows() if any(cell.value == run for cell in row)))
    book.save(path)


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """A workbook of two runs."""
    sheet = Sheet(tmp_path / "runs.xlsx")
    sheet.append([{"run_id": "r1", "acc": 0.1}, {"run_id": "r2", "acc": 0.2}])
    return sheet


def test_a_restored_backup_is_mended_by_the_next_row(sheet: Sheet, caplog: pytest.LogCaptureFixture) -> None:
    """Rows and changes that the backup never saw come back with the next call; one message says so."""
    path = Path(sheet.target.path)
    backup = shutil.copy(path, path.with_name("backup.bin"))
    sheet.append({"run_id": "r3", "acc": 0.3})
    sheet.update("r1", {"acc": 0.15})
    shutil.copy(backup, path)
    sheet.append({"run_id": "r4", "acc": 0.4})
    assert acc(path) == {"r1": 0.15, "r2": 0.2, "r3": 0.3, "r4": 0.4}
    assert len([record for record in caplog.records if "had not seen" in record.message]) == 1
    before = path.read_bytes()
    sheet.sync()
    assert path.read_bytes() == before, "mended once"


def test_a_restored_backup_is_mended_by_sync(sheet: Sheet) -> None:
    """Nothing new has to be logged; until then, reading shows the rows all the same."""
    path = Path(sheet.target.path)
    backup = shutil.copy(path, path.with_name("backup.bin"))
    sheet.append({"run_id": "r3", "acc": 0.3})
    shutil.copy(backup, path)
    assert sheet.read()["acc"].to_dict() == {"r1": 0.1, "r2": 0.2, "r3": 0.3}
    assert sheet.sync() == 0
    assert acc(path) == {"r1": 0.1, "r2": 0.2, "r3": 0.3}


def test_rows_that_a_person_deleted_stay_deleted_when_a_backup_is_mended(sheet: Sheet) -> None:
    """Deleted before the backup was made, or in it, or in the sheet itself: a person's decision holds."""
    path = Path(sheet.target.path)
    delete_row(path, "r2")
    backup = shutil.copy(path, path.with_name("backup.xlsx"))
    sheet.append({"run_id": "r3", "acc": 0.3})
    delete_row(Path(backup), "r1")
    shutil.copy(backup, path)
    sheet.append({"run_id": "r4", "acc": 0.4})
    assert acc(path) == {"r3": 0.3, "r4": 0.4}


def _notes(tab: Worksheet) -> int:
    return next(cell.column for cell in tab[1] if cell.value == "notes")


def test_what_a_person_typed_into_a_stale_copy_stays(sheet: Sheet) -> None:
    """Their save is the sheet; only what it never saw is added to it."""
    path = Path(sheet.target.path)
    book = load_workbook(path)  # opened before …
    sheet.append({"run_id": "r3", "acc": 0.3})
    tab = book.active
    tab.cell(2, _notes(tab)).value = "typed"
    book.save(path)  # … and saved after the row was added
    sheet.append({"run_id": "r4", "acc": 0.4})
    frame = sheet.read()
    assert frame["acc"].to_dict() == {"r1": 0.1, "r2": 0.2, "r3": 0.3, "r4": 0.4}
    assert frame.loc["r1", "notes"] == "typed"


@pytest.mark.libreoffice
def test_a_stale_save_of_libreoffice_is_mended(sheet: Sheet, soffice: str, tmp_path: Path) -> None:
    """Edited on another computer and synchronised over ours: the mark survives the program, so the row comes back."""
    path, elsewhere = Path(sheet.target.path), tmp_path / "elsewhere.xlsx"
    shutil.copy(path, elsewhere)
    sheet.append({"run_id": "r3", "acc": 0.3})
    with CalcPerson(soffice, elsewhere, tmp_path / "calc") as person:
        person.type(f"{get_column_letter(_notes(load_workbook(path).active))}2", "typed")
        person.save()
    shutil.copy(elsewhere, path)
    sheet.append({"run_id": "r4", "acc": 0.4})
    assert acc(path) == {"r1": 0.1, "r2": 0.2, "r3": 0.3, "r4": 0.4}
    assert sheet.read().loc["r1", "notes"] == "typed"


def windows_says(number: int, times: int) -> Callable[[Path, Path], None]:
    """A rename as Windows refuses it while another program holds the file, so many times."""
    left = [times]

    def rename(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            error = PermissionError(13, "The process cannot access the file because it is being used", str(target))
            error.winerror = number  # type: ignore[attr-defined]
            raise error
        source.replace(target)

    return rename


@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_file_that_windows_holds_is_busy_after_a_bounded_wait(tmp_path: Path, number: int) -> None:
    """A sharing violation that lasts is SheetBusy, which names the file; one that passes is none."""
    new, old = tmp_path / "new", tmp_path / "runs.xlsx"
    old.write_text("old")
    new.write_text("new")
    with pytest.raises(SheetBusy, match=r"runs\.xlsx.*Close the program"), explained(old, "written"):
        put_in_place(new, old, replace=windows_says(number, 100), pauses=(0, 0))
    assert (old.read_text(), new.read_text()) == ("old", "new")
    with explained(old, "written"):
        put_in_place(new, old, replace=windows_says(number, 2), pauses=(0, 0))
    assert old.read_text() == "new"


def test_the_kind_of_lock_is_chosen_by_the_file_system(tmp_path: Path) -> None:
    """A folder lies on the file system whose mount point is the longest above it, spaces in its name included."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"30 22 0:40 / {tmp_path}/lab\\040share rw,relatime shared:9 master:2 - nfs4 server:/x rw,vers=4.2\n"
        f"31 30 0:41 / {tmp_path}/lab\\040share/scratch rw - tmpfs tmpfs rw\n"
    )
    for name in ("lab share/kim", "lab share/scratch", "lab sharex"):
        (tmp_path / name).mkdir(parents=True)
    assert file_system_of(tmp_path / "lab share" / "kim", mounts) == "nfs4"
    assert file_system_of(tmp_path / "lab share" / "scratch", mounts) == "tmpfs"
    assert file_system_of(tmp_path / "lab sharex", mounts) == "ext4"
    assert file_system_of(tmp_path, tmp_path / "no such file") is None
