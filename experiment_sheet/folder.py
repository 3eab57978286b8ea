"""The run folder: everything of one run that no cell can hold.

``<files>/<run_id>/`` holds ``plots/``, ``files/``, ``history-<random>.jsonl``, ``history.csv``, ``run.json`` and
``index.html``. It is made when something is first put into it. Every file but the histories is written whole beside its
name and then renamed, so after a crash it is as before or as after.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiment_sheet import contents
from experiment_sheet.contents import How
from experiment_sheet.jsonl import read_file
from experiment_sheet.masking import mask_key

_NAME_LIMIT: Final = 120  # of the 255 bytes that ext4 and NTFS allow, in characters of up to 2 bytes
_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_LARGEST: Final = 64 << 20  # bytes of a JSON file that are read


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
        if not folder.resolve().is_relative_to(self.path.parent.resolve()):
            raise OSError(f"{folder} lies outside of {self.path.parent}: a link leads there. Remove the link")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _place(self, name: str) -> Path:
        """Return the path of a file of this run, its folder made."""
        path = self.path / name
        return self.make(*path.parent.relative_to(self.path).parts) / path.name

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file whole. `name` is relative and safe already. Raises OSError."""
        path = self._place(name)
        spare = _spare(path)
        try:
            spare.write_bytes(content.encode() if isinstance(content, str) else content)
            spare.replace(path)
        finally:
            spare.unlink(missing_ok=True)
        return path

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file of the folder; empty where it isn't there, or is none."""
        try:
            found = read_file(self.path / name, largest=_LARGEST)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def store(
        self,
        source: Path,
        name: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - wandb's word
        how: How = "copy",
    ) -> Stored:
        """Put a file or folder into ``files/``. Links within a folder are not followed.

        `how` spares time and space for what is big: ``hardlink`` shares the bytes with the original (copied where the
        file system can't), ``link`` only points to it. What is changed in the original is then changed here too; size
        and hash say what it was. Raises OSError, also for what is no file (a device, a pipe) or has no room.
        """
        return self.copy(source, f"files/{safe_name(mask_key(name or source.absolute().name))}", type=type, how=how)

    def copy(self, source: Path, relative: str, *, type: str | None = None, how: How = "copy") -> Stored:  # noqa: A002
        """Put a file or folder at a place in the run folder that is safe already. As `store`."""
        if how == "link":
            size, digest = contents.measure(source, but=self.path)
            place = self._place(relative)
            place.unlink(missing_ok=True)
            place.symlink_to(source.resolve(), target_is_directory=source.is_dir())
        elif source.is_dir():
            self.make(relative)
            size, digest = contents.tree(
                source, lambda part, name: contents.put(part, self._place(f"{relative}/{name}"), how), but=self.path
            )
        else:
            size, digest = contents.put(source, self._place(relative), how)
        return Stored(relative, size, digest, type and mask_key(type))

    def listing(self, part: str) -> list[str]:
        """Names of the files in ``plots`` or ``files``, relative to the run folder, sorted."""
        base = self.path / part
        return (
            sorted(path.relative_to(self.path).as_posix() for path in contents.files_below(base))
            if os.path.isdir(base)  # noqa: PTH112 - says no where a folder can't be entered; Path's raises
            else []
        )

    @property
    def is_there(self) -> bool:
        """Whether there is such a folder, as far as can be seen. Never raises."""
        return os.path.isdir(self.path)  # noqa: PTH112 - as in `listing`


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
