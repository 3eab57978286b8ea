"""Asking git, quietly: no locks, no prompts, no pager, never longer than one is ready to wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

PATIENCE: Final = 2.0
"""Seconds for a question whose answer is near; on a cold network disk git may take long."""

_QUIET: Final = {
    "GIT_OPTIONAL_LOCKS": "0",  # so that a person's own git never finds the index locked by us
    "GIT_TERMINAL_PROMPT": "0",  # so that nothing ever waits
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # ext:: runs programs, and addresses come from others' run.json
    "LC_ALL": "C",
}


def ask(folder: str | Path, *words: str, patience: float = PATIENCE) -> str | None:
    """Return git's answer about a folder; None where there is no git, no repository, no answer or an empty one."""
    answer = run(folder, *words, patience=patience)
    return answer.decode(errors="surrogateescape").strip() or None if answer is not None else None


def run(folder: str | Path, *words: str, patience: float = PATIENCE) -> bytes | None:
    """Return what git printed, as it is; None where it failed."""
    import subprocess  # a tenth of the library's import time, needed once

    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            env=os.environ | _QUIET,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout


def stream(folder: str | Path, *words: str, limit: int, patience: float) -> Iterator[bytes]:
    """Yield git's lines as they come, up to `limit` bytes in all, whatever git would print.

    Raises OSError where git can't be run, TimeoutError where it was stopped or failed.
    """
    import subprocess
    import threading

    command = ["git", "-C", os.fspath(folder), *words]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | _QUIET,
    )
    timer = threading.Timer(patience, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield from _lines(process.stdout, limit)
        failed = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.communicate()
    if failed:
        raise TimeoutError(f"git took more than {patience:.0f} s" if failed < 0 else f"git failed ({failed})")


def _lines(out: IO[bytes] | None, limit: int) -> Iterator[bytes]:
    left = limit
    while out is not None and (line := out.readline(left + 1)):
        left -= len(line)
        if left < 0:
            raise TimeoutError(f"it is more than {limit / (1 << 20):.3g} MB")
        yield line
