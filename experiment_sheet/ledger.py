"""What a process knows of one target: where it is, its files folder, its journal, its checkpoint.

It is where the third promise is kept: whatever goes wrong in the world while something is recorded becomes one
message, and the rows wait. What the caller got wrong has been raised before it comes here.

At exit, and in a forked child, a ledger cleans up after itself: waiting rows get a last chance, a child lets go of its
parent's journal.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

from experiment_sheet import feeds, last_words, notices, report
from experiment_sheet.backends.base import Backend, Table, Target
from experiment_sheet.backends.registry import open_backend
from experiment_sheet.checkpoint import Checkpoint, Outcome
from experiment_sheet.columns import Column, RunId
from experiment_sheet.errors import SheetBusy, SheetError, SheetMissing
from experiment_sheet.events import Event
from experiment_sheet.files import Files, Taken, clock_of, files_of, prepare
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.journal import Journal
from experiment_sheet.look import Look
from experiment_sheet.owners import owner_of
from experiment_sheet.state import Live
from experiment_sheet.values import Cell
from experiment_sheet.waiting import waiting_in

EXIT_WAIT: Final = 10.0
"""Seconds that waiting rows get at exit."""


@dataclass(slots=True)
class Ledger:
    """One target, whatever the tab: `target.tab` is None."""

    is_far: ClassVar[bool] = False

    target: Target
    look: Look
    journal: Journal
    feeder: Ledger | None = None  # whose journal it is, if not this sheet's own
    _recorded: int = 0  # calls that recorded something, and how many of them a checkpoint of ours has applied
    _arrived: int = 0

    @property
    def files(self) -> Files:
        """Where everything of the sheet lies."""
        files = self.journal.files
        return files if self.feeder is None else feeds.fed(files, self.target)

    @property
    def _waits(self) -> bool:
        return self._recorded > self._arrived

    @property
    def root(self) -> Path:
        """The files folder."""
        return self.files.root

    def sheet_name(self, tab: str | None) -> str:
        """How events name a sheet of this target."""
        return self.files.sheet if tab is None else f"{self.files.sheet}#{tab}"

    def open(self, sheet: str) -> Backend:
        """Open the backend of a sheet that an event names."""
        tab = sheet[len(self.files.sheet) + 1 :] or None
        return open_backend(replace(self.target, tab=tab), look=self.look)

    def table(self, sheet: str) -> Table:
        """Read a sheet that an event names, as it is; empty where there is none. Raises SheetError."""
        applied = self.checkpoint.state().sheets.get(sheet)
        with closing(self.open(sheet)) as backend:
            backend.known = applied.known if applied else {}
            try:
                return backend.read()
            except SheetMissing:
                return Table((), (), ())

    def made_columns(self, sheet: str) -> list[Column]:
        """Columns of results and inputs in a sheet that was made, and never logged into."""
        try:
            found = self.table(sheet).columns if self.exists() else ()
        except SheetError:
            return []
        return [column for column in found if column.role in ("input", "output")]

    def exists(self) -> bool:
        """Whether there is a file, for targets that are files."""
        return self.target.scheme != "file" or os.path.lexists(self.target.path)

    def check_open(self) -> None:
        """Raise SheetBusy while a spreadsheet program has the file open: its next save would undo ours."""
        if self.target.scheme != "file":
            return
        if owner := owner_of(Path(self.target.path), clock=lambda: clock_of(self.files.state)):
            raise SheetBusy(
                f"{self.target.path} is open in {owner}; rows wait until it is closed."
                " `experiment-sheet open --view` shows a copy that you can leave open"
            )

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of this target."""
        return Checkpoint(
            self.files,
            self.open,
            self.journal,
            max_columns=self.look.max_columns,
            exists=self.exists,
            check_open=self.check_open,
            last_words=self.last_words,
        )

    def last_words(self, run: RunId, live: Live) -> Mapping[Column, Cell]:
        """What the histories of a run say whose process died."""
        return last_words.of(self.root / safe_name(run), first_life=live.stamp.epoch == 1)

    def record(self, events: Sequence[Event], *, wait: float | None, durable: bool) -> Outcome:
        """Journal events and, with `wait`, apply them. Never raises for what depends on the world.

        `durable`: if they have to wait, they are fsynced where they wait.
        """
        outcome = Outcome()
        self._recorded += 1
        try:
            self.claim()
            written = self._journal(events)
            if wait is not None:
                outcome = self.sync(wait=wait)
            if durable and self._waits:
                self.journal.sync()
            if written and (durable or not self._waits):
                notices.settle("journal", self.journal.files.sheet)
        except OSError as error:
            self._say_unwritten(error)
        except Exception as error:  # noqa: BLE001 - promise 3: not even a mistake of ours may stop a training
            self._say_mistake(error)
        return outcome

    def post(self, events: Sequence[Event], *, wait: float | None, durable: bool) -> Outcome:
        """As `record`, for a run, which doesn't wait for a sheet that is far away."""
        return self.record(events, wait=wait, durable=durable)

    def claim(self) -> None:
        """Claim the files folder, or the next one, where another sheet of the same stem was first."""
        if self.feeder is not None:
            self.feeder.claim()
            with suppress(OSError):  # before there is an event of this sheet, so that it is kept for it
                prepare(self.files.state, self.files.sheet)
            return
        try:
            prepare(self.journal.files.journals[0], self.journal.files.sheet)
        except Taken:
            self.journal.move(files_of(self.target))
        except OSError:
            return  # the spare folder takes the journal

    def _journal(self, events: Sequence[Event]) -> bool:
        try:
            self.journal.append(events)
        except OSError as error:
            self._say_unwritten(error)
            return False
        return True

    def _say_unwritten(self, error: OSError) -> None:
        notices.say("journal", self.journal.files.sheet, f"{error}. Free some space or mend the folder.")

    def _say_mistake(self, error: Exception) -> None:
        what = f"{self.target.path} could not be written; its rows wait in the journal"
        notices.say(f"{error!r:.200}", self.target.path, what, level=logging.ERROR, traced=True)

    def sync(self, *, wait: float, everything: bool = False) -> Outcome:
        """Run a checkpoint; what stands in its way becomes one message and an entry of `Outcome.errors`."""
        name, recorded = self.files.sheet, self._recorded  # another thread may record meanwhile
        try:
            outcome = self.checkpoint.run(wait=wait, all_of_it=everything)
        except SheetError as error:
            outcome = Outcome(errors={name: error})
        self._take_note(outcome, recorded)
        return outcome

    def _take_note(self, outcome: Outcome, recorded: int) -> None:
        for sheet, reason in outcome.errors.items():
            if self.journal.unwritten():  # which was said, and says more
                continue
            what = str(reason).removesuffix(".")
            stop = "" if what.endswith("?") else "."
            notices.say("waits", sheet, f"{what}{stop} Training goes on; {self._hope}.")
        if not outcome.errors:
            self._arrived = max(self._arrived, recorded)
            if notices.settle("waits", self.files.sheet):
                notices.logger.info("%s: the waiting rows have arrived", self.files.sheet)

    @property
    def _hope(self) -> str:
        return "rows arrive with a later call or `experiment-sheet sync`"

    def waiting(self) -> list[RunId]:
        """Runs of which the sheet lacks something, as far as the journals say. Asks nobody."""
        files, checkpoint = self.files, self.checkpoint
        found = waiting_in(files.sheet, checkpoint.paths(), self.journal, checkpoint.state()).events
        return list({event.run: None for events in found.values() for event in events})

    def tell(self, outcome: Outcome, name: str) -> None:
        """Keep what the sheet can't hold, and say what people did. `name`: the sheet, for people."""
        for run, cells in outcome.spelled.items():
            folder = RunFolder(self.root / safe_name(run))
            report.keep_texts(folder, cells)
            what = f"{next(iter(cells)).key!r} of {run} has signs that the encoding of {name} lacks"
            notices.say("spelled", name, f"{what}; such are spelled out there, and whole in {folder.path / 'files'}")
        for run, cells in outcome.no_room.items():
            report.keep(RunFolder(self.root / safe_name(run)), cells)
            names = ", ".join(column.key for column in cells)
            notices.say("no room", run, f"{name}: no room for the columns {names:.200} of {run}; see its run.json")
        for run in outcome.deleted:
            notices.say("deleted", run, f"{name}: a person deleted the row of {run}; it stays deleted", level=20)

    def refresh(self) -> None:
        """Put waiting rows into the sheet if nobody else is at it; else they go on waiting, and nothing is said."""
        try:
            self.tell(self.checkpoint.run(wait=0), self.target.path)
        except SheetError:
            return  # another process writes, or a program has the sheet open

    def follow(self, *, wait: float | None, durable: bool) -> None:
        """As `post`, of events that the feeder's journal holds already."""

    def arrive(self) -> None:
        """Wait, a bounded time, until what runs have told is in a sheet that is far away."""

    def at_exit(self) -> None:
        """Give waiting rows a last chance."""
        try:
            if self._waits:
                self.sync(wait=EXIT_WAIT)
        except Exception as error:  # noqa: BLE001 - as in `record`
            self._say_mistake(error)

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self.journal.forget_file()
        self._arrived = self._recorded
