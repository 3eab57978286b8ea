"""The ledger of a sheet that is far away: runs write the journal and go on, and a thread sends (`sender`).

What a person asks for is done while they wait, as everywhere: `Sheet.append`, `update`, `read` and `sync`. Of runs,
only `finish` and the end of the program wait, for a bounded time, and then say what remains.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from experiment_sheet import background, notices
from experiment_sheet.checkpoint import Outcome
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetBusy, SheetError
from experiment_sheet.events import Event
from experiment_sheet.ledger import Ledger
from experiment_sheet.sender import SENDER, Answer, Turn, patience


@dataclass(slots=True)
class FarLedger(Ledger):
    """The ledger of a sheet that is far away: what runs tell is sent by a thread of its own (`sender`)."""

    is_far = True

    _turn: Turn | None = None
    _is_refused: bool = False  # the last sending ended with an error
    _remaining: int = 0  # runs that were said to remain, since something arrived

    def post(self, events: Sequence[Event], *, wait: float | None, durable: bool) -> Outcome:
        """Journal events and, with `wait`, have them sent soon; return at once."""
        outcome = self.record(events, wait=None, durable=durable)
        if wait is not None:
            self._ask(soon=True)
        return outcome

    def follow(self, *, wait: float | None, durable: bool) -> None:
        """As `post`, of events that the feeder's journal holds already."""
        self._recorded += 1
        try:
            if durable:
                self.journal.sync()
        except OSError as error:
            self._say_unwritten(error)
        if wait is not None:
            self._ask(soon=True)

    def made_columns(self, sheet: str) -> list[Column]:  # noqa: ARG002
        """None: whoever logs a run doesn't wait until a far sheet was read."""
        return []

    def refresh(self) -> None:
        """Have the rows of runs that go on sent, now and then."""
        self._ask(soon=False)

    def arrive(self) -> None:
        """Wait, a bounded time, until what runs have told is in the sheet; else say what remains."""
        arrive([self])

    def at_exit(self) -> None:
        """Nothing: far sheets are waited for together."""

    def after_fork(self) -> None:
        """Start anew in a forked child, without its parent's turn."""
        Ledger.after_fork(self)
        self._turn = None

    def say_what_remains(self, waited: float, *, last: bool) -> None:
        """Say how many runs have not arrived and what sends them: once, and at the end if it is another number."""
        count = len(self.waiting())
        if not (self._waits and count) or (self._remaining and not last) or self._remaining == count:
            return
        self._remaining = count
        reason = "" if self._is_refused else f" (no answer within {waited:g} s)"  # an error was said when it came
        runs = f"{count} run has" if count == 1 else f"{count} runs have"
        until = "" if last else "if this program ends first, "
        notices.logger.warning("%s: %s not arrived yet%s; %s%s", self.files.sheet, runs, reason, until, self._hope)

    def turn(self) -> Turn | None:
        """The sender's turn, if something of it waits."""
        return self._ask(soon=True) if self._waits else None

    def _ask(self, *, soon: bool) -> Turn:
        if self._turn is None:
            self._turn = Turn(self._send)
            self._wait_at_end_of_worker()
        SENDER.ask(self._turn, soon=soon)
        return self._turn

    def _wait_at_end_of_worker(self) -> None:
        """In a process of multiprocessing, which ends without what others do at exit (`atexit`)."""
        if "multiprocessing.process" in sys.modules:
            from multiprocessing import parent_process
            from multiprocessing.util import Finalize

            if parent_process() is not None:
                Finalize(None, arrive, args=([self],), kwargs={"last": True}, exitpriority=0)

    def _send(self) -> Answer:
        """Send what waits, if no other process is at it. In the sender's thread."""
        recorded = self._recorded
        try:
            outcome = self.checkpoint.run(wait=0)
        except SheetBusy:  # the lock: who holds it sends our events, too
            return "busy"
        except SheetError as error:
            outcome = Outcome(errors={self.files.sheet: error})
        except Exception as error:  # noqa: BLE001 - as in `record`
            self._say_mistake(error)
            return "waits"
        self._is_refused = bool(outcome.errors)
        if not outcome.errors:
            self._remaining = 0
        self._take_note(outcome, recorded)
        self.tell(outcome, self.target.path)
        return "waits" if outcome.errors else "sent"

    @property
    def _hope(self) -> str:
        return f"`experiment-sheet sync -s {self.target.scheme}://{self.target.path}` sends what waits"


def arrive(ledgers: Sequence[Ledger], *, last: bool = False) -> None:
    """Wait, a bounded time in all, until what runs have told is in those that are far away; else say what remains.

    `last`: the program ends.
    """
    far = [ledger for ledger in ledgers if isinstance(ledger, FarLedger)]
    waited = patience()
    deadline = time.monotonic() + waited
    for ledger in far:
        background.settle(ledger.root, waited)  # what has yet to be told (`past.tell_parent`)
    turns = [turn for ledger in far if (turn := ledger.turn()) is not None]
    if turns and not SENDER.arrived(turns, within=deadline - time.monotonic()):
        for ledger in far:
            ledger.say_what_remains(waited, last=last)
