"""From edits of a worksheet part to the change that costs least.

With a proven tail (`layout`), edits behind its start only replace the tail (`Grown`: constant work), and edits before
it deflate only the segments that hold them (`Patched`). Without one, the part is written anew in the layout
(`Laid`), once. Either way the hot rows are then the last ones, as text: up to 32 KB are let grow before all
but 16 KB go cold, so that a row is deflated once, in company.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from experiment_sheet.ooxml.lay import Change, Grown, Laid, Patched, Tail
from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.xml import Edit, apply, splice

_HOT_MOST: Final = 32 << 10
_HOT_LEAST: Final = 16 << 10


def relaid(
    source: Source,
    part: str,
    edits: Iterable[Edit],
    *,
    tail: Tail | None,
    rows: Sequence[int],
    added: Sequence[tuple[int, int]],
    trailer_at: int,
) -> Change:
    """Change of a worksheet part.

    Args:
        source: where the part is.
        part: its name.
        edits: in places of the old part.
        tail: its proven tail, if any.
        rows: where the last rows begin in the old part, ascending.
        added: where new rows begin: (place in the old part where they are put in, offset in what is put in).
        trailer_at: where the rows end in the old part.
    """
    edits = sorted(edits, key=lambda edit: (edit[0], edit[1]))
    moved = _Moved(edits)
    starts = sorted({*(moved.at(place) for place in rows), *(moved.into(place) + offset for place, offset in added)})
    end = moved.into(trailer_at) + _inserted(edits, trailer_at)
    if tail is None:
        hot = _hot_from(starts, end, floor=0) or end
        return Laid(splice(source.chunks(part), edits), hot)
    inside = [(start - tail.start, stop - tail.start, text) for start, stop, text in edits if start >= tail.start]
    before = _merged(edit for edit in edits if edit[0] < tail.start)
    text = apply(tail.text, inside)
    first = moved.into(tail.start)
    hot = _hot_from(starts, end, floor=first) - first
    if not before:
        return Grown(tail, text, max(hot, 0))
    (start, stop, content), *more = before
    return Patched(start, stop, content, tail_text=text, hot_from=max(hot, 0), more=more)


def _hot_from(starts: Sequence[int], end: int, *, floor: int) -> int:
    """Where the hot rows begin, in places of the new part; `floor` where all that is hot may stay so."""
    if floor and end - floor <= _HOT_MOST:
        return floor
    fitting = [start for start in starts if start >= floor and end - start <= _HOT_LEAST]
    if fitting:
        return fitting[0]
    return starts[-1] if starts else floor


def _merged(edits: Iterable[Edit]) -> list[Edit]:
    """Edits in order, those that touch joined into one."""
    merged: list[Edit] = []
    for start, end, text in edits:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end, merged[-1][2] + text)
        else:
            merged.append((start, end, text))
    return merged


def _inserted(edits: Sequence[Edit], place: int) -> int:
    return sum(len(text) for start, stop, text in edits if start == place == stop)


class _Moved:
    """Places of the old part in the new one."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits

    def into(self, place: int) -> int:
        """Where what is put in at `place` begins."""
        return place + sum(
            len(text) - (end - start) for start, end, text in self._edits if end <= place and start < place
        )

    def at(self, place: int) -> int:
        """Where what stood at `place` begins."""
        return self.into(place) + _inserted(self._edits, place)
