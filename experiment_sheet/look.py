"""What a new sheet looks like: one value, which backends render and templates load.

Pure. A backend takes from it what its format can show and ignores the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from experiment_sheet.columns import FRONT, PROVENANCE, Column, Role

Goal = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """How one column looks."""

    width: float | None = None  # in characters of the default font; None: by content
    number_format: str | None = None  # an Excel number format code; None: by the value's type
    goal: Goal | None = None  # which way is better
    choices: tuple[str, ...] = ()  # a dropdown
    help: str | None = None  # what the header cell explains
    collapsed: bool = False  # stands in the collapsed outline group


@dataclass(frozen=True, slots=True)
class Look:
    """How a sheet looks. Colours are RRGGBB."""

    tab: str = "runs"
    columns: tuple[Column, ...] = tuple(Column("run", key) for key in FRONT + PROVENANCE)
    looks: Mapping[Column, ColumnLook] = field(default_factory=dict)
    role_colors: Mapping[Role, str] = field(default_factory=dict)
    status_colors: Mapping[str, str] = field(default_factory=dict)

    def of(self, column: Column) -> ColumnLook:
        """Look of one column; the plain one where nothing is said of it."""
        return self.looks.get(column, _PLAIN)


_PLAIN: Final = ColumnLook()
DEFAULT: Final = Look()
