"""The sheet while runs go on: last values and duration, refreshed now and then.

One daemon thread per process does it, never the thread that trains. It only tries the sheet's lock: whoever holds it
writes our events too. Between two rounds it waits at least 30 s, and fifty times what the last round cost, so that
it takes at most a fiftieth of the machine's time whatever the sheet. What stands in its way is nobody's concern: the
rows wait in the journal, and arrive with the next round or at the end.

A forked child has none of this; it begins its own when it begins a run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.notices import logger
from experiment_sheet.run import Run
from experiment_sheet.sheet import Sheet

PACE: Final = 30.0
"""Least seconds between two rounds."""

SHARE: Final = 50
"""How often longer than a round's cost the thread waits after it."""


@dataclass(slots=True)
class Live:
    """The thread that refreshes; `runs` answers those that go on."""

    runs: Callable[[], Sequence[Run]]
    pace: float = PACE
    _thread: threading.Thread | None = None
    _pid: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """See to it that the thread runs. It ends when no run goes on."""
        if self._pid != os.getpid():  # a forked child: the parent's lock may be held by nobody who is here
            self._pid, self._thread, self._lock = os.getpid(), None, threading.Lock()
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._work, name="experiment_sheet: live", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending; rows arrive at the end
                self._thread = None

    def _work(self) -> None:
        pause = self.pace
        while True:
            time.sleep(pause)
            with self._lock:
                runs = self.runs()
                if not runs:
                    self._thread = None
                    return
            began = time.monotonic()
            try:
                refresh(runs)
            except Exception:  # noqa: BLE001 - promise 3: not even a mistake of ours may stop a training
                logger.exception("the sheet could not be refreshed; its rows wait in the journal")
            pause = max(self.pace, SHARE * (time.monotonic() - began))


def refresh(runs: Sequence[Run]) -> None:
    """Tell the rows of some runs, and write them if nobody holds the sheet's lock."""
    for run in runs:
        run.refresh()
    for sheet in {run.sheet.name: run.sheet for run in runs if isinstance(run.sheet, Sheet)}.values():
        sheet.refresh()
