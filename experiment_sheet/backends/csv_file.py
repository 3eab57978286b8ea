"""One CSV in memory: its records, of which only the fields that change are written again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from experiment_sheet.backends.csv_text import (
    Dialect,
    cell_of,
    decode,
    fields,
    is_blank,
    is_open,
    learn,
    line_end,
    plain,
    records,
)
from experiment_sheet.columns import RunId
from experiment_sheet.errors import SheetDamaged
from experiment_sheet.values import Cell

_FEW: Final = 8  # ids that are searched for in a record before it is cut into fields


class CsvFile:
    """A CSV as it is: its text, cut into records."""

    def __init__(
        self, path: Path, dialect: Dialect, lines: Iterable[str], *, before: bytes = b"", torn: bool = False
    ) -> None:
        self.path = path
        self.dialect = dialect
        self.before = before  # byte-order mark and a first line ``sep=;``
        self.records = list(lines)
        self.torn = torn  # bytes at the end that are no text: a part of a character, zeros
        self.head = next((number for number, record in enumerate(self.records) if not self.blank(record)), -1)
        if self.head < 0 or "\0" in self.records[self.head]:
            raise SheetDamaged(f"{path} is no CSV: its first line holds no headers. Rename it, or log to another name.")

    @classmethod
    def of(cls, path: Path, raw: bytes, default: Dialect) -> CsvFile:
        """Read a file's bytes."""
        if raw.startswith(b"PK\x03\x04"):
            raise SheetDamaged(f"{path} is no CSV but a zip or a workbook. Rename it, or log to another name.")
        wide = b"\0" in raw[:2] or raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        stripped = raw if wide else raw.rstrip(b"\0")  # zeros: a line that was lost with the power
        text, mark, encoding = decode(stripped)
        dialect, start = learn(text, encoding, default)
        before = mark + dialect.encode(text[:start])
        torn = len(mark) + len(dialect.encode(text)) < len(raw)
        return cls(path, dialect, records(text, dialect.delimiter, start), before=before, torn=torn)

    @cached_property
    def headers(self) -> list[str]:
        """What the header cells say, a blank one for every column that has none."""
        headers = [str(cell_of(field) or "") for field in self.fields(self.head)]
        return headers + [""] * (self.width - len(headers))

    @cached_property
    def width(self) -> int:
        """How many columns there are; people may have typed a row that is longer than the header."""
        head = len(self.fields(self.head))
        d = self.dialect.delimiter
        longer = [number for number, record in enumerate(self.records) if record.count(d) >= head]
        return max([head, *(len(self.fields(number)) for number in longer if not self.blank(self.records[number]))])

    def blank(self, record: str) -> bool:
        """Whether nothing is written in a record."""
        return is_blank(record, self.dialect.delimiter)

    def fields(self, number: int) -> list[str]:
        """Return the fields of a record as they are written."""
        return fields(self.records[number], self.dialect.delimiter)

    def rows(self) -> Sequence[int]:
        """Return the numbers of the records below the header, blank ones too."""
        return range(self.head + 1, len(self.records))

    def places(self, runs: Collection[RunId], column: int) -> dict[RunId, list[int]]:
        """Find the records that carry one of these ids."""
        found: dict[RunId, list[int]] = {run: [] for run in runs}
        few = [*found] if len(found) <= _FEW else []
        for number in self.rows():
            if few and not any(run in self.records[number] for run in few):
                continue  # searching is many times faster than splitting
            split = self.fields(number)
            if len(split) > column and (run := plain(split[column])) in found:
                found[run].append(number)
        return found

    def cell(self, number: int, column: int) -> Cell:
        """Read one cell; a row may be shorter than the header."""
        split = self.fields(number)
        return cell_of(split[column]) if column < len(split) else None

    def set_fields(self, number: int, cells: Mapping[int, str]) -> None:
        """Write fields of a record anew and leave the others as they are written."""
        split = self.fields(number)
        split += [self.dialect.field(None)] * (max(cells) + 1 - len(split))
        for column, field in cells.items():
            split[column] = field
        self.records[number] = self.dialect.line(split, line_end(self.records[number], self.dialect.delimiter))

    def widen(self, headers: Sequence[str]) -> None:
        """Add columns at the right: every row that is not blank gets as many fields."""
        width = self.width + len(headers)
        names = {self.width + place: self.dialect.field(header) for place, header in enumerate(headers)}
        for number in self.rows():
            if not self.blank(self.records[number]):
                missing = width - len(self.fields(number))
                end = line_end(self.records[number], self.dialect.delimiter)
                body = self.records[number].removesuffix(end)
                self.records[number] = self.dialect.line([body, *[self.dialect.field(None)] * missing], end)
        self.set_fields(self.head, names)
        del self.headers, self.width

    def end_last_line(self) -> str:
        """Give the last line an end, if it has none; returns what was added. Raises if it ends inside quotes."""
        if self.records and not line_end(self.records[-1], self.dialect.delimiter):
            if is_open(self.records[-1], self.dialect.delimiter):
                line = "".join(self.records[:-1]).count("\n") + 1
                raise SheetDamaged(
                    f"{self.path}, line {line}: a quote is opened and never closed. Close it, then the rows arrive."
                )
            self.records[-1] += self.dialect.newline
            return self.dialect.newline
        return ""

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return self.before + self.dialect.encode("".join(self.records))
