"""The continued-deflate layout: a compressed part that grows at its end without being read.

A deflate stream (RFC 1951) is a row of blocks, and a block may be *stored*: five bytes of header, then plain text. Our
worksheet parts are laid so:

    segment  segment  …  segment | stored block … final stored block
    `------- the prefix --------'  `--------- the tail ------------'

A *segment* holds about 256 KB of text, begins on a byte, refers to nothing before itself, and ends with a flush, whose
last bytes are 00 00 FF FF. The *tail* is the text from the first hot row to the end of the part. To any reader this is
one ordinary deflate stream. To us it means:

- Append, or change of a hot row: the prefix is copied as it lies on disk, text that has grown cold is deflated
  behind it, a new tail is stored. Nothing of the prefix is inflated, save the last segment: the cold text continues
  it, with its last 32 KB as the window, as if deflate had never stopped. So a thousand small appends compress as one
  large one does, segments fill up to their size, and there is nothing to compact.
- Change of a cold row: its segment alone is inflated and deflated anew.
- Checksums of untouched pieces are joined by algebra (`crc`).

**The proof.** Nobody may trust bytes that merely look like this: a stored block holds any bytes, also ones that look
like blocks, and other programs' deflate may end in stored blocks too. So the layout carries a record in the entry's own
extra field in the central directory, under a header id of ours (APPNOTE 4.5.1): checksum and compressed size of the
whole part, and size, compressed size and checksum of every segment. Programs that save a workbook drop it, or keep the
field of an entry whose bytes they have changed; either way it no longer fits. A tail is proven when

1. the record is whole (its own CRC-32) and names the entry's present checksum and compressed size;
2. the segments add up: their sizes and the tail's give the sizes in the directory;
3. the prefix ends in 00 00 FF FF, and forward from there stored blocks, each with LEN = ~NLEN and only the last one
   final, end exactly where the entry ends (walking backward would be ambiguous, so nothing walks backward);
4. crc(prefix), worked out from the entry's checksum and the tail just read, is what the record says.

A false proof needs all of this by chance. Where the proof fails the caller lays the part anew. A prefix that rotted on
disk is copied as it is, and the checksum of the whole stays the one of the right text: readers notice, as before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from experiment_sheet.ooxml.crc import before, joined

SEGMENT = 1 << 18
"""Text bytes of a segment: what a change of one cold row inflates and deflates again."""

LEVEL = 4
"""zlib level of cold rows. Level 6 saves 5 to 10 % of the size, for nearly twice the time."""

MOST_SEGMENTS = 5_000
"""As many segments fit an extra field (65,535 bytes, APPNOTE 4.4.11) beside what others put there."""

LARGEST_TAIL = 1 << 26
"""A tail of more bytes than this is not read; the part is laid anew."""

_EXTRA_ID = 0x7365  # "es"; not among the ids of APPNOTE 4.6.1 and Info-ZIP's extrafld.txt
_VERSION = 1
_WINDOW = 1 << 15  # RFC 1951, 2: how far deflate looks back
_BLOCK = 0xFFFF  # RFC 1951, 3.2.4: LEN has 16 bits
_FLUSH = b"\x00\x00\xff\xff"
FLUSH_SIZE = len(_FLUSH)
_BLOCK_HEAD = struct.Struct("<BHH")
_FIELD = struct.Struct("<HH")
_RECORD = struct.Struct("<4sBIQ")
_SEGMENT = struct.Struct("<III")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the prefix: bytes on disk, bytes of text, checksum of the text."""

    csize: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before the tail."""

    segments: tuple[Segment, ...]
    csize: int
    size: int
    crc: int

    @classmethod
    def of(cls, segments: Iterable[Segment], *, crc: int | None = None) -> Prefix:
        """Add up segments; where the checksum of all is not known, theirs are joined."""
        segments = tuple(segments)
        if crc is None:
            crc = 0
            for segment in segments:
                crc = joined(crc, segment.crc, segment.size)
        return cls(segments, sum(s.csize for s in segments), sum(s.size for s in segments), crc)


# --- blocks --------------------------------------------------------------------------------------------------


def deflated(text: bytes | memoryview, *, window: bytes = b"") -> bytes:
    """Deflate blocks that end with a flush; they may look back into `window`, the text before them."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, zdict=window[-_WINDOW:])
    return deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)


def inflated(raw: bytes, segment: Segment) -> bytes | None:
    """Text of a segment, or None if these bytes are not it."""
    inflate = zlib.decompressobj(-15)
    try:
        text = inflate.decompress(raw, segment.size + 1)
    except zlib.error:
        return None
    return text if len(text) == segment.size and zlib.crc32(text) == segment.crc else None


def stored(text: bytes | memoryview) -> Iterator[bytes]:
    """`text` as stored blocks, the last one final."""
    view = memoryview(text)
    for start in range(0, max(len(view), 1), _BLOCK):
        piece = view[start : start + _BLOCK]
        final = start + _BLOCK >= len(view)
        yield _BLOCK_HEAD.pack(final, len(piece), len(piece) ^ 0xFFFF) + bytes(piece)


def stored_size(size: int) -> int:
    """How many bytes `stored` makes of `size` bytes."""
    return size + _BLOCK_HEAD.size * max(1, -(-size // _BLOCK))


def unstored(raw: bytes) -> bytes | None:
    """Text of stored blocks that fill `raw` exactly, only the last one final; else None."""
    pieces: list[bytes] = []
    at, final = 0, 0
    while not final:
        if at + _BLOCK_HEAD.size > len(raw):
            return None
        final, size, inverse = _BLOCK_HEAD.unpack_from(raw, at)
        if final > 1 or size ^ inverse != 0xFFFF:
            return None
        at += _BLOCK_HEAD.size
        pieces.append(raw[at : at + size])
        at += size
    return b"".join(pieces) if at == len(raw) else None


# --- the record ----------------------------------------------------------------------------------------------


def record(prefix: Prefix, *, whole: int, csize: int) -> bytes:
    """Extra field for an entry with checksum `whole` and `csize` bytes on disk; empty where too much is to be said."""
    if len(prefix.segments) > MOST_SEGMENTS:
        return b""
    body = _RECORD.pack(b"tail", _VERSION, whole, csize) + struct.pack("<I", prefix.crc)
    body += b"".join(_SEGMENT.pack(s.csize, s.size, s.crc) for s in prefix.segments)
    body += struct.pack("<I", zlib.crc32(body))
    return _FIELD.pack(_EXTRA_ID, len(body)) + body


def recorded(fields: dict[int, bytes], *, whole: int, csize: int) -> Prefix | None:
    """Prefix that the record among the entry's extra fields tells of, if it fits checksum and size of the entry."""
    body, check = fields.get(_EXTRA_ID, b"")[:-4], fields.get(_EXTRA_ID, b"")[-4:]
    start = _RECORD.size + 4
    if len(body) <= start or (len(body) - start) % _SEGMENT.size or check != struct.pack("<I", zlib.crc32(body)):
        return None
    if body[: _RECORD.size] != _RECORD.pack(b"tail", _VERSION, whole, csize):
        return None
    segments = tuple(Segment(*numbers) for numbers in _SEGMENT.iter_unpack(body[start:]))
    (prefix_crc,) = struct.unpack_from("<I", body, _RECORD.size)
    return Prefix.of(segments, crc=prefix_crc)


def fits(prefix: Prefix, *, csize: int, size: int) -> bool:
    """Whether prefix and a stored tail can fill an entry of these sizes, and no piece of it would fill the memory."""
    left = size - prefix.size
    largest = max(segment.size for segment in prefix.segments)
    small = left <= LARGEST_TAIL and largest <= 4 * segment_size(prefix.size)
    return small and left >= 0 and prefix.csize + stored_size(left) == csize


def proven(prefix: Prefix, raw: bytes, *, whole: int) -> bytes | None:
    """Text of the tail, from the last four bytes of the prefix and everything behind; None if anything doesn't fit."""
    text = unstored(raw[FLUSH_SIZE:]) if raw[:FLUSH_SIZE] == _FLUSH else None
    if text is None or before(whole, zlib.crc32(text), len(text)) != prefix.crc:
        return None
    return text


# --- cutting -------------------------------------------------------------------------------------------------


def segment_size(cold: int) -> int:
    """Text bytes per segment for a prefix of `cold` bytes: more than `SEGMENT` only where they would be too many."""
    return max(SEGMENT, -(-cold // (MOST_SEGMENTS // 2)))


def cut(text: bytes | memoryview, size: int = SEGMENT) -> Iterator[memoryview]:
    """Even pieces of about `size` bytes, so that repeated changes leave no crumbs."""
    view = memoryview(text)
    count = max(1, round(len(view) / size))
    step = max(1, -(-len(view) // count))
    for start in range(0, len(view), step):
        yield view[start : start + step]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces `start` to `end` of a part's text."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring segments, all untouched (no edits) or to be deflated anew. Offsets from the part's start."""

    segments: tuple[Segment, ...]
    at: int  # on disk
    text_at: int
    edits: tuple[Edit, ...] = ()

    @property
    def csize(self) -> int:
        """Bytes on disk."""
        return sum(segment.csize for segment in self.segments)

    def edited(self, text: bytes) -> bytes:
        """The run's text with its edits done."""
        pieces: list[bytes] = []
        done = 0
        for edit in self.edits:
            pieces += [text[done : edit.start - self.text_at], edit.text]
            done = edit.end - self.text_at
        return b"".join([*pieces, text[done:]])


def runs(prefix: Prefix, edits: Sequence[Edit]) -> Iterator[Run]:
    """Cut the prefix into runs. `edits` ascend, don't overlap, and begin and end inside the prefix."""
    sizes = [segment.size for segment in prefix.segments]
    text_at = list(accumulate(sizes, initial=0))
    disk_at = list(accumulate((segment.csize for segment in prefix.segments), initial=0))
    left = list(edits)
    first = 0
    while first < len(sizes):
        last, taken = first, 0
        while taken < len(left) and left[taken].start < text_at[last + 1]:
            while left[taken].end > text_at[last + 1]:
                last += 1
            taken += 1
        if not taken:
            while last + 1 < len(sizes) and not (left and left[0].start < text_at[last + 2]):
                last += 1
        yield Run(prefix.segments[first : last + 1], disk_at[first], text_at[first], tuple(left[:taken]))
        del left[:taken]
        first = last + 1
