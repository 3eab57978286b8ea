"""Who wrote a journal, and whether that process is dead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from experiment_sheet import locks
from experiment_sheet.files import clock_of
from experiment_sheet.journal import lock_of
from experiment_sheet.jsonl import parsed
from experiment_sheet.machine import host_name, machine_id, uptime


def writer_of(journal: Path) -> tuple[str, str]:
    """The machine that wrote a journal, and its host name; empty if that can't be told."""
    try:
        first = _first_line(journal)
        return str(first["machine"]), str(first["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _first_line(journal: Path) -> Any:
    with open(journal, "rb") as file:
        return parsed(file.readline(4096))


def is_dead(journal: Path) -> bool:
    """Tell whether the writer of a journal is known to be dead: it ran on this machine, and its lock is free.

    This machine before it was last started counts too: the same host name, nothing written since, no lock. Where
    somebody deleted the lock's file, the process id has to do: one that is another process's now delays the verdict.
    """
    if not locks.is_free(lock_of(journal)) or (not lock_of(journal).exists() and _may_run(journal)):
        return False
    machine, host = writer_of(journal)
    if not machine:
        return _is_empty(journal)  # nobody was told that anything is in it
    return machine == machine_id() or (host == host_name() and _was_before_boot(journal))


def _may_run(journal: Path) -> bool:
    """Whether a process of this machine has the number of the writer."""
    try:
        first = _first_line(journal)
        if first["machine"] != machine_id() or os.name == "nt":  # where signal 0 is no question
            return False
        os.kill(int(first["pid"]), 0)
    except (ProcessLookupError, OverflowError, ValueError, KeyError, TypeError):
        return False
    except OSError:  # it is another user's
        return True
    return True


def _is_empty(journal: Path) -> bool:
    try:
        with open(journal, "rb") as file:
            return not file.readline(4096).endswith(b"\n")
    except OSError:
        return False


def _was_before_boot(journal: Path) -> bool:
    now, up = clock_of(journal.parent), uptime()
    try:
        return now is not None and up is not None and journal.stat().st_mtime < now - up
    except OSError:
        return False
