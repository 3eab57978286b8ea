"""Which runs have fallen silent on other machines: nobody here can tell whether they died, so nothing is stored.

A run that goes on writes its history with every step, and tells its journal how long it has lasted at least every 30 s,
however long its steps take (`live`, where a round costs more than half a second: less often). On a shared folder
the silence is measured on that file system's own clock, so that no two machines' clocks are compared. A run that was
taken for lost and speaks up is running again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from experiment_sheet import history
from experiment_sheet.columns import RunId
from experiment_sheet.files import clock_of
from experiment_sheet.folder import safe_name
from experiment_sheet.machine import machine_id
from experiment_sheet.writers import writer_of

SILENCE: Final = 3600.0
"""Seconds of silence after which a run of another machine counts as lost."""


def lost(running: Mapping[RunId, str], journals: Mapping[str, Path], root: Path) -> set[RunId]:
    """Of running runs (and the names of their journals), those of other machines that have been silent too long."""
    strangers = {name for name in set(running.values()) if writer_of(journals[name])[0] not in ("", machine_id())}
    runs = {run: journals[name] for run, name in running.items() if name in strangers}
    now = clock_of(next(iter(runs.values())).parent) if runs else None
    if now is None:
        return set()
    return {run for run, journal in runs.items() if now - _last_sign(journal, root / safe_name(run)) > SILENCE}


def _last_sign(journal: Path, folder: Path) -> float:
    signs = [0.0]
    with suppress(OSError):
        signs.append(journal.stat().st_mtime)
        signs += [path.stat().st_mtime for path in history.paths_in(folder)]
    return max(signs)
