"""What may be wrong with a sheet and the folder beside it. Looks, and changes nothing; `mending` does.

The journals and their archive are the truth about what was logged. So a run that they know and the sheet lacks was
either deleted by a person, which is their right, or lost with a file that somebody replaced; only a person can tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from experiment_sheet import archive, journal, locks, wastebin
from experiment_sheet.backends.base import Table, Target
from experiment_sheet.backends.registry import open_backend
from experiment_sheet.columns import RUN_ID, RunId
from experiment_sheet.errors import SheetError
from experiment_sheet.events import Event, decode
from experiment_sheet.folder import safe_name
from experiment_sheet.jsonl import whole_lines
from experiment_sheet.ledger import Ledger
from experiment_sheet.ledgers import ledger_of
from experiment_sheet.sheet import Sheet

Kind = Literal["missing", "doubled", "conflict", "damaged", "orphan", "held"]

_OURS: Final = ("journal", wastebin.NAME)  # folders beside the run folders

_CERTAIN: Final = (
    r"{stem} \(.*conflict(?:ed copy)?.*\){suffix}",  # Dropbox, Nextcloud
    r"{stem}\.sync-conflict-\d{{8}}-\d{{6}}(?:-\w+)?{suffix}",  # Syncthing
)
_LIKELY: Final = (
    r"{stem}-[\w-]{{1,63}}(?: ?\(\d+\))?{suffix}",  # OneDrive: the computer's name
    r"{stem} ?\(\d+\){suffix}",  # Google Drive
)
"""How synchronising clients name the copy that lost. The likely ones count only if they hold a run of the sheet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that may be wrong, and what can be done about it."""

    kind: Kind
    subject: str  # a run_id or a path
    detail: str
    remedy: str = ""


class Doctor:
    """One look at one sheet. Raises SheetError where it can't be read."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.ledger: Ledger = ledger_of(sheet.target)
        self.name = self.ledger.sheet_name(sheet.target.tab)
        self.table = self.ledger.table(self.name)

    def findings(self) -> list[Finding]:
        """Everything that may be wrong."""
        return [
            *self._missing(),
            *self._doubled(),
            *self._conflicts(),
            *self._damaged(),
            *self._orphans(),
            *self._held(),
        ]

    @cached_property
    def known(self) -> dict[str, set[RunId]]:
        """Runs that journals or archive know to have had a row, by sheet (a workbook may have several tabs)."""
        known: dict[str, set[RunId]] = {}
        for event in self._events():
            if event.makes_row or event.kind == "restore":
                known.setdefault(event.sheet, set()).add(event.run)
        return known

    def _events(self) -> Iterator[Event]:
        checkpoint = self.ledger.checkpoint
        for path in checkpoint.paths().values():
            with suppress(FileNotFoundError):  # archived this moment; so the archive is read last
                yield from (entry.event for entry in journal.read(path)[0])
        yield from archive.events(checkpoint.folder)

    def missing(self) -> list[RunId]:
        """Runs that had a row and have none, and whose row isn't waiting either."""
        there = {*ids_of(self.table), *self.ledger.checkpoint.waiting(self.name)}
        return sorted(self.known.get(self.name, set()) - there)

    def orphans(self) -> list[Path]:
        """Run folders of which neither the sheet (any tab of it) nor a journal knows the run."""
        state, root = self.ledger.checkpoint.state(), self.ledger.root
        runs = set(ids_of(self.table)).union(*self.known.values())
        for name in state.sheets:
            with suppress(SheetError):
                runs |= set(ids_of(self.ledger.table(name)))
        names = {safe_name(run) for run in runs}
        folders = sorted(path for path in root.iterdir() if path.name not in _OURS) if root.is_dir() else []
        return [path for path in folders if path.name not in names and _is_run_folder(path)]

    def _missing(self) -> Iterator[Finding]:
        for run in self.missing():
            detail = "was logged and has no row: a person deleted it, or somebody replaced the file"
            yield Finding("missing", run, detail, f"doctor --restore {run}")

    def _doubled(self) -> Iterator[Finding]:
        for run, count in Counter(ids_of(self.table)).items():
            if count > 1:
                yield Finding("doubled", run, f"stands in {count} rows", "delete the rows that are copies")

    def _conflicts(self) -> Iterator[Finding]:
        for path, runs in conflict_copies(self.sheet.target, known=set(ids_of(self.table))):
            lacking = len(runs - set(ids_of(self.table)))
            detail = f"is a conflict copy of {len(runs)} runs, {lacking} of which the sheet lacks"
            yield Finding("conflict", str(path), detail, f'doctor --merge "{path.name}", then delete it')

    def _damaged(self) -> Iterator[Finding]:
        checkpoint = self.ledger.checkpoint
        for path in checkpoint.paths().values():
            if count := _damaged_lines(path):
                yield Finding("damaged", str(path), f"has {count} lines that can't be read; the others count")
        if not archive.is_whole(checkpoint.folder, good=checkpoint.state().archive):
            detail = "can't be read to its end; rows are not affected, only what doctor and update know of old runs"
            yield Finding("damaged", str(checkpoint.folder / archive.NAME), detail, "restore it from a backup")

    def _orphans(self) -> Iterator[Finding]:
        for path in self.orphans():
            detail = "is a run folder that no row and no journal knows"
            remedy = f"doctor --restore {path.name}, or delete it" if (path / "run.json").exists() else "delete it"
            yield Finding("orphan", str(path), detail, remedy)

    def _held(self) -> Iterator[Finding]:
        for holder in dict.fromkeys(map(str, locks.holders(self.lock))):
            detail = f"is held by {holder}; if that process is gone, nobody can write"
            yield Finding("held", str(self.lock), detail, "doctor --unlock, once you know that it is gone")

    @property
    def lock(self) -> Path:
        """The sheet's lock."""
        return self.ledger.checkpoint.folder / "sheet.lock"


def ids_of(table: Table) -> list[RunId]:
    """The run_ids of a table, doubled ones too."""
    if RUN_ID not in table.columns:
        return []
    place = table.columns.index(RUN_ID)
    return [run for row in table.rows if isinstance(run := row[place], str)]


def conflict_copies(target: Target, *, known: Collection[RunId]) -> Iterator[tuple[Path, set[RunId]]]:
    """Find what synchronising clients left beside a sheet that was changed in two places, and the runs in it."""
    path = Path(target.path)
    if target.scheme != "file" or not path.parent.is_dir():
        return
    parts = {"stem": re.escape(path.stem), "suffix": re.escape(path.suffix)}
    for place in sorted(path.parent.iterdir()):
        certain, likely = (
            any(re.fullmatch(p.format(**parts), place.name, re.IGNORECASE) for p in ps) for ps in (_CERTAIN, _LIKELY)
        )
        if place == path or not (certain or likely):
            continue
        runs: set[RunId] = set()
        with suppress(SheetError):
            runs = set(ids_of(open_backend(Target("file", str(place), target.tab)).read()))
        if certain or runs & set(known):
            yield place, runs


def _damaged_lines(path: Path) -> int:
    count = 0
    with suppress(FileNotFoundError), open(path, "rb") as file:
        for line, _ in whole_lines(file):
            try:
                decode(line, path.name)
            except ValueError:
                count += 1
    return count


def _is_run_folder(path: Path) -> bool:
    parts = ("run.json", "index.html", "plots", "files")
    return any((path / name).exists() for name in parts) or any(path.glob("history-*.jsonl"))
