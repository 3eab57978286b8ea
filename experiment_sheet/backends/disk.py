"""Files that hold a whole sheet: read and replaced so that neither a crash nor a person's save harms them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from experiment_sheet.errors import SheetBusy, SheetChanged, SheetDamaged, SheetMissing
from experiment_sheet.ooxml.replacement import Replacement, explained, name_new, sync_folder, temporary_of

Stamp = tuple[int, int, int]
"""Size, time of change in nanoseconds, inode: names one state of a file, as long as nobody forges times."""


def stamp_of(found: os.stat_result) -> Stamp:
    """Return what names the file's present state."""
    return found.st_size, found.st_mtime_ns, found.st_ino


def stamp(path: Path) -> Stamp | None:
    """Return what names the present state of the file at `path`; None if there is none."""
    with explained(path, "looked at"):
        try:
            return stamp_of(path.stat())
        except FileNotFoundError:
            return None


@contextlib.contextmanager
def opened(path: Path, *, append: bool = False) -> Iterator[int]:
    """Open a file that must be there and be a file. Yields its descriptor."""
    flags = (os.O_RDWR | os.O_APPEND) if append else os.O_RDONLY
    with explained(path, "written" if append else "read"):
        if path.is_dir():
            raise SheetDamaged(f"{path} is a folder, not a file. Rename it, or log to another name.")
        if not path.exists():
            raise SheetMissing(f"There is no sheet {path}; log a run to make it.")
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def contents(path: Path) -> tuple[bytes, Stamp]:
    """Read a file whole. Raises `SheetDamaged` if it is empty or a folder."""
    with opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        found = os.fstat(descriptor)
        raw = file.read()
    if not raw:
        raise SheetDamaged(f"{path} is empty (0 bytes). Delete it, and the next write makes it anew.")
    return raw, stamp_of(found)


def part(path: Path, start: int, length: int) -> bytes:
    """Read a part of a file."""
    with opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        file.seek(start)
        return file.read(length)


def check_writable(path: Path) -> None:
    """Raise `SheetBusy` if a person made the file read-only: a replacement would go through and undo that."""
    mode = path.stat().st_mode
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise SheetBusy(f"{path} is read-only. Allow writing to it, and the rows arrive.")


def replace(path: Path, data: bytes, seen: Stamp) -> Stamp:
    """Put new contents in the place of those that `seen` names, in one step. Returns what names them."""

    def prove() -> None:
        if stamp(path) != seen:
            raise changed(path)

    with explained(path, "written"):
        check_writable(path)
        with Replacement(path) as new:
            new.write(data)
            new.commit(path.stat(), prove=prove)
        return stamp_of(path.stat())


def create(path: Path, data: bytes) -> Stamp:
    """Make a file, and the folders above it, in one step; never over one that is there."""
    with explained(path, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_of(path)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            name_new(temporary, path)
        except FileExistsError:
            raise changed(path) from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
        return stamp_of(path.stat())


def changed(path: Path) -> SheetChanged:
    """Return the error of a file that somebody saved in between."""
    return SheetChanged(f"{path} was saved by somebody else in between. Read it again, then write.")
