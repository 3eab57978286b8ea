"""A throw-away copy of a sheet to look at, so that the sheet itself stays free for the rows that arrive."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from experiment_sheet import notices
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.registry import open_backend
from experiment_sheet.errors import SheetError, SheetMissing, UsageError
from experiment_sheet.ledger import Ledger
from experiment_sheet.ledgers import ledger_of
from experiment_sheet.sheet import Sheet


def view(sheet: Sheet) -> Path:
    """Copy a sheet, with the rows that wait for it, into a new temporary folder; answer the copy's path.

    The copy is read-only, because nobody would miss what is typed into it. Its links lead to the real run folders where
    the system allows symbolic links. Raises UsageError for a sheet that is no file, SheetError where it can't be read.
    """
    if sheet.target.scheme != "file":
        raise UsageError(f"{sheet.name} is no file; look at it where it is")
    path, ledger = Path(sheet.target.path), ledger_of(sheet.target)
    copy = Path(tempfile.mkdtemp(prefix="experiment_sheet-")) / path.name
    try:
        if path.exists():
            shutil.copyfile(path, copy)
        elif not sheet.pending():
            raise SheetMissing(f"there is no sheet {path}; log a run to make it")
    except OSError as error:
        copy.parent.rmdir()
        raise error if isinstance(error, SheetError) else SheetError(f"{path} can't be copied: {error}") from error
    with suppress(OSError, NotImplementedError):
        (copy.parent / ledger.root.name).symlink_to(ledger.root, target_is_directory=True)
    try:
        _add_waiting(ledger, replace(sheet.target, path=str(copy)))
    except SheetError as error:
        notices.logger.warning("%s: the waiting rows are not in the copy: %s", sheet.name, error)
    copy.chmod(0o444)
    return copy


def _add_waiting(ledger: Ledger, target: Target) -> None:
    name = ledger.sheet_name(target.tab)
    waiting = ledger.checkpoint.waiting(name)
    applied = ledger.checkpoint.state().sheets.get(name)
    if not waiting:
        return
    with closing(open_backend(target, look=ledger.look)) as backend:
        backend.known = applied.known if applied else {}
        backend.write(
            {run: change.cells for run, change in waiting.items()},
            new=[run for run, change in waiting.items() if change.new],
            last={run: change.last for run, change in waiting.items()},
        )
