"""What is no workbook, or none that may be edited, raises before anything is written."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from package_model import (
    PARTS,
    TWO_CASES,
    contents,
    made,
)

from experiment_sheet.errors import SheetBusy, SheetDamaged, SheetMissing, SheetRefused
from experiment_sheet.ooxml.package import Package


def flagged(path: Path, offset: int, value: int) -> Path:
    """Set a 16-bit field of the first directory entry."""
    raw = bytearray(made(path).read_bytes())
    at = raw.index(b"PK\x01\x02") + offset
    raw[at : at + 2] = struct.pack("<H", value)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("names", [("xl/a.xml", "xl/a.xml"), ("xl/a.xml", "XL/A.xml"), ("xl/a.xml", "\\xl\\a.xml")])
def test_two_parts_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """Programs differ in which of two equal names they read; so nobody may edit."""
    first, second = names
    path = made(tmp_path / "a.xlsx", {first: b"1", "z" * len(second): b"2"})
    path.write_bytes(path.read_bytes().replace(b"z" * len(second), second.encode()))
    with pytest.raises(SheetRefused, match="two parts of one name"):
        Package.open(path)


def test_the_real_workbook_with_a_name_in_two_cases_is_refused(shared_workbooks: Path) -> None:
    """A workbook from the wild that no two programs read alike."""
    with pytest.raises(SheetRefused, match="heet1"):
        Package.open(shared_workbooks / TWO_CASES)


@pytest.mark.parametrize("name", ["xl/../../etc/passwd", "..", "C:\\a.xml", "c:a", "xl\\..\\b.xml", "a\x00b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """No part may be named after a place outside of the package."""
    path = made(tmp_path / "a.xlsx", {"z" * len(name): b"1"})
    path.write_bytes(path.read_bytes().replace(b"z" * len(name), name.encode()))
    with pytest.raises(SheetRefused, match="illegal name"):
        Package.open(path)


def test_encrypted_files_are_refused(tmp_path: Path) -> None:
    """Zip encryption, and Office's own, which hides the zip in an OLE2 file."""
    with pytest.raises(SheetRefused, match="encrypted"):
        Package.open(flagged(tmp_path / "a.xlsx", 8, 1))
    office = tmp_path / "b.xlsx"
    office.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(2000))
    with pytest.raises(SheetRefused, match="password"):
        Package.open(office)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, method: int) -> None:
    """Only stored and deflated parts are lawful in an Office document."""
    with pytest.raises(SheetRefused, match="compressed by method"):
        Package.open(made(tmp_path / "a.xlsx", method=method))


def test_what_is_no_workbook_is_damaged(tmp_path: Path) -> None:
    """Nothing, a folder, a pipe, an empty file, text, and a file cut at any place raise, each clearly."""
    with pytest.raises(SheetMissing):
        Package.open(tmp_path / "nothing.xlsx")
    with pytest.raises(SheetDamaged, match="folder"):
        Package.open(tmp_path)
    (tmp_path / "empty.xlsx").touch()
    with pytest.raises(SheetDamaged, match="empty"):
        Package.open(tmp_path / "empty.xlsx")
    (tmp_path / "text.xlsx").write_text("lr,loss\n")
    with pytest.raises(SheetDamaged, match=r"no whole \.xlsx"):
        Package.open(tmp_path / "text.xlsx")
    raw = made(tmp_path / "a.xlsx").read_bytes()
    for size in [*range(1, len(raw), 97), *range(len(raw) - 400, len(raw))]:
        (tmp_path / "cut.xlsx").write_bytes(raw[:size])
        with pytest.raises(SheetDamaged):
            Package.open(tmp_path / "cut.xlsx")
    (tmp_path / "long.xlsx").write_bytes(raw + b"\x00")
    with pytest.raises(SheetDamaged, match="behind its end"):
        Package.open(tmp_path / "long.xlsx")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe under the sheet's name raises instead of blocking for ever."""
    os.mkfifo(tmp_path / "pipe.xlsx")
    with pytest.raises(SheetDamaged, match="pipe"):
        Package.open(tmp_path / "pipe.xlsx")


def test_a_bomb_is_not_inflated(tmp_path: Path) -> None:
    """A part that says it inflates to many times its size is refused before; one that lies is stopped at its word."""
    path = made(tmp_path / "a.xlsx", {"bomb.xml": bytes(100_000_000), "small.xml": b"abc"})
    tracemalloc.start()
    with Package.open(path) as package, pytest.raises(SheetDamaged, match="inflate to 100,000,000"):
        package.read("bomb.xml")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<L", 100_000_000), struct.pack("<L", 1000)))
    with Package.open(path) as package, pytest.raises(SheetDamaged, match="larger than it says"):
        package.read("bomb.xml")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_read_only_is_respected(tmp_path: Path) -> None:
    """Who makes a sheet read-only means it."""
    path = made(tmp_path / "a.xlsx")
    path.chmod(0o444)
    with Package.open(path) as package, pytest.raises(SheetBusy, match="read-only"):
        package.save({"a": b""})
    assert contents(path) == PARTS


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    """Change bytes that stand once in a file."""
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))
    return path


def test_a_changed_byte_in_a_part_is_found_when_it_is_read(tmp_path: Path) -> None:
    """Text that is not what its checksum says is not given out, whether stored or deflated."""
    path = replaced(made(tmp_path / "a.xlsx", {"a.xml": b"0.931"}, method=zipfile.ZIP_STORED), b"0.931", b"0.951")
    with Package.open(path) as package, pytest.raises(SheetDamaged, match="checksum"):
        package.read("a.xml")


@pytest.mark.parametrize(("size", "what"), [(-1, "checksum"), (1, "checksum"), (-3, "checksum")])
def test_a_size_that_lies_is_found(tmp_path: Path, size: int, what: str) -> None:
    """More or less text than the directory says is no part of a workbook."""
    path = made(tmp_path / "a.xlsx", {"a.xml": b"x" * 1000})
    raw = path.read_bytes()
    at = raw.index(b"PK\x01\x02") + 24
    path.write_bytes(raw[:at] + struct.pack("<L", 1000 + size) + raw[at + 4 :])
    with Package.open(path) as package, pytest.raises(SheetDamaged, match=f"{what}|larger"):
        package.read("a.xml")


def test_compressed_data_must_end_where_it_says(tmp_path: Path) -> None:
    """Something behind the end of a deflate stream, or a stream without end, is no part, though its text be right."""
    for csize in (1, -1):
        path = made(tmp_path / "a.xlsx", {"a.xml": bytes(range(200)), "b.xml": b"1"})
        raw = bytearray(path.read_bytes())
        at = raw.index(b"PK\x01\x02") + 20
        raw[at : at + 4] = struct.pack("<L", struct.unpack_from("<L", raw, at)[0] + csize)
        if csize > 0:  # a byte more between the parts
            raw = raw.replace(b"PK\x03\x04", b"\x00PK\x03\x04").removeprefix(b"\x00")
            second = raw.index(b"PK\x01\x02", at) + 42
            raw[second : second + 4] = struct.pack("<L", struct.unpack_from("<L", raw, second)[0] + 1)
            raw[-6:-2] = struct.pack("<L", struct.unpack_from("<L", raw, len(raw) - 6)[0] + 1)
        path.write_bytes(raw)
        with Package.open(path) as package:
            assert package.read("b.xml") == b"1"
            with pytest.raises(SheetDamaged, match="longer than its end"):
                package.read("a.xml")


def test_a_local_header_that_leads_into_the_next_part_is_found(tmp_path: Path) -> None:
    """The length of the extra field stands in the local header only; it may not shift the data out of its entry."""
    path = made(tmp_path / "a.xlsx", {"a.xml": b"one", "b.xml": b"two"}, method=zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[28:30] = struct.pack("<H", 3 + 30 + 5)  # from the end of its own name to the data of b.xml
    path.write_bytes(raw)
    with Package.open(path) as package, pytest.raises(SheetDamaged, match="wrong header"):
        package.read("a.xml")


def test_a_directory_that_contradicts_itself_is_damaged(tmp_path: Path) -> None:
    """A zip64 size that is announced and missing, and more entries than are counted."""
    path = made(tmp_path / "a.xlsx")
    raw = path.read_bytes()
    at = raw.index(b"PK\x01\x02")
    path.write_bytes(raw[: at + 24] + b"\xff\xff\xff\xff" + raw[at + 28 :])
    with pytest.raises(SheetDamaged, match="zip64"):
        Package.open(path)
    path.write_bytes(raw[:-14] + struct.pack("<HH", 4, 4) + raw[-10:])
    with pytest.raises(SheetDamaged, match="more than its 4 entries"):
        Package.open(path)
