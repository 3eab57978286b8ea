"""Messages to the person, each said once.

What depends on the world never stops a training: it becomes one message of the logger
``experiment_sheet``. The same message comes again only after its cause was gone (`settle`).
No handler is installed: Python prints warnings to stderr by itself, and who configures logging decides.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

logger: Final = logging.getLogger("experiment_sheet")
_said: set[tuple[str, str]] = set()
_lock = threading.Lock()


def say(cause: str, subject: str, message: str, *, level: int = logging.WARNING) -> None:
    """Log `message` unless something was already said of this `cause` and `subject` (a sheet, a run, a key)."""
    with _lock:
        if (cause, subject) in _said:
            return
        _said.add((cause, subject))
    logger.log(level, "%s", message)


def settle(cause: str, subject: str) -> bool:
    """Forget that this was said, because its cause is gone; tell whether it had been said."""
    with _lock:
        if (cause, subject) not in _said:
            return False
        _said.discard((cause, subject))
    return True
