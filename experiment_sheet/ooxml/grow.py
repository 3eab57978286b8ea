"""Ranges in other parts that cover the whole column of runs: charts, pivot sources, defined names.

Excel lets them grow when a row is added to a table; written into the file, a row must take them along. A range that
a person ended earlier, or began later, stays. Charts and pivot sources are looked for once: which of them hold
such a range is kept in a hidden name of the tab (`names.FOUND`), together with a checksum over the names
and checksums of all of them, so that any other program's save makes us look again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from experiment_sheet.ooxml.parts import Source
from experiment_sheet.ooxml.table import Area, area_of
from experiment_sheet.ooxml.workbook import Name, Tab, Workbook
from experiment_sheet.ooxml.xml import Document, Edit, apply, parse

_CANDIDATE: Final = re.compile(r".*/(?:charts/chart[^/]*|pivotcache/pivotcachedefinition[^/]*)\.xml", re.IGNORECASE)
_REFERENCE: Final = re.compile(
    r"((?:'(?:[^']|'')+'|[^\s'!(),\"]+)!)(\$?[A-Za-z]{1,3}\$?[0-9]{1,7}:\$?[A-Za-z]{1,3}\$?[0-9]{1,7})"
)
_FILTER: Final = "_xlnm._filterdatabase"
_LAST_ROW: Final = re.compile(r"[0-9]+$")


class Growth:
    """Rows were added: `old` held the data before (with the header's row in `top`), now it ends at `bottom`."""

    def __init__(self, tab: Tab, *, header_row: int, old: Area, bottom: int) -> None:
        self._tab = tab
        self._header_row = header_row
        self._old = old
        self._bottom = bottom

    def parts(self, package: Source, remembered: str | None) -> tuple[dict[str, bytes], str]:
        """Charts and pivot sources that have to change, and what is to be remembered."""
        candidates = sorted(name for name in package.names if _CANDIDATE.fullmatch(name))
        crcs = {name: package.crc(name) for name in candidates}
        hold = _recalled(remembered, crcs)
        changed: dict[str, bytes] = {}
        holding: list[str] = []
        for name in candidates if hold is None else hold:
            document = parse(package.read(name), f"{package.path}, {name}")
            edits = self._edits(document)
            if edits:
                changed[name] = apply(document.data, edits)
                crcs[name] = zlib.crc32(changed[name])
                holding.append(name)
        return changed, _remember(crcs, holding)

    def name_edits(self, workbook: Workbook) -> list[Edit]:
        """Edits of defined names."""
        edits = []
        for name in workbook.names:
            text = self._name_text(name)
            if text != name.text:
                edits.append(workbook.with_text(name, text))
        return edits

    def text(self, text: str) -> str:
        """Formula with every range that covers the column grown."""
        return _REFERENCE.sub(self._grown, text) if "!" in text else text

    def _name_text(self, name: Name) -> str:
        if name.ours:
            return name.text
        if name.name.lower() == _FILTER and name.scope == self._tab.index:  # must equal the tab's own filter
            return _REFERENCE.sub(self._filter_grown, name.text)
        return self.text(name.text)

    def _edits(self, document: Document) -> list[Edit]:
        edits = []
        for node in document.root.walk():
            if node.name == "f" and not node.children:
                text = document.text(node)
                grown = self.text(text)
                if grown != text:
                    edits.append(document.fill(node, grown))
            elif node.name == "worksheetSource" and node.attrs.get("sheet", "").casefold() == self._tab.name.casefold():
                area = area_of(node.attrs.get("ref", ""))
                if area is not None and self._covers(area):
                    edits.append(document.set(node, ref=str(replace(area, bottom=self._bottom))))
        return edits

    def _grown(self, match: re.Match[str]) -> str:
        sheet = match[1][:-1]
        sheet = sheet[1:-1].replace("''", "'") if sheet.startswith("'") else sheet
        area = area_of(match[2])
        if sheet.casefold() != self._tab.name.casefold() or area is None or not self._covers(area):
            return match[0]
        return match[1] + _LAST_ROW.sub(str(self._bottom), match[2])

    def _filter_grown(self, match: re.Match[str]) -> str:
        area = area_of(match[2])
        reached = area is not None and area.bottom == self._old.bottom and area.meets(self._old)
        return match[1] + _LAST_ROW.sub(str(self._bottom), match[2]) if reached else match[0]

    def _covers(self, area: Area) -> bool:
        old = self._old
        whole = area.bottom == old.bottom and area.top in {old.top, self._header_row}
        return whole and old.left <= area.left and area.right <= old.right


def _recalled(text: str | None, crcs: Mapping[str, int]) -> list[str] | None:
    """Names of the parts that hold a range, if they are still known; else None."""
    digest, _, bits = (text or "").partition(":")
    if digest != _digest(crcs) or not re.fullmatch(r"[0-9a-f]+", bits):
        return None
    mask = int(bits, 16)
    return [name for index, name in enumerate(sorted(crcs)) if mask >> index & 1]


def _remember(crcs: Mapping[str, int], holding: Sequence[str]) -> str:
    mask = sum(1 << index for index, name in enumerate(sorted(crcs)) if name in holding)
    return f"{_digest(crcs)}:{mask:x}"


def _digest(crcs: Mapping[str, int]) -> str:
    listed = "\n".join(f"{name} {crc:08x}" for name, crc in sorted(crcs.items()))
    return f"{zlib.crc32(listed.encode()):08x}"
