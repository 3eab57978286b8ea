"""Shared strings: the texts that other programs put beside the sheet. Read as far as needed, never written.

The library writes its own text inline, so `sharedStrings.xml` stays byte for byte. Its items are found by
their tags in the stream, as rows are (see `rows`), because only a few of them are ever wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from experiment_sheet.errors import SheetDamaged
from experiment_sheet.ooxml.cells import decoded
from experiment_sheet.ooxml.xml import IN_TAG, text

_ITEM: Final = re.compile(
    rb"<(?:[\w.\-]+:)?si(?=[\s/>])" + IN_TAG + rb">(?:(?<=/>)|(.*?)</(?:[\w.\-]+:)?si\s*>)", re.DOTALL
)
_NESTED: Final = re.compile(rb"<(?:[\w.\-]+:)?si[\s/>]")
_PHONETIC: Final = re.compile(rb"<(?:[\w.\-]+:)?rPh\b.*?</(?:[\w.\-]+:)?rPh\s*>", re.DOTALL)
_TEXT: Final = re.compile(
    rb"<(?:[\w.\-]+:)?t(?=[\s/>])" + IN_TAG + rb">(?:(?<=/>)|(.*?)</(?:[\w.\-]+:)?t\s*>)", re.DOTALL
)


def rich_text(raw: bytes) -> str:
    """Text of an ``si`` or ``is`` element: its runs joined, pronunciation left out."""
    if b"rPh" in raw:
        raw = _PHONETIC.sub(b"", raw)
    return decoded("".join(text(match[1] or b"") for match in _TEXT.finditer(raw)))


class SharedStrings:
    """The shared strings of a workbook, read on demand."""

    def __init__(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        """`chunks` gives the part anew; it is called at most once."""
        self._items = _items(chunks)
        self._read: list[str] = []

    def __getitem__(self, index: int) -> str:
        """Text by index; an index out of range, which no reader minds, is empty."""
        while len(self._read) <= index:
            item = next(self._items, None)
            if item is None:
                return ""
            self._read.append(rich_text(item))
        return self._read[index]


def _items(chunks: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    buffer = b""
    for chunk in chunks():
        buffer += chunk
        at = 0
        for match in _ITEM.finditer(buffer):
            item = match[1] or b""
            if _NESTED.search(item):
                raise SheetDamaged("The workbook's shared strings lie in one another. Restore it from a backup.")
            yield item
            at = match.end()
        buffer = buffer[at:]
