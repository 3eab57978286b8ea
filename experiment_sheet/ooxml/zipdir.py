"""The central directory of a zip file: what is in it and where, read with suspicion, written as it was.

Sources: PKWARE APPNOTE.TXT 6.3.10 (4.3.12 central directory, 4.3.14 to 4.3.16 end records, 4.5.3 zip64 extra field);
ECMA-376 Part 2, Annex B: what a zip that is an Office document may hold.

What holds for a `Directory` that `read` returned:
- every entry lies inside the file, before the directory, and overlaps no other entry;
- no two names are equal, even ignoring case, so that no two programs see different parts under one name;
- every entry is stored or deflated, and none is encrypted;
- an entry's bytes on disk run from its `offset` to `Directory.end_of(entry)`: local header, data, data
  descriptor and whatever stands behind it before the next header.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from experiment_sheet.errors import SheetDamaged, SheetRefused

STORED, DEFLATED = 0, 8
UTF8_NAME = 0x0800  # APPNOTE 4.4.4, bit 11
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # bits 0, 6 and 13
_NARROW = 0xFFFFFFFF  # a 32-bit field that says: look into the zip64 extra field
_ZIP64 = 0x0001

MOST_PARTS = 100_000
LARGEST_DIRECTORY = 1 << 25
"""More entries, or more bytes of directory, are refused: what a hostile file can take of the memory is bounded."""

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
LOCAL_SIZE = _LOCAL.size

_ILLEGAL_NAME = re.compile(r"\x00|^$|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")

Read = Callable[[int, int], bytes]
"""Reads `length` bytes from `start`; shorter only at the end of the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the central directory; the fields of APPNOTE 4.3.12. Sizes and `offset` in bytes, zip64 resolved."""

    name: str
    raw_name: bytes
    method: int
    crc: int
    csize: int  # of the data as it lies in the file
    size: int  # of the data when inflated
    offset: int  # of the local header, from the start of the file
    made_by: int = 20
    needs: int = 20
    flags: int = 0
    stamp: int = 0x00210000  # MS-DOS date and time: 1980-01-01 00:00, which is what Excel writes
    internal: int = 0
    external: int = 0
    extra: bytes = b""  # without the zip64 field
    comment: bytes = b""
    wide: bool = False  # sizes stand in the zip64 field, however small


@dataclass(frozen=True, slots=True)
class Directory:
    """What a zip file holds. `start`: where the directory begins; `crc`: the checksum of its bytes."""

    entries: Sequence[Entry]
    start: int
    size: int
    crc: int
    comment: bytes = b""
    _ends: dict[int, int] = field(default_factory=dict)

    def end_of(self, entry: Entry) -> int:
        """Where the bytes of `entry` end: at the next header or at the directory."""
        return self._ends[entry.offset]


def key(name: str) -> str:
    """Under which a part is found: separators and case unified (ECMA-376 Part 2, 6.2.2: names compare caselessly)."""
    return name.replace("\\", "/").lstrip("/").lower()


def extra_fields(extra: bytes) -> dict[int, bytes]:
    """Header id → data (APPNOTE 4.5.1). What is cut short is left out."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        ident, size = struct.unpack_from("<HH", extra, at)
        if at + 4 + size > len(extra):
            break
        fields.setdefault(ident, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


# --- reading -------------------------------------------------------------------------------------------------


def read(read_at: Read, length: int, label: str) -> Directory:
    """Read and prove the directory of a file of `length` bytes; `label` names the file in errors.

    Raises `SheetDamaged` or `SheetRefused`.
    """
    end_at, end, comment = _end_record(read_at, length, label)
    start, size, count, shift = _extent(read_at, end_at, end, label)
    if count > MOST_PARTS or size > LARGEST_DIRECTORY:
        raise SheetRefused(
            f"{label} holds {count:,} parts in a directory of {size:,} bytes; no spreadsheet has so many."
        )
    raw = read_at(start, size)
    entries = _entries(raw, count, shift, label)
    _check_names(entries, label)
    return Directory(entries, start, size, zlib.crc32(raw), comment, _extents(entries, start, label))


def _end_record(read_at: Read, length: int, label: str) -> tuple[int, tuple[int, ...], bytes]:
    """Position, fields and comment of the end record, which must end where the file ends."""
    base = max(0, length - _END.size - 0xFFFF)
    last = read_at(base, length - base)
    at = last.rfind(b"PK\x05\x06")
    found = at >= 0
    while at >= 0:
        if at + _END.size <= len(last):
            fields = _END.unpack_from(last, at)
            if at + _END.size + fields[7] == len(last):
                return base + at, fields[1:], last[at + _END.size :]
        at = last.rfind(b"PK\x05\x06", 0, at)
    if found:
        raise SheetDamaged(f"{label} is cut short or has something behind its end. Open and save it in a spreadsheet.")
    raise SheetDamaged(f"{label} is no whole .xlsx file (a zip's end record is missing). Restore it from a backup.")


def _extent(read_at: Read, end_at: int, end: tuple[int, ...], label: str) -> tuple[int, int, int, int]:
    """Start, size, number of entries, and how far the stored offsets lie before the true ones."""
    disk, first_disk, here, count, size, offset, _ = end
    locator = read_at(end_at - _LOCATOR.size, _LOCATOR.size) if end_at >= _LOCATOR.size else b""
    if locator[:4] == b"PK\x06\x07":
        at = end_at - _LOCATOR.size - _END64.size
        record = read_at(max(at, 0), _END64.size)
        if at < 0 or record[:4] != b"PK\x06\x06":
            raise SheetDamaged(f"{label} has a broken zip64 end record. Restore it from a backup.")
        _, _, _, _, disk, first_disk, here, count, size, offset = _END64.unpack(record)
        end_at = at
    if disk or first_disk or here != count:
        raise SheetRefused(f"{label} is one volume of a zip in several volumes. Save it as one file.")
    start = end_at - size
    if start < 0 or offset > start:
        raise SheetDamaged(f"{label} is cut short: its directory can't be where it says. Restore it from a backup.")
    return start, size, count, start - offset


def _entries(raw: bytes, count: int, shift: int, label: str) -> list[Entry]:
    entries: list[Entry] = []
    at = 0
    for _ in range(count):
        entry, at = _entry(raw, at, shift, label)
        entries.append(entry)
    if at != len(raw):
        raise SheetDamaged(f"{label}: the zip directory holds more than its {count} entries. Restore it from a backup.")
    return entries


def _entry(raw: bytes, at: int, shift: int, label: str) -> tuple[Entry, int]:
    """The entry at `at` of the directory, and where the next one begins."""
    data_at = at + _CENTRAL.size
    if data_at > len(raw) or raw[at : at + 4] != b"PK\x01\x02":
        raise SheetDamaged(f"{label}: the zip directory is damaged. Restore the file from a backup.")
    (_, made_by, needs, flags, method, time, date, crc, csize, size, n, e, c, disk, internal, external, offset) = (
        _CENTRAL.unpack_from(raw, at)
    )
    end = data_at + n + e + c
    if end > len(raw):
        raise SheetDamaged(f"{label}: the zip directory is cut short. Restore the file from a backup.")
    raw_name = raw[data_at : data_at + n]
    extra = raw[data_at + n : data_at + n + e]
    wide = _NARROW in (csize, size)
    size, csize, offset, extra = _widened(size, csize, offset, extra, label)
    entry = Entry(
        _decoded(raw_name, flags), raw_name, method, crc, csize, size, offset + shift,
        made_by, needs, flags, date << 16 | time, internal, external, extra, raw[end - c : end], wide,
    )  # fmt: skip
    _check_entry(entry, disk, label)
    return entry, end


def _widened(size: int, csize: int, offset: int, extra: bytes, label: str) -> tuple[int, int, int, bytes]:
    """The three fields with zip64 resolved, and the extra field without it (APPNOTE 4.5.3: size, csize, offset)."""
    if _NARROW not in (size, csize, offset):
        return size, csize, offset, extra
    data = extra_fields(extra).get(_ZIP64, b"")
    wanted = sum(value == _NARROW for value in (size, csize, offset))
    if len(data) < 8 * wanted:
        raise SheetDamaged(f"{label}: a zip64 size is missing. Restore the file from a backup.")
    wide = iter(struct.unpack_from(f"<{wanted}Q", data))
    size, csize, offset = (next(wide) if value == _NARROW else value for value in (size, csize, offset))
    field_at = extra.index(struct.pack("<HH", _ZIP64, len(data)) + data)
    return size, csize, offset, extra[:field_at] + extra[field_at + 4 + len(data) :]


def _decoded(raw_name: bytes, flags: int) -> str:
    """APPNOTE appendix D: UTF-8 where bit 11 says so, else code page 437."""
    return raw_name.decode("utf-8", "replace") if flags & UTF8_NAME else raw_name.decode("cp437")


def _check_entry(entry: Entry, disk: int, label: str) -> None:
    if entry.flags & _ENCRYPTED:
        raise SheetRefused(f"{label} is encrypted (part {entry.name!r}). Save it without a password.")
    if entry.method not in (STORED, DEFLATED):
        raise SheetRefused(f"{label}: {entry.name!r} is compressed by method {entry.method}, which no .xlsx may use.")
    if entry.method == STORED and entry.size != entry.csize:
        raise SheetDamaged(f"{label}: the sizes of {entry.name!r} contradict each other. Restore it from a backup.")
    if disk:
        raise SheetRefused(f"{label} is one volume of a zip in several volumes. Save it as one file.")
    if _ILLEGAL_NAME.search(entry.name.replace("\\", "/")):
        raise SheetRefused(f"{label} holds a part with an illegal name, {entry.name!r}. It was made to deceive.")


def _check_names(entries: Iterable[Entry], label: str) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        other = seen.setdefault(key(entry.name), entry.name)
        if other is not entry.name:
            raise SheetRefused(
                f"{label} holds two parts of one name, {other!r} and {entry.name!r}; programs differ in which they "
                "read. Open and save it in a spreadsheet program."
            )


def _extents(entries: Iterable[Entry], start: int, label: str) -> dict[int, int]:
    """Offset of each entry → where its bytes end; none may reach into the next or into the directory."""
    ordered = sorted(entries, key=lambda entry: entry.offset)
    offsets = [entry.offset for entry in ordered] + [start]
    for entry, (begin, end) in zip(ordered, pairwise(offsets), strict=True):
        if begin + LOCAL_SIZE + len(entry.raw_name) + entry.csize > end:
            raise SheetDamaged(f"{label}: {entry.name!r} overlaps another part. Restore the file from a backup.")
    return dict(pairwise(offsets))


def data_offset(local: bytes, entry: Entry) -> int | None:
    """How far behind `entry.offset` its data begins, from the first bytes there; None if they are no header of it."""
    if len(local) < LOCAL_SIZE or local[:4] != b"PK\x03\x04":
        return None
    name_size, extra_size = _LOCAL.unpack_from(local)[9:]
    if local[LOCAL_SIZE : LOCAL_SIZE + name_size] != entry.raw_name:
        return None
    return LOCAL_SIZE + len(entry.raw_name) + int(extra_size)


# --- writing -------------------------------------------------------------------------------------------------


def local_header(entry: Entry) -> bytes:
    """The header before the data of an entry that we write: sizes known, no descriptor, no extra field."""
    stamp = (entry.stamp & 0xFFFF, entry.stamp >> 16)
    sizes = (entry.crc, entry.csize, entry.size, len(entry.raw_name), 0)
    return _LOCAL.pack(b"PK\x03\x04", entry.needs, entry.flags, entry.method, *stamp, *sizes) + entry.raw_name


def new_entry(name: str) -> Entry:
    """Entry of a part that was not there."""
    return Entry(name, name.encode(), DEFLATED, 0, 0, 0, 0, flags=0 if name.isascii() else UTF8_NAME)


def rewritten(entry: Entry, *, offset: int) -> Entry:
    """Entry of a part whose data we write: deflated, sizes in the header, nothing left that described the old data."""
    flags = entry.flags & UTF8_NAME
    return replace(entry, method=DEFLATED, offset=offset, needs=20, flags=flags, extra=b"", wide=False)


def packed(entries: Sequence[Entry], start: int, comment: bytes) -> tuple[bytes, int]:
    """Directory and end records, to be written at `start`, and the checksum of the directory."""
    raw = b"".join(_central(entry) for entry in entries)
    count, size = len(entries), len(raw)
    end64 = b""
    if count >= 0xFFFF or size >= _NARROW or start >= _NARROW:
        end64 = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, count, count, size, start)
        end64 += _LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1)
    narrow = (min(count, 0xFFFF), min(count, 0xFFFF), min(size, _NARROW), min(start, _NARROW))
    return raw + end64 + _END.pack(b"PK\x05\x06", 0, 0, *narrow, len(comment)) + comment, zlib.crc32(raw)


def _central(entry: Entry) -> bytes:
    sizes = [entry.csize, entry.size]
    offset, extra, needs = entry.offset, entry.extra, entry.needs
    wide: list[int] = []
    if entry.wide or max(sizes) >= _NARROW:
        wide, sizes = [entry.size, entry.csize], [_NARROW, _NARROW]
    if offset >= _NARROW:
        wide, offset = [*wide, offset], _NARROW
    if wide:
        extra = struct.pack(f"<HH{len(wide)}Q", _ZIP64, 8 * len(wide), *wide) + extra
        needs = max(needs, 45)
    fixed = (
        b"PK\x01\x02", entry.made_by, needs, entry.flags, entry.method, entry.stamp & 0xFFFF, entry.stamp >> 16,
        entry.crc, *sizes, len(entry.raw_name), len(extra), len(entry.comment), 0,
        entry.internal, entry.external, offset,
    )  # fmt: skip
    return _CENTRAL.pack(*fixed) + entry.raw_name + extra + entry.comment
