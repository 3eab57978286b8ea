"""Whose a cell is: clauses 6 and 7 of the backend contract, on the cells of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from experiment_sheet.backends.base import ANYTHING, Anything
from experiment_sheet.columns import Column
from experiment_sheet.ooxml.cells import link
from experiment_sheet.ooxml.held import Holder, blank, formula
from experiment_sheet.ooxml.rows import RawCell
from experiment_sheet.values import Cell

Said = Sequence[Cell] | Anything | None
"""Values that the library may have left in a cell; None: it never wrote there."""


class Verdict(Enum):
    """What to do with a cell."""

    DONE = "it holds the value already"
    WRITE = "it is the library's"
    KEEP = "it is a person's"


_LOCKED: Final = (b't="shared"', b't="array"', b't="dataTable"', b"t='shared'", b"t='array'")


def judge(cell: RawCell | None, value: Cell, said: Said, holder: Holder) -> Verdict:
    """Say what to do with a cell that is to hold `value`."""
    if cell is None or blank(cell):
        if value is None or value == "":
            return Verdict.DONE
        ours = said is None or said is ANYTHING or any(old is None or old == "" for old in said)
        return Verdict.WRITE if ours else Verdict.KEEP
    if any(mark in cell.inside for mark in _LOCKED):
        return Verdict.KEEP  # other cells are computed from this one's formula
    typed = formula(cell)
    if typed is not None and link(typed) is None:
        return Verdict.WRITE if said is ANYTHING else Verdict.KEEP
    if holder.holds(cell, value):
        return Verdict.DONE if holder.of_kind(cell, value) else Verdict.WRITE
    if said is None:
        return Verdict.KEEP
    ours = said is ANYTHING or any(holder.holds(cell, old) for old in said)
    return Verdict.WRITE if ours else Verdict.KEEP


def agreement(
    cells: Mapping[int, RawCell],
    last: Mapping[Column, Sequence[Cell] | Anything],
    row: Mapping[Column, Cell],
    places: Mapping[Column, int],
    holder: Holder,
) -> tuple[int, int]:
    """How many of the cells that the library wrote hold what it wrote, and how many of them there are.

    A cell that holds what `row` is about to write counts too: the write is then being repeated.
    """
    held = total = 0
    for column, said in last.items():
        at = places.get(column)
        if at is None or said is ANYTHING:
            continue
        cell = cells.get(at)
        total += 1
        found_blank = cell is None or blank(cell)
        for old in (*said, *([row[column]] if column in row else [])):
            if (found_blank and old is None) or (cell is not None and not found_blank and holder.holds(cell, old)):
                held += 1
                break
    return held, total
