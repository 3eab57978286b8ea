"""New contents of a file, written beside it and put in its place at once, or not at all.

What holds after a crash at any moment: the target is whole, as before or as after, because only `os.replace` touches
it, after the new bytes were forced to disk. What may be left is a temporary file, named so that the next writer of the
same target knows it and removes it. Callers hold the sheet's lock, so a temporary file that is found belongs to a dead
writer; and should a live one lose its file so (a network folder where locks don't hold), its save fails and is done
again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType

from experiment_sheet.errors import SheetBusy, SheetChanged, SheetError, SheetMissing

_log = logging.getLogger("experiment_sheet")

_PIECE = 1 << 20
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
"""Seconds between tries to replace a file on Windows, 2.5 s in all: virus scanners, indexers and cloud clients hold a
file for moments; Excel holds it for hours."""
_HELD = (5, 32, 33)  # winerror: access denied, sharing violation, lock violation
_NO_KERNEL_COPY = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)

_CROWDED = 5_000
"""A folder with more entries is swept once per process: listing it would cost more than the append."""
_crowded: set[Path] = set()
_told: set[Path] = set()


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn what the operating system says into a `SheetError` that names the file and what to do."""
    try:
        yield
    except SheetError:
        raise
    except FileNotFoundError as error:
        raise SheetMissing(f"{path} is not there, or its folder is not.") from error
    except PermissionError as error:
        raise SheetBusy(
            f"{path} can't be {doing}: {error.strerror}. Close the program that holds it, or set the permissions of "
            "file and folder."
        ) from error
    except OSError as error:
        raise SheetError(f"{path} can't be {doing}: {error.strerror or error}. It is as it was.") from error


def check_writable(path: Path) -> None:
    """Raise `SheetBusy` if a person made the file read-only: a replacement would go through all the same."""
    with contextlib.suppress(FileNotFoundError):
        if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK):
            raise SheetBusy(f"{path} is read-only. Make it writable, and the rows arrive.")


class Replacement:
    """New contents of `path`. A context: what was not committed when it ends is discarded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self._ahead = 0  # up to here, from `position` on, the file holds what the old file holds at the same place
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._temporary = temporary_of(path)
        self._file = FileIO(os.open(self._temporary, flags, 0o600), "r+b")

    def __enter__(self) -> Replacement:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove what was written, unless it is in its place already."""
        if not self._file.closed:
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes | memoryview) -> None:
        """Write at the end."""
        view = memoryview(data)
        self._file.seek(self.position)
        while view:
            done = self._file.write(view)
            self.position += done
            view = view[done:]

    def rewrite(self, at: int, data: bytes) -> None:
        """Write over what was written before."""
        self._file.seek(at)
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def copy_ahead(self, source: FileIO, length: int) -> None:
        """Copy the beginning of the old file before it is known what changes in it, and let the disk begin with it.

        Most of it will stay. What does is found in its place by `copy`, and what doesn't is written over. So the disk
        works while the changes are being worked out, and the fsync at the end has little left to wait for.
        """
        self.copy(source, 0, length)
        self.position, self._ahead = 0, self.position
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(
                OSError
            ):  # begins to write back what is dirty (Linux: mm/fadvise.c), waits for nothing
                os.posix_fadvise(self._file.fileno(), 0, self._ahead, os.POSIX_FADV_DONTNEED)

    def copy(self, source: FileIO, start: int, length: int) -> None:
        """Copy bytes of the old file to the end, inside the kernel where it can."""
        done = 0
        if start == self.position < self._ahead:
            done = min(length, self._ahead - start)
            self.position += done
        done += self._kernel_copied(source, start + done, length - done)
        source.seek(start + done)
        while done < length:
            piece = source.read(min(_PIECE, length - done))
            if not piece:
                raise SheetChanged(f"{self.path} became shorter while it was read. Read it again.")
            self.write(piece)
            done += len(piece)

    def _kernel_copied(self, source: FileIO, start: int, length: int) -> int:
        """How many bytes `copy_file_range` has copied; the rest has to be read and written."""
        copied = 0
        if not hasattr(os, "copy_file_range"):
            return 0
        try:
            while copied < length:
                ends = (source.fileno(), self._file.fileno())
                done = os.copy_file_range(*ends, length - copied, start + copied, self.position)
                if not done:
                    break
                copied += done
                self.position += done
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
        return copied

    def read(self, start: int, length: int) -> bytes:
        """Read back what was written."""
        self._file.seek(start)
        return self._file.read(length) or b""

    def commit(self, like: os.stat_result, *, prove: Callable[[], None]) -> os.stat_result:
        """Force to disk, give it mode, owner and attributes of the old file, and put it in its place.

        `prove` is called last before that; what it raises stops the replacement. Returns what names the new file.
        """
        _keep_attributes(self.path, self._file.fileno(), like)
        if self.position < self._ahead:
            self._file.truncate(self.position)
        os.fsync(self._file.fileno())
        self._file.close()
        try:
            now = self._temporary.stat()
        except FileNotFoundError as error:
            raise SheetBusy(f"{self.path} is being saved by another process that took no lock.") from error
        prove()
        put_in_place(self._temporary, self.path)
        sync_folder(self.path.parent)
        return now


def put_in_place(
    source: Path,
    target: Path,
    *,
    replace: Callable[[Path, Path], None] = os.replace,
    pauses: Sequence[float] = _PAUSES,
) -> None:
    """Rename over the target; where Windows says that another program holds it, try again for 2.5 s."""
    for pause in (*pauses, None):
        try:
            return replace(source, target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _HELD or pause is None:
                raise
            time.sleep(pause)
    return None


def name_new(temporary: Path, path: Path) -> None:
    """Give a whole file its name unless that is taken; only one of several processes succeeds. Raises FileExistsError.

    On a file system without hard links two may succeed, the later one in the earlier one's place; callers hold the
    sheet's lock. A kill leaves the whole file or none, there too.
    """
    if os.name == "nt":
        temporary.rename(path)  # fails there if the name is taken
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)


def _keep_attributes(path: Path, new: int, like: os.stat_result) -> None:
    """Owner, group, mode and extended attributes, each where permitted; none of them is worth losing a row."""
    if like.st_nlink > 1 and path not in _told:
        _told.add(path)
        _log.warning("%s has several hard links; the others keep the old contents from now on.", path)
    if not hasattr(os, "fchown"):
        return
    for owner in (like.st_uid, -1):
        with contextlib.suppress(OSError):
            os.fchown(new, owner, like.st_gid)
            break
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):
            for name in os.listxattr(path):
                with contextlib.suppress(OSError):
                    os.setxattr(new, name, os.getxattr(path, name))
    with contextlib.suppress(OSError):
        os.fchmod(new, stat.S_IMODE(like.st_mode))


def sync_folder(folder: Path) -> None:
    """Make the rename durable; Windows has no such call, and some network folders refuse it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _prefix(path: Path) -> str:
    """How temporary files of this target begin; long names are cut, and told apart by their checksum."""
    whole = os.fsencode(path.name)
    shown = path.stem if len(whole) <= 180 else path.stem[:40]
    return f".~{shown}-{zlib.crc32(whole):08x}-"


def _suffix(path: Path) -> str:
    return f"{path.suffix[:20]}.tmp"


def temporary_of(path: Path) -> Path:
    """Name a temporary file of `path`, having removed those that killed writers left."""
    sweep(path)
    return path.with_name(f"{_prefix(path)}{os.urandom(8).hex()}{_suffix(path)}")


def sweep(path: Path) -> None:
    """Remove temporary files that killed writers of `path` left."""
    if path.parent in _crowded:
        return
    leftover = re.compile(re.escape(_prefix(path)) + "[0-9a-f]{16}" + re.escape(_suffix(path)))
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [found.name for found in path.parent.iterdir()]
    if len(names) > _CROWDED:
        _crowded.add(path.parent)
    for name in filter(leftover.fullmatch, names):
        with contextlib.suppress(OSError):
            (path.parent / name).unlink()
