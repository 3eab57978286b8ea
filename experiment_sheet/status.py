"""How a run ended: from an exception, or its absence, to a status and an error text."""

from __future__ import annotations

import sys
from typing import Final, Literal

from experiment_sheet.values import clean, cut

Status = Literal["running", "finished", "failed", "killed", "crashed", "lost", "todo"]

STATUSES: Final[tuple[Status, ...]] = ("running", "finished", "failed", "killed", "crashed", "lost", "todo")
"""Every status a run may have; ``crashed`` and ``lost`` are said of it by others, ``todo`` by a person."""

_ERROR_LIMIT: Final = 1_000


def ending(error: BaseException | None) -> tuple[Status, str | None]:
    """Say how a run ended whose block was left by this exception, or by none."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "finished", None
    return ("killed" if isinstance(error, KeyboardInterrupt) else "failed"), error_text(error)


def error_text(error: BaseException) -> str:
    """Return type and message of an exception, whatever its own methods do."""
    name = type(error).__name__
    try:
        message = clean(str(error))
    except Exception:  # noqa: BLE001 - somebody's __str__
        message = "(its message can't be shown)"
    return cut(f"{name}: {message}" if message else name, _ERROR_LIMIT)


def passing_exception() -> BaseException | None:
    """Return the exception that is ending this process, for who asks at exit; None if it ends in peace.

    Python notes an uncaught exception in `sys.last_value` before it calls any hook. In an interactive session each
    failed line is noted there too, and says nothing of how the session ends.
    """
    if hasattr(sys, "ps1") or "IPython" in sys.modules:
        return None
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None
