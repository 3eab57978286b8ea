"""Columns: who they belong to, what their header says, in which order they stand.

Pure: no I/O, no third-party import. A column's identity is (role, key); its header is only a
label, which people may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["run", "input", "output", "people"]
RunId = str


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """A column's identity: who writes it, and under which key. The key may be of any length."""

    role: Role
    key: str


RUN_ID: Final = Column("run", "run_id")

FRONT: Final = ("run", "status", "started", "duration", "hypothesis", "verdict", "notes", "tags", "plots")
"""Keys of the run columns that a new sheet shows first, in this order."""

PROVENANCE: Final = ("error", "git", "host", "user", "command", "run_id")
"""Keys of the run columns in the collapsed outline group behind them."""

SHARED: Final = ("run", "notes", "tags", "hypothesis")
"""Keys of run columns that people and the library share: written when the row is made,
later only by an explicit call, and only where no person has written."""
