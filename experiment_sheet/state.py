"""What the checkpoint knows of a sheet: ``checkpoint.json``, replaced atomically after the sheet was written.

It may always be older than the sheet, never newer: it is written after the sheet was fsynced. So whatever is lost of
it (a crash, a power loss, a deleted file) means only that some events are applied again, which changes nothing. It
stays small: journals' offsets, and the cells of runs that are still going; of an ended run nothing is kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from experiment_sheet import jsonl
from experiment_sheet.columns import Column, RunId
from experiment_sheet.events import Stamp, cells_from_json, cells_to_json
from experiment_sheet.files import fsync_folder
from experiment_sheet.fold import Folded
from experiment_sheet.values import Cell

NAME: Final = "checkpoint.json"
_LARGEST: Final = 256 << 20  # bytes of a state that are read; a thousand running runs have a few million


@dataclass(slots=True)
class Live:
    """A run that is still going: what we last wrote into its row."""

    stamp: Stamp  # of the last event that was applied
    journal: str  # of the process that runs it
    cells: dict[Column, Cell] = field(default_factory=dict)
    theirs: set[Column] = field(default_factory=set)  # cells that a person changed; theirs from now on
    deleted: bool = False  # a person deleted the row


@dataclass(slots=True)
class Applied:
    """What was applied to one sheet of the target (a workbook may have several tabs)."""

    offsets: dict[str, int] = field(default_factory=dict)  # journal → where the events begin that were not applied
    generation: int = 0  # of our last write to this sheet
    known: dict[str, Column] = field(default_factory=dict)  # as `Backend.known`
    columns: dict[Column, None] = field(default_factory=dict)  # that we ever wrote to, in order
    extras: list[str] | None = None  # keys of the run columns that a sheet of people's has; None: the sheet is ours
    live: dict[RunId, Live] = field(default_factory=dict)

    def keep(self, run: RunId, folded: Folded, *, deleted: bool = False, theirs: Collection[Column] = ()) -> None:
        """Remember what was written of a run that goes on; forget one that ended."""
        if folded.ended:
            self.live.pop(run, None)
            return
        live = self.live.setdefault(run, Live(folded.last, folded.journal))
        live.stamp = max(live.stamp, folded.last)
        live.journal = folded.journal or live.journal
        live.cells.update(folded.cells)
        live.theirs.update(theirs)
        live.deleted |= deleted


@dataclass(slots=True)
class State:
    """Everything in ``checkpoint.json``."""

    sheet: str = field(default_factory=lambda: os.urandom(8).hex())  # the identity in the sheet's mark
    generation: int = 0
    token: str | None = None  # names the state of the sheet after our last write
    archive: int = 0  # length of the archive that is good
    archived: list[str] = field(default_factory=list)  # journals in the archive, about to be unlinked
    sheets: dict[str, Applied] = field(default_factory=dict)

    def least_offset(self, journal: str) -> int:
        """Where the events of a journal begin that some sheet has not; 0 if that can't be told."""
        return min((applied.offsets.get(journal, 0) for applied in self.sheets.values()), default=0)


def load(folder: Path) -> State:
    """Read the state; a fresh one where there is none that can be read."""
    try:
        return _from_json(jsonl.read_file(folder / NAME, largest=_LARGEST))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return State()


def least_offset(folder: Path, journal: str) -> int:
    """As `State.least_offset` of the saved state, for those who wait for theirs: two hundred of them ask at once.

    The file is ours, and in JSON a quote within a text never stands alone; so the name is looked for, not parsed.
    """
    try:
        text = (folder / NAME).read_bytes()
    except OSError:
        return 0
    found = re.findall(b'"' + re.escape(journal.encode()) + rb'":(\d+)', text)
    return min(map(int, found)) if found and len(found) == text.count(b'"offsets":{') else 0


def save(folder: Path, state: State, *, durable: bool = False) -> None:
    """Replace the state atomically. Fsynced only if `durable`: elsewhere an older one is as good."""
    text = json.dumps(_to_json(state), separators=(",", ":")).encode("ascii")
    replace(folder / NAME, text, durable=durable)


def replace(path: Path, text: bytes, *, durable: bool) -> None:
    """Put a whole new file in the place of one. Raises OSError; the old one then still is there."""
    temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            fsync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _to_json(state: State) -> dict[str, object]:
    return {
        "version": 1,
        "sheet": state.sheet,
        "generation": state.generation,
        "token": state.token,
        "archive": state.archive,
        "archived": state.archived,
        "sheets": {name: _applied_to_json(applied) for name, applied in state.sheets.items()},
    }


def _applied_to_json(applied: Applied) -> dict[str, object]:
    return {
        "offsets": applied.offsets,
        "generation": applied.generation,
        "known": {header: [column.role, column.key] for header, column in applied.known.items()},
        "columns": [[column.role, column.key] for column in applied.columns],
        "extras": applied.extras,
        "live": {
            run: {
                "stamp": [live.stamp.epoch, live.stamp.seq, live.stamp.journal],
                "journal": live.journal,
                "cells": cells_to_json(live.cells),
                "theirs": [[column.role, column.key] for column in sorted(live.theirs)],
                "deleted": live.deleted,
            }
            for run, live in applied.live.items()
        },
    }


def _from_json(data: Any) -> State:
    return State(
        sheet=str(data["sheet"]),
        generation=int(data["generation"]),
        token=data["token"],
        archive=int(data["archive"]),
        archived=list(data["archived"]),
        sheets={name: _applied_from_json(applied) for name, applied in data["sheets"].items()},
    )


def _applied_from_json(data: Any) -> Applied:
    return Applied(
        offsets={name: int(offset) for name, offset in data["offsets"].items()},
        generation=int(data["generation"]),
        known={header: Column(*column) for header, column in data["known"].items()},
        columns={Column(*column): None for column in data["columns"]},
        extras=data["extras"],
        live={run: _live_from_json(live) for run, live in data["live"].items()},
    )


def _live_from_json(data: Any) -> Live:
    return Live(
        stamp=Stamp(*data["stamp"]),
        journal=str(data["journal"]),
        cells=cells_from_json(data["cells"]),
        theirs={Column(*column) for column in data["theirs"]},
        deleted=bool(data["deleted"]),
    )
