"""What inserting, deleting and moving rows or columns does to everything that points at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

ROWS: Final = "ROWS"
COLUMNS: Final = "COLUMNS"

_ENDS: Final = {ROWS: ("startRowIndex", "endRowIndex"), COLUMNS: ("startColumnIndex", "endColumnIndex")}
_PLACES: Final = {ROWS: "rowIndex", COLUMNS: "columnIndex"}


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of a tab's rows or columns.

    `kind` is ``insert`` (before `start`, `end - start` of them), ``delete``, or ``move`` (to before `to`, an index
    from before the move).
    """

    kind: str
    dimension: str
    start: int
    end: int
    to: int = 0

    @property
    def size(self) -> int:
        """How many rows or columns."""
        return self.end - self.start

    def index(self, at: int) -> int | None:
        """Where a row or column is afterwards; None if it is gone."""
        if self.kind == "insert":
            return at + self.size if at >= self.start else at
        if self.kind == "delete":
            if at < self.start:
                return at
            return None if at < self.end else at - self.size
        return self._moved(at)

    def _moved(self, at: int) -> int:
        forward = self.to > self.start
        if self.start <= at < self.end:
            return at + (self.to - self.end if forward else self.to - self.start)
        if forward and self.end <= at < self.to:
            return at - self.size
        if not forward and self.to <= at < self.start:
            return at + self.size
        return at

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a range is afterwards; None if nothing is left of it."""
        if self.kind == "insert":
            return (start + self.size if start >= self.start else start), (end + self.size if end > self.start else end)
        if self.kind == "delete":
            new = start - min(max(start - self.start, 0), self.size), end - min(max(end - self.start, 0), self.size)
            return new if new[0] < new[1] else None
        moved = sorted(self._moved(at) for at in (start, end - 1))
        inside = self.start <= start and end <= self.end
        apart = end <= min(self.start, self.to) or start >= max(self.end, self.to)
        between = end - start == moved[1] + 1 - moved[0]
        return (moved[0], moved[1] + 1) if inside or apart or between else (start, end)


def shifted(node: Any, sheet_id: int, shift: Shift) -> Any:
    """Move every range, dimension range and coordinate of a JSON tree that lies in the tab; None if it is gone."""
    if isinstance(node, list):
        moved = [shifted(item, sheet_id, shift) for item in node]
        return [new for new, old in zip(moved, node, strict=True) if new is not None or old is None]
    if not isinstance(node, dict):
        return node
    if node.get("sheetId", 0) == sheet_id and not _move(node := dict(node), shift):
        return None
    result = {}
    for key, value in node.items():
        new = shifted(value, sheet_id, shift)
        if new is None and value is not None:
            if key in _ESSENTIAL:
                return None
            continue
        if key in _MANY and value and not new:
            return None
        result[key] = new
    return result


_ESSENTIAL: Final = {"range", "location", "dimensionRange"}
_MANY: Final = {"ranges"}


def _move(node: dict[str, Any], shift: Shift) -> bool:
    """Move what the dict itself points at; False if that is gone."""
    start, end = _ENDS[shift.dimension]
    if node.get("dimension") == shift.dimension and "endIndex" in node:
        start, end = "startIndex", "endIndex"
    elif node.get("dimension") or (start not in node and end not in node):
        place = _PLACES[shift.dimension]
        if place in node and "sheetId" in node:
            to = shift.index(node[place])
            node[place] = shift.start if to is None else to
        return True
    span = shift.span(node.get(start, 0), node.get(end, _FAR))
    if span is None:
        return False
    if start in node:
        node[start] = span[0]
    if end in node:
        node[end] = span[1]
    return True


_FAR: Final = 1 << 40
