"""The text of a CSV: records, fields and cells, such that what is not changed stays byte for byte.

Pure. A file is decoded once, cut into records (each with its line end), and only the fields that change are
written again, in the dialect that the file has. Invariants:

- ``"".join(records(text)) == text``, whatever the text.
- A field that begins with a quote ends at the closing one; a quote elsewhere is a character like others. So do
  Python's csv module, Excel and LibreOffice read it.
- `cell_of(dialect.field(cell))` is the cell, save what the format can't tell apart: text that is spelled exactly
  like another type's value (``7``, ``NaN``, ``2026-01-02``), a link (its address), text over 32,767 UTF-16 units (cut,
  with a mark, because Excel spreads more than that over the cells that follow), and empty text, the empty cell.
- Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection": ``= + - @``,
  tab, carriage return, line feed first), and so does text that already begins like guarded text: nothing is
  ambiguous. Numbers are no text: -5 stays -5.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from experiment_sheet.values import CELL_LIMIT, Cell, clean, cut, from_text, to_text

Quoting = Literal["minimal", "all", "text"]

DELIMITERS: Final = (",", ";", "\t", "|")
_BOMS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ERRORS: Final = {"cp1252": "surrogateescape", "utf-16-le": "surrogatepass", "utf-16-be": "surrogatepass"}
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r\n]")
_RISKY: Final = re.compile(r"'*[=+\-@\t\r\n]")
_LINE_ENDS: Final = re.compile(r"(?:\r\n|\n|\r)\Z")
_CLOSED: Final = re.compile(r'"(?:[^"]++|"")*+"')
_QUOTED: Final = re.compile(r'"((?:[^"]++|"")*+)"?(.*)', re.DOTALL)
_SEP: Final = re.compile(r'"?sep=(.)"?(?:\r\n|\n|\r)', re.IGNORECASE)
_SAMPLE: Final = 30  # records that are looked at to learn the dialect


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    newline: str = "\n"
    quoting: Quoting = "minimal"

    def encode(self, text: str) -> bytes:
        """Return the text's bytes; what was decoded by `decode` comes out as it was."""
        return text.encode(self.encoding, _ERRORS.get(self.encoding, "strict"))

    def decode(self, raw: bytes) -> str:
        """Return the text of a part of the file that begins and ends between characters."""
        return raw.decode(self.encoding, _ERRORS.get(self.encoding, "strict"))

    def field(self, cell: Cell) -> str:
        """Write a cell as a field."""
        text = to_text(cell)
        if isinstance(cell, str):
            risky = _RISKY.match(text) is not None
            text = "'" * risky + cut(text, CELL_LIMIT - risky)
        if self.encoding == "cp1252":  # what it can't hold is spelled out: é stays é, 🦜 is \U0001f99c
            text = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        needed = any(sign in text for sign in (self.delimiter, '"', "\r", "\n"))
        if needed or self.quoting == "all" or (self.quoting == "text" and (cell is None or isinstance(cell, str))):
            return '"' + text.replace('"', '""') + '"'
        return text

    def holds(self, cell: Cell) -> bool:
        """Whether the file's encoding has every sign of a cell; else `field` spells some of them out."""
        try:
            if self.encoding == "cp1252" and isinstance(cell, str):
                cell.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def line(self, fields: Iterable[str], end: str | None = None) -> str:
        """Put fields together to a record."""
        return self.delimiter.join(fields) + (self.newline if end is None else end)


def decode(raw: bytes) -> tuple[str, bytes, str]:
    """Return text, byte-order mark and encoding: UTF-8, UTF-16, else Windows-1252.

    Bytes of a character that was cut off at the very end are dropped, so the text may be shorter than the file.
    """
    mark = next((mark for mark in _BOMS if raw.startswith(mark)), b"")
    encoding = _BOMS.get(mark) or _unmarked(raw[:100])
    body = raw[len(mark) :]
    if encoding != "utf-8":
        return body[: len(body) // 2 * 2].decode(encoding, "surrogatepass"), mark, encoding
    try:
        return body.decode(), mark, encoding
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start >= len(body) - 3:
            return body[: error.start].decode(), mark, encoding
    return body.decode("cp1252", "surrogateescape"), mark, "cp1252"


def _unmarked(head: bytes) -> str:
    """Return the encoding of a file without byte-order mark: UTF-16 if every second byte is zero."""
    if len(head) > 3 and not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) > 3 and not any(head[::2]) else "utf-8"


def learn(text: str, encoding: str, default: Dialect) -> tuple[Dialect, int]:
    """Learn a file's dialect from its first records. Returns it and where the first record begins.

    A first line ``sep=;``, which Excel understands, names the delimiter and is no record.
    """
    named = _SEP.match(text)
    start = named.end() if named else 0
    head = text[start : start + 200_000]
    delimiter = named[1] if named else _delimiter(head, default.delimiter)
    sample = [record for record, _ in zip(records(head, delimiter), range(_SAMPLE), strict=False)]
    ends = [end for record in sample if (end := line_end(record, delimiter))]
    newline = ends[0] if ends else default.newline
    split = [fields(record, delimiter) for record in sample if not is_blank(record, delimiter)]
    return Dialect(encoding, delimiter, newline, _quoting(split)), start


def _delimiter(head: str, default: str) -> str:
    """Choose the delimiter by which most records have as many fields as the header, more than one."""

    def score(delimiter: str) -> tuple[int, int, bool]:
        counts = [
            len(fields(record, delimiter)) for record, _ in zip(records(head, delimiter), range(_SAMPLE), strict=False)
        ]
        first = next((count for count in counts if count > 1), 1)
        return (counts.count(first) if first > 1 and counts[0] == first else 0, first, delimiter == default)

    best = max(DELIMITERS, key=score)
    return best if score(best)[0] else default


def _quoting(split: Sequence[Sequence[str]]) -> Quoting:
    head = split[0] if split else []
    if not head or not all(field.startswith('"') for field in head):
        return "minimal"
    bare = [field for record in split[1:] for field in record if not field.startswith('"')]
    if not bare:
        return "all"
    return "text" if all(field and not isinstance(from_text(field), str) for field in bare) else "minimal"


@cache
def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a field and of a record. Possessive, so that no text makes them slow."""
    d = re.escape(delimiter)
    field = rf'(?:"(?:[^"]++|"")*+(?:"[^{d}\r\n]*+|\Z)|[^"{d}\r\n][^{d}\r\n]*+)?+'
    return re.compile(field), re.compile(rf"{field}(?:{d}{field})*+(?:\r\n|\n|\r|\Z)")


def records(text: str, delimiter: str, start: int = 0) -> Iterator[str]:
    """Cut a text into records, each with its line end; the last may lack one."""
    for found in _patterns(delimiter)[1].finditer(text, start):
        if record := found[0]:
            yield record


def fields(record: str, delimiter: str) -> list[str]:
    """Cut a record into fields as they are written, without its line end."""
    if '"' not in record:
        return record.rstrip("\r\n").split(delimiter)
    pattern, place, found = _patterns(delimiter)[0], 0, []
    while field := pattern.match(record, place):
        found.append(field[0])
        place = field.end()
        if record[place : place + 1] != delimiter:
            break
        place += 1
    return found


def line_end(record: str, delimiter: str) -> str:
    """Return a record's line end, empty if it has none."""
    found = _LINE_ENDS.search(record)
    return "" if found is None or is_open(record, delimiter) else found[0]


def is_open(record: str, delimiter: str) -> bool:
    """Whether a record ends inside quotes; only the last one of a text can."""
    last = fields(record, delimiter)[-1] if '"' in record else ""
    return last.startswith('"') and not _CLOSED.match(last)


def is_blank(record: str, delimiter: str) -> bool:
    """Whether nothing is written in a record."""
    return not record.strip(f"\r\n{delimiter}") or not any(plain(field) for field in fields(record, delimiter))


def plain(field: str) -> str:
    """Return a field's text without its quotes."""
    if not field.startswith('"'):
        return field
    found = _QUOTED.fullmatch(field)
    return found[1].replace('""', '"') + found[2] if found else field


def cell_of(field: str) -> Cell:
    """Read a field: text that was guarded is text, else the value that would be written so, else text."""
    text = plain(field) if field[:1] == '"' else field
    if not text:
        return None
    if text[0] == "'" and _GUARDED.match(text):
        return clean(text[1:])
    cell = from_text(text)
    return clean(cell) if isinstance(cell, str) else cell
