"""Mending a sheet, each thing only when asked for: rows put back, a conflict copy merged, a dead lock removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from experiment_sheet import locks
from experiment_sheet.arguments import checked_id
from experiment_sheet.backends.base import Table, Target
from experiment_sheet.backends.registry import open_backend
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.doctor import Doctor, ids_of
from experiment_sheet.errors import RunNotFound, SheetError, UsageError
from experiment_sheet.events import Event, cells_from_json
from experiment_sheet.fold import fold
from experiment_sheet.folder import RunFolder
from experiment_sheet.sheet import SYNC_WAIT
from experiment_sheet.values import Cell, same

ALL: Final = "all"
_ROLES: Final = {"run": "run", "inputs": "input", "outputs": "output"}  # of run.json


@dataclass(slots=True)
class Merged:
    """What a merge did. Cells that both have, and differently, stay as the sheet has them."""

    added: list[RunId] = field(default_factory=list)
    filled: dict[RunId, list[str]] = field(default_factory=dict)  # cells that were empty in the sheet
    differing: dict[RunId, list[str]] = field(default_factory=dict)
    loose: int = 0  # rows without a run_id, which nothing can be told of


def restore(doctor: Doctor, wanted: Iterable[str]) -> list[RunId]:
    """Put back the rows of missing runs, and of run folders without one: `ALL`, or run_ids or beginnings of them.

    What the row held is what was logged and said of it by code; what people typed into it is not known. Raises
    RunNotFound, UsageError, and SheetError where the rows have to wait.
    """
    folders = {path.name: path for path in doctor.orphans() if (path / "run.json").exists()}
    runs = _chosen([*doctor.missing(), *folders], list(wanted))
    lost = [run for run in runs if run not in folders]
    history = fold(doctor.ledger.checkpoint.history(doctor.name, set(lost)))
    events = [Event(doctor.name, run, "restore", {}, epoch=history[run].last.epoch + 1) for run in lost]
    events += [Event(doctor.name, checked_id(run), "end", _cells_of(folders[run])) for run in runs if run in folders]
    _record(doctor, events)
    return runs


def _chosen(there: list[RunId], wanted: list[str]) -> list[RunId]:
    if ALL in wanted:
        return there
    chosen: dict[RunId, None] = {}
    for text in wanted:
        found = [text] if text in there else [run for run in there if text and run.startswith(text)]
        if not found:
            raise RunNotFound(f"no run {text!r} is missing; `experiment-sheet doctor` lists those that are")
        if len(found) > 1:
            raise UsageError(f"{text!r} may mean {', '.join(found[:5])}; write more of one")
        chosen[found[0]] = None
    return list(chosen)


def _cells_of(folder: Path) -> dict[Column, Cell]:
    facts = RunFolder(folder).read_json("run.json")
    nested = {role: facts[name] for name, role in _ROLES.items() if isinstance(facts.get(name), dict)}
    try:
        return cells_from_json(nested)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SheetError(f"{folder / 'run.json'} can't be read: {error}") from error


def merge(doctor: Doctor, copy: Path) -> Merged:
    """Bring what a conflict copy has and the sheet lacks into the sheet, by run_id; the copy stays as it is.

    Raises SheetError where the copy can't be read, or the rows have to wait.
    """
    checkpoint = doctor.ledger.checkpoint
    applied = checkpoint.state().sheets.get(doctor.name)
    backend = open_backend(Target("file", str(copy.absolute()), doctor.sheet.target.tab))
    backend.known = applied.known if applied else {}
    table = backend.read()
    backend.close()
    theirs, ours = _rows(table), _rows(doctor.table)
    history = fold(checkpoint.history(doctor.name, set(theirs)))
    merged, events = Merged(loose=len(table.rows) - len(ids_of(table))), []
    for run, row in theirs.items():
        epoch = history[run].last.epoch + 1 if run in history else 2
        if run not in ours:
            merged.added.append(run)
            events.append(Event(doctor.name, run, "restore", row, epoch=epoch))
            continue
        fill = {column: cell for column, cell in row.items() if ours[run].get(column) is None}
        if fill:
            merged.filled[run] = [column.key for column in fill]
            events.append(Event(doctor.name, run, "update", fill, epoch=epoch, overwrite=True))
        if other := [c.key for c, cell in row.items() if c not in fill and not same(ours[run][c], cell)]:
            merged.differing[run] = other
    _record(doctor, events)
    return merged


def _rows(table: Table) -> dict[RunId, Mapping[Column, Cell]]:
    """The first row of each run, without its empty cells."""
    rows: dict[RunId, Mapping[Column, Cell]] = {}
    for row in table.rows if RUN_ID in table.columns else ():
        cells = {column: cell for column, cell in zip(table.columns, row, strict=True) if cell is not None}
        run = cells.pop(RUN_ID, None)
        if isinstance(run, str):
            rows.setdefault(run, cells)
    return rows


def unlock(doctor: Doctor) -> list[str]:
    """Remove the claims on the sheet's lock, on the word of a person that their processes are gone; name those."""
    holders = locks.holders(doctor.lock)
    for holder in holders:
        locks.unlock(doctor.lock, holder)
    return list(dict.fromkeys(map(str, holders)))


def _record(doctor: Doctor, events: list[Event]) -> None:
    if not events:
        return
    outcome = doctor.ledger.record(events, wait=SYNC_WAIT, durable=True)
    if outcome.errors:
        raise SheetError("; ".join(map(str, outcome.errors.values())))
