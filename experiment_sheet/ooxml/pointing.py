"""Whether cells elsewhere point to a row by its address, so that it can't be moved.

Looked for only after another program saved the workbook; the library's own saves add no formula that points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from experiment_sheet.ooxml.book import Book
from experiment_sheet.ooxml.survey import address
from experiment_sheet.ooxml.table import Area
from experiment_sheet.ooxml.workbook import Tab
from experiment_sheet.ooxml.xml import attribute, escape

_OVERLAP = 400  # bytes; a reference with the longest tab name is shorter


def pointer_from_elsewhere(book: Book, tab: Tab, area: Area) -> str | None:
    """Tab or defined name that points to a cell in the last row of an area of `tab`; None where there is none."""
    quoted = "'" + tab.name.replace("'", "''") + "'"
    spelled = {escape(tab.name), escape(quoted), attribute(tab.name), attribute(quoted)}
    spelled |= {name.replace(b"'", b"&apos;") for name in spelled}
    names = b"|".join(re.escape(name) for name in sorted(spelled))
    pointer = rb"(?:%b)!(?:\$?[A-Z]{1,3}\$?\d+:)?%b(?!\d)" % (names, address(area))
    pattern = re.compile(pointer, re.IGNORECASE)
    for name in book.workbook.names:
        if pattern.search(escape(name.text)):
            return f"the name {name.name}"
    others = (other for other in book.workbook.tabs if other.is_worksheet and other.index != tab.index)
    return next((f"tab {other.name!r}" for other in others if any(map(pattern.search, _pieces(book, other)))), None)


def _pieces(book: Book, tab: Tab) -> Iterator[bytes]:
    end = b""
    for chunk in book.source.chunks(tab.part):
        yield end + chunk
        end = chunk[-_OVERLAP:]
