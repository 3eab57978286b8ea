"""One journal that feeds several sheets: ``init(["runs.xlsx", "https://docs.google.com/…"])``.

The first sheet has journal and run folders. Every event is written once for each sheet, in one `os.write`, and names
it; a checkpoint takes the events that name its own sheet, and passes the others. Each sheet has lock, state and
generations of its own: the first in ``journal/`` as ever, another one in ``journal/to-<hash>/``. To its backend this is
one more machine that writes to the same sheet. The state moves with the folder, and machines that share the folder
share the state.

Only the first sheet's checkpoint archives journals. It leaves those of which another sheet lacks something, or of whose
runs one goes on there.

From a sheet's address one finds the journals that feed it by notes in the platform's state folder, ``fed_by/``. They
are also this user's word that this journal may write to that address: whoever sends somebody a folder of results must
not be able to have `sync` write to sheets of theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace as changed
from pathlib import Path
from typing import Final

from experiment_sheet.backends.base import Target
from experiment_sheet.files import Files, claimed_by, digest_of, files_of, state_folder
from experiment_sheet.journal import read
from experiment_sheet.jsonl import read_file
from experiment_sheet.state import load, replace

_PREFIX: Final = "to-"
_NOTES: Final = "fed_by"
_LARGEST: Final = 1 << 16  # bytes of a note that are read


def fed(files: Files, target: Target) -> Files:
    """The files of a sheet that the journal in `files` feeds."""
    own = files.journals[0] / f"{_PREFIX}{digest_of(target)}"
    return changed(files, sheet=files_of(target).sheet, fed=own)


def note(feeder: Target, target: Target) -> None:
    """Note, for this user, that a sheet's journal feeds another sheet. Raises OSError."""
    path = _note_of(feeder, target)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {"scheme": feeder.scheme, "path": feeder.path}
        replace(path, json.dumps(said).encode("ascii"), durable=False)


def feeders(target: Target) -> list[Target]:
    """The sheets whose journals feed this one, as far as this user has noted and they are there."""
    found = []
    for path in sorted((state_folder(target) / _NOTES).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = read_file(path, largest=_LARGEST)
            feeder = Target(str(said["scheme"]), str(said["path"]))
            if fed(files_of(feeder), target).state.is_dir():
                found.append(feeder)
    return found


def fed_by(feeder: Target) -> list[Target]:
    """The sheets that a sheet's journal feeds, as far as this user has noted."""
    names: list[str] = []
    with suppress(OSError):  # who can't look now finds them with the next call
        names = [name for _, name in _states_in(files_of(feeder).journals[0]) if name and "://" in name]
    targets = [Target(*name.split("://", 1)) for name in names]
    return [target for target in targets if _note_of(feeder, target).exists()]


def not_needed(folder: Path, journals: Sequence[Path]) -> list[Path]:
    """The journals of a folder of which no other sheet that they feed needs anything. Raises OSError."""
    free = list(journals)
    for where, sheet in _states_in(folder):
        if sheet is None:  # who can't be asked may need them all
            return []
        state = load(where)
        going_on = {live.journal for applied in state.sheets.values() for live in applied.live.values()}
        free = [
            path
            for path in free
            if path.name not in going_on
            and not any(entry.event.is_of(sheet) for entry in read(path, state.least_offset(path.name))[0])
        ]
    return free


def _states_in(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Where the states of other sheets lie in a journal's folder, and which sheets these are, if that can be read.

    Raises OSError.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith(_PREFIX))
    except FileNotFoundError:
        return
    for path in (folder / name for name in names):
        sheet = claimed_by(path)
        if sheet is not None or (path / "sheet.json").exists():
            yield path, sheet


def _note_of(feeder: Target, target: Target) -> Path:
    return state_folder(target) / _NOTES / f"{digest_of(feeder)}.json"
