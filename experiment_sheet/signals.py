"""SIGTERM, by which schedulers end a training: a last word to the journal, then the death that was meant.

Python runs a handler between two steps of the main thread, which may hold any lock at that moment. So the last word is
said by another thread, for which the handler waits a little: where the main thread holds what is needed, the process
dies without a word, as it would have without us, and never hangs.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

_PATIENCE: Final = 2.0  # seconds; schedulers give some ten before they kill


def on_sigterm(last_word: Callable[[], None]) -> None:
    """Have `last_word` called when SIGTERM ends the process. A program's own handler stays in its place."""
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def die(number: int, _: FrameType | None) -> None:
        speaker = threading.Thread(target=last_word, daemon=True)
        speaker.start()
        speaker.join(_PATIENCE)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, die)
