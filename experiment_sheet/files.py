"""Where everything beside a sheet lies: the files folder, and in it the journal.

Beside ``results/runs.xlsx`` that is ``results/runs_files/``, or ``runs.xlsx_files/`` where the first name is
another's. A sheet that is no path, or whose folder can't be written, has a folder in the platform's state folder,
named by a hash of the target; ``EXPERIMENT_SHEET_DIR`` moves that. A ``memory://`` sheet lives as long as its
process, and so does its folder.

The folder is claimed by ``journal/sheet.json``, which names the sheet; it is put in place by a hard link, which
only one of two processes can make.
"""

from __future__ import annotations

import atexit
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from experiment_sheet.backends.base import Target
from experiment_sheet.jsonl import read_file

_README = """\
What experiment_sheet was told, before it reached the sheet. Do not edit; deleting it loses what still waits.
Lines of *.jsonl are events, archive.jsonl.gz holds old ones (zcat reads it), checkpoint.json says what is in the sheet.
`experiment-sheet sync` puts waiting rows into the sheet.
"""

_FILES: Final = "_files"
_LONGEST: Final = 255  # bytes of a name: NAME_MAX of Linux and macOS; NTFS allows as many UTF-16 units
_CLAIM: Final = 1 << 16  # bytes of sheet.json that are read

_temporary: dict[str, Path] = {}
_pid = os.getpid()


def _remove_temporary() -> None:
    if not _temporary or os.getpid() != _pid:  # a forked child's end is not the end of its parent's sheet
        return
    import shutil

    for path in _temporary.values():
        shutil.rmtree(path, ignore_errors=True)


atexit.register(_remove_temporary)  # registered first, so it runs last, after open runs are finished


@dataclass(frozen=True, slots=True)
class Files:
    """The folders of one sheet: `root` is the files folder; `spare` takes the journal when `root` can't."""

    sheet: str  # how sheet.json names it: the file's name, or the whole target
    root: Path
    spare: Path | None
    fed: Path | None = None  # where lock and state lie of a sheet that another sheet's journal feeds, too
    journals: tuple[Path, ...] = field(init=False)  # folders that may hold journals, the first choice first

    def __post_init__(self) -> None:
        roots = (self.root,) if self.spare is None else (self.root, self.spare)
        object.__setattr__(self, "journals", tuple(root / "journal" for root in roots))  # as dataclasses advise

    @property
    def state(self) -> Path:
        """The folder of the sheet's lock, and of what is known to be in it."""
        return self.fed or self.journals[0]


def files_of(target: Target) -> Files:
    """Find the folders of a sheet, without making them."""
    if target.scheme == "memory":
        root = _temporary.get(target.path)
        if root is None:
            import tempfile

            root = _temporary[target.path] = Path(tempfile.mkdtemp(prefix="experiment_sheet-"))
        return Files(target.path, root, None)
    if target.scheme != "file":
        return Files(f"{target.scheme}://{target.path}", state_folder(target), None)
    path = Path(target.path)
    return Files(path.name, _beside(path), state_folder(target))


class Taken(OSError):
    """Another sheet of the same stem has claimed the files folder; `files_of` finds the next one."""


def claimed_by(journal: Path) -> str | None:
    """Which sheet a journal folder is of; None where none has claimed it, or that can't be read."""
    try:
        return str(read_file(journal / "sheet.json", largest=_CLAIM)["sheet"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def prepare(journal: Path, sheet: str) -> None:
    """Make a journal folder and claim it for `sheet`. Raises OSError where that can't be done, `Taken` among them."""
    if not (journal / "sheet.json").exists():
        _claim(journal, sheet)
    if claimed_by(journal) not in (sheet, None):
        raise Taken(f"{journal} is of {claimed_by(journal)}, not of {sheet}")


def _claim(journal: Path, sheet: str) -> None:
    journal.mkdir(parents=True, exist_ok=True)
    for folder in (journal.parent, journal.parent.parent):  # else a power loss could take the journals' own folders
        with suppress(OSError):
            fsync_folder(folder)
    for name, text in {"README": _README, ".gitignore": "*\n"}.items():
        (journal / name).write_text(text, encoding="utf-8")
    claim = journal / f"sheet-{os.urandom(4).hex()}.tmp"
    claim.write_text(json.dumps({"sheet": sheet}), encoding="utf-8")
    try:
        os.link(claim, journal / "sheet.json")
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links; or another process was first, and swept ours away
        if not (journal / "sheet.json").exists():
            claim.replace(journal / "sheet.json")
    finally:
        with suppress(OSError):
            claim.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call: NTFS journals them itself."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def clock_of(folder: Path) -> float | None:
    """What time it is for the file system of a folder, in seconds since 1970; None where nothing can be written.

    On a shared folder the server's clock stamps the files, whichever machine writes them.
    """
    probe = folder / f"clock-{os.urandom(4).hex()}.tmp"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return None
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    first = path.with_name(_fitting(path.stem))
    return first if _is_ours(first, path.name) else path.with_name(_fitting(path.name))


def _fitting(name: str) -> str:
    """Name the files folder of a name; cut, and told apart by a hash, where it would be longer than a name may be."""
    if len(os.fsencode(name)) + len(_FILES) <= _LONGEST:
        return f"{name}{_FILES}"
    import hashlib

    return f"{name[:60]}-{hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()}{_FILES}"


def _is_ours(folder: Path, sheet: str) -> bool:
    owner = claimed_by(folder / "journal")
    if owner is not None:
        return owner == sheet
    try:
        # Nothing but run folders (or a journal being made this moment): somebody deleted our journal.
        return all(
            entry.name == "journal" or (entry / "run.json").exists() or any(entry.glob("history-*"))
            for entry in folder.iterdir()
        )
    except NotADirectoryError:
        return False
    except OSError:  # none there; or one that nobody may look into
        return True


def digest_of(target: Target) -> str:
    """A target as a file's name."""
    import hashlib

    return hashlib.blake2b(f"{target.scheme}:{target.path}".encode(errors="replace"), digest_size=10).hexdigest()


def state_folder(target: Target) -> Path:
    """A sheet's folder in the platform's state folder, which is this user's alone."""
    digest = digest_of(target)
    override = os.environ.get("EXPERIMENT_SHEET_DIR")
    if override:
        return Path(override).expanduser().absolute() / digest
    import platformdirs

    return platformdirs.user_state_path("experiment_sheet", appauthor=False) / digest
