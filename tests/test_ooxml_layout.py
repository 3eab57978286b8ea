"""The continued-deflate layout, judged by zlib, which knows nothing of it."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.ooxml import layout, zipdir
from experiment_sheet.ooxml.layout import Edit, Prefix, Segment

SIZES = [0, 1, 5, 65_534, 65_535, 65_536, 131_070, 131_071, 200_000]


def words(size: int, seed: int = 1) -> bytes:
    """Text that compresses about as rows do."""
    draw = random.Random(seed)
    return b"".join(b"<c><v>%d</v></c>" % draw.randrange(10**6) for _ in range(size // 12 + 1))[:size]


def laid(texts: list[bytes]) -> tuple[Prefix, bytes]:
    """A prefix of these segments, and its bytes on disk."""
    raws = [layout.deflated(text) for text in texts]
    segments = [Segment(len(raw), len(text), zlib.crc32(text)) for raw, text in zip(raws, texts, strict=True)]
    return Prefix.of(segments), b"".join(raws)


@pytest.mark.parametrize("size", SIZES)
def test_stored_is_deflate_to_any_reader(size: int) -> None:
    """Stored blocks are a whole deflate stream; their size is known beforehand and their text comes back."""
    text = words(size)
    raw = b"".join(layout.stored(text))
    assert zlib.decompress(raw, -15) == text
    assert len(raw) == layout.stored_size(size)
    assert layout.unstored(raw) == text


@given(st.binary(max_size=300), st.data())
def test_unstored_refuses_what_is_changed(text: bytes, data: st.DataObject) -> None:
    """Blocks that are cut, lengthened, or damaged in a header are no tail."""
    raw = b"".join(layout.stored(text))
    assert layout.unstored(raw[: data.draw(st.integers(0, len(raw) - 1))]) is None
    assert layout.unstored(raw + b"\x00") is None
    at, bit = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 7))
    assert layout.unstored(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]) is None


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5), st.integers(0, 70_000))
def test_segments_and_tail_are_one_stream(sizes: list[int], tail: int) -> None:
    """Segments behind each other and a stored tail are one deflate stream; each segment inflates alone, too."""
    texts = [words(size, seed) for seed, size in enumerate(sizes)]
    prefix, raw = laid(texts)
    end = words(tail, 99)
    assert zlib.decompress(raw + b"".join(layout.stored(end)), -15) == b"".join([*texts, end])
    at = 0
    for segment, text in zip(prefix.segments, texts, strict=True):
        assert layout.inflated(raw[at : at + segment.csize], segment) == text
        at += segment.csize
    assert raw.endswith(b"\x00\x00\xff\xff")
    assert prefix.crc == zlib.crc32(b"".join(texts))


@given(st.integers(1, 100_000), st.integers(1, 20_000))
def test_a_segment_continues_with_the_text_before_it_as_window(first: int, second: int) -> None:
    """A segment that is continued inflates as one."""
    text = words(first + second)
    raw = layout.deflated(text[:first]) + layout.deflated(text[first:], window=text[:first])
    assert layout.inflated(raw, Segment(len(raw), len(text), zlib.crc32(text))) == text


def test_text_in_many_pieces_compresses_as_in_one() -> None:
    """A segment that grew by 16 KB at a time finds its past: it is hardly larger than one deflated at once."""
    text = words(20_000) * 13
    pieces = [layout.deflated(text[at : at + 16_384], window=text[:at]) for at in range(0, len(text), 16_384)]
    assert sum(map(len, pieces)) < 1.1 * len(layout.deflated(text))


def test_inflated_refuses_another_text() -> None:
    """A segment whose size or checksum differ, or that is no deflate stream, is not given out."""
    text = words(1000)
    raw = layout.deflated(text)
    good = Segment(len(raw), len(text), zlib.crc32(text))
    assert layout.inflated(raw, good) == text
    assert layout.inflated(raw, Segment(good.csize, good.size - 1, good.crc)) is None
    assert layout.inflated(raw, Segment(good.csize, good.size, good.crc ^ 1)) is None
    assert layout.inflated(b"\xff" * 20, good) is None


def test_record_comes_back_and_no_flipped_bit_is_believed() -> None:
    """The record tells the prefix as it was; with any one bit changed it tells nothing."""
    prefix, _ = laid([words(500), words(400, 2)])
    raw = layout.record(prefix, whole=77, csize=1234)
    assert layout.recorded(zipdir.extra_fields(raw), whole=77, csize=1234) == prefix
    for at in range(len(raw)):
        for bit in range(8):
            wrong = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            assert layout.recorded(zipdir.extra_fields(wrong), whole=77, csize=1234) is None


def test_record_is_not_believed_beside_other_bytes() -> None:
    """A program that writes the part anew but keeps the extra field changes checksum or size: the record is void."""
    prefix, _ = laid([words(500)])
    fields = zipdir.extra_fields(layout.record(prefix, whole=77, csize=1234))
    assert layout.recorded(fields, whole=78, csize=1234) is None
    assert layout.recorded(fields, whole=77, csize=1235) is None


def test_record_of_too_many_segments_is_left_out() -> None:
    """What doesn't fit an extra field isn't written; the part is laid anew in larger segments then."""
    many = Prefix.of([Segment(5, 1, 0)] * (layout.MOST_SEGMENTS + 1), crc=0)
    assert layout.record(many, whole=0, csize=0) == b""
    most = Prefix.of([Segment(5, 1, 0)] * layout.MOST_SEGMENTS, crc=0)
    assert len(layout.record(most, whole=0, csize=0)) < 65_000
    assert 3 * 10**9 / layout.segment_size(3 * 10**9) < layout.MOST_SEGMENTS


@given(st.integers(0, 3000), st.integers(0, 200_000), st.data())
def test_proof_holds_for_the_tail_and_for_no_other_bytes(cold: int, hot: int, data: st.DataObject) -> None:
    """The tail is proven from its own bytes; a changed bit anywhere in them, or another checksum, breaks the proof."""
    text, tail = words(cold + 1), words(hot, 3)
    prefix, raw = laid([text])
    end = raw[-4:] + b"".join(layout.stored(tail))
    whole = zlib.crc32(text + tail)
    assert layout.proven(prefix, end, whole=whole) == tail
    at, bit = data.draw(st.integers(0, len(end) - 1)), data.draw(st.integers(0, 7))
    assert layout.proven(prefix, end[:at] + bytes([end[at] ^ 1 << bit]) + end[at + 1 :], whole=whole) is None
    assert layout.proven(prefix, end, whole=whole ^ 1 << data.draw(st.integers(0, 31))) is None


def test_sizes_that_no_tail_can_fill_are_seen_before_it_is_read() -> None:
    """Prefix and tail must fill the entry exactly, and the tail must be small enough for the memory."""
    prefix, raw = laid([words(500)])
    assert layout.fits(prefix, csize=len(raw) + layout.stored_size(70_000), size=70_500)
    assert not layout.fits(prefix, csize=len(raw) + layout.stored_size(70_000), size=70_501)
    assert not layout.fits(prefix, csize=len(raw) + 5, size=499)
    bomb = Prefix.of([Segment(9, 5 * layout.SEGMENT, 0)], crc=0)
    assert not layout.fits(bomb, csize=9 + 5, size=5 * layout.SEGMENT)
    big = layout.LARGEST_TAIL + 1
    assert not layout.fits(prefix, csize=len(raw) + layout.stored_size(big), size=500 + big)


@given(st.integers(0, 5000), st.integers(1, 300))
def test_cut_gives_even_pieces(size: int, step: int) -> None:
    """Pieces join to the whole, and none is smaller than about half the wanted size, save where the whole is."""
    text = words(size)
    pieces = [bytes(piece) for piece in layout.cut(text, step)]
    assert b"".join(pieces) == text
    assert all(len(piece) <= 1.5 * step + 1 for piece in pieces)
    assert len(pieces) <= max(1, round(size / step))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.lists(st.integers(0, 240), max_size=8), st.binary())
def test_runs_cover_the_prefix_once_and_do_the_edits(sizes: list[int], ends: list[int], new: bytes) -> None:
    """Runs follow each other without gap, edits lie inside of theirs, and the edited text is the plain replacement."""
    text = bytes(range(sum(sizes)))
    prefix = Prefix.of(Segment(size, size, 0) for size in sizes)
    places = sorted(end for end in ends if end < len(text))
    edits = [Edit(start, end, new) for start, end in zip(places[::2], places[1::2], strict=False)]
    runs = list(layout.runs(prefix, edits))
    assert tuple(segment for run in runs for segment in run.segments) == prefix.segments
    assert all(bool(a.edits) or bool(b.edits) for a, b in pairwise(runs))
    pieces = []
    for run in runs:
        end = run.text_at + sum(segment.size for segment in run.segments)
        assert run.at == run.text_at
        pieces.append(run.edited(text[run.text_at : end]))
    plain, done = b"", 0
    for edit in edits:
        plain += text[done : edit.start] + edit.text
        done = edit.end
    assert b"".join(pieces) == plain + text[done:]
