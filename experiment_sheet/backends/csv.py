"""Sheets in .csv and .tsv files.

A row that is only added costs one `os.write` of one line at the end, and fsync; if `since` still names the
file, nothing but the header is read. A new column or a changed cell costs one rewrite: new bytes beside
the file, fsync, the file proven to be still what was read, `os.replace`. Nothing is kept beside the file.

- A new file is UTF-8 with a byte-order mark, because Excel takes one without it for Windows-1252. Of a file that
  exists encoding, delimiter, line ends and quoting are kept, and so is every line that need not change.
- After a crash the file is as before or as after, or, if the power went while a line was added, ends in a part of that
  line. Such a tail is dropped by the next write if it agrees with a row that is to be added, because the journal
  brings the row again. A last line without line end that says something else is a person's: it gets one.
- What the encoding of a file can't hold (Windows-1252 has no λ) is spelled out, \\u03bb, and reported.
- A CSV has nothing but headers, so identity is in their text, helped by `known`; a mark can't be kept.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from experiment_sheet.backends import disk
from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.csv_file import CsvFile
from experiment_sheet.backends.csv_text import Dialect, cell_of, is_open, line_end
from experiment_sheet.backends.headers import labels, owned, stand
from experiment_sheet.backends.rows import Found, Plan, first_columns, named, plan
from experiment_sheet.columns import RUN_ID, Column, RunId, identify
from experiment_sheet.errors import IllegalTab, SheetChanged, SheetError, SheetMissing
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.ooxml.replacement import sweep

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Token:
    """What a write leaves for the next one: which state the file is in, how it is written, where its header is."""

    stamp: disk.Stamp
    start: int  # bytes before the header
    length: int  # bytes of the header
    crc: int  # of the header's bytes
    dialect: Dialect

    def __str__(self) -> str:
        d = self.dialect
        return json.dumps(
            [self.stamp, self.start, self.length, self.crc, [d.encoding, d.delimiter, d.newline, d.quoting]]
        )

    @staticmethod
    def parse(text: str | None) -> Token | None:
        """Read a token; None if it is none of ours."""
        try:
            (size, time, inode), start, length, crc, dialect = json.loads(text or "null")
            return Token((size, time, inode), start, length, crc, Dialect(*dialect))
        except (TypeError, ValueError):
            return None


class CsvBackend(Backend):
    """Stores a sheet in a .csv or .tsv file."""

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        super().__init__(target, look=look)
        self._path = Path(target.path)
        self._default = Dialect(delimiter="\t" if self._path.suffix.lower() == ".tsv" else ",")
        self._seen: disk.Stamp | None = None
        if target.tab:
            raise IllegalTab(f"{self._path} can't have a tab {target.tab!r}: a CSV has none. Name the file alone.")

    def read(self) -> Table:
        """Read every row; a cell has another type than text only if it is spelled exactly as it would be written."""
        file, self._seen = self._load()
        columns = identify(file.headers, self.known)
        rows = []
        for number in file.rows():
            if not file.blank(file.records[number]):
                cells = [cell_of(field) for field in file.fields(number)]
                rows.append(cells + [None] * (file.width - len(cells)))
        return Table(columns, file.headers, rows)

    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,  # noqa: ARG002 - a CSV has no place for it
        since: str | None = None,
    ) -> Written:
        """Add lines at the end if that is all there is to do, else rewrite the file."""
        now = disk.stamp(self._path)
        if self._seen is not None and now != self._seen:
            self._seen = None
            raise disk.changed(self._path)
        if now is None:
            return self._create(rows, new)
        sweep(self._path)
        token = Token.parse(since)
        if token and token.stamp == now and set(rows) <= set(new):
            written = self._append_unread(rows, token)
            if written:
                return written
        return self._edit(rows, new=new, last=last)

    def mark(self) -> Mark | None:
        """Return None: a CSV can't keep a mark. From here on a person's save is noticed."""
        self._seen = disk.stamp(self._path)
        return None

    def is_as_left(self, token: str) -> bool:
        """Tell by size, time and inode."""
        left = Token.parse(token)
        return left is not None and disk.stamp(self._path) == left.stamp

    def close(self) -> None:
        """Forget which state of the file was seen."""
        self._seen = None

    def create(self) -> None:
        """Make the file with nothing but the headers of the look."""
        if self._path.exists():
            raise SheetChanged(f"{self._path} is there already; it was left as it is. Name another file.")
        head = self._default.line(map(self._default.field, labels(first_columns({}, self.look), (), {})))
        disk.create(self._path, CsvFile(self._path, self._default, [head], before=_BOM).encode())

    def _load(self) -> tuple[CsvFile, disk.Stamp]:
        raw, seen = disk.contents(self._path)
        return CsvFile.of(self._path, raw, self._default), seen

    def _create(self, rows: Mapping[RunId, Row], new: Collection[RunId]) -> Written:
        fresh = set(new)
        wanted = {run: row for run, row in rows.items() if run in fresh}
        if not wanted:
            raise SheetMissing(f"There is no sheet {self._path}; log a run to make it.")
        given = labels(first_columns(wanted, self.look), (), {})
        head = self._default.line(map(self._default.field, given))
        file = CsvFile(self._path, self._default, [head], before=_BOM)
        places = {column: place for place, column in enumerate(given.values())}
        todo = plan(rows, Found(places, {}, lambda *_: None), new=new)
        file.records += _lines(todo, places, file)
        self._seen = disk.create(self._path, file.encode())
        return todo.written(known=owned(given), token=self._token(file, self._seen))

    def _append_unread(self, rows: Mapping[RunId, Row], token: Token) -> Written | None:
        """Append to a file that is still as our last write left it, without reading more than the header."""
        raw = disk.part(self._path, token.start, token.length)
        if zlib.crc32(raw) != token.crc:
            return None
        file = CsvFile(self._path, token.dialect, [token.dialect.decode(raw)])
        places, known = stand(named(rows), file.headers, self.known)
        todo = plan(rows, Found(places, {}, lambda *_: None), new=[*rows])
        if todo.columns:
            return None
        added = "".join(_lines(todo, places, file))
        self._seen = self._append(added, token.dialect, token.stamp)
        written = todo.written(known=known, token=str(replace(token, stamp=self._seen)))
        return _with_spelled(written, rows, token.dialect)

    def _edit(self, rows: Mapping[RunId, Row], *, new: Collection[RunId], last: Last | None) -> Written:
        file, seen = self._load()
        places, known = stand(named(rows), file.headers, self.known)
        if (torn := _is_torn(file, places, rows, new)) or file.torn:
            file.records[len(file.records) - torn :] = []
        todo = plan(rows, self._found(file, places, rows), new=new, last=last)
        rewrite = bool(torn or file.torn or todo.columns or todo.updates)
        given = labels(todo.columns, file.headers, known)
        places = {**places, **{column: file.width + place for place, column in enumerate(todo.columns)}}
        if given:
            file.widen([*given])
        for number, cells in todo.updates.items():
            file.set_fields(number, {places[column]: file.dialect.field(cell) for column, cell in cells.items()})
        added = (file.end_last_line() if todo.appends else "") + "".join(lines := _lines(todo, places, file))
        if rewrite:
            file.records += lines
            self._seen = disk.replace(self._path, file.encode(), seen)
        else:
            self._seen = self._append(added, file.dialect, seen) if added else seen
        written = todo.written(known={**known, **owned(given)}, token=self._token(file, self._seen))
        return _with_spelled(written, rows, file.dialect)

    def _found(self, file: CsvFile, places: Mapping[Column, int], rows: Collection[RunId]) -> Found:
        ids = file.places(rows, places[RUN_ID]) if RUN_ID in places else {}
        return Found(
            columns=places,
            rows=ids,
            cell=lambda number, column: file.cell(number, places[column]),
            stored=lambda value: cell_of(file.dialect.field(value)),
        )

    def _append(self, text: str, dialect: Dialect, seen: disk.Stamp) -> disk.Stamp:
        """Add lines in one write; if the disk takes only a part of them, take it back."""
        data = dialect.encode(text)
        with disk.opened(self._path, append=True) as descriptor:
            disk.check_writable(self._path)
            if disk.stamp_of(os.fstat(descriptor)) != seen or disk.stamp(self._path) != seen:
                raise disk.changed(self._path)
            try:
                whole = os.write(descriptor, data) == len(data)
            except OSError:
                os.ftruncate(descriptor, seen[0])
                raise
            if not whole:
                os.ftruncate(descriptor, seen[0])
                raise SheetError(
                    f"{self._path} could not be written: the disk is full. Make room, and the rows arrive."
                )
            os.fsync(descriptor)
            written = disk.stamp_of(os.fstat(descriptor))
        # A program that saves by rename may have put another file here since the look above: ours is then gone.
        if disk.stamp(self._path) != written:
            raise disk.changed(self._path)
        return written

    @staticmethod
    def _token(file: CsvFile, seen: disk.Stamp) -> str | None:
        if not line_end(file.records[-1], file.dialect.delimiter):
            return None  # who appends has to give the last line an end first
        start = len(file.before) + len(file.dialect.encode("".join(file.records[: file.head])))
        head = file.dialect.encode(file.records[file.head])
        return str(Token(seen, start, len(head), zlib.crc32(head), file.dialect))


def _lines(todo: Plan, places: Mapping[Column, int], file: CsvFile) -> list[str]:
    """Write the lines of the rows to be added, each as long as the header."""
    lines = []
    for cells in todo.appends.values():
        fields = [file.dialect.field(None)] * file.width
        for column, cell in cells.items():
            fields[places[column]] = file.dialect.field(cell)
        lines.append(file.dialect.line(fields))
    return lines


def _with_spelled(written: Written, rows: Mapping[RunId, Row], dialect: Dialect) -> Written:
    """Report the cells in which signs were spelled out that the file's encoding lacks."""
    if dialect.encoding != "cp1252":
        return written
    odd = {run: [column for column, cell in row.items() if not dialect.holds(cell)] for run, row in rows.items()}
    gone = {*written.missing}
    return replace(written, spelled={run: columns for run, columns in odd.items() if columns and run not in gone})


def _is_torn(file: CsvFile, places: Mapping[Column, int], rows: Mapping[RunId, Row], new: Collection[RunId]) -> bool:
    """Whether the last line is a part of one that was to be added before, and is to be added again.

    It has no line end, and is the beginning of a line that would be added now; or it has fewer fields than the
    header, and more of them agree with a new row than differ (`status` may have changed since).
    """
    tail = file.records[-1]
    delimiter = file.dialect.delimiter
    if len(file.records) - 1 <= file.head or line_end(tail, delimiter):
        return False
    split = file.fields(len(file.records) - 1)
    whole = len(split) >= len(file.headers) and not is_open(tail, delimiter)
    for run in new:
        row = {**rows.get(run, {}), RUN_ID: run}
        wanted = [""] * len(file.headers)
        for column, place in places.items():
            wanted[place] = file.dialect.field(row.get(column))
        if file.dialect.line(wanted).startswith(tail):
            return True
        pairs = [(a, b) for a, b in zip(split[:-1], wanted, strict=False) if a or b]
        if not whole and sum(a == b for a, b in pairs) * 2 > len(pairs):
            return True
    return False
