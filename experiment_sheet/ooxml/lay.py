"""Writing a part into a package that is being saved: plain, laid anew, grown at its end, or patched inside.

`layout` says what the layout is and how it is proven; here it is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import FileIO

from experiment_sheet.errors import SheetDamaged, UsageError
from experiment_sheet.ooxml import layout
from experiment_sheet.ooxml.layout import Edit, Prefix, Segment
from experiment_sheet.ooxml.replacement import Replacement


@dataclass(frozen=True, slots=True)
class Tail:
    """The proven stored tail of a part."""

    text: bytes
    """From the first hot row to the end of the part."""
    prefix: Prefix

    @property
    def start(self) -> int:
        """Where `text` begins in the whole part."""
        return self.prefix.size


@dataclass(frozen=True, slots=True)
class Laid:
    """Write this part anew in the layout. From `hot_from` on the text is the tail; what stands before is deflated."""

    text: bytes | Iterable[bytes]
    hot_from: int

    def __post_init__(self) -> None:
        if self.hot_from <= 0:
            raise UsageError(
                f"hot_from is {self.hot_from}; something must stand before the tail, or it can't be proven."
            )


@dataclass(frozen=True, slots=True)
class Grown:
    """Keep what stands before `tail` as it lies on disk, then `text`.

    ``text[:hot_from]`` has grown cold and is deflated behind it, ``text[hot_from:]`` becomes the new tail.
    """

    tail: Tail
    text: bytes
    hot_from: int = 0

    def __post_init__(self) -> None:
        _check_hot(self.hot_from, self.text)


@dataclass(frozen=True, slots=True)
class Patched:
    """Replace ``[start:end]`` of the text of a laid part, before its tail; only the segments that hold it are deflated.

    `more`: further replacements (start, end, text) behind the first, in ascending order, offsets in the old text.
    `tail_text`, if given, replaces the tail; ``tail_text[:hot_from]`` of it has grown cold.
    """

    start: int
    end: int
    text: bytes
    tail_text: bytes | None = None
    hot_from: int = 0
    more: Sequence[tuple[int, int, bytes]] = ()

    def __post_init__(self) -> None:
        _check_hot(self.hot_from, self.tail_text or b"")
        ends = [0, *(end for edit in self.edits for end in (edit.start, edit.end))]
        if ends != sorted(ends):
            raise UsageError(f"The replacements {ends[1:]} overlap or don't ascend.")

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All replacements."""
        return (Edit(self.start, self.end, self.text), *(Edit(*edit) for edit in self.more))


def _check_hot(hot_from: int, text: bytes) -> None:
    if not 0 <= hot_from <= len(text):
        raise UsageError(f"hot_from is {hot_from}, outside of the {len(text)} bytes of text.")


Change = bytes | Laid | Grown | Patched


@dataclass(frozen=True, slots=True)
class Part:
    """What was written: the fields of its directory entry."""

    crc: int
    csize: int
    size: int
    extra: bytes = b""


def write_plain(out: Replacement, text: bytes) -> Part:
    """Write an ordinary deflated part."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    start = out.position
    out.write(deflate.compress(text))
    out.write(deflate.flush())
    return Part(zlib.crc32(text), out.position - start, len(text))


class Layer:
    """Writes one part in the layout: kept, patched and cold text in the order of the part, then the tail."""

    def __init__(self, out: Replacement, *, segment_size: int = layout.SEGMENT) -> None:
        self._out = out
        self._segment_size = segment_size
        self._segments: list[Segment] = []
        self._start = out.position
        self._crc: int | None = 0  # None: to be joined from the segments

    def keep(self, source: FileIO, at: int, segments: Sequence[Segment], *, crc: int | None = None) -> None:
        """Copy segments from the old file, where they begin at `at`; `crc` is that of the part so far, where known."""
        self._out.copy(source, at, sum(segment.csize for segment in segments))
        self._crc = crc
        self._segments += segments

    def segment(self, text: bytes | memoryview) -> None:
        """Deflate `text` as a segment of its own."""
        raw = layout.deflated(text)
        self._out.write(raw)
        self._segments.append(Segment(len(raw), len(text), zlib.crc32(text)))
        self._crc = None if self._crc is None else zlib.crc32(text, self._crc)

    def pieces(self, text: bytes | memoryview) -> None:
        """Deflate `text` as segments of about the usual size."""
        for piece in layout.cut(text, self._segment_size):
            self.segment(piece)

    def grow(self, text: memoryview) -> None:
        """Deflate text that has grown cold: fill up the last segment, then begin new ones."""
        room = self._segment_size - self._segments[-1].size if self._segments else 0
        if text and room > 0:
            self._continue(text[:room])
            text = text[room:]
        for start in range(0, len(text), self._segment_size):
            self.segment(text[start : start + self._segment_size])

    def _continue(self, text: memoryview) -> None:
        last = self._segments.pop()
        window = layout.inflated(self._out.read(self._out.position - last.csize, last.csize), last)
        if window is None:
            raise SheetDamaged(f"{self._out.path}: the rows of the target sheet are damaged. Restore it from a backup.")
        raw = layout.deflated(text, window=window)
        self._out.write(raw)
        self._segments.append(Segment(last.csize + len(raw), last.size + len(text), zlib.crc32(text, last.crc)))
        self._crc = None if self._crc is None else zlib.crc32(text, self._crc)

    def finish(self, tail: bytes | memoryview) -> Part:
        """Store the tail."""
        for block in layout.stored(tail):
            self._out.write(block)
        prefix = Prefix.of(self._segments, crc=self._crc)
        whole = zlib.crc32(tail, prefix.crc)
        csize = self._out.position - self._start
        return Part(whole, csize, prefix.size + len(tail), layout.record(prefix, whole=whole, csize=csize))


def write_laid(out: Replacement, change: Laid) -> Part:
    """Write a part anew in the layout; holds a segment and the tail in memory, beside what the text itself takes."""
    size = layout.segment_size(change.hot_from)
    layer = Layer(out, segment_size=size)
    pieces = (change.text,) if isinstance(change.text, bytes) else change.text
    cold, tail = bytearray(), bytearray()
    left = change.hot_from
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, min(left, len(view)), size):
            cold += view[start : min(start + size, left, len(view))]
            if len(cold) >= size:
                layer.segment(bytes(cold[:size]))
                del cold[:size]
        tail += view[left:]
        left -= min(left, len(view))
    if left:
        raise UsageError(f"hot_from is {left} bytes behind the end of the text.")
    if cold:
        layer.segment(bytes(cold))
    return layer.finish(memoryview(tail))


def write_grown(out: Replacement, source: FileIO, at: int, change: Grown) -> Part:
    """Write a part whose prefix, at `at` of `source`, stays."""
    layer = Layer(out)
    prefix = change.tail.prefix
    layer.keep(source, at, prefix.segments, crc=prefix.crc)
    text = memoryview(change.text)
    layer.grow(text[: change.hot_from])
    return layer.finish(text[change.hot_from :])


def write_patched(out: Replacement, source: FileIO, at: int, change: Patched, tail: Tail) -> Part:
    """Write a part of which some segments, at `at` of `source`, are deflated anew."""
    if change.edits[-1].end > tail.start or change.edits[-1].start == tail.start:
        raise UsageError(f"A replacement reaches into the tail, which begins at {tail.start}. Use tail_text.")
    layer = Layer(out)
    for run in layout.runs(tail.prefix, change.edits):
        if not run.edits:
            layer.keep(source, at + run.at, run.segments)
            continue
        source.seek(at + run.at)
        layer.pieces(run.edited(_text_of(source, run.segments, out)))
    text = memoryview(tail.text if change.tail_text is None else change.tail_text)
    layer.grow(text[: change.hot_from])
    return layer.finish(text[change.hot_from :])


def _text_of(source: FileIO, segments: Iterable[Segment], out: Replacement) -> bytes:
    texts = [layout.inflated(source.read(segment.csize) or b"", segment) for segment in segments]
    if None in texts:
        raise SheetDamaged(f"{out.path}: the rows of the target sheet are damaged. Restore it from a backup.")
    return b"".join(text for text in texts if text is not None)
