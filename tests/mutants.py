"""Hostile workbooks: a whole one, and one thing done to it that no program would do.

`MUTATIONS` are functions from a workbook's parts (or its bytes) and a source of chance to the bytes of a mutant. The
same seed makes the same mutant. `trial` gives a mutant to the backend and says what it did wrong, or nothing.
"""

from __future__ import annotations

import io
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from experiment_sheet.backends.base import ANYTHING, Target
from experiment_sheet.backends.xlsx import XlsxBackend
from experiment_sheet.columns import Column
from experiment_sheet.errors import ExperimentSheetError
from experiment_sheet.testing import check_workbook
from experiment_sheet.values import Cell

Draw = random.Random
Parts = dict[str, bytes]
Mutation = Callable[[bytes, Draw], bytes]

RUN = "calm-otter-7-a1b2c3d4e5f6g7"
ROW: dict[Column, Cell] = {
    Column("input", "lr"): 0.25,
    Column("output", "val_acc"): 0.5,
    Column("output", "fresh"): "text",
}
NASTY = (
    "", "0", "-1", "1", "65536", "99999999999999999999", "1e999", "nan", "A0", "A1:XFD1048576", "XFE1", "A1048577",
    "$A$1", "R1C1", "A1:A1:A1", "B3:A1", "*", "../../x.xml", "/xl/workbook.xml", "rId1", "true", "\u20ac" * 9,
    "a" * 40_000,
)  # fmt: skip
TRICKS = (
    "../evil.xml", "../../../../etc/cron.d/evil", "/etc/evil", "C:\\evil.xml", "\\\\host\\evil", "xl//workbook.xml",
    "xl/./workbook.xml", "xl/worksheets/../workbook.xml", "XL/WORKBOOK.XML", "xl/workbook.xml/", "xl/workbook.xml ",
    "xl\\workbook.xml", "con", "a" * 5000, "xl/%77orkbook.xml", "\u202exml.ko", "xl/new\nline.xml",
)  # fmt: skip
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
DTDS = (
    LAUGHS + b"]>",
    b'<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x [<!ENTITY j "' + b"j" * 100_000 + b'">]>',
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
)
_TAG = re.compile(rb"<[^?!][^>]*>")
_VALUE = re.compile(rb'="([^"]*)"')
_NUMBER = re.compile(rb"\d+")


def parts_of(raw: bytes) -> Parts:
    """Every part by name."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: list[tuple[str, bytes]]) -> bytes:
    """The parts as a zip archive, namesakes included."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # namesakes are meant
        for name, data in parts:
            entry = zipfile.ZipInfo("x", (2026, 1, 1, 0, 0, 0))
            entry.filename, entry.compress_type = name, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _some_xml(parts: Parts, draw: Draw) -> str:
    likely = [name for name in parts if re.search(r"sheet\d|workbook\.xml|table\d|styles|sharedStr|Types|calcC", name)]
    every = [name for name in parts if name.endswith((".xml", ".rels"))]
    return draw.choice(likely if likely and draw.random() < 0.8 else every)


def _with(parts: Parts, name: str, data: bytes) -> bytes:
    return packed(list({**parts, name: data}.items()))


# ------------------------------------------------------------------------------------------- bytes of the file


def bits_flipped(raw: bytes, draw: Draw) -> bytes:
    """A few bits anywhere."""
    data = bytearray(raw)
    for _ in range(draw.choice((1, 2, 16))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def cut_short(raw: bytes, draw: Draw) -> bytes:
    """The end is missing, or the beginning, or something stands before or behind."""
    at = draw.randrange(len(raw))
    return draw.choice((raw[:at], raw[at:], b"x" * 99 + raw, raw + b"x" * 99, raw[: at // 100], b""))


def sizes_lie(raw: bytes, draw: Draw) -> bytes:
    """The directory declares huge or tiny sizes, other offsets, methods or flags."""
    data = bytearray(raw)
    places = [match.start() for match in re.finditer(rb"PK\x01\x02", raw)]
    at = draw.choice(places) + draw.choice((8, 10, 16, 20, 24, 28, 42))
    struct.pack_into("<I", data, at, draw.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)))
    return bytes(data)


# ------------------------------------------------------------------------------------------- entries


def entries_swapped(raw: bytes, draw: Draw) -> bytes:
    """Two parts change places."""
    parts = parts_of(raw)
    one, two = draw.sample(sorted(parts), 2)
    parts[one], parts[two] = parts[two], parts[one]
    return packed(list(parts.items()))


def entry_dropped(raw: bytes, draw: Draw) -> bytes:
    """A part is missing, or empty."""
    parts = parts_of(raw)
    name = draw.choice(sorted(parts))
    data = parts.pop(name)
    return packed([*parts.items(), *([(name, data[:0])] if draw.random() < 0.5 else [])])


def entry_doubled(raw: bytes, draw: Draw) -> bytes:
    """A part stands there twice, perhaps in two cases."""
    parts = parts_of(raw)
    name = draw.choice(sorted(parts))
    return packed([*parts.items(), (draw.choice((name, name.upper())), draw.choice(sorted(parts.values())))])


def name_tricked(raw: bytes, draw: Draw) -> bytes:
    """A part, or a relationship, has a name that leads elsewhere."""
    parts, trick = parts_of(raw), draw.choice(TRICKS)
    if draw.random() < 0.5:
        name = draw.choice(sorted(parts))
        return packed([(trick if known == name else known, data) for known, data in parts.items()])
    rels = draw.choice([name for name in sorted(parts) if name.endswith(".rels")])
    target = b'Target="' + trick.encode().replace(b"\n", b" ") + b'"'
    return _with(parts, rels, _replace_one(parts[rels], re.compile(rb'Target="[^"]*"'), target, draw))


def bomb(raw: bytes, draw: Draw) -> bytes:
    """A part inflates to 2 GB of blanks, inside the XML or instead of it."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    head, tail = parts[name], b""
    if (at := parts[name].find(b"<", 60)) > 0 and draw.random() < 0.7:
        head, tail = parts[name][:at], parts[name][at:]
    return _inflated(parts, name, head, tail, megabytes=2048)


def _inflated(parts: Parts, name: str, head: bytes, tail: bytes, *, megabytes: int) -> bytes:
    blank = b" " * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    middle = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    data = first + middle * megabytes + packer.compress(tail) + packer.flush()
    checksum = zlib.crc32(head)
    for _ in range(megabytes):
        checksum = zlib.crc32(blank, checksum)
    checksum, size = zlib.crc32(tail, checksum), len(head) + len(tail) + megabytes * len(blank)
    out = bytearray(packed([*((n, d) for n, d in parts.items() if n != name), (name, b"")]))
    entry = next(m.start() for m in re.finditer(rb"PK\x01\x02", out) if out[m.start() + 46 :].startswith(name.encode()))
    end = out.rfind(b"PK\x05\x06")
    local, directory = struct.unpack_from("<I", out, entry + 42)[0], struct.unpack_from("<I", out, end + 16)[0]
    for at in (entry + 16, local + 14):
        struct.pack_into("<III", out, at, checksum, len(data), size & 0xFFFFFFFF)
    old = 2  # an empty deflate stream
    struct.pack_into("<I", out, end + 16, directory + len(data) - old)
    start = local + 30 + len(name.encode())
    return bytes(out[:start] + data + out[start + old :])


# ------------------------------------------------------------------------------------------- XML


def entities(raw: bytes, draw: Draw) -> bytes:
    """A part has a document type declaration, and uses its entities."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    at = max(0, re.search(rb"<[^?!]", parts[name]).start())  # type: ignore[union-attr]
    text = parts[name][:at] + draw.choice(DTDS) + parts[name][at:]
    return _with(parts, name, _replace_one(text, re.compile(rb">(?=[^<>]+<)"), b">&j;", draw))


def odd_xml(raw: bytes, draw: Draw) -> bytes:
    """Legal or illegal oddities at a random place of a part."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    odd = draw.choice((
        b"<!-- -->", b"<?x <row r='1'> ?>", b"<![CDATA[<row>]]>", b"\0", b"\xff\xfe", b"&#0;", b"&amp;", b"</x>",
        b"<x>",
        b"<a>" * 100_000, b"<a>" * 3000 + b"</a>" * 3000, b"<a " + b"b" * 100_000 + b"='1'/>", b"\xed\xa0\x80",
        b"<row/>", b"<c/>", b"<row r='3'/>", b"<c r='A1'><v>1</v></c>", b"</sheetData>", b"<sheetData/>", b"<x:row/>",
    ))  # fmt: skip
    at = draw.choice([match.start() for match in _TAG.finditer(parts[name])] or [0])
    return _with(parts, name, parts[name][:at] + odd + parts[name][at:])


def recoded(raw: bytes, draw: Draw) -> bytes:
    """A part in another encoding than the rest, or than it says."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    try:
        data = (
            parts[name].decode().encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252", "utf-7")))
        )
    except UnicodeError:
        data = parts[name].replace(b"UTF-8", b"latin-1")
    return _with(parts, name, draw.choice((data, data, parts[name].replace(b"UTF-8", b"ISO-8859-1"))))


def value_changed(raw: bytes, draw: Draw) -> bytes:
    """An attribute or a number has a value nobody expects."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    nasty = draw.choice(NASTY).encode()
    if draw.random() < 0.8:
        return _with(parts, name, _replace_one(parts[name], _VALUE, b'="' + nasty + b'"', draw))
    return _with(parts, name, _replace_one(parts[name], _NUMBER, nasty, draw))


def tag_changed(raw: bytes, draw: Draw) -> bytes:
    """A tag is missing, doubled, or stands elsewhere."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    tags = list(_TAG.finditer(parts[name]))
    one, two = draw.choice(tags), draw.choice(tags)
    text = parts[name]
    changed = draw.choice((text[: one.start()] + text[one.end() :], text[: one.end()] + one[0] + text[one.end() :],
                           text[: one.start()] + two[0] + text[one.start() :]))  # fmt: skip
    return _with(parts, name, changed)


def stretch_moved(raw: bytes, draw: Draw) -> bytes:
    """Elements change order: a stretch between two tags is moved, doubled or lost."""
    parts = parts_of(raw)
    name = _some_xml(parts, draw)
    text = parts[name]
    places = sorted(draw.sample([match.start() for match in _TAG.finditer(text)] + [len(text), 0], 3))
    one, two, three = text[: places[0]], text[places[0] : places[1]], text[places[1] : places[2]]
    rest = text[places[2] :]
    return _with(parts, name, one + draw.choice((three + two, two + three + two, b"", two)) + rest)


def _replace_one(text: bytes, pattern: re.Pattern[bytes], new: bytes, draw: Draw) -> bytes:
    found = list(pattern.finditer(text))
    if not found:
        return text
    match = draw.choice(found)
    return text[: match.start()] + new + text[match.end() :]


MUTATIONS: tuple[Mutation, ...] = (
    bits_flipped, cut_short, sizes_lie, entries_swapped, entry_dropped, entry_doubled, name_tricked,
    entities, odd_xml, recoded, value_changed, tag_changed, stretch_moved,
)  # fmt: skip
"""All but `bomb`, which takes seconds."""


def trial(path: Path, mutant: bytes, *, tab: str | None = None, judge: bool = True) -> str:
    """Read and write a mutant; what went wrong, or nothing. Anything else than our own errors is raised on."""
    path.write_bytes(mutant)
    target = Target("file", str(path), tab)
    beside = set(path.parent.iterdir())
    faults = {(fault.rule, fault.part) for fault in check_workbook(path)} if judge else set()
    readable = True
    try:
        XlsxBackend(target).read()
    except ExperimentSheetError as error:
        readable = False
        if not str(error):
            return "reading: an error without a message"
    if path.read_bytes() != mutant:
        return "reading changed the file"
    try:
        XlsxBackend(target).write({RUN: ROW}, new=[RUN], last={RUN: dict.fromkeys(ROW, ANYTHING)})
    except ExperimentSheetError as error:
        if path.read_bytes() != mutant:
            return f"refused, and changed the file all the same: {error}"
        return "" if set(path.parent.iterdir()) == beside else f"left {set(path.parent.iterdir()) - beside}"
    if not judge:
        return ""
    new = [fault for fault in check_workbook(path) if (fault.rule, fault.part) not in faults]
    return f"new fault: {new[0]}" if new else _row_missing(target) if readable else ""


def _row_missing(target: Target) -> str:
    table = XlsxBackend(target).read()
    ids = [row[[*table.headers].index("run_id")] for row in table.rows]
    return "" if RUN in ids else "the row can't be read back"
