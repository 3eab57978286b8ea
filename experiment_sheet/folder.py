"""The run folder: everything of one run that no cell can hold.

``<files>/<run_id>/`` holds ``plots/``, ``files/``, ``history-<random>.jsonl``, ``history.csv``, ``run.json`` and
``index.html``. It is made when something is first put into it. Every file but the histories is written whole beside its
name and then renamed, so after a crash it is as before or as after.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME_LIMIT: Final = 120  # of the 255 bytes that ext4 and NTFS allow, in characters of up to 2 bytes
_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """A copy of an artifact in the run folder."""

    name: str  # relative to the run folder, with forward slashes
    size: int  # bytes
    blake2b: str  # of the contents; of a folder, of its files' names and hashes
    type: str | None = None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run; asking for its path doesn't make it."""

    path: Path

    def make(self, *parts: str) -> Path:
        """Make the folder, or one in it. Raises OSError."""
        folder = self.path.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file whole. `name` is relative and safe already. Raises OSError."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        spare = _spare(path)
        try:
            spare.write_bytes(content.encode() if isinstance(content, str) else content)
            spare.replace(path)
        finally:
            spare.unlink(missing_ok=True)
        return path

    def store(self, source: Path, name: str | None = None, *, type: str | None = None) -> Stored:  # noqa: A002 - wandb's word
        """Copy a file or folder into ``files/``. Links within a folder are not followed. Raises OSError."""
        relative = f"files/{safe_name(name or source.absolute().name)}"
        if not source.is_dir():
            size, digest = _copy(source, self.path / relative)
            return Stored(relative, size, digest, type)
        import hashlib  # 3 ms, and most runs store no file

        total, tree = 0, hashlib.blake2b(digest_size=32)
        inside = self.path.resolve()
        for part in _files_below(source):
            if inside in (part.resolve(), *part.resolve().parents):  # the run folder lies in what is stored
                continue
            place = part.relative_to(source)
            size, digest = _copy(part, self.path / relative / place)
            total += size
            tree.update(f"{place.as_posix()}\0{digest}\n".encode(errors="surrogateescape"))
        self.make(relative)
        return Stored(relative, total, tree.hexdigest(), type)

    def listing(self, part: str) -> list[str]:
        """Names of the files in ``plots`` or ``files``, relative to the run folder, sorted."""
        base = self.path / part
        return sorted(path.relative_to(self.path).as_posix() for path in _files_below(base)) if base.is_dir() else []


def safe_name(name: str) -> str:
    """Make a file name of any text that every file system takes and that leads nowhere else.

    Rules: "Naming Files, Paths, and Namespaces", learn.microsoft.com. A name that is too long is shortened with a hash.
    """
    text = "".join(char for char in name if not 0xD800 <= ord(char) <= 0xDFFF)
    text = _ILLEGAL.sub("_", text).strip(" .") or "unnamed"
    if _DEVICES.match(text):
        text = f"_{text}"
    if len(text) > _NAME_LIMIT or len(text.encode()) > 2 * _NAME_LIMIT:
        stem, dot, suffix = text.rpartition(".")
        ending = f"-{_short_hash(name)}" + (dot + suffix if stem and len(suffix.encode()) <= 10 else "")
        text = text.encode()[: _NAME_LIMIT - len(ending.encode())].decode(errors="ignore").rstrip(" .") + ending
    return text


def distinct_name(name: str, taken: dict[str, str]) -> str:
    """Make a safe name that no other text has: ``a/b`` and ``a_b`` are not one file, nor are ``Loss`` and ``loss``.

    `taken` remembers, by the name in small letters, whose it is.
    """
    safe = safe_name(name)
    if taken.setdefault(safe.casefold(), name) != name:
        safe = f"{safe}-{_short_hash(name)}"
        taken[safe.casefold()] = name
    return safe


def _short_hash(text: str) -> str:
    import hashlib

    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()


def _spare(path: Path) -> Path:
    return path.with_name(f".{os.urandom(6).hex()}.tmp")


def _files_below(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file() and not name.endswith(".tmp"):
                yield path


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy and hash in one pass, so that the hash is of what was copied even while somebody writes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    import hashlib

    digest, size, spare = hashlib.blake2b(digest_size=32), 0, _spare(target)
    try:
        with open(source, "rb") as reading, open(spare, "wb") as writing:
            while chunk := reading.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                writing.write(chunk)
        spare.replace(target)
    finally:
        spare.unlink(missing_ok=True)
    return size, digest.hexdigest()
