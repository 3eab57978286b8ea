"""Locks between processes; the only room that knows filelock.

On local disks these are the operating system's own locks (flock, LockFileEx): they are gone the
moment their process is, however it died. filelock replaces them by lock files where a file system has none.
Needs filelock 4.2: 3.x truncated the file it locked, and a forked child's exit freed its parent's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiment_sheet.errors import SheetBusy

if TYPE_CHECKING:
    from filelock import BaseFileLock

_POLL = 0.01  # seconds between two looks at a lock that is held


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


@contextmanager
def holding(path: Path, *, wait: float, done: Callable[[], bool]) -> Iterator[bool]:
    """Hold the lock; yield False instead, without it, once `done` says that somebody else did the work.

    Raises `SheetBusy` after `wait` seconds.
    """
    from filelock import FileLock, Timeout

    covered = False

    def cancel() -> bool:
        nonlocal covered
        covered = done()
        return covered

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=wait, poll_interval=_POLL, cancel_check=cancel)
    except Timeout:
        if covered:
            yield False
            return
        raise SheetBusy(f"{path} has been held by another process for {wait:g} s; rows wait in the journal") from None
    try:
        yield True
    finally:
        lock.release()
