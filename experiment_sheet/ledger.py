"""What a process knows of one target: where it is, its files folder, its journal, its checkpoint.

There is one ledger per target and process. It is where the third promise is kept: whatever goes wrong in the
world while something is recorded becomes one message, and the rows wait. What the caller got wrong has been
raised before it comes here.

At exit, and in a forked child, a ledger cleans up after itself: waiting rows get a last chance, events that no file
took are printed to stderr, a child lets go of its parent's journal.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from experiment_sheet import last_words, notices
from experiment_sheet.backends.base import Backend, Table, Target
from experiment_sheet.backends.registry import open_backend
from experiment_sheet.checkpoint import Checkpoint, Outcome
from experiment_sheet.columns import Column, RunId
from experiment_sheet.errors import SheetBusy, SheetError, SheetMissing
from experiment_sheet.events import Event
from experiment_sheet.files import Taken, files_of, prepare
from experiment_sheet.folder import safe_name
from experiment_sheet.journal import Journal
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.owners import owner_of
from experiment_sheet.state import Live
from experiment_sheet.values import Cell

EXIT_WAIT: Final = 10.0
"""Seconds that waiting rows get at exit."""

_ledgers: dict[Target, Ledger] = {}
_lock = threading.Lock()


@dataclass(slots=True)
class Ledger:
    """One target, whatever the tab: `target.tab` is None."""

    target: Target
    look: Look
    journal: Journal
    _recorded: int = 0  # calls that recorded something, and how many of them a checkpoint of ours has applied
    _arrived: int = 0

    @property
    def _waits(self) -> bool:
        return self._recorded > self._arrived

    @property
    def root(self) -> Path:
        """The files folder."""
        return self.journal.files.root

    def sheet_name(self, tab: str | None) -> str:
        """How events name a sheet of this target."""
        return self.journal.files.sheet if tab is None else f"{self.journal.files.sheet}#{tab}"

    def open(self, sheet: str) -> Backend:
        """Open the backend of a sheet that an event names."""
        tab = sheet[len(self.journal.files.sheet) + 1 :] or None
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

    def exists(self) -> bool:
        """Whether there is a file, for targets that are files."""
        return self.target.scheme != "file" or os.path.lexists(self.target.path)

    def check_open(self) -> None:
        """Raise SheetBusy while a spreadsheet program has the file open: its next save would undo ours."""
        if self.target.scheme == "file" and (owner := owner_of(Path(self.target.path))):
            raise SheetBusy(
                f"{self.target.path} is open in {owner}; rows wait until it is closed."
                " `experiment-sheet open --view` shows a copy that you can leave open"
            )

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of this target."""
        return Checkpoint(
            self.journal.files,
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
            self._claim()
            self._journal(events)
            if wait is not None:
                outcome = self.sync(wait=wait)
            if durable and self._waits:
                self.journal.sync()
        except OSError as error:
            notices.say("journal", self.journal.files.sheet, f"{error}. Free some space or mend the folder.")
        except Exception:  # noqa: BLE001 - promise 3: not even a mistake of ours may stop a training
            notices.logger.exception("%s: could not be written; its rows wait in the journal", self.target.path)
        return outcome

    def _claim(self) -> None:
        """Claim the files folder, or the next one, where another sheet of the same stem was first."""
        try:
            prepare(self.journal.files.journals[0], self.journal.files.sheet)
        except Taken:
            self.journal.move(files_of(self.target))
        except OSError:
            return  # the spare folder takes the journal

    def _journal(self, events: Sequence[Event]) -> None:
        try:
            self.journal.append(events)
        except OSError as error:
            notices.say("journal", self.journal.files.sheet, f"{error}. Free some space or mend the folder.")
        else:
            notices.settle("journal", self.journal.files.sheet)

    def sync(self, *, wait: float, everything: bool = False) -> Outcome:
        """Run a checkpoint; what stands in its way becomes one message and an entry of `Outcome.errors`."""
        name, recorded = self.journal.files.sheet, self._recorded  # another thread may record meanwhile
        try:
            outcome = self.checkpoint.run(wait=wait, all_of_it=everything)
        except SheetError as error:
            outcome = Outcome(errors={name: error})
        for sheet, reason in outcome.errors.items():
            what = str(reason).removesuffix(".")
            message = f"{what}. Training goes on; rows arrive with a later call or `experiment-sheet sync`."
            notices.say("waits", sheet, message)
        if not outcome.errors:
            self._arrived = max(self._arrived, recorded)
            if notices.settle("waits", name):
                notices.logger.info("%s: the waiting rows have arrived", name)
        return outcome

    def at_exit(self) -> None:
        """Give waiting rows a last chance; print what no file took."""
        try:
            if self._waits:
                self.sync(wait=EXIT_WAIT)
        except Exception:  # noqa: BLE001 - as in `record`
            notices.logger.exception("%s: rows wait in the journal", self.target.path)
        finally:
            self.journal.print_unwritten()

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self.journal.forget_file()
        self._arrived = self._recorded


def ledger_of(target: Target, *, look: Look = DEFAULT) -> Ledger:
    """The ledger of a target in this process. The look counts only if the sheet is yet to be made."""
    whole = replace(target, tab=None)
    with _lock:
        ledger = _ledgers.get(whole)
        if ledger is None:
            ledger = _ledgers[whole] = Ledger(whole, look, Journal(files_of(whole)))
    return ledger


def _at_exit() -> None:
    for ledger in list(_ledgers.values()):
        ledger.at_exit()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for ledger in _ledgers.values():
        ledger.after_fork()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
