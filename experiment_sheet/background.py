"""Work for a run that nobody waits for: asking git, listing packages, hashing data.

Each piece runs in a daemon thread of its own and ends in a message at worst. `settle` waits for a run's pieces when it
ends, for so long and no longer; what is not done by then is abandoned, and ends with the process at the latest.

Before a fork all pieces are waited for, as long as in `settle`: a child that is forked while another thread holds a
lock (an import's, the logger's) would wait for it forever, and data loaders fork right after a run begins.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from experiment_sheet import notices

PATIENCE: Final = 5.0
"""Seconds that the end of a run, or a fork, waits for what is going on."""

_working: dict[threading.Thread, Path] = {}
_lock = threading.Lock()


def start(folder: Path, what: str, work: Callable[[], None]) -> None:
    """Do `work` for the run of this folder, now and elsewhere. Never raises."""

    def guarded() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - nothing that is only noted down may stop a training
            message = f"{what} of {folder.name} failed and was left out: {type(error).__name__}: {error}"
            notices.say(what, str(folder), message)
        finally:
            with _lock:
                _working.pop(threading.current_thread(), None)

    thread = threading.Thread(target=guarded, name=f"experiment_sheet: {what}", daemon=True)
    with _lock:
        _working[thread] = folder
    try:
        thread.start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        with _lock:
            _working.pop(thread, None)


def settle(folder: Path | None = None, patience: float = PATIENCE) -> bool:
    """Wait for the work of a run, or of all; tell whether it is done."""
    end = time.monotonic() + patience
    with _lock:
        threads = [thread for thread, place in _working.items() if folder in (None, place)]
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _forget() -> None:
    """Start afresh in a forked child, which has none of its parent's threads."""
    global _lock
    _lock = threading.Lock()  # the parent's may be held by a thread that isn't here
    _working.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=settle, after_in_child=_forget)
