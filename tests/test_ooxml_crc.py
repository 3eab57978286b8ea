"""Checksum algebra against zlib, which computes from the bytes."""

from __future__ import annotations

import zlib

from hypothesis import example, given
from hypothesis import strategies as st

from experiment_sheet.ooxml.crc import before, joined


@given(st.binary(), st.binary())
@example(b"", b"")
@example(b"a", b"")
@example(b"", b"a")
def test_joined_equals_checksum_of_both(first: bytes, second: bytes) -> None:
    """Joining two checksums gives what zlib computes from the joined bytes."""
    assert joined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@given(st.binary(), st.binary())
def test_before_takes_the_end_off(first: bytes, second: bytes) -> None:
    """The checksum of the beginning follows from those of the whole and of the end."""
    assert before(zlib.crc32(first + second), zlib.crc32(second), len(second)) == zlib.crc32(first)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**40))
def test_taking_off_undoes_joining_at_any_length(first: int, second: int, size: int) -> None:
    """Lengths far beyond any buffer work, too: the algebra knows no bytes."""
    assert before(joined(first, second, size), second, size) == first


def test_lengths_of_megabytes() -> None:
    """The length enters exactly, also where it is large."""
    first, second = b"abc" * 1000, bytes(5_000_001)
    assert joined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)
