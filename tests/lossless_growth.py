"""What a write was free to do to a workbook, and the comparison of XML in which ranges may have grown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from experiment_sheet.testing.workbook import refs
from experiment_sheet.testing.workbook.refs import Area

Place = tuple[int, int]
Elements = list[etree._Element]
_RANGE = re.compile(r"(\$?[A-Z]{1,3}\$?\d+)(?::(\$?[A-Z]{1,3}\$?\d+))?(?![\w(])")
_REFERENCES = frozenset(("ref", "sqref"))


@dataclass
class Change:
    """What the write was free to do."""

    part: str  # the tab's worksheet
    old_last: int = 0  # last row of the runs before, totals row excluded
    new_last: int = 0
    old_right: int = 0  # last column before
    new_right: int = 0
    area: Area | None = None  # the table before, None if there is none
    totals: int = 0  # number of the totals row before, 0 if there is none
    written: set[Place] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)

    @property
    def grown(self) -> int:
        return self.new_last - self.old_last

    def may_write(self, place: Place) -> bool:
        in_table_rows = self.area is None or self.area.top <= place[0] <= self.new_last
        return place in self.written or (self.old_right < place[1] <= self.new_right and in_table_rows)


def local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else "comment"


def text_of(element: etree._Element) -> str:
    return element.text or ""


def elements_differ(old: etree._Element, new: etree._Element, change: Change) -> Iterator[str]:
    """Deep comparison, in which ranges may have grown."""
    where = local(old)
    if old.tag != new.tag:
        yield f"<{where}> became <{local(new)}>"
        return
    for name in sorted(set(old.attrib) | set(new.attrib)):
        first, second = old.get(name), new.get(name)
        if first != second and not (name in _REFERENCES and grew(first or "", second or "", change)):
            yield f"<{where}> {name} was {first!r}, is {second!r}"
    if significant(old) != significant(new) and not grew(text_of(old), text_of(new), change):
        yield f"<{where}> held {text_of(old)!r}, holds {text_of(new)!r}"
    yield from children_differ(where, list(old), list(new), change)


def children_differ(where: str, old: Elements, new: Elements, change: Change) -> Iterator[str]:
    for first, second in zip(old, new, strict=False):
        yield from elements_differ(first, second, change)
    yield from (f"<{local(gone)}> in <{where}> is gone" for gone in old[len(new) :])
    yield from (f"<{local(come)}> in <{where}> has come" for come in new[len(old) :])


def significant(element: etree._Element) -> str:
    return text_of(element) if not len(element) else text_of(element).strip()


def grew(old: str, new: str, change: Change) -> bool:
    """Whether both are the same but for ranges that ended at the last row and now end at the new one."""
    if _RANGE.sub("", old) != _RANGE.sub("", new):
        return False
    pairs = list(zip(_RANGE.finditer(old), _RANGE.finditer(new), strict=False))
    return all(first[0] == second[0] or range_grew(first[0], second[0], change) for first, second in pairs)


def range_grew(old: str, new: str, change: Change) -> bool:
    first, second = refs.area(old), refs.area(new)
    if first is None or second is None or first[:2] != second[:2]:
        return False
    lasts = {(change.old_last, change.new_last)}
    if change.totals:
        lasts.add((change.totals, change.totals + change.grown))
    wider = change.area is not None and first.right == change.old_right and second.right >= first.right
    same_row = first.bottom == second.bottom
    return (same_row or (first.bottom, second.bottom) in lasts) and (first.right == second.right or wider)
