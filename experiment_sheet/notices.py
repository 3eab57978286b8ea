"""Messages to the person, each said once.

What depends on the world never stops a training: it becomes one message of the logger
``experiment_sheet``. The same message comes again only after its cause was gone (`settle`).
No handler is installed: Python prints warnings to stderr by itself, and who configures logging decides.
What looks like a credential is masked in every message.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Final

from experiment_sheet.masking import mask_text


def _mask(record: logging.LogRecord) -> bool:
    """Take credentials out of a message, and out of the traceback that may come with it."""
    record.msg, record.args = mask_text(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        record.exc_text = mask_text(logging.Formatter().formatException(record.exc_info))
    return True


logger: Final = logging.getLogger("experiment_sheet")
logger.addFilter(_mask)
_said: set[tuple[str, str]] = set()
_lock = threading.Lock()


def _after_fork() -> None:
    """Another thread of the parent may hold the lock for ever, as far as this child can see."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def say(cause: str, subject: str, message: str, *, level: int = logging.WARNING, traced: bool = False) -> None:
    """Log `message` unless something was already said of this `cause` and `subject` (a sheet, a run, a key).

    `traced`: with the traceback of the exception that is being handled.
    """
    with _lock:
        if (cause, subject) in _said:
            return
        _said.add((cause, subject))
    logger.log(level, "%s", message, exc_info=traced)


def settle(cause: str, subject: str) -> bool:
    """Forget that this was said, because its cause is gone; tell whether it had been said."""
    with _lock:
        if (cause, subject) not in _said:
            return False
        _said.discard((cause, subject))
    return True
