"""What waits: the events behind the offsets that were applied, in every journal of a target, by sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiment_sheet.events import Event
from experiment_sheet.journal import Entry, Journal, read
from experiment_sheet.state import Applied, State


@dataclass(slots=True)
class Waiting:
    """Events that were not applied yet."""

    events: dict[str, list[Event]] = field(default_factory=dict)  # by sheet
    ends: dict[str, int] = field(default_factory=dict)  # by journal: the offset behind what was read
    memory: int = 0  # events of this process for this target that are in no file


def waiting_in(target: str, journals: Mapping[str, Path], own: Journal, state: State) -> Waiting:
    """Read what waits for a target in some journals (by name) and in the memory of this process.

    A sheet that is heard of for the first time is noted in `state`.
    """
    waiting = Waiting()
    for name, path in journals.items():
        if name in state.archived:
            continue
        start = state.least_offset(name)
        try:
            if start and path.stat().st_size <= start:  # of most journals nothing is news
                waiting.ends[name] = start
                continue
            entries, waiting.ends[name] = _read(path, start, own)
        except FileNotFoundError:
            continue  # archived by another process since the folder was listed
        for entry in entries:
            if entry.event.is_of(target):
                applied = state.sheets.setdefault(entry.event.sheet, Applied())
                if entry.end > applied.offsets.get(name, 0):
                    waiting.events.setdefault(entry.event.sheet, []).append(entry.event)
    for event in (event for event in own.unwritten() if event.is_of(target)):
        waiting.memory += 1
        state.sheets.setdefault(event.sheet, Applied())
        waiting.events.setdefault(event.sheet, []).append(event)
    return waiting


def _read(path: Path, start: int, own: Journal) -> tuple[list[Entry], int]:
    known = own.entries(start) if path == own.path else None
    return known or read(path, start)
