"""The command line as tests use it: in this process, in one of its own, and in a terminal of a given size."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

PROGRAM = [sys.executable, "-m", "experiment_sheet"]


def typed(*words: str) -> Result:
    """Run a command in this process; what it prints is in ``stdout`` and ``stderr``."""
    from experiment_sheet.cli import main

    done = CliRunner().invoke(main, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def ok(*words: str) -> str:
    """Output of a command that succeeds and has nothing to complain of."""
    done = typed(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def refused(*words: str, code: int = 2) -> str:
    """What a command complains of."""
    done = typed(*words)
    assert done.exit_code == code, done.output
    return done.stderr


def environment(**more: str) -> dict[str, str]:
    """What a process of its own is to find."""
    found = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    return found | {"PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color"} | more


@dataclass
class Terminal:
    """A process in a terminal of its own."""

    process: subprocess.Popen[bytes]
    end: int
    shown: bytes = b""

    def until(self, text: str, *, seconds: float = 30) -> str:
        """Read until a text was shown; fails if it never is."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.shown:
            if time.monotonic() > deadline or not self._read():
                pytest.fail(f"{text!r} was not shown, but {self.shown.decode(errors='replace')[-500:]!r}")
        return self.shown.decode()

    def rest(self) -> str:
        """Read until the process has ended."""
        while self._read():
            pass
        self.process.wait(30)
        return self.shown.decode()

    def type(self, keys: bytes) -> None:
        """Type keys; ``\\x03`` is Ctrl-C."""
        os.write(self.end, keys)

    def _read(self) -> bool:
        if not select.select([self.end], [], [], 30)[0]:
            return False
        try:
            chunk = os.read(self.end, 1 << 16)
        except OSError:  # the last process of the terminal is gone
            return False
        self.shown += chunk
        return bool(chunk)


@contextmanager
def terminal(
    *words: str, columns: int = 80, rows: int = 24, program: Sequence[str] = PROGRAM, **more: str
) -> Iterator[Terminal]:
    """Run our program in a terminal of a size."""
    pty = pytest.importorskip("pty", reason="a pseudo-terminal is POSIX")
    import fcntl
    import struct
    import termios

    end, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _LEADER, *program, *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, end)
    finally:
        with suppress(OSError):
            process.kill()
        process.wait()
        os.close(end)


_LEADER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal that of the process's session, so that Ctrl-C reaches its group."""
