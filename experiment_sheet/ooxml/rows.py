"""The rows of a worksheet as bytes: found in a stream, taken apart, put together.

A worksheet of 100,000 rows has 150 MB of XML; expat would call back twelve million times. `Rows` finds the rows
by their tags alone. That is exact, not a guess: in well-formed XML a ``<`` outside comments, CDATA sections and
processing instructions always begins a tag, so between ``<sheetData>`` and ``</sheetData>`` the next ``<row`` is a row
and the next ``</row`` its end (rows don't nest). Where ``<!`` or ``<?`` turns up inside a row, its end
is looked for with those read properly; between rows, they are skipped.

A row or cell may lack ``r`` (ECMA-376 Part 1, 18.3.1.73 and 18.3.1.4): then it follows its predecessor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from experiment_sheet.errors import SheetDamaged, SheetRefused
from experiment_sheet.ooxml.xml import IN_TAG, with_attributes

_NUMBER: Final = re.compile(rb"""\sr\s*=\s*["']\s*(\d{1,9})\s*["']""")
_REF: Final = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]{1,3})\d+\s*["']""")
OUTSIDE: Final = re.compile(rb"""\sr=["'][A-Za-z]{1,3}0+["']""")
"""Reference to a cell in row 0, which there isn't; what follows from one is different in every program."""
_STYLE: Final = re.compile(rb"""\ss\s*=\s*["']\s*(\d{1,9})\s*["']""")
_KIND: Final = re.compile(rb"""\st\s*=\s*["']\s*(\w+)\s*["']""")
_MISC: Final = rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
_PLAIN_CELL: Final = re.compile(rb'<c r="([A-Z]{1,3})\d+"(?: s="(\d+)")?(?: t="\w+")?/?>')
_MISC_TEXT: Final = re.compile(_MISC, re.DOTALL)
_LONGEST: Final = 1 << 28  # 16,384 cells of 32,767 characters can't be meant


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number, its place in the part, its bytes."""

    number: int
    start: int
    end: int
    text: bytes


@dataclass(slots=True, eq=False)
class RawCell:
    """One cell of a row: its column (1 is A), its place in the row's bytes, what its tag says, its content."""

    column: int
    start: int
    end: int
    tag: bytes
    inside: bytes
    explicit: bool = True  # has an ``r``

    @property
    def style(self) -> int:
        """Index into cellXfs."""
        match = _STYLE.search(self.tag)
        return int(match[1]) if match else 0

    @property
    def kind(self) -> str:
        """Attribute ``t``: n, s, str, inlineStr, b, e, d."""
        match = _KIND.search(self.tag)
        return match[1].decode() if match else "n"


class Rows:
    """Reads a worksheet part that comes in pieces: `head`, then the rows as an iterator, then `trailer`."""

    def __init__(self, chunks: Iterable[bytes], what: str, *, behind: Rows | None = None, at: int = 0) -> None:
        """`behind`: has read the beginning of the part already; `chunks` are then the part from byte `at` on."""
        self.what = what
        self.prefix = b""
        self.empty = False  # <sheetData/>
        self.trailer = b""
        self.trailer_at = 0
        self._chunks = iter(chunks)
        self._base = at  # of the buffer in the part
        self._buffer = b""
        if behind is None:
            self.head = self._read_head()
        else:
            self.head, self.prefix = behind.head, behind.prefix

    def __iter__(self) -> Iterator[Row]:
        if self.empty:
            self._end(0)
            return
        grammar = _grammar(self.prefix)
        at, number = 0, 0
        while True:
            match = grammar.next.match(self._buffer, at)
            end = self._row_end(grammar, match) if match and match[1] is not None else 0
            if match is None or end < 0:  # not whole yet
                if not self._more(at):
                    raise SheetDamaged(f"{self.what}: row {number + 1} can't be read. Restore a backup.")
                at = 0
                continue
            if match[1] is None:
                self._end(match.start(2))
                return
            given = _NUMBER.search(match[1])
            number = int(given[1]) if given else number + 1
            yield Row(number, self._base + match.start(1), self._base + end, self._buffer[match.start(1) : end])
            at = end

    def _row_end(self, grammar: _Grammar, match: re.Match[bytes]) -> int:
        """Where a row ends in the buffer; -1 if not in it yet."""
        if self._buffer[match.end() - 2 : match.end()] == b"/>":
            return match.end()
        start = match.end()
        close = self._buffer.find(grammar.close, start)
        if close < 0:
            return -1
        if self._buffer.find(b"<!", start, close) >= 0 or self._buffer.find(b"<?", start, close) >= 0:
            return _careful_end(grammar, self._buffer, start)
        return self._buffer.find(b">", close) + 1 or -1

    def _read_head(self) -> bytes:
        while True:
            match = _SHEET_DATA.search(self._buffer)
            if match:
                self.prefix = match[1] or b""
                self.empty = match[0].endswith(b"/>")
                head, self._buffer = self._buffer[: match.end()], self._buffer[match.end() :]
                self._base = len(head)
                return head
            if not self._more(0):
                raise SheetDamaged(f"{self.what} has no sheetData. Restore the workbook from a backup.")

    def _more(self, at: int) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._base += at
        self._buffer = self._buffer[at:] + chunk
        if len(self._buffer) > _LONGEST:
            raise SheetRefused(f"{self.what} has a row, or a part beside the rows, of more than {_LONGEST >> 20} MB.")
        return True

    def _end(self, at: int) -> None:
        self.trailer_at = self._base + at
        while self._more(at):
            at = 0
        self.trailer = self._buffer[at:]
        self._buffer = b""


def cells_of(text: bytes, prefix: bytes) -> list[RawCell]:
    """Cells of a row, in order."""
    grammar = _grammar(prefix)
    tags = _MISC_TEXT.sub(lambda match: b" " * len(match[0]), text) if b"<!" in text or b"<?" in text else text
    opening = grammar.row.match(tags)
    at = opening.end() if opening else 0
    found: list[RawCell] = []
    column, opening_of = 0, b"<" + prefix + b"c"  # nothing else in a cell begins so (ECMA-376 Part 1, 18.3.1.4)
    while (match := grammar.cell.search(tags, at)) is not None:
        tag = match[0]
        ref = _REF.search(tag)
        column = column_number(ref[1].decode()) if ref else column + 1
        if tag.endswith(b"/>"):
            found.append(RawCell(column, match.start(), match.end(), tag, b"", ref is not None))
            at = match.end()
            continue
        close = grammar.cell_close.search(tags, match.end())
        if close is None:
            raise SheetDamaged("A cell of the sheet has no end tag. Restore the workbook from a backup.")
        at, inside = close.end(), text[match.end() : close.start()]
        if opening_of in inside:
            raise SheetDamaged("A cell of the sheet lies in another one. Restore the workbook from a backup.")
        found.append(RawCell(column, match.start(), at, tag, inside, ref is not None))
    return found


@lru_cache(maxsize=16)  # of the last five rows, four were among them at the append before
def styles_of(text: bytes, prefix: bytes) -> Sequence[tuple[int, int]]:
    """Column and style of each cell of a row."""
    found = _PLAIN_CELL.findall(text) if not prefix else []
    if found and len(found) == text.count(b"<c"):
        return [(column_number(letters.decode()), int(style or 0)) for letters, style in found]
    return [(cell.column, cell.style) for cell in cells_of(text, prefix)]


def with_cells(row: Row, changes: Mapping[int, bytes], prefix: bytes) -> bytes:
    """Row with these cell elements (by column) put in or replaced; all others stay byte for byte.

    Empty bytes take a cell out. The optional ``spans`` is dropped where cells come in, and cells that
    had no ``r`` get one where their place would change.
    """
    old = {cell.column: cell for cell in cells_of(row.text, prefix)}
    opening = _grammar(prefix).row.match(row.text)
    assert opening is not None
    pieces, changed = [], changes.keys() - old.keys() or b"" in changes.values()
    for column in sorted(old.keys() | changes.keys()):
        if column in changes:
            pieces.append(changes[column])
        else:
            pieces.append(_explicit(row, old[column]) if changed else row.text[old[column].start : old[column].end])
    tag = opening[0]
    if changed:
        tag = with_attributes(tag, {"spans": None})
    if tag.endswith(b"/>"):
        tag = tag[:-2].rstrip() + b">"
    behind = max((cell.end for cell in old.values()), default=len(opening[0]))
    rest = row.text[behind:] if behind < len(row.text) else b"</" + prefix + b"row>"
    return tag + b"".join(pieces) + rest


def row_element(number: int, cells: Mapping[int, bytes], prefix: bytes) -> bytes:
    """Return a new row of cell elements by column."""
    inside = b"".join(cells[column] for column in sorted(cells))
    return b'<%brow r="%d">%b</%brow>' % (prefix, number, inside, prefix)


@lru_cache(maxsize=4096)
def column_letters(number: int) -> str:
    """``28`` → ``AB``."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@lru_cache(maxsize=4096)
def column_number(letters: str) -> int:
    """``AB`` → ``28``."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _careful_end(grammar: _Grammar, buffer: bytes, start: int) -> int:
    """Where a row ends that holds comments or CDATA sections; -1 if one of them, or the row, isn't whole yet."""
    for match in grammar.careful.finditer(buffer, start):
        if match[0] in {b"<!", b"<?"}:
            return -1
        if match[0].startswith(grammar.close):
            return match.end()
    return -1


def _explicit(row: Row, cell: RawCell) -> bytes:
    text = row.text[cell.start : cell.end]
    if cell.explicit:
        return text
    return with_attributes(cell.tag, {"r": f"{column_letters(cell.column)}{row.number}"}) + text[len(cell.tag) :]


_SHEET_DATA: Final = re.compile(rb"<([A-Za-z_][\w.\-]*:)?sheetData(?=[\s/>])" + IN_TAG + rb">")


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Patterns of one namespace prefix."""

    next: re.Pattern[bytes]  # 1: a row's start tag, 2: the end of sheetData
    row: re.Pattern[bytes]
    cell: re.Pattern[bytes]
    careful: re.Pattern[bytes]
    close: bytes
    cell_close: re.Pattern[bytes]


@cache
def _grammar(prefix: bytes) -> _Grammar:
    p = re.escape(prefix)
    row = rb"<" + p + rb"row(?=[\s/>])" + IN_TAG + rb">"
    return _Grammar(
        next=re.compile(rb"(?:\s|" + _MISC + rb")*+(?:(" + row + rb")|(</" + p + rb"sheetData\s*>))", re.DOTALL),
        row=re.compile(row),
        cell=re.compile(rb"<" + p + rb"c(?=[\s/>])" + IN_TAG + rb">"),
        careful=re.compile(_MISC + rb"|</" + p + rb"row\s*>|<!|<\?", re.DOTALL),
        close=b"</" + prefix + b"row",
        cell_close=re.compile(rb"</" + p + rb"c\s*>"),
    )
