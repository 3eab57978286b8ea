"""Packages: what is copied stays byte for byte, judged by zipfile."""

from __future__ import annotations

import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from package_model import (
    PART,
    PARTS,
    contents,
    directory_facts,
    made,
    raw_entries,
    real_books,
)

from experiment_sheet.ooxml.package import Package


def test_one_changed_part_leaves_every_other_entry_byte_for_byte(shared_workbooks: Path, tmp_path: Path) -> None:
    """In every real workbook, the entries that were not named keep header, extra field and compressed bytes."""
    found = real_books(shared_workbooks)
    assert len(found) >= 28
    for source in found:
        path = tmp_path / source.name
        shutil.copyfile(source, path)
        old, facts, before = raw_entries(path), directory_facts(path), contents(path)
        part = next(name for name in old if "sheet" in name.lower() and name.endswith(".xml"))
        with Package.open(path) as package:
            assert list(package.names) == list(old)
            assert package.read(part) == before[part]
            package.save({part: b"<new/>", "xl/added.xml": b"<added/>"})
        new = raw_entries(path)
        assert list(new) == [*old, "xl/added.xml"]
        assert {k: v for k, v in new.items() if k in old and k != part} == {k: v for k, v in old.items() if k != part}
        assert {k: v for k, v in directory_facts(path).items() if k in old and k != part} == {
            k: v for k, v in facts.items() if k != part
        }
        assert contents(path) == {**before, part: b"<new/>", "xl/added.xml": b"<added/>"}


def test_save_of_nothing_keeps_a_tight_file_byte_for_byte(tmp_path: Path) -> None:
    """A save without changes writes the same bytes, when the file had no needless ones."""
    path = made(tmp_path / "a.xlsx")
    old = path.read_bytes()
    with Package.open(path) as package:
        package.save({})
    assert path.read_bytes() == old


def test_removed_parts_are_gone_and_the_first_stays_first(tmp_path: Path) -> None:
    """Removal, change and addition in one save; the order stays."""
    path = made(tmp_path / "a.xlsx")
    with Package.open(path) as package:
        package.save({"/XL\\Workbook.xml": b"<w/>", "xl/ü.xml": b"<u/>"}, remove=["xl/media/image1.png", "not/there"])
    expected = {**PARTS, "xl/workbook.xml": b"<w/>", "xl/ü.xml": b"<u/>"}
    del expected["xl/media/image1.png"]
    assert contents(path) == expected
    assert list(contents(path)) == list(expected)


class Unseekable:
    """A pipe: zipfile can't go back to write sizes and writes data descriptors."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")

    def write(self, data: bytes) -> int:
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def test_data_descriptors_stay_with_their_entries(tmp_path: Path) -> None:
    """Entries whose sizes stand behind the data are copied with them, beside one that is written anew without."""
    path = tmp_path / "a.xlsx"
    target = Unseekable(path)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:  # type: ignore[call-overload]
        for name, text in PARTS.items():
            book.writestr(name, text)
    target.file.close()
    old = path.read_bytes()
    with Package.open(path) as package:
        package.save({"xl/workbook.xml": b"<w/>"})
    assert contents(path) == {**PARTS, "xl/workbook.xml": b"<w/>"}
    assert path.read_bytes().count(b"PK\x07\x08") == old.count(b"PK\x07\x08") - 1


def test_stored_entries_directories_backslashes_extra_fields_and_comments(tmp_path: Path) -> None:
    """Every lawful oddity of a zip is read, found under its usual name, and kept."""
    path = tmp_path / "a.xlsx"
    hint = struct.pack("<HHHH4x", 0xA220, 8, 0xA028, 4)
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/", b"")
        for name, text in PARTS.items():
            info = zipfile.ZipInfo(name.replace("/", "\\") if "media" in name else name)
            info.filename = info.orig_filename  # zipfile would turn the backslash
            info.extra, info.comment = hint, b"note"
            book.writestr(info, text)
        book.comment = b"made by hand"
    old = raw_entries(path)
    with Package.open(path) as package:
        assert package.has("/xl/media/IMAGE1.png")
        assert not package.has("xl/media/image2.png")
        assert package.read("xl/media/image1.png") == PARTS["xl/media/image1.png"]
        assert package.crc(PART) == zlib.crc32(PARTS[PART])
        package.save({"xl/workbook.xml": b"<w/>"})
    new = raw_entries(path)
    assert {k: v for k, v in new.items() if "workbook" not in k} == {
        k: v for k, v in old.items() if "workbook" not in k
    }
    with zipfile.ZipFile(path) as book:
        assert book.comment == b"made by hand"


@pytest.mark.parametrize("shifted", [True, False])
def test_bytes_before_the_first_entry_stay(tmp_path: Path, shifted: bool) -> None:
    """A file with something before its zip keeps it, whether the offsets count it or not."""
    path = made(tmp_path / "a.xlsx")
    if shifted:
        path.write_bytes(b"#!junk" * 100 + path.read_bytes())
    else:
        path.write_bytes(b"#!junk" * 100)
        with zipfile.ZipFile(path, "a") as book:
            for name, text in PARTS.items():
                book.writestr(name, text)
    with Package.open(path) as package:
        package.save({"xl/workbook.xml": b"<w/>"})
    assert path.read_bytes().startswith(b"#!junk" * 100 + b"PK")
    assert contents(path) == {**PARTS, "xl/workbook.xml": b"<w/>"}


def test_zip64_sizes_and_counts_are_read_and_kept(tmp_path: Path) -> None:
    """Entries that say their size in 64 bits, and directories of more than 65,535 entries, are no obstacle."""
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        with book.open("xl/big.xml", "w", force_zip64=True) as part:
            part.write(b"<big/>" * 1000)
        for number in range(66_000):
            book.writestr(zipfile.ZipInfo(f"p/{number}"), b"")
    with Package.open(path) as package:
        assert package.read("xl/big.xml") == b"<big/>" * 1000
        package.save({"p/7": b"seven"}, remove=["p/8"])
    with Package.open(path) as package:
        assert len(package.names) == 66_000
    with zipfile.ZipFile(path) as book:
        assert len(book.namelist()) == 66_000
        assert (book.read("xl/big.xml"), book.read("p/7")) == (b"<big/>" * 1000, b"seven")


def test_zip64_fields_in_the_directory_are_kept(tmp_path: Path) -> None:
    """Sizes and offset that stand in the zip64 field, though small, are understood and written as they were."""
    path = made(tmp_path / "a.xlsx")
    raw = path.read_bytes()
    end = raw.rindex(b"PK\x05\x06")
    at = raw.rindex(b"PK\x01\x02")  # the last entry: nothing behind it moves but the end record
    fields = list(struct.unpack_from("<4s6H3L5H2L", raw, at))
    field = struct.pack("<HHQQQ", 1, 24, fields[9], fields[8], fields[16])
    fields[8] = fields[9] = fields[16] = 0xFFFFFFFF
    fields[11] = len(field)
    central = struct.pack("<4s6H3L5H2L", *fields) + raw[at + 46 : at + 46 + fields[10]] + field
    start = struct.unpack_from("<L", raw, end + 16)[0]
    ends = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(PARTS), len(PARTS), at + len(central) - start, start, 0)
    path.write_bytes(raw[:at] + central + ends)
    assert contents(path) == PARTS
    with Package.open(path) as package:
        assert {name: package.read(name) for name in package.names} == PARTS
        package.save({"_rels/.rels": b"<longer/>" * 50})
    assert contents(path) == {**PARTS, "_rels/.rels": b"<longer/>" * 50}
    assert struct.pack("<HH", 1, 16) + field[4:20] in path.read_bytes()
