"""Which cells a write may touch: clauses 2 to 7 of the contract, decided before anything is changed.

Pure. A backend says what it found (`Found`), `plan` answers what to do (`Plan`), the backend does it
in one atomic step. Nothing here knows a format, so every backend has the same rules:

- A row is found by its run_id alone. Of several rows with one run_id the run's is the one that agrees
  best with what the library left there or is about to write, the first of equals. (The values about to be
  written count too: else a second, equal write would go to the copy, which still agrees with `last`.)
- A cell may be written if it is empty and nothing is known of it, if it holds one of `last`, or if `last` says
  ``ANYTHING``. A cell that already holds the value is left as it is. Every other cell is a person's.
- An id in `new` without a row gets one, in the order of `rows`; an id that is neither new nor there is missing.
- A column is added only for a value: to clear a cell, or to write a run that is missing, needs none.

The plan names only cells that change, so an empty plan means: don't touch the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from experiment_sheet.backends.base import ANYTHING, Anything, Last, Row, Written
from experiment_sheet.columns import RUN_ID, Column, Role, RunId
from experiment_sheet.look import Look
from experiment_sheet.values import EMPTY, Cell, same

_Past = Mapping[Column, Sequence[Cell] | Anything]
_ROLE_ORDER: Final[tuple[Role, ...]] = ("run", "input", "output", "people")


class Ruling(Enum):
    """What becomes of a cell that a write names."""

    WRITE = "write"
    HOLDS = "holds"  # holds the value already
    KEPT = "kept"  # a person's


@dataclass(frozen=True, slots=True)
class Found:
    """What a backend found in the sheet.

    `columns`: of those that the write names (and ``run_id``), the ones that stand in the sheet. `rows`: for each
    run_id of the write, the rows that carry it, top to bottom, as whatever int the backend counts rows by.
    `cell`: what stands in a row, under one of `columns`. `room`: how many columns may still be added.
    `stored`: what the format makes of a value (cut text, a link as its address), to compare with what is found.
    """

    columns: Collection[Column]
    rows: Mapping[RunId, Sequence[int]]
    cell: Callable[[int, Column], Cell]
    room: int | None = None
    stored: Callable[[Cell], Cell] = lambda value: value


@dataclass(frozen=True, slots=True)
class Plan:
    """What a write has to do; a backend does all of it or nothing."""

    columns: Sequence[Column]  # to be added at the right, in this order
    updates: Mapping[int, Mapping[Column, Cell]]  # row as in `Found.rows` → cells to be written, only those that change
    appends: Mapping[RunId, Mapping[Column, Cell]]  # in order; run_id included, empty cells left out
    missing: Sequence[RunId]
    kept: Mapping[RunId, Mapping[Column, Cell]]
    no_room: Sequence[Column]  # run_id among them: the sheet must be refused

    @property
    def idle(self) -> bool:
        """Whether the sheet already is as the write wants it."""
        return not (self.columns or self.updates or self.appends)

    def written(self, *, known: Mapping[str, Column] | None = None, token: str | None = None) -> Written:
        """The answer of `Backend.write` once the plan is done."""
        return Written(tuple(self.appends), self.missing, self.kept, self.no_room, known or {}, token)


def named(rows: Mapping[RunId, Row]) -> list[Column]:
    """Every column that a write names, ``run_id`` first, the others in order of appearance."""
    return list(dict.fromkeys([RUN_ID, *(column for row in rows.values() for column in row)]))


def plan(rows: Mapping[RunId, Row], found: Found, *, new: Collection[RunId] = (), last: Last | None = None) -> Plan:
    """Decide what a write does to the sheet that was found."""
    history = last or {}
    where = {run: _run_row(found, run, row, history.get(run, {})) for run, row in rows.items() if found.rows.get(run)}
    fresh = set(new)
    appends = [run for run in rows if run not in where and run in fresh]
    columns, no_room = _added(rows, [*where, *appends], found)
    lacking = set(no_room)
    rulings = {run: _rulings(found, place, rows[run], history.get(run, {})) for run, place in where.items()}
    updates = {
        where[run]: {
            c: EMPTY if empty(rows[run][c]) else rows[run][c]
            for c, r in ruled.items()
            if r is Ruling.WRITE and c not in lacking
        }
        for run, ruled in rulings.items()
    }
    kept = {
        run: {c: found.cell(where[run], c) for c, r in ruled.items() if r is Ruling.KEPT}
        for run, ruled in rulings.items()
    }
    return Plan(
        columns=columns,
        updates={place: cells for place, cells in updates.items() if cells},
        appends={run: _new_row(run, rows[run], lacking) for run in appends},
        missing=[run for run in rows if run not in where and run not in fresh],
        kept={run: cells for run, cells in kept.items() if cells},
        no_room=no_room,
    )


def rule(found: Cell, value: Cell, last: Sequence[Cell] | Anything | None) -> Ruling:
    """Say what becomes of a cell; `last` is None where nothing is known of it (clause 6)."""
    if _exactly(found, value):
        return Ruling.HOLDS
    if last is ANYTHING or any(same(found, cell) for cell in ((EMPTY,) if last is None else last)):
        return Ruling.WRITE
    return Ruling.HOLDS if same(found, value) else Ruling.KEPT


def empty(value: Cell) -> bool:
    """Whether a value leaves a cell empty: no format tells empty text from none."""
    return value is EMPTY or value == ""


def first_columns(rows: Mapping[RunId, Row], look: Look) -> list[Column]:
    """Columns of a sheet that is made now: the look's, then what is logged, inputs before outputs."""
    return list(dict.fromkeys([*look.columns, RUN_ID, *_valued(rows, rows)]))


def _run_row(found: Found, run: RunId, row: Row, last: _Past) -> int:
    """Choose the run's row among those that carry its id (clause 7)."""
    places = found.rows[run]
    if len(places) == 1:
        return places[0]
    compared = [column for column in dict.fromkeys([*last, *row]) if column in found.columns and column != RUN_ID]

    def agreement(place: int) -> int:
        return sum(_agrees(found.cell(place, column), _ours(found, column, row, last)) for column in compared)

    return max(places, key=agreement)  # max takes the first of equals


def _exactly(found: Cell, value: Cell) -> bool:
    """Equal in type too, so that `same`, which forgives what other programs do to a value, can't keep 7 for "7"."""
    if empty(found) or empty(value):
        return empty(found) and empty(value)
    return type(found) is type(value) and repr(found) == repr(value)


def _agrees(cell: Cell, ours: Sequence[Cell]) -> bool:
    return any(same(cell, value) for value in ours)


def _ours(found: Found, column: Column, row: Row, last: _Past) -> list[Cell]:
    """Return what the library left in a cell or is about to write there, as the format keeps it."""
    past = last.get(column, ())
    left = [] if past is ANYTHING else list(past)
    return [found.stored(value) for value in [*left, *([row[column]] if column in row else [])]]


def _rulings(found: Found, place: int, row: Row, last: _Past) -> dict[Column, Ruling]:
    """Rule on every cell that a write names in one row that stands."""
    rulings = {}
    for column, value in row.items():
        if column == RUN_ID:
            continue
        if column not in found.columns:  # new, or its column was deleted: only a value brings it (back)
            rulings[column] = Ruling.HOLDS if empty(value) else Ruling.WRITE
            continue
        past = last.get(column)
        stored = past if past is None or past is ANYTHING else [found.stored(cell) for cell in past]
        rulings[column] = rule(found.cell(place, column), found.stored(value), stored)
    return rulings


def _added(rows: Mapping[RunId, Row], runs: Sequence[RunId], found: Found) -> tuple[list[Column], list[Column]]:
    """Return the columns to be added, and those that there is no room for."""
    wanted = [column for column in _valued(rows, runs) if column not in found.columns]
    if runs and RUN_ID not in found.columns:
        wanted.append(RUN_ID)
    if found.room is None or len(wanted) <= found.room:
        return wanted, []
    wanted.sort(key=lambda column: column != RUN_ID)  # without it no row is ever found again
    return wanted[: found.room], wanted[found.room :]


def _valued(rows: Mapping[RunId, Row], runs: Iterable[RunId]) -> list[Column]:
    """Return the columns that get a value in one of `runs`: by role, then in order of appearance."""
    cells = (cell for run in runs for cell in rows[run].items())
    valued = dict.fromkeys(column for column, value in cells if not empty(value) and column != RUN_ID)
    return sorted(valued, key=lambda column: _ROLE_ORDER.index(column.role))


def _new_row(run: RunId, row: Row, lacking: Collection[Column]) -> dict[Column, Cell]:
    cells = {column: value for column, value in row.items() if not empty(value) and column not in lacking}
    return {**cells, RUN_ID: run}
