"""Which sheet stands where ours should: ours, ours as it was some writes ago, another one, or none.

A workbook says so itself, by its mark. A sheet whose mark is older than our last write has not seen the writes since: a
stale save, or a restored backup. One whose mark was dropped (pandas writes files anew) is judged by its rows: it has
seen the latest generation of which it has a row.

A CSV keeps no mark, and rows that are missing prove nothing: a person who deletes the latest rows leaves the very file
that an older copy is. But nobody makes a run that has ended ``running`` again, with the duration that it had then. So a
CSV in which both stand, once another program has saved it, has not seen the write that ended the run, nor any since. If
it holds a row that one of those added, the proof is none, and nothing is concluded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from experiment_sheet import generations, notices
from experiment_sheet.backends.base import Backend, Table
from experiment_sheet.columns import COMPUTED, FRONT, PROVENANCE, RUN_ID, RUN_KEYS, Column, RunId
from experiment_sheet.errors import SheetMissing
from experiment_sheet.events import Event
from experiment_sheet.fold import Folded, fold
from experiment_sheet.state import Applied, State
from experiment_sheet.values import Cell, same

STATUS: Final = Column("run", "status")
DURATION: Final = Column("run", "duration")

ABSENT: Final = 5.0
"""Seconds a known sheet must have been gone before it is made anew: Excel saves by delete and rename."""


_EVERY: Final = frozenset((*FRONT, *PROVENANCE))


@dataclass(slots=True)
class Meeting:
    """What a sheet has not seen of our writes."""

    added: set[RunId] = field(default_factory=set)  # added by writes that this sheet has not seen
    changed: set[RunId] = field(default_factory=set)  # … only changed by them
    remake: bool = False  # it is another sheet, or a new one: runs that are going on are put in anew


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sheet should stand, and the folder that knows what was written to it."""

    folder: Path
    exists: Callable[[], bool]
    history: Callable[[str, set[RunId]], list[Event]]  # every event of some runs of a sheet
    absent: float = ABSENT

    def look(self, sheet: str, backend: Backend, applied: Applied, state: State) -> Meeting:
        """Tell which of our writes a sheet has not seen; nothing is changed. Raises SheetError."""
        if not backend.keeps_mark:
            return self._of_unmarked(sheet, backend, applied, state.token)
        mark = backend.mark()
        seen = mark.generation if mark is not None else self._seen_without_mark(sheet, backend, applied)
        if (mark is not None and mark.sheet != state.sheet) or seen >= applied.generation:
            return Meeting()
        return Meeting(*generations.runs_since(self.folder, seen, sheet))

    def meet(self, sheet: str, backend: Backend, applied: Applied, state: State) -> Meeting:
        """Tell which sheet this is, and let the state know. Raises SheetError."""
        if not self.exists():
            if applied.generation:
                self._wait_for_sheet()
            if not self.exists():
                state.token = None
                return Meeting(remake=True)
        mark = backend.mark()
        if not backend.keeps_mark:
            return self._say_stale(sheet, self._of_unmarked(sheet, backend, applied, state.token))
        if mark is not None and mark.sheet != state.sheet:
            strange = applied.generation > 0
            state.sheet, state.generation, state.token = mark.sheet, mark.generation, None
            applied.generation = mark.generation
            return Meeting(remake=strange)
        seen = mark.generation if mark is not None else self._seen_without_mark(sheet, backend, applied)
        if seen > state.generation:  # a write whose state was lost
            state.generation, state.token = seen, None
        if seen >= applied.generation:
            return Meeting()
        state.token = None
        return self._say_stale(sheet, Meeting(*generations.runs_since(self.folder, seen, sheet)))

    @staticmethod
    def _say_stale(sheet: str, meeting: Meeting) -> Meeting:
        if runs := len(meeting.added | meeting.changed):
            what = "%s was saved by a program that had not seen our last writes; they are applied again (%d runs)"
            notices.logger.warning(what, sheet, runs)
        return meeting

    def _of_unmarked(self, sheet: str, backend: Backend, applied: Applied, token: str | None) -> Meeting:
        if not applied.generation or (token is not None and backend.is_as_left(token)):
            return Meeting()
        table = backend.read()
        found = _rows_of(table)
        running = {run: row for run, row in found.items() if row.get(STATUS) == "running" and run not in applied.live}
        known = fold(self.history(sheet, {*running})) if running else {}
        old = {run for run in running if run in known and _is_of_before_its_end(running[run], known[run])}
        if not old:
            return Meeting()
        added, changed = generations.runs_since(self.folder, generations.before_last_of(self.folder, sheet, old), sheet)
        return Meeting() if added & found.keys() else Meeting(added, changed)

    def extras(self, backend: Backend) -> list[str] | None:
        """Look at a sheet at first contact: which of the run's own columns do people have in it? None: it is ours."""
        try:
            table = self._first_sight(backend)
        except SheetMissing:  # a tab that is yet to be made
            table = Table((), (), ())
        headers = table.headers
        if {column.key for column in table.columns if column.role == "run"} >= _EVERY:
            return None  # made empty by this library
        computed = () if RUN_ID.key in headers else COMPUTED  # a word of people's, where the sheet isn't ours
        return [header for header in headers if header in RUN_KEYS and header not in computed] if headers else None

    def _first_sight(self, backend: Backend) -> Table:
        """Read the sheet before our first write: as it is, or as the workbook that it will be a copy of."""
        if self.exists():
            return backend.read()
        if not backend.look.workbook:
            return Table((), (), ())
        with closing(type(backend)(replace(backend.target, path=backend.look.workbook))) as template:
            return template.read()

    def _seen_without_mark(self, sheet: str, backend: Backend, applied: Applied) -> int:
        """Which of our writes a sheet has seen whose mark a program dropped (pandas writes files anew): by its rows."""
        if not applied.generation:
            return 0
        try:
            table = backend.read()
        except SheetMissing:
            return 0
        place = table.columns.index(RUN_ID) if RUN_ID in table.columns else None
        runs = {str(row[place]) for row in table.rows} if place is not None else set()
        return generations.seen_by(self.folder, sheet, runs)

    def _wait_for_sheet(self) -> None:
        deadline = time.monotonic() + self.absent
        while time.monotonic() < deadline and not self.exists():
            time.sleep(0.1)


def _rows_of(table: Table) -> dict[RunId, dict[Column, Cell]]:
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    return {str(row[RUN_ID]): row for row in rows if row.get(RUN_ID)}


def _is_of_before_its_end(row: Mapping[Column, Cell], known: Folded) -> bool:
    """Whether a row that says ``running`` is as it was before the run ended, and no person's doing."""
    if not known.ended or known.cells.get(STATUS) == "running" or DURATION not in row:
        return False
    earlier = [None, *known.values().get(DURATION, [])]
    found = row[DURATION]
    return any(same(found, cell) for cell in earlier) and not same(found, known.cells.get(DURATION))
