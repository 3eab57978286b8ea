"""What writers leave that were killed between two calls, removed by whoever holds the sheet's lock next.

- Temporary files of the journal folder. Those of ``checkpoint.json`` and ``generations.log`` are made under the sheet's
  lock, so one that is found is nobody's. Those of ``sheet.json`` and of the clock are made without; who loses one that
  way goes on as if the call had failed (`files.prepare`, `files.clock_of`).
- Those of what is remembered for the next run (``before/``), when somebody calls `sync`: their writers hold no lock of
  the sheet's, and try once more.
- Temporary files in the folders of runs, when the last journal that speaks of them is archived.
- Locks of journals that were never made, or are gone. A living writer holds its lock before its journal is made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from experiment_sheet import locks
from experiment_sheet.columns import RunId
from experiment_sheet.folder import safe_name
from experiment_sheet.journal import SUFFIX, lock_of, read

_SPARE: Final = re.compile(r"\.[0-9a-f]{12}\.tmp")  # as `folder` names a file that is being written


def sweep(folder: Path, *, remembered: bool = False) -> None:
    """Remove what is nobody's from a journal folder, and from what is `remembered` there. Never raises."""
    for path in (folder / "before").glob("*.tmp") if remembered else ():
        with suppress(OSError):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        names = {entry.name for entry in os.scandir(folder)}
        for name in names:
            if name.endswith(".tmp"):
                with suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
            elif name.endswith(lock_of(Path(SUFFIX)).name) and name.removesuffix(".lock") not in names:
                with suppress(OSError):
                    locks.discard(folder / name)


def sweep_runs(root: Path, journals: Iterable[Path], *, living: Collection[RunId]) -> None:
    """Remove temporary files from the folders of the runs that some journals speak of. Never raises for the world."""
    for journal in journals:
        with suppress(OSError):
            for run in {entry.event.run for entry in read(journal)[0]}.difference(living):
                _sweep_run(root / safe_name(run))


def _sweep_run(folder: Path) -> None:
    for base, _, names in os.walk(folder):
        for name in filter(_SPARE.fullmatch, names):
            with suppress(OSError):
                (Path(base) / name).unlink()
