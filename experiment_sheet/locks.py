"""Locks between processes; the only room that knows filelock.

On local disks these are the operating system's own locks (flock, LockFileEx): they are gone the
moment their process is, however it died. filelock replaces them by lock files where a file system has none.
Needs filelock 4.2: 3.x truncated the file it locked, and a forked child's exit freed its parent's lock.

On NFS ``flock`` does not exclude across clients' caches, and filelock's documentation (its table of file systems)
recommends `StrictSoftFileLock` there: claims made by hard links, never broken by age. So the sheet's lock is one where
the folder lies on NFS, and wherever such claims lie already, so that the file server itself, to which the folder is a
local one, takes the same kind. On SMB the system's own locks hold, and hard links may be missing. A claim outlives a
process that was killed; one of this host whose process is gone is removed here, another host's is for a person
(`experiment-sheet doctor --unlock`). Should two writers hold the lock all the same, no row is lost: each replaces the
sheet only if it still is what was read, and applying events twice equals once.

The lock of a journal is only ever judged on the machine that took it, so it is the system's own everywhere.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiment_sheet.errors import SheetBusy
from experiment_sheet.machine import host_name

if TYPE_CHECKING:
    from filelock import BaseFileLock

_POLL = 0.01  # seconds between the first two looks at a lock that is held
_POLL_GROWS = 1.4
_POLL_LATER = 0.15  # seconds between later ones: two hundred waiters must not take the processor from who writes
_NFS = ("nfs", "nfs4")
_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes spaces


def take(path: Path) -> BaseFileLock | None:
    """Take the lock for as long as the answer lives; None if somebody holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock: its writer is dead. A missing lock file was never held by a living one."""
    if not path.exists():
        return True
    lock = take(path)
    if lock is None:
        return False
    lock.release()
    return True


def discard(path: Path) -> None:
    """Remove the file of a lock that nobody holds; who has opened it meanwhile sees that, and makes another."""
    lock = take(path)
    if lock is not None:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that claims a lock on a network file system."""

    claim: str
    pid: int
    host: str

    def __str__(self) -> str:
        """Say it to a person."""
        return f"process {self.pid} on {self.host}"

    def is_gone(self) -> bool:
        """Whether it is known to be dead: it ran on this host, and no process has its number."""
        if self.host != host_name() or os.name == "nt":  # where signal 0 is no question
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        return False


def holders(path: Path) -> list[Holder]:
    """Who claims a lock on a network file system; nobody where it is the system's own lock."""
    if not _claims(path).is_dir():
        return []
    from filelock import StrictSoftFileLock

    with suppress(OSError):
        return [Holder(claim.name, claim.pid, claim.hostname) for claim in StrictSoftFileLock(path).claims]
    return []


def unlock(path: Path, holder: Holder) -> None:
    """Remove a claim whose process is gone. Raises OSError."""
    from filelock import StrictSoftFileLock

    with suppress(FileNotFoundError):
        StrictSoftFileLock(path).force_break(holder.claim)


def _sheet_lock(path: Path) -> BaseFileLock:
    from filelock import FileLock, StrictSoftFileLock

    if not _claims(path).exists() and _file_system_of(path.parent) not in _NFS:
        return FileLock(path, thread_local=False)
    for holder in holders(path):
        if holder.is_gone():
            unlock(path, holder)
    return StrictSoftFileLock(path, thread_local=False)


def _claims(path: Path) -> Path:
    return path.with_name(f"{path.name}.filelock")  # where filelock 4 keeps the claims of a strict lock


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Tell the type of the file system that a folder lies on (proc(5), mountinfo); None where that can't be told."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, found, longest = folder.resolve(), None, -1
    for fields, _, behind in (line.partition(" - ") for line in lines):
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields.split()[4]))
        if place.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = behind.split()[0], len(point.parts)
    return found


_file_system_of = lru_cache(file_system_of)


@contextmanager
def holding(path: Path, *, wait: float, done: Callable[[], bool]) -> Iterator[bool]:
    """Hold the lock; yield False instead, without it, once `done` says that somebody else did the work.

    Raises `SheetBusy` after `wait` seconds.
    """
    lock = _sheet_lock(path)
    deadline, pause, waited = time.monotonic() + wait, _POLL, False
    while not _is_taken(lock):
        if done():
            yield False
            return
        if time.monotonic() + pause > deadline:
            who = "; ".join(dict.fromkeys(map(str, holders(path)))) or "another process"
            raise SheetBusy(f"{path} has been held by {who} for {wait:g} s; rows wait in the journal")
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))  # so that a crowd doesn't look all at once
        pause, waited = min(_POLL_LATER, pause * _POLL_GROWS), True
    try:
        yield not (waited and done())
    finally:
        lock.release()


def _is_taken(lock: BaseFileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
