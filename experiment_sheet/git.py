"""Asking git, quietly: no locks, no prompts, no pager, never longer than one is ready to wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PATIENCE: Final = 2.0
"""Seconds for a question whose answer is near; on a cold network disk git may take long."""

# Without locks a person's own git never finds the index locked by us; without prompts nothing ever waits.
_QUIET: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}

_CHUNK: Final = 1 << 16


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
    """Yield git's lines as they come, without their ends kept apart, up to `limit` bytes.

    Raises OSError where git can't be run, TimeoutError if it was stopped: at the limit, or for the time it took.
    """
    import subprocess
    import threading

    command = ["git", "-C", os.fspath(folder), *words]
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | _QUIET, **quiet) as process:  # type: ignore[call-overload]
        timer = threading.Timer(patience, process.kill)
        timer.daemon = True
        timer.start()
        try:
            seen = 0
            while line := process.stdout.readline(limit):
                seen += len(line)
                if seen > limit:
                    raise TimeoutError(f"more than {limit >> 20} MB")
                yield line
        finally:
            timer.cancel()
            process.kill()
    if process.returncode:
        raise TimeoutError(f"git took more than {patience:.0f} s" if process.returncode < 0 else "git failed")
