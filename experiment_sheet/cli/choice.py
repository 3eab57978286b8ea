"""Which runs and columns a person wants to see: the options that ``ls`` and ``watch`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from experiment_sheet import compare
from experiment_sheet.cli.runs import ColumnName, column_in
from experiment_sheet.metrics import goal

if TYPE_CHECKING:
    import pandas as pd

_OPTIONS = (
    click.option(
        "--sort", type=ColumnName(), metavar="COLUMN",
        help="The best first where it is known which way is better, else ascending.",
    ),
    click.option("--reverse", is_flag=True, help="Turn the order round."),
    click.option("--where", metavar="QUERY", help="Only runs for which a pandas query is true."),
    click.option("--columns", type=ColumnName(), metavar="A,B,…", help="These columns, instead of those that fit."),
)  # fmt: skip


def last_option(*names: str) -> Callable[..., Any]:
    """Return the option for how many runs."""
    return click.option(*names, "last", default=20, show_default=True, help="How many runs, the last ones; 0 for all.")


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; with `last_option`, their values are `Choice`'s fields."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants to see."""

    last: int = 20
    sort: str | None = None
    reverse: bool = False
    where: str | None = None
    columns: str | None = None

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Choose and order runs, and columns. Raises UnknownColumn, UsageError."""
        chosen = self.runs(frame)
        return chosen if self.columns is None else chosen[self.names(frame)]

    def names(self, frame: pd.DataFrame) -> list[str]:
        """Return the chosen columns."""
        return [column_in(frame, name.strip()) for name in (self.columns or "").split(",")]

    def runs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Choose and order runs."""
        chosen = compare.query(frame, self.where) if self.where else frame
        if self.sort:
            chosen = in_order(chosen, column_in(frame, self.sort), reverse=self.reverse)
            return chosen.head(self.last) if self.last > 0 else chosen
        chosen = chosen.tail(self.last) if self.last > 0 else chosen
        return chosen.iloc[::-1] if self.reverse else chosen


def in_order(frame: pd.DataFrame, name: str, *, reverse: bool = False) -> pd.DataFrame:
    """Order by a column of any kinds: by its numbers, or as text where it has none; runs without it last."""
    values = frame[name]
    if values.dtype == object:
        numbers = compare.numbers(frame, name)
        values = values.astype(str).where(values.notna()) if numbers.isna().all() else numbers
    upwards = (goal(name) != "max") is not reverse
    order = values.reset_index(drop=True).sort_values(ascending=upwards, kind="stable", na_position="last")
    return frame.iloc[order.index]
