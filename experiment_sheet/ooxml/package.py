"""An .xlsx file as what it is on disk: a zip of parts, read with suspicion and saved without touching what stays.

Sources: ECMA-376 Part 2 (Open Packaging Conventions), PKWARE APPNOTE.TXT 6.3.10.

What holds:
- `open` proves the directory (`zipdir`); `read`, `chunks` and `tail` prove what they give, by size and checksum.
- `save` copies every entry that isn't named, with its header, extra fields and data descriptor, as raw bytes; nothing
  of it is inflated. In the directory every entry keeps its place, and new ones come last. On disk, what stays comes
  first, then the part in our layout, then the small parts that change at every save: so all but the last kilobytes
  of the file are the same bytes at the same place from save to save, which `copy_ahead` makes use of.
  `[Content_Types].xml` stays where readers want it: first.
- After a crash, a kill or a full disk at any moment, the file is whole, as before or as after the save (`replacement`).
- A save replaces only the state that was read. Between that proof and the rename lie microseconds in which another
  program's save would be lost. RENAME_EXCHANGE (Linux) and a look afterwards would narrow that, and not close it: who
  writes in place slips through, and a kill between the two leaves a person's save under the name of a temporary file.
- Memory: `save` holds the texts it is given, one segment of 256 KB, and the directory; never an untouched part, never
  the prefix of a grown one. `read` holds the part, `chunks` a piece of it.
- Every limit below ends in `SheetDamaged` or `SheetRefused` before it is passed, with the file untouched.

A package is for one thread, and for one successful save, which closes it.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from experiment_sheet.errors import SheetChanged, SheetDamaged, SheetError, SheetRefused, UsageError
from experiment_sheet.ooxml import layout, zipdir
from experiment_sheet.ooxml.lay import (
    Change,
    Grown,
    Laid,
    Part,
    Patched,
    Tail,
    write_grown,
    write_laid,
    write_patched,
    write_plain,
)
from experiment_sheet.ooxml.replacement import Replacement, check_writable, explained
from experiment_sheet.ooxml.zipdir import Entry

__all__ = ["Grown", "Laid", "Package", "Patched", "Tail"]

LARGEST_READ = 1 << 30
"""Bytes of the largest part that `read` gives at once; 100,000 rows of 30 columns are 150 MB. Larger: `chunks`."""

LARGEST_PART = (1 << 32) - 1
"""Bytes of the largest part that is read at all, and that can be written without zip64 (APPNOTE 4.4.8)."""

RATIO = 250
"""A part of more than `RATIO_FROM` bytes that inflates to more than this many times its size is taken for a bomb.
Deflate reaches 1,032; sheets of a million equal rows reach about 100."""
RATIO_FROM = 1 << 26

_PIECE = 1 << 18
_OLE2 = bytes.fromhex("D0CF11E0A1B11AE1")  # [MS-CFB] 2.2


class Package:
    """An .xlsx file that is open for reading, and for one save."""

    def __init__(self, path: Path, file: FileIO, *, real: Path) -> None:
        self.path = path
        self._real = real
        self._file = file
        self._stat = os.fstat(file.fileno())
        self._directory = self._proven_directory()
        self._entries = {zipdir.key(entry.name): entry for entry in self._directory.entries}
        self.names: Sequence[str] = tuple(entry.name for entry in self._directory.entries)
        self.identity = _identity(self._stat, self._directory.crc)
        self._out: Replacement | None = None  # begun by `copy_ahead`
        self._tails: dict[str, Tail | None] = {}

    @classmethod
    def open(cls, path: Path) -> Package:
        """Open a file and prove its directory.

        Raises `SheetMissing`, `SheetDamaged` (no zip, empty, a folder, cut short, entries that overlap), `SheetRefused`
        (encrypted, two parts of one name, a compression that no .xlsx may use) or `SheetBusy`.
        """
        path = Path(path)
        real = Path(os.path.realpath(path))
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        if real.is_dir():  # Windows calls this a lack of permission
            raise SheetDamaged(f"{path} is a folder, not an .xlsx file. Choose another target.")
        with explained(path, "read"):
            file = FileIO(os.open(real, flags), "rb")
            try:
                return cls(path, file, real=real)
            except BaseException:
                file.close()
                raise

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, and of a replacement that was begun."""
        out, self._out = self._out, None
        if out is not None:
            out.discard()
        self._file.close()

    # --- reading ---------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether there is such a part; a leading slash, backslashes and case make no difference."""
        return zipdir.key(name) in self._entries

    def crc(self, name: str) -> int:
        """CRC-32 of a part's text, as the directory says."""
        return self._entry(name).crc

    def read(self, name: str) -> bytes:
        """Text of a part of at most `LARGEST_READ` bytes, its size and checksum proven."""
        entry = self._entry(name)
        if entry.size > LARGEST_READ:
            raise SheetRefused(
                f"{self.path}: {name!r} has {entry.size:,} bytes; more than {LARGEST_READ:,} are refused."
            )
        return b"".join(self.chunks(name))

    def chunks(self, name: str, size: int = 1 << 20) -> Iterator[bytes]:
        """Text of a part in pieces of at most `size` bytes; size and checksum are proven when the last was taken."""
        entry = self._entry(name)
        self._check_bounds(entry)
        total = checksum = 0
        for text in self._texts(entry, size):
            total += len(text)
            if total > entry.size:
                self._damaged(name, "is larger than it says")
            checksum = zlib.crc32(text, checksum)
            yield text
        if total != entry.size or checksum != entry.crc:
            self._damaged(name, "does not match its checksum")

    def tail(self, name: str) -> Tail | None:
        """The stored tail that a save of this library left, read without inflating the rest.

        None where that can't be proven: another program wrote the part, which then is to be laid anew (`Laid`).
        """
        entry = self._entry(name)
        if entry.name not in self._tails:
            self._tails[entry.name] = self._proven_tail(entry)
        return self._tails[entry.name]

    def _proven_tail(self, entry: Entry) -> Tail | None:
        prefix = layout.recorded(zipdir.extra_fields(entry.extra), whole=entry.crc, csize=entry.csize)
        if entry.method == zipdir.STORED or prefix is None:
            return None
        if not layout.fits(prefix, csize=entry.csize, size=entry.size):
            return None
        at = self._data_at(entry) + prefix.csize - layout.FLUSH_SIZE
        raw = self._read(at, entry.csize - prefix.csize + layout.FLUSH_SIZE)
        text = layout.proven(prefix, raw, whole=entry.crc)
        return None if text is None else Tail(text, prefix)

    # --- saving ----------------------------------------------------------------------------------------------

    def copy_ahead(self, name: str) -> None:
        """Begin the replacement of the file before the changes are known, if they will be at the end of this part.

        Nothing depends on it but time: `save` finds in its place what it would have to copy. Raises as `save`.
        """
        entry = self._entry(name)
        tail = self.tail(name)
        if tail is None or self._out is not None:
            return
        check_writable(self._real)
        with explained(self.path, "saved"):
            self._out = Replacement(self._real)
            self._out.copy_ahead(self._file, self._data_at(entry) + tail.prefix.csize)

    def save(self, changes: Mapping[str, Change], *, remove: Collection[str] = (), check: bool = True) -> str:
        """Replace the file by one with these parts changed, added and removed; returns the new identity.

        `check`: prove that the file still is what was read, else raise `SheetChanged`. Raises `SheetBusy` where another
        program holds it, `SheetError` where the disk is full. After any error the file is as it was.
        """
        wanted = {zipdir.key(name): (name, change) for name, change in changes.items()}
        if len(wanted) != len(changes):
            raise UsageError(f"Two changes of one part: {sorted(changes)}.")
        gone = {zipdir.key(name) for name in remove} - wanted.keys()
        check_writable(self._real)
        with explained(self.path, "saved"), self._out or Replacement(self._real) as out:
            entries = self._write_entries(out, wanted, gone)
            raw, checksum = zipdir.packed(entries, out.position, self._directory.comment)
            out.write(raw)
            now = out.commit(self._stat, prove=lambda: self._before_replacing(check=check))
        self.close()
        return _identity(now, checksum)

    def _write_entries(self, out: Replacement, wanted: Mapping[str, tuple[str, Change]], gone: set[str]) -> list[Entry]:
        """Write every entry, what changes last; they are returned in the order of the directory."""
        first = min((entry.offset for entry in self._directory.entries), default=self._directory.start)
        out.copy(self._file, 0, first)
        written: dict[str, Entry] = {}
        for key, entry in sorted(self._entries.items(), key=lambda item: (_rank(item, wanted), item[1].offset)):
            if key in gone:
                continue
            if key in wanted:
                written[key] = self._write_changed(out, entry, wanted[key][1])
            else:
                written[key] = entry if entry.offset == out.position else replace(entry, offset=out.position)
                out.copy(self._file, entry.offset, self._directory.end_of(entry) - entry.offset)
        kept = [written[key] for key in self._entries if key in written]
        added = [zipdir.new_entry(name) for key, (name, _) in wanted.items() if key not in self._entries]
        return kept + [self._write_changed(out, entry, wanted[zipdir.key(entry.name)][1]) for entry in added]

    def _write_changed(self, out: Replacement, entry: Entry, change: Change) -> Entry:
        draft = zipdir.rewritten(entry, offset=out.position)
        out.write(zipdir.local_header(draft))
        part = self._write_part(out, entry, change)
        if max(part.size, part.csize) > LARGEST_PART:
            raise SheetRefused(f"{self.path}: {entry.name!r} would pass 4 GB. Begin a new sheet.")
        made = replace(draft, crc=part.crc, csize=part.csize, size=part.size, extra=part.extra)
        out.rewrite(made.offset, zipdir.local_header(made))
        return made

    def _write_part(self, out: Replacement, entry: Entry, change: Change) -> Part:
        if isinstance(change, bytes):
            return write_plain(out, change)
        if isinstance(change, Laid):
            return write_laid(out, change)
        tail = self.tail(entry.name) if self.has(entry.name) else None
        if tail is None or (isinstance(change, Grown) and change.tail != tail):
            raise SheetChanged(f"{self.path}: {entry.name!r} is not laid as it was read. Read it again.")
        at = self._data_at(entry)
        if isinstance(change, Grown):
            return write_grown(out, self._file, at, change)
        return write_patched(out, self._file, at, change, tail)

    def proven(self) -> str:
        """Identity; raises `SheetChanged` unless the path leads to the file that was read, as it was read."""
        try:
            now = self._real.stat()
            same = _identity(now, 0) == _identity(self._stat, 0)
            same = same and zlib.crc32(self._read(self._directory.start, self._directory.size)) == self._directory.crc
        except FileNotFoundError:
            same = False
        if not same:
            raise SheetChanged(f"{self.path} was saved by another program since it was read. Read it again.")
        return self.identity

    def _before_replacing(self, *, check: bool) -> None:
        """Prove the file unchanged, and let go of it, because Windows replaces no file that is open."""
        if check:
            self.proven()
        if os.name == "nt":
            self.close()

    # --- bytes -----------------------------------------------------------------------------------------------

    def _proven_directory(self) -> zipdir.Directory:
        if not stat.S_ISREG(self._stat.st_mode):
            raise SheetDamaged(f"{self.path} is no file but a device or a pipe. Choose another target.")
        if not self._stat.st_size:
            raise SheetDamaged(f"{self.path} is empty. Delete it, or restore it from a backup.")
        if self._read_some(0, len(_OLE2)) == _OLE2:
            raise SheetRefused(
                f"{self.path} is encrypted with a password, or an old .xls file. Save it as .xlsx without a password."
            )
        return zipdir.read(self._read_some, self._stat.st_size, str(self.path))

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(zipdir.key(name))
        if entry is None:
            raise SheetDamaged(f"{self.path} has no part {name!r}. Open and save it in a spreadsheet program.")
        return entry

    def _check_bounds(self, entry: Entry) -> None:
        bomb = entry.size > max(RATIO_FROM, RATIO * entry.csize)
        if entry.size > LARGEST_PART or bomb:
            raise SheetDamaged(
                f"{self.path}: {entry.name!r} says that its {entry.csize:,} bytes inflate to {entry.size:,}. "
                "It was made to fill the memory, or is damaged."
            )

    def _texts(self, entry: Entry, size: int) -> Iterator[bytes]:
        """Pieces of the text, not yet proven; never more than `size` bytes at once."""
        raws = self._raws(entry, size if entry.method == zipdir.STORED else min(size, _PIECE))
        if entry.method == zipdir.STORED or not entry.csize:
            yield from raws
            return
        inflate = zlib.decompressobj(-15)
        try:
            for piece in raws:
                raw = piece
                while raw and not inflate.eof:
                    if text := inflate.decompress(raw, size):
                        yield text
                    raw = inflate.unconsumed_tail
            while not inflate.eof and (text := inflate.decompress(b"", size)):
                yield text
        except zlib.error:
            self._damaged(entry.name, "can't be inflated")
        if not inflate.eof or inflate.unused_data:
            self._damaged(entry.name, "is cut short, or longer than its end")

    def _raws(self, entry: Entry, size: int) -> Iterator[bytes]:
        at = self._data_at(entry)
        for start in range(0, entry.csize, size):
            yield self._read(at + start, min(size, entry.csize - start))

    def _data_at(self, entry: Entry) -> int:
        """Where the data of an entry begins; its local header must be of the same name and leave room for the data."""
        local = self._read_some(entry.offset, zipdir.LOCAL_SIZE + len(entry.raw_name))
        skip = zipdir.data_offset(local, entry)
        if skip is None or entry.offset + skip + entry.csize > self._directory.end_of(entry):
            self._damaged(entry.name, "has a wrong header")
        return entry.offset + skip

    def _read(self, start: int, length: int) -> bytes:
        data = self._read_some(start, length)
        if len(data) < length:
            raise SheetChanged(f"{self.path} became shorter while it was read. Read it again.")
        return data

    def _read_some(self, start: int, length: int) -> bytes:
        """Up to `length` bytes; fewer only at the end of the file."""
        try:
            self._file.seek(start)
            data = self._file.read(length) or b""
            while len(data) < length and (more := self._file.read(length - len(data))):
                data += more
        except SheetError:
            raise
        except OSError as error:
            raise SheetError(f"{self.path} can't be read: {error.strerror or error}.") from error
        return data

    def _damaged(self, name: str, what: str) -> NoReturn:
        """Raise `SheetDamaged`; or `SheetChanged`, if that is because somebody writes the file in place right now."""
        if _identity(os.fstat(self._file.fileno()), 0) != _identity(self._stat, 0):
            raise SheetChanged(f"{self.path} is being saved by another program. Read it again.")
        raise SheetDamaged(f"{self.path}: part {name!r} {what}. Restore the file from a backup.")


def _rank(item: tuple[str, Entry], wanted: Mapping[str, tuple[str, Change]]) -> int:
    """Where an entry is written: what stays, what is laid, what is small and changes."""
    key, entry = item
    if key not in wanted or not entry.offset:  # readers look for the first one where it is
        return 0
    return 2 if isinstance(wanted[key][1], bytes) else 1


def _identity(state: os.stat_result, directory_crc: int) -> str:
    return f"{state.st_ino:x}-{state.st_size:x}-{state.st_mtime_ns:x}-{directory_crc:08x}"
