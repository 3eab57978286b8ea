"""Running a command as if nobody stood between: its output passes at once, signals reach it, its exit code is known.

Where we print to a terminal the command gets one, too (a pseudo-terminal of the same size), so that colours and
progress bars look as ever; stdin is ours, untouched. Where stdout and stderr are one place they stay one stream, in
the order in which they were written. If our own reader goes away (``| head``), the command goes on, and its log too.

A Ctrl-C reaches every process of the terminal's foreground group, the command as well; it is passed on only where no
terminal sends it. A signal that we were told to ignore (``nohup``) stays ignored.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

Take = Callable[[int, bytes], None]
"""Called with 1 or 2 (stdout, stderr) and what the command wrote there."""

_FORWARDED: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_CHUNK: Final = 1 << 16
_LINGER: Final = 0.5  # seconds for the last words of processes that the command left behind
_LINGERING: Final = 2.0  # … at most


@dataclass(slots=True)
class Passing:
    """One command and its streams."""

    words: Sequence[str]
    take: Take
    signals: list[int] = field(default_factory=list)  # that were passed on
    _process: subprocess.Popen[bytes] | None = None
    _ends: dict[int, int] = field(default_factory=dict)  # our end of a stream → 1 or 2
    _deaf: set[int] = field(default_factory=set)  # streams of ours that nobody reads any more

    def run(self) -> int:
        """Run the command, passing on what it writes; answer its exit code, 128 + n where signal n ended it.

        Raises OSError if it can't be run.
        """
        with self._forwarding():
            self._start()
            assert self._process is not None
            for number in self.signals:  # that came while it was being started
                self._process.send_signal(number)
            self._pass(self._process)
            code = self._process.wait()
        return code if code >= 0 else 128 - code

    def _start(self) -> None:
        theirs = self._streams()
        try:
            self._process = subprocess.Popen(
                self.words, stdout=theirs[1], stderr=theirs[2], env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )
        finally:
            for end in set(theirs.values()):
                os.close(end)

    def _pass(self, process: subprocess.Popen[bytes]) -> None:
        with selectors.DefaultSelector() as selector:
            for end in self._ends:
                selector.register(end, selectors.EVENT_READ)
            over: float | None = None
            while self._ends:
                ready = selector.select(_LINGER)
                if over is not None and (not ready or time.monotonic() > over + _LINGERING):
                    break  # somebody that the command left behind holds its streams, and may print for ever
                if over is None and process.poll() is not None:
                    over = time.monotonic()
                for key, _ in ready:
                    if not self._read(key.fd):
                        selector.unregister(key.fd)
        for end in self._ends:
            os.close(end)

    def _read(self, end: int) -> bool:
        """Pass on what is there; tell whether there may be more."""
        stream = self._ends[end]
        try:
            chunk = os.read(end, _CHUNK)
        except OSError:  # how Linux says that a pseudo-terminal has no writer left
            chunk = b""
        if not chunk:
            os.close(end)
            del self._ends[end]
            return False
        if stream not in self._deaf:
            try:
                _write(stream, chunk)
            except OSError:
                self._deaf.add(stream)
        self.take(stream, chunk)
        return True

    def _streams(self) -> dict[int, int]:
        """Make the command's stdout and stderr; one where ours are one."""
        theirs = {1: self._stream(1)}
        theirs[2] = theirs[1] if _same(1, 2) else self._stream(2)
        return theirs

    def _stream(self, number: int) -> int:
        ours, theirs = _terminal(number) if _is_terminal(number) else os.pipe()
        self._ends[ours] = number
        return theirs

    @contextmanager
    def _forwarding(self) -> Iterator[None]:
        before: dict[int, Any] = {}

        def forward(number: int, _: FrameType | None) -> None:
            self.signals.append(number)
            if self._process is not None and not (number == signal.SIGINT and _in_foreground()):
                with suppress(OSError):
                    self._process.send_signal(number)

        def resize(*_: object) -> None:
            for end, stream in self._ends.items():
                with suppress(OSError):
                    _copy_size(stream, end)

        for name in _FORWARDED:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, forward)
        if hasattr(signal, "SIGWINCH"):
            before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, resize)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _write(stream: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(stream, view) :]


def _same(one: int, other: int) -> bool:
    """Tell whether two streams lead to one place, so that the order of what goes there can be kept."""
    try:
        first, second = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return os.path.samestat(first, second) and (os.name != "nt" or _is_terminal(one))


def _is_terminal(number: int) -> bool:
    return os.name == "posix" and os.isatty(number)


def _terminal(stream: int) -> tuple[int, int]:
    """Make a pseudo-terminal like the one that a stream leads to; it changes nothing of what is written."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    with suppress(OSError, termios.error):
        modes = termios.tcgetattr(theirs)
        modes[1] &= ~termios.OPOST  # our own terminal makes \r\n of \n
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        _copy_size(stream, ours)
    return ours, theirs


def _copy_size(source: int, target: int) -> None:
    import fcntl
    import termios

    size = fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(target, termios.TIOCSWINSZ, size)


def _in_foreground() -> bool:
    """Whether a terminal sends its Ctrl-C to the whole group that we and the command are in."""
    for stream in (0, 1, 2):
        with suppress(OSError):
            if os.isatty(stream):
                return os.name != "posix" or os.tcgetpgrp(stream) == os.getpgrp()
    return sys.platform == "win32"
