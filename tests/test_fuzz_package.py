"""Hostile files: whatever was done to the bytes ends in a clear error, or in what zipfile reads too.

Every mutated file is opened, read whole, grown and saved. What holds for each: nothing but a `SheetDamaged` or
`SheetRefused` is raised; after an error the file is as it was; a part that we read and that zipfile reads has the same
text in both; what we saved, we and zipfile read. Memory and time are bounded by limits of the package, tested beside.
`EXPERIMENT_SHEET_FUZZ` says how many mutants to try beyond the few hundred of a usual run.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from package_model import END, PART, PARTS, laid, made

from experiment_sheet.errors import SheetDamaged, SheetRefused
from experiment_sheet.ooxml.package import Change, Grown, Package

COUNT = int(os.environ.get("EXPERIMENT_SHEET_FUZZ", "400"))
NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
MARKS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"es", b"tail")

Mutate = Callable[[bytearray, random.Random], bytes]


def flipped(raw: bytearray, draw: random.Random) -> bytes:
    """A few bits changed anywhere."""
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    return bytes(raw)


def cut(raw: bytearray, draw: random.Random) -> bytes:
    """A piece missing somewhere, or doubled."""
    start, end = sorted(draw.choices(range(len(raw)), k=2))
    end = min(end, start + draw.choice((1, 4, 100, len(raw))))
    return bytes(raw[:start] + raw[end:]) if draw.random() < 0.5 else bytes(raw[:end] + raw[start:])


def lying(raw: bytearray, draw: random.Random) -> bytes:
    """Extreme numbers near the headers, where sizes, offsets and counts stand."""
    places = [at for mark in MARKS for at in found(raw, mark)]
    for _ in range(draw.choice((1, 1, 2, 5))):
        at = draw.choice(places) + draw.randrange(4, 60)
        number = struct.pack("<L", draw.choice(NUMBERS))[: draw.choice((1, 2, 4))]
        raw[at : at + len(number)] = number
    return bytes(raw)


def swapped(raw: bytearray, draw: random.Random) -> bytes:
    """Two stretches of the file exchanged, or one written over another."""
    size = draw.choice((2, 4, 12, 46, 200))
    a, b = draw.choices(range(len(raw) - size), k=2)
    raw[a : a + size], raw[b : b + size] = (
        raw[b : b + size],
        raw[a : a + size] if draw.random() < 0.5 else raw[b : b + size],
    )
    return bytes(raw)


def found(raw: bytearray, mark: bytes) -> list[int]:
    """Where a mark stands."""
    places, at = [], raw.find(mark)
    while at >= 0:
        places.append(at)
        at = raw.find(mark, at + 1)
    return places


def used(path: Path) -> str:
    """Do with a file whatever the engine does; says how it ended."""
    old = path.read_bytes()
    try:
        return grown(path)
    except (SheetDamaged, SheetRefused) as error:
        end, message = type(error).__name__, str(error)
    assert str(path) in message
    assert path.read_bytes() == old
    return end


def grown(path: Path) -> str:
    """Read all parts and save the file with one changed and, where it can be, one grown."""
    texts: dict[str, bytes] = {}
    with Package.open(path) as package:
        for name in package.names:
            texts[name] = package.read(name)
        changes: dict[str, Change] = {"xl/workbook.xml": b"<w/>"}
        if package.has(PART) and (tail := package.tail(PART)):
            changes[PART] = Grown(tail, tail.text + b"<row/>", len(tail.text) // 2)
        package.save(changes)
    check_against_zipfile(path, texts)
    return "saved with tail" if PART in changes else "saved"


def check_against_zipfile(path: Path, texts: dict[str, bytes]) -> None:
    """Whatever zipfile can read of the saved file is what we read of the mutant; and we read it again."""
    with Package.open(path) as package:
        for name in set(texts) - {PART, "xl/workbook.xml"}:
            assert package.read(name) == texts[name]
    for name, text in read_by_zipfile(path).items():
        assert text == texts.get(name, text) or name in (PART, "xl/workbook.xml")


def read_by_zipfile(path: Path) -> dict[str, bytes]:
    """What zipfile can read; it refuses some that we copy, such as a version of zip that it doesn't know."""
    errors = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError)
    texts = {}
    with contextlib.suppress(*errors), zipfile.ZipFile(path) as book:
        for info in book.infolist():
            with contextlib.suppress(*errors):
                texts[info.filename] = book.read(info)
    return texts


@pytest.mark.parametrize("mutate", [flipped, cut, lying, swapped])
@pytest.mark.parametrize("kind", ["laid", "plain", "stored"])
def test_mutants_end_in_a_clear_error_or_are_right(tmp_path: Path, kind: str, mutate: Mutate) -> None:
    """Flipped bits, missing and doubled pieces, numbers that lie, exchanged stretches: no crash, no other text."""
    path = tmp_path / "a.xlsx"
    if kind == "laid":
        laid(path, 300)
    else:
        made(path, method=zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED)
    good = path.read_bytes()
    draw = random.Random(f"{kind} {mutate.__name__}")
    ends: dict[str, int] = {}
    for _ in range(COUNT // 10):
        path.write_bytes(mutate(bytearray(good), draw))
        end = used(path)
        ends[end] = ends.get(end, 0) + 1
    assert "SheetDamaged" in ends
    assert [item.name for item in tmp_path.iterdir()] == ["a.xlsx"]


def test_no_flip_in_the_tail_or_its_record_is_grown(tmp_path: Path) -> None:
    """A bit that changes in what an append reads is found before anything is written, wherever it is."""
    path = tmp_path / "a.xlsx"
    text = laid(path, 300)
    good = path.read_bytes()
    start = good.index(text[-3000:]) - 20
    draw = random.Random(1)
    for _ in range(COUNT):
        at = draw.randrange(start, good.index(END, start) + len(END))
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << draw.randrange(8)]) + good[at + 1 :])
        with Package.open(path) as package:
            assert package.tail(PART) is None or at < start + 20


def test_memory_is_bounded_whatever_the_directory_says(tmp_path: Path) -> None:
    """Counts and sizes of four billion, or a directory of megabytes, take no memory to speak of."""
    path = made(tmp_path / "a.xlsx")
    raw = path.read_bytes()
    at = raw.index(b"PK\x01\x02")
    hostile = [
        raw[: at + 24] + b"\xff\xff\xff\x7f" + raw[at + 28 :],  # a part of 2 GB
        raw[:-14] + b"\xff\xff\xff\xff" + raw[-10:],  # 65,535 entries on as many disks
        raw[: at + 20] + b"\xf0\xff\xff\x7f\xf0\xff\xff\x7f" + raw[at + 28 :],  # a compressed part of 2 GB
        raw[:at]
        + raw[at : at + 46] * 700_000
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 46 * 700_000, at, 0),
    ]
    tracemalloc.start()
    for mutant in hostile:
        path.write_bytes(mutant)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert used(path) in ("SheetDamaged", "SheetRefused")
        assert tracemalloc.get_traced_memory()[1] - before < 3_000_000 + 3 * len(mutant)
    tracemalloc.stop()


def test_overlapping_parts_are_no_bomb(tmp_path: Path) -> None:
    """Many entries that share one compressed stream, a bomb without recursion, are refused at once."""
    path = made(tmp_path / "a.xlsx", {"a.xml": bytes(1000)})
    raw = path.read_bytes()
    start, end = raw.index(b"PK\x01\x02"), raw.index(b"PK\x05\x06")
    entries = b"".join(raw[start:end].replace(b"a.xml", b"%05d" % number) for number in range(1000))
    path.write_bytes(
        raw[:start] + entries + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, len(entries), start, 0)
    )
    with pytest.raises(SheetDamaged, match="overlaps"):
        Package.open(path)


def test_the_mutants_of_a_usual_run_reach_every_end(tmp_path: Path) -> None:
    """The good file itself is saved, with its tail grown: the harness can see success."""
    path = tmp_path / "a.xlsx"
    laid(path, 300)
    assert used(path) == "saved with tail"
    made(path)
    assert used(path) == "saved"
    assert PARTS
