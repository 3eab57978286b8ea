"""The file around the package: who else writes it, its attributes, its folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest
from package_model import END, PART, PARTS, contents, laid, made

from experiment_sheet.errors import SheetBusy, SheetChanged, SheetError
from experiment_sheet.ooxml.package import Package
from experiment_sheet.ooxml.replacement import Replacement, explained, put_in_place


def test_identity_names_a_state(tmp_path: Path) -> None:
    """It is what save returned, the same while nobody writes, and another after any write, even of the same bytes."""
    path = made(tmp_path / "a.xlsx")
    with Package.open(path) as package:
        first = package.identity
    with Package.open(path) as package:
        assert package.identity == first
        second = package.save({})
    with Package.open(path) as package:
        assert package.identity == second != first


@pytest.mark.parametrize("how", ["replaced", "in place", "gone", "shorter"])
def test_a_save_by_another_program_in_between_is_not_lost(tmp_path: Path, how: str) -> None:
    """Whatever happened to the file since it was read, it stays as the other program left it."""
    path = made(tmp_path / "a.xlsx")
    times = path.stat()
    other = made(tmp_path / "b.xlsx", {**PARTS, "xl/workbook.xml": b"<workbooK/>" * 30}).read_bytes()
    package = Package.open(path)
    if how == "replaced":
        (tmp_path / "b.xlsx").replace(path)
    elif how == "in place":  # same size, same times: only the directory tells
        path.write_bytes(other)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert path.stat().st_size == times.st_size
    elif how == "shorter":
        path.write_bytes(other[:3000])
    else:
        path.unlink()
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(SheetChanged):
        package.save({"xl/new.xml": b"<new/>"})
    package.close()
    assert (path.read_bytes() if path.exists() else None) == before
    assert not list(tmp_path.glob(".~*"))


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """Saving through a symlink replaces the file it leads to."""
    (tmp_path / "real").mkdir()
    real = made(tmp_path / "real" / "a.xlsx")
    link = tmp_path / "link.xlsx"
    link.symlink_to(real)
    with Package.open(link) as package:
        package.save({"xl/new.xml": b"<new/>"})
    assert link.is_symlink()
    assert contents(real)["xl/new.xml"] == b"<new/>"
    assert {item.name for item in tmp_path.iterdir()} == {"link.xlsx", "real"}


def test_mode_and_attributes_stay(tmp_path: Path) -> None:
    """The new file has the old one's permissions and extended attributes, where the system keeps such."""
    path = made(tmp_path / "a.xlsx")
    path.chmod(0o640)
    if hasattr(os, "setxattr"):
        try:
            os.setxattr(path, "user.colour", b"red")
        except OSError:
            pytest.skip("this file system keeps no extended attributes")
    with Package.open(path) as package:
        package.save({})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    if hasattr(os, "getxattr"):
        assert os.getxattr(path, "user.colour") == b"red"


def test_hard_links_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The other names keep the old contents; the logger says so at the first save only."""
    path = made(tmp_path / "a.xlsx")
    os.link(path, tmp_path / "other.xlsx")
    for _ in range(2):
        with Package.open(path) as package:
            package.save({"xl/new.xml": b"<new/>"})
        os.link(path, tmp_path / f"{path.stat().st_ino}.xlsx")
    assert [record.message for record in caplog.records if "hard links" in record.message] == [
        f"{path} has several hard links; the others keep the old contents from now on."
    ]
    assert contents(tmp_path / "other.xlsx") == PARTS


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    """Where nothing can be written beside the sheet, the error says so and the file stays."""
    path = made(tmp_path / "a.xlsx")
    with Package.open(path) as package:
        shutil.move(tmp_path, gone := tmp_path.with_name("gone"))
        with pytest.raises(SheetError):
            package.save({})
    assert contents(gone / "a.xlsx") == PARTS
    shutil.move(gone, tmp_path)


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    """The next save removes temporary files of the same target, and no file of anybody else."""
    path = made(tmp_path / "runs.xlsx")
    dead = [Replacement(path), Replacement(tmp_path / ("ü" * 120 + ".xlsx")), Replacement(tmp_path / "runs-2.xlsx")]
    for writer in dead:
        writer.write(b"half")
    assert len(list(tmp_path.glob(".~*.tmp"))) == 3
    (tmp_path / ".~lock.runs.xlsx#").touch()
    with Package.open(path) as package:
        package.save({})
    left = {item.name for item in tmp_path.iterdir()}
    assert len(left) == 4
    assert not [name for name in left if name.startswith(".~runs-") and "runs-2" not in name]
    for writer in dead:
        writer.__exit__(None, None, None)
    assert {item.name for item in tmp_path.iterdir()} == {"runs.xlsx", ".~lock.runs.xlsx#"}


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file that the kernel can't copy")
def test_copy_falls_back_to_reading_where_the_kernel_copies_nothing(tmp_path: Path) -> None:
    """Files that copy_file_range takes for empty, or refuses, are read and written."""
    text = Path("/proc/version").read_bytes()
    with Replacement(tmp_path / "a.xlsx") as out, FileIO("/proc/version") as source:
        out.write(b"before ")
        out.copy(source, 3, len(text) - 3)
        assert out.position == 7 + len(text) - 3
        assert out.read(0, 1000) == b"before " + text[3:]
        with pytest.raises(SheetChanged, match="shorter"):
            out.copy(source, 0, len(text) + 1)


def held(number: int, times: int) -> tuple[Callable[[Path, Path], None], list[int]]:
    """A rename that Windows refuses a few times with this error number."""
    tries: list[int] = []

    def rename(source: Path, target: Path) -> None:
        tries.append(1)
        if len(tries) <= times:
            error = PermissionError(13, "held")
            error.winerror = number  # type: ignore[attr-defined]
            raise error
        source.replace(target)

    return rename, tries


@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_file_that_windows_holds_for_a_moment_is_replaced(tmp_path: Path, number: int) -> None:
    """Sharing violations are tried again, a bounded number of times; then the error comes through."""
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    rename, tries = held(number, 9)
    with pytest.raises(PermissionError):
        put_in_place(source, target, replace=rename, pauses=(0, 0, 0))
    assert (len(tries), target.read_text()) == (4, "old")
    rename, tries = held(number, 2)
    put_in_place(source, target, replace=rename, pauses=(0, 0, 0))
    assert (len(tries), target.read_text()) == (3, "new")


def test_other_refusals_are_not_tried_again(tmp_path: Path) -> None:
    """Lack of permission doesn't go away by waiting."""
    rename, tries = held(1, 9)
    with pytest.raises(PermissionError):
        put_in_place(tmp_path / "new", tmp_path / "old", replace=rename, pauses=(0, 0, 0))
    assert len(tries) == 1


def test_permission_errors_say_that_the_file_is_held(tmp_path: Path) -> None:
    """What the system denies becomes `SheetBusy` with what to do; anything else a `SheetError`."""
    with pytest.raises(SheetBusy, match="Close the program"), explained(tmp_path, "saved"):
        raise PermissionError(13, "denied")
    with pytest.raises(SheetError, match="No space left") as caught, explained(tmp_path, "saved"):
        raise OSError(28, "No space left on device")
    assert not isinstance(caught.value, SheetBusy)


FULL = """
import resource, sys
from pathlib import Path
from experiment_sheet.errors import SheetError
from experiment_sheet.ooxml.package import Package
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
with Package.open(Path(sys.argv[1])) as package:
    try:
        package.save({"xl/new.xml": bytes(range(256)) * 400})
    except SheetError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no limit of file sizes")
@pytest.mark.parametrize("limit", [0, 100, 3000, 6000])
def test_a_full_disk_leaves_the_file_and_no_rubbish(tmp_path: Path, limit: int) -> None:
    """Where the system takes no more bytes, at whatever place, the save raises, and the folder is as before."""
    path = made(tmp_path / "a.xlsx")
    old = path.read_bytes()
    run = subprocess.run([sys.executable, "-c", FULL, path, str(limit)], capture_output=True, text=True, check=True)
    assert "can't be saved" in run.stdout
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import itertools, sys
from pathlib import Path
from experiment_sheet.ooxml.package import Grown, Laid, Package
path, part, end = Path(sys.argv[1]), "xl/worksheets/sheet1.xml", b"</sheetData></worksheet>"
for number in itertools.count(1):
    with Package.open(path) as package:
        tail = package.tail(part)
        text = tail.text.removesuffix(end) + b"<row>%06d</row>" % number + end
        hot = len(text) - len(end) if number % 3 == 0 else 0
        package.save({part: Grown(tail, text, hot), "xl/workbook.xml": b"%06d" % number})
    print(number, flush=True)
"""


@pytest.mark.crash
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    """The file holds all rows whose save returned, perhaps the one under way, and each of its parts the same state."""
    path = tmp_path / "a.xlsx"
    text = laid(path, 20_000).removesuffix(END)
    draw = random.Random(1)
    for _ in range(25):
        with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(draw.random() * 0.03)
            child.kill()
            numbers = (first + child.stdout.read()).split()
        assert numbers, "the writer ended before its first save; its last words are on stderr"
        returned = int(numbers[-1])
        found = contents(path)
        count = int(found["xl/workbook.xml"])
        assert count in (returned, returned + 1)
        text += b"".join(b"<row>%06d</row>" % number for number in range(1, count + 1))
        assert found[PART] == text + END
        assert len(list(tmp_path.glob(".~*"))) <= 1
    with Package.open(path) as package:
        package.save({})
    assert list(tmp_path.iterdir()) == [path]
