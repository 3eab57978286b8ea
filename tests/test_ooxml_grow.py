"""The layout inside a package: growing, changing hot and cold rows, and what is not believed."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest
from package_model import (
    END,
    HEAD,
    PART,
    PARTS,
    append,
    contents,
    laid,
    made,
    raw_entries,
    real_books,
    rows,
)

from experiment_sheet.errors import SheetChanged, UsageError
from experiment_sheet.ooxml import layout
from experiment_sheet.ooxml.package import Grown, Laid, Package, Patched


def test_growing_and_changing_hot_rows_keeps_the_text(tmp_path: Path) -> None:
    """Appends that go cold and appends that don't give the same text as joining; the prefix stays as it lay."""
    path = tmp_path / "a.xlsx"
    text = laid(path)
    start = raw_entries(path)[PART][30 + len(PART) :][:5000]
    for number, hot in enumerate([0, 0, 3000, 0, len(END), 70_000, 1]):
        new = rows(30, seed=number, first=10_000 + 100 * number)
        append(path, new, hot=hot)
        text = text.removesuffix(END) + new + END
        with Package.open(path) as package:
            assert package.read(PART) == text
            assert b"".join(package.chunks(PART, 1000)) == text
    assert contents(path) == {**PARTS, PART: text}
    assert raw_entries(path)[PART][30 + len(PART) :][:5000] == start


def test_only_the_touched_segments_of_a_patched_part_change(tmp_path: Path) -> None:
    """A change of cold text, its length changed too, leaves the compressed bytes of the other segments."""
    path = tmp_path / "a.xlsx"
    text = laid(path, 20_000)
    with Package.open(path) as package:
        before = package.tail(PART)
        assert before is not None
        assert len(before.prefix.segments) > 4
        at = layout.SEGMENT * 2 + 10
        package.save({PART: Patched(at, at + 5, b"0123456789", more=[(at + 20, at + 20, b"!!!")])})
    expected = text[:at] + b"0123456789" + text[at + 5 : at + 20] + b"!!!" + text[at + 20 :]
    assert contents(path)[PART] == expected
    with Package.open(path) as package:
        after = package.tail(PART)
    assert after is not None
    assert after.text == before.text
    changed = [a != b for a, b in zip(before.prefix.segments, after.prefix.segments, strict=True)]
    assert changed == [False, False, True, *[False] * (len(changed) - 3)]


def test_a_patch_may_carry_a_new_tail(tmp_path: Path) -> None:
    """Cold change, growth and tail in one save."""
    path = tmp_path / "a.xlsx"
    text = laid(path, 20_000)
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail is not None
        new = tail.text.removesuffix(END) + rows(500, first=20_001) + END
        package.save({PART: Patched(30, 40, b"", tail_text=new, hot_from=len(new) - 2000)})
    expected = text[:30] + text[40 : tail.start] + new
    assert contents(path)[PART] == expected
    append(path, b"<row/>")
    assert contents(path)[PART] == expected.removesuffix(END) + b"<row/>" + END


def test_laid_from_a_stream_is_laid_from_bytes(tmp_path: Path) -> None:
    """Text that comes in pieces of any size is laid as text that comes at once."""
    text = HEAD + rows(9000) + END
    hot = len(text) - 100_000
    sizes = [len(text), 1000, 262_144, 300_000, 99_999]
    made_files = []
    for size in sizes:
        path = made(tmp_path / f"{size}.xlsx")
        with Package.open(path) as package:
            package.save({PART: Laid((text[at : at + size] for at in range(0, len(text), size)), hot)})
        made_files.append(path.read_bytes())
        assert contents(path)[PART] == text
    assert len(set(made_files)) == 1


def test_thousand_small_appends_are_as_small_as_one_large(tmp_path: Path) -> None:
    """Growth is bounded: at most 1.1 times the size of the part laid at once with the same rows."""
    many, one = tmp_path / "many.xlsx", tmp_path / "one.xlsx"
    text = laid(many, 100)
    for number in range(1000):
        new = rows(1, seed=number, first=101 + number) * 5
        text = text.removesuffix(END) + new + END
        with Package.open(many) as package:
            tail = package.tail(PART)
            assert tail is not None
            grown = tail.text.removesuffix(END) + new + END
            package.save({PART: Grown(tail, grown, len(grown) - 16_384 if len(grown) > 32_768 else 0)}, check=False)
            kept = len(grown) if len(grown) <= 32_768 else 16_384
    assert contents(many)[PART] == text
    made(one)
    with Package.open(one) as package:
        package.save({PART: Laid(text, len(text) - kept)})
    assert many.stat().st_size <= 1.1 * one.stat().st_size


def test_no_tail_is_proven_in_what_others_wrote(shared_workbooks: Path, tmp_path: Path) -> None:
    """No part of any real workbook is taken for ours, nor one whose deflate stream ends in stored blocks by itself."""
    for source in real_books(shared_workbooks):
        with Package.open(source) as package:
            assert all(package.tail(name) is None for name in package.names if not name.endswith("/"))
    path = tmp_path / "a.xlsx"
    text = laid(path)
    entry = raw_entries(path)[PART][30 + len(PART) :]
    with zipfile.ZipFile(path) as book:
        info = book.getinfo(PART)
        parts = {name: book.read(name) for name in book.namelist()}
    raw = path.read_bytes().replace(info.extra, b"\x00" * len(info.extra))
    path.write_bytes(raw)
    assert entry in raw
    with Package.open(path) as package:
        assert package.read(PART) == text
        assert package.tail(PART) is None
    assert contents(path) == parts


def test_no_tail_is_proven_after_another_program_saved(tmp_path: Path) -> None:
    """A program that keeps the extra field but compresses anew, or changes the text, leaves nothing to be proven."""
    path = tmp_path / "a.xlsx"
    text = laid(path)
    for change in (text, text.replace(b'r="77"', b'r="78"')):
        other = tmp_path / "other.xlsx"
        with zipfile.ZipFile(path) as book, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as copy:
            for info in book.infolist():
                copy.writestr(info, change if info.filename == PART else book.read(info))
        with zipfile.ZipFile(other) as copy:
            assert copy.getinfo(PART).extra
        with Package.open(other) as package:
            assert package.tail(PART) is None


def test_tail_survives_a_program_that_touches_other_parts_only(tmp_path: Path) -> None:
    """Our own save of another part copies record and layout along."""
    path = tmp_path / "a.xlsx"
    laid(path)
    with Package.open(path) as package:
        before = package.tail(PART)
        package.save({"xl/workbook.xml": b"<w/>"})
    with Package.open(path) as package:
        assert package.tail(PART) == before


def test_growing_takes_no_memory_for_the_prefix(tmp_path: Path) -> None:
    """An append to a sheet of megabytes holds less than one: the prefix is copied as it lies."""
    path = tmp_path / "a.xlsx"
    text = HEAD + rows(200_000) + END
    made(path)
    with Package.open(path) as package:
        package.save({PART: Laid(text, len(text) - 20_000)})
    assert path.stat().st_size > 4_000_000
    tracemalloc.start()
    append(path, rows(1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_slips_of_the_caller_are_told(tmp_path: Path) -> None:
    """Offsets outside of the text, overlapping replacements, two changes of one part: raised, nothing written."""
    path = tmp_path / "a.xlsx"
    laid(path)
    old = path.read_bytes()
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail is not None
        wrong = [
            lambda: Laid(b"abc", 0),
            lambda: Grown(tail, b"abc", 4),
            lambda: Patched(5, 3, b""),
            lambda: Patched(5, 8, b"", more=[(7, 9, b"")]),
            lambda: Patched(5, 8, b"", b"x", 2),
            lambda: package.save({PART: Laid(b"abc", 4)}),
            lambda: package.save({PART: Patched(tail.start - 1, tail.start + 1, b"")}),
            lambda: package.save({PART: Patched(tail.start, tail.start, b"")}),
            lambda: package.save({PART: b"", "/" + PART: b""}),
        ]
        for call in wrong:
            with pytest.raises(UsageError):
                call()
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_patching_what_is_not_laid_is_no_guess(tmp_path: Path) -> None:
    """Growing or patching a part without a proven tail raises and leaves the file."""
    path = tmp_path / "a.xlsx"
    laid(path)
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail is not None
    append(path, b"<row/>")
    old = path.read_bytes()
    with Package.open(path) as package:
        for change in (
            {PART: Grown(tail, tail.text)},
            {"xl/workbook.xml": Patched(0, 1, b"")},
            {"new": Patched(0, 1, b"")},
        ):
            with pytest.raises(SheetChanged):
                package.save(change)
    assert path.read_bytes() == old
