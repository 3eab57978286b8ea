"""The write-ahead log: what a process was told, before it reaches the sheet.

One file per process and folder, ``<host>-<random>.jsonl``: append-only, one JSON line per event, written by one
`os.write`. Events carry absolute cell values, never increments, so applying one twice equals once; they are
ordered by stamp (epoch, seq), never by a clock.

Invariants:

- The writer knows the length of its file that is good. After a write that failed or came short it cuts the file
  back to that length; where even that fails it starts a new file. So a line that was acknowledged is never glued
  to the rest of one that was not.
- After a failed fsync nothing is known of the file's pages (the kernel may have dropped them and reported so only
  once), so every event that is not known to be safe is written again, to a new file.
- A file that has another length than its writer knows, or is no longer under its name, is somebody else's now: what is
  not known to be in a sheet is written to a new one. So it is where the lock's file is no longer the one that is held:
  others can't see then that the writer lives.
- An event is kept in memory until it is known to be in a sheet that was fsynced (`settle`). Where the file
  vanished (somebody deleted the files folder), the kept events are written anew.
- Where no folder can be written, events stay in memory; each later call tries again, and what is left
  at exit goes to stderr as JSON lines.

After a crash of the process: every line whose `append` returned is in the page cache, thus on disk. After power loss:
every line up to the last `sync` that returned, and the file's name with it (its folder is fsynced when the
file is made durable the first time, the folders above it when they are made). A row that is in the sheet when its call
returns needs no `sync`: whoever wrote the sheet has fsynced it, before the checkpoint's state said so. A torn last line
is ignored by the reader, a damaged one in the middle is skipped and said once.

Liveness: the writer holds an OS lock on ``<journal>.lock`` (never on the journal: reading must not need it), taken
before the journal is visible under its name. A free lock means a dead writer, without trusting process ids. A
forked child opens a journal of its own.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from experiment_sheet import locks, notices
from experiment_sheet.columns import RunId
from experiment_sheet.events import Event, decode, encode
from experiment_sheet.files import Files, fsync_folder, prepare
from experiment_sheet.jsonl import whole_lines
from experiment_sheet.machine import host_name, machine_id

if TYPE_CHECKING:
    from filelock import BaseFileLock

SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and the offset just behind its line."""

    event: Event
    end: int


_FEW: Final = 32


def read(path: Path, offset: int = 0) -> tuple[list[Entry], int]:
    """Read the whole lines behind `offset`; answer their events and the offset behind the last of them."""
    return _read(path, offset, ())


def read_of(path: Path, runs: Collection[RunId]) -> list[Event]:
    """Read the events of some runs. Lines that can't be of them are not even decoded, which is most of the work."""
    wanted = frozenset(runs)
    return [entry.event for entry in _read(path, 0, needles_of(wanted))[0] if entry.event.run in wanted]


def needles_of(runs: Collection[RunId]) -> list[bytes]:
    """Texts by which to find the lines that may tell of some runs; none, where it is cheaper to decode every line."""
    return [json.dumps(run)[1:-1].encode("ascii") for run in runs] if len(runs) <= _FEW else []


def _read(path: Path, offset: int, needles: Collection[bytes]) -> tuple[list[Entry], int]:
    entries, end = [], offset
    with open(path, "rb") as file:
        file.seek(offset)
        for line, count in whole_lines(file):
            end = offset + count
            if needles and line is not None and not any(needle in line for needle in needles):
                continue
            try:
                event = decode(line, path.name)
            except ValueError:
                notices.say("damaged line", str(path), f"{path}: the line before byte {end} is damaged and was skipped")
                continue
            if event is not None:
                entries.append(Entry(event, end))
    return entries, end


def journals_in(folder: Path) -> list[Path]:
    """Every journal in a folder, in the order of their names."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def lock_of(journal: Path) -> Path:
    """The file whose lock the writer of a journal holds while it lives."""
    return journal.with_name(f"{journal.name}.lock")


_Key = tuple[str, RunId]  # sheet and run


@dataclass(slots=True)
class _Line:
    """An event that is not known to be in a sheet; `end` is None until it is in the open file."""

    event: Event
    text: bytes
    end: int | None = None


@dataclass(slots=True)
class _OpenFile:
    path: Path
    fd: int
    lock: BaseFileLock
    length: int
    held: tuple[int, int]  # device and inode of the lock's file
    first: int = 0  # length of the first line, which is no event
    synced: int = 0  # length at the last fsync that succeeded
    named: bool = False  # the folder was fsynced since the file was made

    def is_still_there(self) -> bool:
        try:
            there, ours, lock = self.path.stat(), os.fstat(self.fd), lock_of(self.path).stat()
        except OSError:
            return False
        same = (lock.st_dev, lock.st_ino) == self.held and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
        return same and ours.st_size == self.length  # else somebody else wrote into it, and what comes next is glued


@dataclass(slots=True)
class Journal:
    """The journal of this process for one sheet's folders. Safe to use from many threads."""

    files: Files
    _lines: list[_Line] = field(default_factory=list)
    _file: _OpenFile | None = None
    _seq: int = 0
    _settled: dict[_Key, Event] = field(default_factory=dict)  # what the sheet has of runs that go on
    _later: dict[_Key, int] = field(default_factory=dict)  # epochs by which their events are later than they know
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def path(self) -> Path | None:
        """The file that is written to; None while there is none."""
        return self._file.path if self._file else None

    @property
    def is_blank(self) -> bool:
        """Whether this process has nothing to tell, and never had."""
        return self._file is None and not self._lines and not self._settled

    def append(self, events: Sequence[Event]) -> None:
        """Write events, giving them their seq. Raises OSError if they reached memory only; they are not lost then."""
        with self._lock:
            self._reopen_if_gone()
            for event in events:
                self._seq += 1
                epoch = event.epoch + self._later.get((event.sheet, event.run), 0)
                numbered = replace(event, seq=self._seq, epoch=epoch)
                self._lines.append(_Line(numbered, encode(numbered)))
            self._write_lines()

    def sync(self) -> None:
        """Make every event durable that is not yet in a sheet. Raises OSError where that can't be done."""
        with self._lock:
            self._reopen_if_gone()
            self._write_lines()
            if self._file is None or self._file.synced == self._file.length:
                return
            try:
                _fsync(self._file)
            except OSError:
                self._abandon()
                self._write_lines()
                if self._file is not None:
                    _fsync(self._file)

    def renew(self) -> None:
        """Where somebody deleted the file, write anew what is not known to be in a sheet. Raises OSError."""
        with self._lock:
            self._reopen_if_gone()
            self._write_lines()

    def settle(self, journal: str, offset: int, *, target: str | None = None) -> None:
        """Forget the events before `offset` of `journal`: they are in a sheet that was fsynced, of this target."""
        with self._lock:
            if self._file is not None and self._file.path.name == journal:
                settled = [line for line in self._lines if line.end is not None and line.end <= offset]
                self._drop([line for line in settled if target is None or line.event.is_of(target)])

    def settle_unwritten(self, count: int, *, target: str) -> None:
        """Forget the first `count` events of a target that are in no file: they were applied from memory."""
        with self._lock:
            self._drop([line for line in self._lines if line.end is None and line.event.is_of(target)][:count])

    def tells_of(self, sheet: str, run: RunId) -> bool:
        """Whether a run is this process's own, and goes on or has news that wait."""
        with self._lock:
            return (sheet, run) in self._settled or any((e.sheet, e.run) == (sheet, run) for e in self._events())

    def _events(self) -> Iterator[Event]:
        return (line.event for line in self._lines)

    def unwritten(self) -> list[Event]:
        """Events that are in no file, because none could be written."""
        with self._lock:
            return [line.event for line in self._lines if line.end is None]

    def entries(self, start: int) -> tuple[list[Entry], int] | None:
        """What `read` of the open file would answer, from memory; None if not all of it is in memory."""
        with self._lock:
            lines = [line for line in self._lines if line.end is not None and line.end > start]
            file = self._file
            if file is None or max(start, file.first) + sum(len(line.text) for line in lines) != file.length:
                return None
            name = file.path.name
            return [Entry(replace(line.event, journal=name), cast("int", line.end)) for line in lines], file.length

    def print_unwritten(self) -> None:
        """Print to stderr, one JSON line each, the events that no file took. The last resort, at exit."""
        with self._lock:
            for line in self._lines:
                if line.end is None:
                    sys.stderr.write(line.text.decode("ascii"))

    def move(self, files: Files) -> None:
        """Go on in other folders, with every event that is not known to be in a sheet."""
        with self._lock:
            self._abandon()
            self.files = files

    def forget_file(self) -> None:
        """Let go of the file without touching it: it is the parent's, and this is a forked child."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file.fd)
        self._file, self._lines, self._settled, self._lock = None, [], {}, threading.RLock()

    def _write_lines(self) -> None:
        waiting = [line for line in self._lines if line.end is None]
        if not waiting:
            return
        if self._file is None:
            self._file = _open_first(self.files)
        file = self._file
        text = b"".join(line.text for line in waiting)
        try:
            written = os.write(file.fd, text)
            if written != len(text):
                raise OSError(f"{file.path} took {written} of {len(text)} bytes: is the disk full?")
        except OSError:
            self._cut_back()
            if not self._go_elsewhere(file.path.parent):
                raise
            self._write_lines()
            return
        for line in waiting:
            file.length += len(line.text)
            line.end = file.length

    def _go_elsewhere(self, full: Path) -> bool:
        """Begin a journal in a later folder than one that takes nothing more; False if there is none."""
        folders = self.files.journals
        for folder in folders[folders.index(full) + 1 :]:
            with suppress(OSError):
                file = _open(folder, self.files.sheet)
                self._abandon()
                self._file = file
                return True
        return False

    def _reopen_if_gone(self) -> None:
        """Somebody deleted the files folder: what is not yet in the sheet has to be written anew."""
        if self._file is not None and not self._file.is_still_there():
            self._abandon()

    def _drop(self, lines: Sequence[_Line]) -> None:
        """Forget lines; of runs that go on remember what they said."""
        dropped = set(map(id, lines))
        self._lines = [line for line in self._lines if id(line) not in dropped]
        for line in lines:
            event, key = line.event, (line.event.sheet, line.event.run)
            if event.kind == "end":
                self._settled.pop(key, None)
            elif event.kind == "start" or key in self._settled:
                before = self._settled.get(key, event)
                self._settled[key] = replace(event, kind="start", cells={**before.cells, **event.cells})

    def _retell(self) -> None:
        """Say again what the sheet has of the runs that go on, for nobody else may remember what in it is ours.

        Two epochs later, because whoever took this process for dead, and archived its file, said so one later.
        """
        self._later |= {key: self._later.get(key, 0) + 2 for key in self._settled}
        self._settled = {key: replace(event, epoch=event.epoch + 2) for key, event in self._settled.items()}
        told = [_Line(event, encode(event)) for event in self._settled.values()]
        for line in self._lines:
            if (line.event.sheet, line.event.run) in self._settled:
                line.event = replace(line.event, epoch=line.event.epoch + 2)
                line.text = encode(line.event)
        self._lines = told + self._lines

    def _cut_back(self) -> None:
        file = self._file
        assert file is not None
        try:
            os.ftruncate(file.fd, file.length)
        except OSError:
            self._abandon()

    def _abandon(self) -> None:
        """Start a new file with the next write, holding every event that is not known to be in a sheet."""
        if self._file is not None:
            _close(self._file)
        self._file = None
        for line in self._lines:
            line.end = None
        self._retell()


def _fsync(file: _OpenFile) -> None:
    os.fsync(file.fd)
    file.synced = file.length
    if not file.named:
        fsync_folder(file.path.parent)
        file.named = True


def _open_first(files: Files) -> _OpenFile:
    """Open a journal in the first folder that takes one."""
    errors: list[OSError] = []
    for folder in files.journals:
        try:
            return _open(folder, files.sheet)
        except OSError as error:
            errors.append(error)
    reasons = "; ".join(map(str, errors))
    raise OSError(f"no journal of {files.sheet} can be written ({reasons}); its events stay in memory")


def _open(folder: Path, sheet: str) -> _OpenFile:
    prepare(folder, sheet)
    host = re.sub(r"[^A-Za-z0-9-]+", "-", host_name()).strip("-")[:40] or "host"
    path = folder / f"{host}-{os.urandom(6).hex()}{SUFFIX}"
    lock = locks.take(lock_of(path))
    if lock is None:
        raise OSError(f"{lock_of(path)} is held by another process")
    try:
        found = lock_of(path).stat()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    except OSError:
        lock.release()
        raise
    file = _OpenFile(path, fd, lock, 0, (found.st_dev, found.st_ino))
    first = {"journal": 1, "machine": machine_id(), "host": host_name(), "pid": os.getpid()}
    line = json.dumps(first).encode("ascii") + b"\n"
    try:
        if os.write(fd, line) != len(line):
            raise OSError(f"{path} could not be begun: is the disk full?")
    except OSError:
        _close(file)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    file.length = file.first = len(line)
    return file


def _close(file: _OpenFile) -> None:
    """Let go of a file; whatever its file system says now, nothing hangs on it any more."""
    with suppress(OSError):
        os.close(file.fd)
    with suppress(OSError):
        file.lock.release()
