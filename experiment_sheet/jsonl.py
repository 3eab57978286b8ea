"""Lines of JSON that anybody may have written: read without trusting their length, their depth or their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

LONGEST: Final = 64 << 20
"""Bytes of one line. Ours are far below: a hundred cells of at most 32,767 characters."""

_PIECE: Final = 1 << 20


def whole_lines(file: BinaryIO, *, longest: int = LONGEST) -> Iterator[tuple[bytes | None, int]]:
    """Yield every line that has its end, without it, and how many bytes were read so far.

    A line of more than `longest` bytes is passed over piece by piece and yielded as None. A last line without an
    end is torn, or still being written, and is not yielded.
    """
    count = 0
    while line := file.readline(longest):
        count += len(line)
        if line.endswith(b"\n"):
            yield line[:-1], count
        elif len(line) < longest:
            return
        else:
            more = _rest(file)
            if more is None:
                return
            count += more
            yield None, count


def _rest(file: BinaryIO) -> int | None:
    """Pass over the rest of a line; answer its length, None if it has no end."""
    count = 0
    while piece := file.readline(_PIECE):
        count += len(piece)
        if piece.endswith(b"\n"):
            return count
    return None


def parsed(text: bytes) -> Any:
    """Read JSON. Raises ValueError for whatever is wrong with it, depth and size of its numbers included."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def read_file(path: Path, *, largest: int) -> Any:
    """Read a small JSON file. Raises OSError, and ValueError where it is damaged or larger than `largest` bytes."""
    with open(path, "rb") as file:
        text = file.read(largest + 1)
    if len(text) > largest:
        raise ValueError(f"{path} has more than {largest:,} bytes")
    return parsed(text)
