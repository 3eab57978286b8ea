"""What every conformance test needs: the hooks that a subclass fills, some columns and runs, the judge's view."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pytest

from experiment_sheet.backends.base import Backend, Last, Row, Table, Written
from experiment_sheet.columns import Column, RunId
from experiment_sheet.testing.person import Grid, Person
from experiment_sheet.values import Cell

NAME: Final = Column("run", "run")
STATUS: Final = Column("run", "status")
STARTED: Final = Column("run", "started")
NOTES: Final = Column("run", "notes")
PLOTS: Final = Column("run", "plots")
LR: Final = Column("input", "lr")
MODEL: Final = Column("input", "model")
LOSS: Final = Column("output", "loss")
A: Final = "calm-otter-7-a1b2c3d4e5f6g7"
B: Final = "bold-heron-9-h8i9j0k1l2m3n4"
C: Final = "wise-gecko-3-o5p6q7r8s9t0u1"

LIFE: Final[tuple[Mapping[Column, Cell], ...]] = (
    {STATUS: "running", LR: 0.1, MODEL: "mlp", LOSS: 2.5, NOTES: "first", STARTED: dt.datetime(2026, 1, 2, 3, 4, 5)},
    {STATUS: "running", LR: 0.01, MODEL: "mlp2", LOSS: 1.5, NOTES: "second", STARTED: dt.datetime(2026, 1, 2, 3, 4, 6)},
    {STATUS: "finished", LR: 0.001, MODEL: "=mlp", LOSS: math.nan, NOTES: "third", STARTED: dt.datetime(2026, 1, 3)},
)
"""What a run's row holds at start, refresh and finish: every kind of cell changes each time."""


class Shown:
    """A sheet as the judge sees it."""

    def __init__(self, grid: Grid) -> None:
        blank = [[None if cell == "" else cell for cell in row] for row in grid]
        self.headers = [str(header) for header in blank[0]] if blank else []
        self.rows = [row + [None] * (len(self.headers) - len(row)) for row in blank[1:]]
        self.filled = [row for row in self.rows if any(cell is not None for cell in row)]

    def ids(self) -> list[object]:
        """Return the run_id of every row that is not blank, top to bottom."""
        return [row[self.headers.index("run_id")] for row in self.filled]

    def at(self, run: RunId) -> int:
        """Return the number of the first row with this id, blank rows counted."""
        return [row[self.headers.index("run_id")] for row in self.rows].index(run)

    def cell(self, run: RunId, header: str) -> object:
        """Return one cell of the first row with this id."""
        return self.rows[self.at(run)][self.headers.index(header)]


class Subject:
    """The backend under test. `folder` is a fresh, empty folder per test."""

    # What a subclass gives

    def backend_at(self, folder: Path) -> Backend:
        """Return a fresh instance on the same place each call."""
        raise NotImplementedError

    def judge(self, folder: Path) -> Grid:
        """Read headers and rows without the library."""
        raise NotImplementedError

    def person(self, folder: Path) -> Person:  # noqa: ARG002
        """Return who edits the sheet with another program."""
        return Person()

    def narrow_backend(self, folder: Path, room: int) -> Backend:  # noqa: ARG002
        """Return a backend on the sheet that can take only `room` more columns."""
        pytest.skip("capability: narrow_backend")

    def shows(self, value: Cell) -> object:
        """Return what the judge sees where `value` was written."""
        return value

    def same(self, written: Cell, read: Cell) -> bool:
        """Say whether `read` is what must come back for `written`; looser only where the format can't tell apart.

        Empty text is the empty cell everywhere.
        """
        return exactly(written, read)

    def state(self, folder: Path) -> object:
        """Return what must stay equal when nothing is written; a file's bytes, if there is a file."""
        path = Path(self.backend_at(folder).target.path)
        return path.read_bytes() if path.is_file() else self.judge(folder)

    # What the tests use

    def shown(self, folder: Path) -> Shown:
        """Read the sheet through the judge."""
        return Shown(self.judge(folder))

    def write(
        self,
        folder: Path,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        after: Written | None = None,
    ) -> Written:
        """Write with a fresh instance, which knows what the write before it answered."""
        backend = self.backend_at(folder)
        backend.known = after.known if after else {}
        written = backend.write(rows, new=new, last=last)
        backend.close()
        return written

    def read(self, folder: Path, after: Written | None = None) -> Table:
        """Read with a fresh instance."""
        backend = self.backend_at(folder)
        backend.known = after.known if after else {}
        table = backend.read()
        backend.close()
        return table

    def begin(self, folder: Path, *runs: RunId) -> Written:
        """Make a sheet with these runs, at the start of their life."""
        return self.write(folder, dict.fromkeys(runs or (A,), LIFE[0]), new=runs or (A,))


def exactly(one: Cell, other: Cell) -> bool:
    """Equal in type and value; NaN equals itself, and 0.0 is not -0.0."""
    if one == "":
        return other is None
    return type(one) is type(other) and repr(one) == repr(other)
