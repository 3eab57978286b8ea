"""How a run ended: from an exception, or its absence, to a status and an error text."""

from __future__ import annotations

import builtins
import contextlib
import functools
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, Literal, NoReturn

from experiment_sheet.values import clean, cut

Status = Literal["running", "finished", "failed", "killed", "crashed", "lost", "todo"]

STATUSES: Final[tuple[Status, ...]] = ("running", "finished", "failed", "killed", "crashed", "lost", "todo")
"""Every status a run may have; ``crashed`` and ``lost`` are said of it by others, ``todo`` by a person."""

DELETED: Final = "deleted"
"""The status of a run that somebody put into the bin: its row stays, and is not shown by `read` and `ls`."""

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

    Python notes an uncaught exception in `sys.last_value` before it calls any hook, and a `SystemExit` nowhere: see
    `watch_exits`. In an interactive session each failed line is noted there too, and says nothing of how the session
    ends.
    """
    if hasattr(sys, "ps1") or "IPython" in sys.modules:
        return None
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else _exits.passing()


def pass_on() -> None:
    """Let the process die of Ctrl-C as it was about to, whatever was done since at exit.

    An uncaught KeyboardInterrupt sets a flag by which Python kills itself with SIGINT in the end, so that shells stop
    their loops. Whatever compiles a text, as importing a dataclass does, resets it (CPython, pythonrun.c,
    run_eval_code_obj); another interrupt in a compiled text sets it again.
    """
    if isinstance(passing_exception(), KeyboardInterrupt):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102


@dataclass(slots=True)
class _Exits:
    """The latest `sys.exit` of the main thread, and the frame at the bottom of its stack: the program itself."""

    error: SystemExit | None = None
    program: FrameType | None = None

    def note(self, error: SystemExit) -> None:
        """Note an exit that is on its way."""
        trace = error.__traceback__
        if trace is None or threading.current_thread() is not threading.main_thread():
            return
        self.error, self.program = SystemExit(*error.args), trace.tb_frame  # without what its traceback holds
        while self.program.f_back is not None:
            self.program = self.program.f_back

    def passing(self) -> SystemExit | None:
        """Return the exit, unless somebody caught it: the program then came to its end, and returned."""
        if self.program is None or self.program.f_lasti < 0:
            return self.error
        import opcode

        last = self.program.f_code.co_code[self.program.f_lasti]
        return None if opcode.opname[last] in ("RETURN_VALUE", "RETURN_CONST") else self.error

    def forget(self) -> None:
        """Forget an exit that somebody caught: the program goes on."""
        self.error = self.program = None


_exits: Final = _Exits()


def watch_exits() -> None:
    """Have `passing_exception` know of `sys.exit`, and of `exit` and `quit`, from now on.

    What they raise leaves no trace that anybody could look at when the process ends, so they are wrapped, as other
    trackers do it. A bare ``raise SystemExit(3)`` is not seen. What is caught by the program is no end.
    """
    _exits.forget()
    quitter = type(getattr(builtins, "exit", None))
    for owner, name in ((sys, "exit"), *([(quitter, "__call__")] if quitter.__name__ == "Quitter" else [])):
        call = getattr(owner, name)
        if not hasattr(call, "is_watched"):
            setattr(owner, name, _watched(call))


def _watched(call: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    @functools.wraps(call)
    def exiting(*words: Any, **named: Any) -> NoReturn:
        try:
            call(*words, **named)
        except SystemExit as error:
            _exits.note(error)
            raise

    exiting.is_watched = True  # type: ignore[attr-defined]
    return exiting
