"""The checkpoint: applying to the sheet what the journals hold.

Under the sheet's lock: read the journals past the applied offsets, fold to rows, `Backend.write`, then replace
``checkpoint.json``. Whoever holds the lock applies everybody's events (group commit); who waited and finds its own
events covered goes home at once.

Invariants, and why they hold after a crash at any point:

- The state is never newer than the sheet (see `state`), so an event may be applied twice, but none is skipped. Twice
  equals once, because events carry absolute values and rows are found by run_id.
- A row may be appended without looking for its id only if the library drew the id, its first event lies past the
  applied offset, and the sheet is exactly what the write left that saved this state (`since`). A crash between the
  sheet and the state changes the token, and so costs one look-up instead of a doubled row.
- A journal is archived only when its writer is dead, everything in it was applied and no living run needs it. It
  keeps its offset in the state until it was seen to be gone, so that a crash before the unlink can't apply it again.

Ownership is by cell. For every cell the backend is told which values the library may have left there: what was
last applied, and what the events to be applied say (a write whose state was lost has left those). A cell that holds
anything else is a person's, is left alone, and is theirs from then on. A row that was there and is gone was deleted
by a person and stays deleted; unless the sheet's mark is older than the write that added it: then a stale save or a
restored backup took it, and it is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from experiment_sheet import archive, changes, generations, leftovers, locks, notices
from experiment_sheet import state as states
from experiment_sheet.backends.base import Backend, Mark, Written
from experiment_sheet.changes import Change
from experiment_sheet.columns import Column, RunId
from experiment_sheet.errors import SheetChanged, SheetError, UsageError
from experiment_sheet.events import Event
from experiment_sheet.files import Files, prepare
from experiment_sheet.fold import Folded, fold
from experiment_sheet.journal import Journal, journals_in, read_of
from experiment_sheet.meeting import ABSENT, Meeting, Place
from experiment_sheet.state import Applied, Live, State
from experiment_sheet.values import Cell
from experiment_sheet.waiting import Waiting, waiting_in
from experiment_sheet.writers import is_dead

ARCHIVE_AT: Final = 32
"""Journals of dead writers that are left lying before they are archived together."""

_ATTEMPTS: Final = 4  # a person saved while we wrote: read again, at most so often


@dataclass(slots=True)
class Outcome:
    """What a checkpoint did, and what it could not."""

    errors: dict[str, SheetError] = field(default_factory=dict)  # by sheet; its rows wait
    kept: dict[RunId, Mapping[Column, Cell]] = field(default_factory=dict)  # people's cells, as they are
    deleted: set[RunId] = field(default_factory=set)  # rows that a person deleted
    no_room: dict[RunId, dict[Column, Cell]] = field(default_factory=dict)  # cells of columns that were not made
    spelled: dict[RunId, dict[Column, Cell]] = field(default_factory=dict)  # text with signs the sheet can't hold


@dataclass(slots=True)
class Checkpoint:
    """Applies the journals of one target. `open_backend` opens the sheet of a name in the events."""

    files: Files
    open_backend: Callable[[str], Backend]
    journal: Journal
    max_columns: int
    exists: Callable[[], bool]
    check_open: Callable[[], None] = lambda: None  # raises SheetBusy while a person's program has the sheet open
    last_words: Callable[[RunId, Live], Mapping[Column, Cell]] = lambda *_: {}  # of a run whose process died
    absent: float = ABSENT

    @property
    def folder(self) -> Path:
        """Where state and lock lie."""
        return self.files.state

    def run(self, *, wait: float, all_of_it: bool = False) -> Outcome:
        """Apply everything that waits, of every process. Raises SheetError if the lock can't be had in `wait` s.

        `all_of_it`: do the housekeeping too, and don't go home because somebody else applied our events.
        """
        outcome = Outcome()
        if self._is_untouched():
            return outcome
        try:
            prepare(self.folder, self.files.sheet)
            done = (lambda: False) if all_of_it else self._covered
            with locks.holding(self.folder / "sheet.lock", wait=wait, done=done) as held:
                if held:
                    self._run(outcome, archive_at=1 if all_of_it else ARCHIVE_AT, mend=all_of_it)
        except SheetError:
            raise
        except OSError as error:
            raise SheetError(f"{self.files.sheet}: {error}; rows wait in the journal") from error
        return outcome

    def _is_untouched(self) -> bool:
        """Whether nothing was ever logged here: then not even a folder is made."""
        return self.journal.is_blank and not any(folder.exists() for folder in (self.folder, *self.files.journals))

    def _covered(self) -> bool:
        path = self.journal.path
        if path is None or self.journal.unwritten() or not path.exists():
            return False
        size = path.stat().st_size
        covered = states.least_offset(self.folder, path.name) >= size
        if covered:
            self.journal.settle(path.name, size, target=self.files.sheet)
        return covered

    def _run(self, outcome: Outcome, *, archive_at: int, mend: bool) -> None:
        with suppress(OSError):  # its lines are in memory then, and are applied from there
            self.journal.renew()
        state = states.load(self.folder)
        for _ in range(2):  # the second time for runs found dead the first time
            pending = self._waiting(state)
            for sheet, events in pending.events.items():
                self._apply(sheet, events, state, outcome)
            if mend and self.exists():  # a sheet that nobody writes to may have been saved over, too
                for sheet in state.sheets.keys() - pending.events.keys():
                    self._apply(sheet, [], state, Outcome())
            for sheet in state.sheets.keys() - outcome.errors.keys():  # nothing of theirs lies in what was read
                state.sheets[sheet].offsets = dict(pending.ends)
            if pending.events or mend:
                states.save(self.folder, state)
            if outcome.errors:
                return
            self._settle(pending)
            if not self._end_dead_runs(state):
                break
        archive.tidy(self.files, state, self.paths(), own=self.journal.path, at=archive_at)
        for folder in {self.folder, *self.files.journals}:
            leftovers.sweep(folder, remembered=mend)

    def _settle(self, pending: Waiting) -> None:
        path = self.journal.path
        if path is not None and path.name in pending.ends:
            self.journal.settle(path.name, pending.ends[path.name], target=self.files.sheet)
        self.journal.settle_unwritten(pending.memory, target=self.files.sheet)

    # What waits

    def paths(self) -> dict[str, Path]:
        """Every journal of this target, by name."""
        return {path.name: path for folder in self.files.journals for path in journals_in(folder)}

    def _waiting(self, state: State) -> Waiting:
        return waiting_in(self.files.sheet, self.paths(), self.journal, state)

    def state(self) -> State:
        """Read, without the lock, what was applied."""
        return states.load(self.folder)

    def waiting(self, sheet: str) -> dict[RunId, Change]:
        """Read, without the lock, what is to be written into a sheet, by run; what a stale save took with it, too."""
        state = self.state()
        events = self._waiting(state).events.get(sheet, [])
        applied = state.sheets.get(sheet, Applied())
        meeting = self._unseen(sheet, applied, state)
        if not events and not meeting.added | meeting.changed:
            return {}
        return dict(self._changes(sheet, fold(events), applied, meeting))

    @property
    def _place(self) -> Place:
        return Place(self.folder, self.exists, self.history, self.absent)

    def _unseen(self, sheet: str, applied: Applied, state: State) -> Meeting:
        """Which of our writes the sheet has not seen, as far as it can be read now."""
        if not applied.generation or not self.exists():
            return Meeting()
        try:
            with closing(self.open_backend(sheet)) as backend:
                return self._place.look(sheet, backend, applied, state)
        except SheetError:
            return Meeting()  # who reads the sheet is told

    def history(self, sheet: str, runs: set[RunId]) -> list[Event]:
        """Every event of some runs, applied or not, archived or not.

        One tab may go by several names (``runs.xlsx``, ``runs.xlsx#runs``): an id that was drawn is one run under
        all of them; one that a person gave, under its own.
        """
        found: list[Event] = []
        for path in self.paths().values():
            try:
                found += read_of(path, runs)
            except FileNotFoundError:
                pass  # archived this moment; so the archive is read last
            except OSError as error:
                notices.say("unreadable journal", str(path), f"{path} can't be read ({error}); its events are left out")
        found += archive.events(self.files.journals[0], runs)
        drawn = {event.run for event in found if event.drawn}
        return [event for event in found if event.sheet == sheet or event.run in drawn]

    # Applying

    def _apply(self, sheet: str, events: list[Event], state: State, outcome: Outcome) -> None:
        try:
            self.check_open()
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    with closing(self.open_backend(sheet)) as backend:
                        self._write(sheet, backend, events, state, outcome)
                    break
                except SheetChanged:
                    if attempt == _ATTEMPTS:
                        raise
                    state.token = None
        except SheetError as error:
            outcome.errors[sheet] = error
        except UsageError as error:  # a sheet that nobody can write, in an old journal, must hold up no other
            outcome.errors[sheet] = SheetError(str(error))

    def _write(self, sheet: str, backend: Backend, events: list[Event], state: State, outcome: Outcome) -> None:
        applied = state.sheets[sheet]
        backend.known = applied.known
        meeting = self._place.meet(sheet, backend, applied, state)
        folded = fold(events)
        todo = dict(self._changes(sheet, folded, applied, meeting))
        if not applied.columns:
            applied.extras = self._place.extras(backend)
        columns = dict(applied.columns)
        for run, change in todo.items():
            if applied.extras is not None:
                change.leave_out_extras(applied.extras)
            if left_out := self._left_out(change, columns):
                outcome.no_room[run] = left_out
        writing = {run: change for run, change in todo.items() if change.cells or change.new}
        written = self._write_changes(sheet, backend, writing, state) if writing else Written()
        self._remember(writing, written, applied, outcome)
        for run in folded.keys() - writing.keys():  # nothing to write: a deleted row, or all cells a person's
            applied.keep(run, todo[run].folded if run in todo else folded[run])

    def _changes(
        self, sheet: str, pending: dict[RunId, Folded], applied: Applied, meeting: Meeting
    ) -> Iterator[tuple[RunId, Change]]:
        remade = {run for run, live in applied.live.items() if meeting.remake and not live.deleted} - pending.keys()
        added = meeting.added | remade
        again = added | meeting.changed
        strangers = again | {
            run for run, folded in pending.items() if changes.needs_history(folded, applied.live.get(run))
        }
        prior, full = self._prior(sheet, strangers, pending)
        for run in [*(run for run in full if run in again and run not in pending), *pending]:
            folded, live = pending.get(run), applied.live.get(run)
            if folded is not None and folded.restored:
                if live is not None:
                    live.deleted = False
                yield run, changes.again(full[run], added=True)
            elif run in again and run in full:
                yield run, changes.again(full[run], added=run in added)
            elif folded is None or (live is not None and live.deleted):
                continue
            elif run in strangers:
                yield run, changes.of_ended(folded, prior.get(run), full[run], remake=meeting.remake)
            elif live is None:
                yield run, changes.of_new(folded)
            else:
                yield run, (changes.of_remade if meeting.remake else changes.of_live)(folded, live)

    def _prior(
        self, sheet: str, runs: set[RunId], pending: Mapping[RunId, Folded]
    ) -> tuple[dict[RunId, Folded], dict[RunId, Folded]]:
        """Fold the whole history of some runs, and what of it came before the pending events."""
        if not runs:
            return {}, {}
        events = self.history(sheet, runs) + [e for e in self.journal.unwritten() if e.run in runs and e.sheet == sheet]
        waiting = {run: folded.stamps for run, folded in pending.items() if run in runs}
        before = [event for event in events if event.stamp not in waiting.get(event.run, ())]
        return fold(before), fold(events)

    def _left_out(self, change: Change, columns: dict[Column, None]) -> dict[Column, Cell]:
        """Take out of a change the cells of automatic columns that would be too many; add its others to `columns`."""
        if change.cells.keys() <= columns.keys():
            return {}
        room = self.max_columns - sum(map(_is_automatic, columns))
        fresh = [column for column in change.cells if _is_automatic(column) and column not in columns]
        left_out = {column: change.cells.pop(column) for column in fresh[max(0, room) :]}
        columns.update(dict.fromkeys(change.cells))
        return left_out

    def _write_changes(self, sheet: str, backend: Backend, todo: Mapping[RunId, Change], state: State) -> Written:
        new = [run for run, change in todo.items() if change.new]
        generation = state.generation + 1
        if generation == 1:
            generations.forget(self.folder)
        changed = [run for run, change in todo.items() if not change.new]
        generations.note(self.folder, generation, sheet, added=new, changed=changed)
        unseen = all(change.unseen for change in todo.values() if change.new)
        written = backend.write(
            {run: change.cells for run, change in todo.items()},
            new=new,
            last={run: change.last for run, change in todo.items()},
            mark=Mark(state.sheet, generation),
            since=state.token if unseen else None,
        )
        state.generation, state.token = generation, written.token
        state.sheets[sheet].generation = generation
        return written

    def _remember(self, todo: Mapping[RunId, Change], written: Written, applied: Applied, outcome: Outcome) -> None:
        applied.known.update(written.known)
        missing, no_room = set(written.missing), set(written.no_room)
        outcome.deleted |= missing
        outcome.kept.update(written.kept)
        for run, columns in written.spelled.items():
            outcome.spelled[run] = {column: todo[run].cells[column] for column in columns}
        for run, change in todo.items():
            applied.columns.update(dict.fromkeys(column for column in change.cells if column not in no_room))
            if lost := {column: cell for column, cell in change.cells.items() if column in no_room}:
                outcome.no_room.setdefault(run, {}).update(lost)
            applied.keep(run, change.folded, deleted=run in missing, theirs=written.kept.get(run, ()))

    # Dead writers

    def _end_dead_runs(self, state: State) -> bool:
        """Journal the end of runs whose process died without a word; tell whether there were any."""
        paths, own = self.paths(), self.journal.path
        dead: dict[str, bool] = {}
        events = []
        for sheet, applied in state.sheets.items():
            for run, live in applied.live.items():
                path = paths.get(live.journal)
                if path is None or path == own or self.journal.tells_of(sheet, run):
                    continue
                if dead.setdefault(live.journal, is_dead(path)):
                    cells = {**self.last_words(run, live), Column("run", "status"): "crashed"}
                    events.append(Event(sheet, run, "end", cells, epoch=live.stamp.epoch + 1))
        if events:
            self.journal.append(events)
        return bool(events)


def _is_automatic(column: Column) -> bool:
    return column.role in ("input", "output")
