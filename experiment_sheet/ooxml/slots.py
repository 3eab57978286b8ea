"""Slots: hidden names by which an overview's formulas learn of results and inputs, whenever their columns are made.

``_es.goal.1`` is the header of the first result of which one way is better, ``_es.way.1`` says which way, ``_es.by.1``
is the header of the first column to make groups of. The formulas ask for all of them, so all are made with the
workbook, empty ones as ``""``; a write that makes a column fills the next. Excel lets them follow their header
when it is renamed or moved. ``_es.overview`` is the overview's tab.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from experiment_sheet.columns import Column
from experiment_sheet.look import Look
from experiment_sheet.overview.choice import goals_of, groups_of
from experiment_sheet.overview.model import CHOICES, METRICS

OVERVIEW: Final = "_es.overview"
EMPTY: Final = '""'


def slot(kind: str, number: int) -> str:
    """Name of a slot: ``goal``, ``way`` or ``by``, and its number from 1."""
    return f"_es.{kind}.{number}"


def every_slot() -> Iterator[str]:
    """Names of all slots."""
    for number in range(1, METRICS + 1):
        yield from (slot("goal", number), slot("way", number))
    yield from (slot("by", number) for number in range(1, CHOICES + 1))


def filled(
    look: Look,
    columns: Sequence[Column],
    texts: Collection[Column],
    headers: Mapping[Column, str],
    free: Collection[str],
) -> dict[str, str]:
    """Free slots that columns take, with what they hold.

    `texts`: columns that hold text; `headers`: reference to each column's header.
    """
    made: dict[str, str] = {}
    goals = [number for number in range(1, METRICS + 1) if slot("goal", number) in free]
    for number, column in zip(goals, goals_of(look, columns), strict=False):
        made |= {slot("goal", number): headers[column], slot("way", number): f'"{look.goal(column)}"'}
    groups = [number for number in range(1, CHOICES + 1) if slot("by", number) in free]
    for number, column in zip(groups, groups_of(look, columns, texts), strict=False):
        made[slot("by", number)] = headers[column]
    return made
