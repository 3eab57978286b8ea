"""Waiting events laid over a table that was read, so that a reader sees what was logged, not only what arrived. Pure.

A cell is covered only if the library may have written what it holds: what a person typed shows through, just
as it will when the events are applied. A waiting row that is not in the table is added at its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from experiment_sheet.backends.base import ANYTHING, Anything, Table
from experiment_sheet.changes import Change
from experiment_sheet.columns import RUN_ID, Column, RunId, label
from experiment_sheet.status import DELETED
from experiment_sheet.values import Cell, Link, same

STATUS: Final = Column("run", "status")
_NAME: Final = Column("run", "run")


def lay_over(table: Table, waiting: Mapping[RunId, Change]) -> Table:
    """Lay what waits over a table."""
    if not waiting:
        return table
    columns, headers = list(table.columns), list(table.headers)
    named = (column for change in waiting.values() for column in change.cells)
    for column in dict.fromkeys([RUN_ID, *named]):
        if column not in columns:
            headers.append(label(column, headers))
            columns.append(column)
    places = {column: place for place, column in enumerate(columns)}
    rows = [[*row, *[None] * (len(columns) - len(row))] for row in table.rows]
    found = _first_rows(rows, places[RUN_ID])
    for run, change in waiting.items():
        row = found.get(run)
        if row is None and change.new:
            row = [None] * len(columns)
            row[places[RUN_ID]] = run
            rows.append(row)
        if row is not None:
            _cover(row, change, places)
    return Table(columns, headers, rows)


def show_lost(table: Table, lost: Collection[RunId]) -> Table:
    """Show runs as ``lost`` that are ``running`` and have been silent too long."""
    if not lost or RUN_ID not in table.columns or STATUS not in table.columns:
        return table
    run, status = table.columns.index(RUN_ID), table.columns.index(STATUS)
    rows = [
        [*row[:status], "lost", *row[status + 1 :]] if row[run] in lost and row[status] == "running" else row
        for row in table.rows
    ]
    return Table(table.columns, table.headers, rows)


def hide_deleted(table: Table) -> tuple[Table, dict[RunId, str]]:
    """Leave out the rows of runs that are in the bin; tell those runs' names."""
    if STATUS not in table.columns or RUN_ID not in table.columns:
        return table, {}
    status, run = table.columns.index(STATUS), table.columns.index(RUN_ID)
    name = table.columns.index(_NAME) if _NAME in table.columns else run
    gone = {str(row[run]): str(row[name]) for row in table.rows if row[status] == DELETED}
    if not gone:
        return table, {}
    return Table(table.columns, table.headers, [row for row in table.rows if row[status] != DELETED]), gone


def _first_rows(rows: Sequence[list[Cell]], place: int) -> dict[RunId, list[Cell]]:
    found: dict[RunId, list[Cell]] = {}
    for row in rows:
        if isinstance(run := row[place], str):
            found.setdefault(run, row)
    return found


def _cover(row: list[Cell], change: Change, places: Mapping[Column, int]) -> None:
    for column, cell in change.cells.items():
        place = places[column]
        if _may_cover(row[place], change.last.get(column, ())):
            row[place] = cell.href if isinstance(cell, Link) else cell


def _may_cover(found: Cell, ours: Sequence[Cell] | Anything) -> bool:
    return found is None or ours is ANYTHING or any(same(found, cell) for cell in ours)
