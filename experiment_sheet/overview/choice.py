"""Which results and inputs an overview speaks of first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from experiment_sheet.columns import Column
from experiment_sheet.look import Look
from experiment_sheet.metrics import main_metric

_GROUP: Final = Column("run", "group")


def goals_of(look: Look, columns: Iterable[Column]) -> list[Column]:
    """Results of which one way is better, by their weight (`main_metric`); those that the look names come first."""
    left = {column.key: column for column in columns if look.goal(column) is not None}
    named = look.overview.metrics if look.overview else ()
    found = [left.pop(key) for key in named if key in left]
    while left:
        known = main_metric(left)
        found.append(left.pop(known[0] if known else next(iter(left))))
    return found


def groups_of(look: Look, columns: Iterable[Column], texts: Collection[Column]) -> list[Column]:
    """Columns to make groups of: the one that the look names, the run's group, inputs that hold text, other inputs."""
    named = look.overview.group if look.overview else None
    fit = [column for column in columns if column.role == "input" or column == _GROUP or column.key == named]
    return sorted(fit, key=lambda column: (column.key != named, column != _GROUP, column not in texts))
