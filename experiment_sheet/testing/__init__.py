"""Shipped test tools: for this library and for who writes a backend.

Loaded on first use, because they need pytest and hypothesis, which the library itself doesn't.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from experiment_sheet.testing.backends import BackendTests as BackendTests
    from experiment_sheet.testing.google import GoogleSheets as GoogleSheets
    from experiment_sheet.testing.person import Grid as Grid
    from experiment_sheet.testing.person import GridPerson as GridPerson
    from experiment_sheet.testing.person import Person as Person
    from experiment_sheet.testing.workbook import Fault as Fault
    from experiment_sheet.testing.workbook import check_workbook as check_workbook

_HOMES: Final = {
    "BackendTests": "backends",
    "Fault": "workbook",
    "GoogleSheets": "google",
    "Grid": "person",
    "GridPerson": "person",
    "Person": "person",
    "check_workbook": "workbook",
}
"""Public name → the module of this package that holds it."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
