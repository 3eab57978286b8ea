"""What a file or folder holds: its size and hash, and copies of it.

Read in pieces of 1 MB, so that memory is bounded whatever the size. A file is read up to the length that it had when it
was opened, so one that grows faster than it is read has an end. Sizes are bytes, hashes BLAKE2b of 32 bytes in hex (as
``b2sum -l 256``); a folder's is that of its files' names and hashes, links to folders not followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from experiment_sheet import notices

How = Literal["copy", "hardlink", "link"]

_CHUNK: Final = 1 << 20
_SPARE_ROOM: Final = 64 << 20  # bytes a copy leaves free: the journal lives on that disk, too

Measured = tuple[int, str]
"""Size and hash."""


def put(source: Path, target: Path, how: How = "copy") -> Measured:
    """Put a file there whole, or nothing at all. Raises OSError, also for a device or pipe, and without room for it."""
    import shutil  # not needed before something is stored

    target.parent.mkdir(parents=True, exist_ok=True)
    spare = target.with_name(f".{os.urandom(6).hex()}.tmp")
    try:
        if how == "hardlink" and _is_linked(source, spare):
            measured = measure(spare)
        else:
            free = shutil.disk_usage(target.parent).free
            if source.stat().st_size > free - _SPARE_ROOM:
                raise OSError(errno.ENOSPC, "too large for what is free on the disk", str(source))
            with open(spare, "wb") as writing:
                measured = _read(source, writing.write)
        spare.replace(target)
    finally:
        spare.unlink(missing_ok=True)
    return measured


def measure(path: Path, *, but: Path | None = None) -> Measured:
    """Return size and hash of a file, or of a folder without what lies in `but`. Raises OSError."""
    return tree(path, lambda part, _: _read(part), but=but) if path.is_dir() else _read(path)


def tree(folder: Path, each: Callable[[Path, str], Measured], *, but: Path | None = None) -> Measured:
    """Return size and hash of a folder whose files `each` measures, given their path and their name in the folder.

    A file that can't be read is left out, and a message says so; a full disk raises OSError.
    """
    import hashlib

    total, digest = 0, hashlib.blake2b(digest_size=32)
    for path in files_below(folder, but=but):
        name = path.relative_to(folder).as_posix()
        try:
            size, found = each(path, name)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            notices.say("file left out", str(path), f"{path} was left out: {error}")
            continue
        total += size
        digest.update(f"{name}\0{found}\n".encode(errors="surrogateescape"))
    return total, digest.hexdigest()


def files_below(folder: Path, *, but: Path | None = None) -> Iterator[Path]:
    """Yield the regular files of a folder in the order of their names. Links to folders are not followed."""
    apart = None if but is None else but.resolve()
    for base, folders, names in os.walk(folder):
        folders.sort()
        if apart is not None and apart in (here := Path(base).resolve(), *here.parents):
            folders.clear()
            continue
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file() and not name.endswith(".tmp"):
                yield path


def _read(source: Path, write: Callable[[bytes], object] | None = None) -> Measured:
    """Hash what is read while it is copied, so that the hash is of the copy even while somebody writes."""
    import hashlib  # 3 ms, and most runs store no file

    digest, size = hashlib.blake2b(digest_size=32), 0
    if not stat.S_ISREG(source.stat().st_mode):  # opening a pipe would wait for a writer
        raise OSError(errno.EINVAL, "neither a file nor a folder", str(source))
    with open(source, "rb") as reading:
        left = os.fstat(reading.fileno()).st_size
        while left > 0 and (chunk := reading.read(min(_CHUNK, left))):
            digest.update(chunk)
            if write is not None:
                write(chunk)
            size += len(chunk)
            left -= len(chunk)
    return size, digest.hexdigest()


def _is_linked(source: Path, target: Path) -> bool:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or a file system without hard links
        return False
    return True
