"""Every error that this library raises on purpose.

    ExperimentSheetError
    ├── UsageError (ValueError)          the call itself is wrong; raised at once
    │   ├── UnknownTarget                no backend stores a sheet there
    │   ├── IllegalTab                   a tab can't have this name
    │   └── UnknownColumn (KeyError)     the sheet has no such column
    ├── RunNotFound (LookupError)        no run answers to this id, prefix or name
    ├── Unsupported (NotImplementedError) a peer's call that this library answers another way
    └── SheetError (OSError)             the sheet can't be read or written now; rows wait in the journal
        ├── SheetBusy                    another program or process holds it
        ├── SheetChanged                 somebody saved it between our read and our write
        ├── SheetMissing (FileNotFoundError)  it is not there
        ├── SheetDamaged                 it is not what its name says
        └── SheetRefused                 whole, but not to be edited without harm (signed, protected, …)

`UsageError` and `RunNotFound` reach the caller. A `SheetError` reaches only who asked to read;
while a run logs, it becomes one message of the logger ``experiment_sheet`` and the rows wait.
"""

from __future__ import annotations


class ExperimentSheetError(Exception):
    """Anything this library raises on purpose."""


class UsageError(ExperimentSheetError, ValueError):
    """The call is wrong, whatever the state of the world."""


class UnknownTarget(UsageError):
    """No backend stores a sheet in this kind of target."""


class IllegalTab(UsageError):
    """A tab can't have this name."""


class UnknownColumn(UsageError, KeyError):
    """The sheet has no column of this name."""

    __str__ = Exception.__str__  # KeyError would show the message in quotes


class RunNotFound(ExperimentSheetError, LookupError):
    """No run answers to this id, prefix or name."""


class Unsupported(ExperimentSheetError, NotImplementedError):
    """A peer's call that can't be answered here; the message says what to do instead."""


class SheetError(ExperimentSheetError, OSError):
    """The sheet can't be read or written now. Rows wait in the journal."""


class SheetBusy(SheetError):
    """Another program or process holds the sheet."""


class SheetChanged(SheetError):
    """Somebody saved the sheet between our read and our write; read it again."""


class SheetMissing(SheetError, FileNotFoundError):
    """There is no such sheet."""


class SheetDamaged(SheetError):
    """The file is not what its name says: no workbook, empty, a folder, cut short."""


class SheetRefused(SheetError):
    """The file is whole, but can't be edited without harm; the message says why."""


class NoRoom(SheetRefused):
    """Nothing can be put beside the table, because something stands there; the message says what to move."""
