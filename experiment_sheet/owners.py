"""Who has a sheet open: the owner files that spreadsheet programs put beside it.

- Excel: ``~$runs.xlsx``, 165 bytes: the length of the user's name and the name in the system's 8-bit code page, padded
  to 55 bytes, then length and name in UTF-16 (as LibreOffice's ``svl/source/misc/msodocumentlockfile.cxx`` has it).
- LibreOffice: ``.~lock.runs.xlsx#``, text: ``full name,system user,host,dd.mm.yyyy hh:mm,profile;``
  (``svl/source/misc/documentlockfile.cxx``). On Linux and macOS LibreOffice holds no lock of the operating system, so
  a sheet written behind its back would be overwritten at the person's next save.

An owner file outlives a program that crashed. It counts as stale if it names this host and user and no such program
is running, or if it is of another host and a day old. A stale one is passed with a note, never deleted: it isn't ours.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from experiment_sheet import notices
from experiment_sheet.machine import host_name

DAY: Final = 24 * 3600.0
"""Seconds after which an owner file of another host counts as left behind."""

Program = Literal["Excel", "LibreOffice"]

_PROCESSES: Final[dict[Program, tuple[str, ...]]] = {
    "Excel": ("excel", "excel.exe", "microsoft excel"),
    "LibreOffice": ("soffice", "soffice.bin", "soffice.exe", "oosplash", "scalc", "libreoffice"),
}
_LENGTH: Final = slice(55, 57)  # of the name in UTF-16 units, which follows


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a sheet open."""

    program: Program
    user: str  # as the program names them; may be empty
    login: str  # the system's name of the user, folded; may be empty
    host: str | None  # Excel doesn't say

    def __str__(self) -> str:
        """Say it to a person."""
        who = f" by {self.user}" if self.user else ""
        return f"{self.program}{who}" + (f" on {self.host}" if self.host and self.host != host_name() else "")


def owner_of(path: Path, *, clock: Callable[[], float | None] = time.time) -> Owner | None:
    """Tell who has a file open; None if nobody has, or whoever had is gone.

    `clock` tells what time it is for the file system, so that a wrong clock of this machine makes nobody's file old.
    """
    for name, parse in _OWNER_FILES:
        file = path.with_name(name.format(path.name))
        try:
            owner = parse(file)
            age = (clock() or time.time()) - file.stat().st_mtime
        except OSError:
            continue  # none there, or gone this moment
        if not _is_stale(owner, age):
            return owner
        notices.say("stale owner", str(file), _STALE.format(path.name, owner, file), level=logging.INFO)
    return None


_STALE: Final = "{}: {} left {} behind and has it no longer open; passed"


def _of_excel(file: Path) -> Owner:
    with open(file, "rb") as opened:
        text = opened.read(165)
    length = int.from_bytes(text[_LENGTH], "little")
    name = text[_LENGTH.stop : _LENGTH.stop + 2 * length].decode("utf-16-le", "replace")
    if not name and text:
        name = text[1 : 1 + text[0]].decode("latin-1")
    name = name.strip("\0 ")
    return Owner("Excel", name, name.casefold(), None)


def _of_libreoffice(file: Path) -> Owner:
    with open(file, encoding="utf-8", errors="replace") as opened:
        fields = _fields(opened.read(4096))
    full, login, host = [*fields, "", "", ""][:3]
    return Owner("LibreOffice", full or login, login.casefold(), host or None)


def _fields(line: str) -> list[str]:
    """Split at commas; a backslash takes away what the next character would mean."""
    fields, escaped = [""], False
    for char in line.partition(";")[0]:
        if escaped or char not in "\\,":
            fields[-1] += char
            escaped = False
        elif char == ",":
            fields.append("")
        else:
            escaped = True
    return fields


_OWNER_FILES: Final[tuple[tuple[str, Callable[[Path], Owner]], ...]] = (
    ("~${}", _of_excel),
    (".~lock.{}#", _of_libreoffice),
)


def _is_stale(owner: Owner, age: float) -> bool:
    """Whether the owner's program is gone: asked of this machine's processes where it ran here, else by age."""
    here = owner.host == host_name() if owner.host else sys.platform in ("win32", "darwin")
    if here and owner.login in ("", _login()):
        return not _is_running(owner.program)
    return age > DAY


def _login() -> str:
    import getpass

    try:
        return getpass.getuser().casefold()
    except (OSError, KeyError):  # a container's user without a name
        return ""


def _is_running(program: Program) -> bool:
    """Whether a process of this program runs on this machine, whoever's it is."""
    import psutil

    names = _PROCESSES[program]
    return any((process.info["name"] or "").casefold() in names for process in psutil.process_iter(["name"]))
