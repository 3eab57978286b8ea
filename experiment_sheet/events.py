"""Events: what was logged of a run, and how a journal's line holds it.

Events carry absolute cell values, never increments, so applying one twice equals once. They are ordered by stamp
(epoch, seq), never by a clock: the epoch is one more than the highest known for the run whenever a process resumes or
updates it, seq counts within one process. The time in a line is for people only.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from experiment_sheet.columns import Column, Role, RunId
from experiment_sheet.jsonl import parsed
from experiment_sheet.values import Cell, clean, from_json, to_cell, to_json

Kind = Literal["start", "change", "end", "update", "restore"]
"""``start`` makes a row of a run that lives on, ``end`` ends it (and makes it, where it was not started), ``change``
is the run's own news, ``update`` what somebody says of a run afterwards, ``restore`` puts the row of a run back."""

_KINDS: Final[Mapping[str, Kind]] = {kind: kind for kind in get_args(Kind)}
_ROLES: Final[Mapping[str, Role]] = {role: role for role in get_args(Role)}
_PLAIN: Final = frozenset((float, bool, type(None)))


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """When an event happened in the life of its run. The journal's name only breaks ties."""

    epoch: int
    seq: int
    journal: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was logged: cells of one run, as they are from now on."""

    sheet: str  # the file's name, or the target; with ``#tab`` where a tab was named
    run: RunId
    kind: Kind
    cells: Mapping[Column, Cell]
    epoch: int = 1
    seq: int = 0
    drawn: bool = False  # the library drew the run_id, so no other row can have it
    overwrite: bool = False  # write over what a person wrote
    journal: str = ""  # the file it stands in; known to the reader

    @property
    def stamp(self) -> Stamp:
        """The place of this event in the life of its run."""
        return Stamp(self.epoch, self.seq, self.journal)

    @property
    def makes_row(self) -> bool:
        """Whether this event may add a row: later epochs speak of a run that has, or had, one."""
        return self.epoch == 1 and self.kind in ("start", "end")

    def is_of(self, target: str) -> bool:
        """Whether it speaks of a sheet of this target, whatever the tab: a journal may feed several targets."""
        return self.sheet == target or self.sheet.startswith(f"{target}#")


def encode(event: Event) -> bytes:
    """Write an event as one line of ASCII JSON."""
    line: dict[str, object] = {
        "sheet": event.sheet,
        "run": event.run,
        "kind": event.kind,
        "epoch": event.epoch,
        "seq": event.seq,
        "cells": cells_to_json(event.cells),
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),  # for people only
    }
    if event.drawn:
        line["drawn"] = True
    if event.overwrite:
        line["overwrite"] = True
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes | None, journal: str) -> Event | None:
    """Read a line; None for one that is no event (a journal's first line). Raises ValueError for a damaged one.

    A line of None is one that was too long to be read.
    """
    if line is None:
        raise ValueError("too long for an event")
    try:
        data: Any = parsed(line)
        if data.keys() >= {"journal", "machine"}:
            return None
        return Event(
            sheet=clean(data["sheet"]),
            run=clean(data["run"]),
            kind=_KINDS[data["kind"]],
            cells=cells_from_json(data["cells"]),
            epoch=int(data["epoch"]),
            seq=int(data["seq"]),
            drawn=bool(data.get("drawn")),
            overwrite=bool(data.get("overwrite")),
            journal=journal,
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not an event: {error!r}") from error


def cells_to_json(cells: Mapping[Column, Cell]) -> dict[str, dict[str, object]]:
    """Cells by role and key."""
    nested: dict[str, dict[str, object]] = {}
    for column, cell in cells.items():
        nested.setdefault(column.role, {})[column.key] = to_json(cell)
    return nested


def cells_from_json(nested: Mapping[str, Mapping[str, object]]) -> dict[Column, Cell]:
    """The inverse of `cells_to_json`. What comes in is a cell as ours are, whoever wrote it."""
    return {Column(_ROLES[role], clean(key)): _cell(v) for role, keys in nested.items() for key, v in keys.items()}


def _cell(found: object) -> Cell:
    return found if type(found) in _PLAIN else to_cell(from_json(found))  # type: ignore[return-value]
