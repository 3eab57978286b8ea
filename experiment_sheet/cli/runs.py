"""How a person names a run at the command line: RUN; and how a shell completes names of runs and columns."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

from experiment_sheet.compare import column_in
from experiment_sheet.errors import ExperimentSheetError
from experiment_sheet.naming import described, find_run, find_runs, name_of, names
from experiment_sheet.sheet import Sheet, default_target

__all__ = ["RUN_HELP", "ColumnName", "RunName", "column_in", "did_you_mean", "find_run", "find_runs", "name_of"]

RUN_HELP = "a run_id, the beginning of one, a run's name, @last, @best or @best:METRIC"


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Suggest what was probably meant."""
    close = difflib.get_close_matches(name, list(choices), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


# What a shell completes


class RunName(click.ParamType):  # type: ignore[type-arg]
    """RUN; a shell completes run_ids and names."""

    name = "run"

    def shell_complete(self, ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer run_ids with the run's name and status, and names."""
        return [item for item in _runs(ctx) if item.value.startswith(incomplete)]


class ColumnName(click.ParamType):  # type: ignore[type-arg]
    """The name of a column, or several with commas between; a shell completes the last one."""

    name = "column"

    def shell_complete(self, ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the sheet's columns."""
        before, comma, last = incomplete.rpartition(",")
        frame = _frame(ctx)
        columns = [] if frame is None else map(str, frame.columns)
        return [CompletionItem(f"{before}{comma}{name}") for name in columns if name.startswith(last)]


def _runs(ctx: click.Context) -> Iterator[CompletionItem]:
    yield from (CompletionItem("@last"), CompletionItem("@best"))
    frame = _frame(ctx)
    if frame is None:
        return
    for run in reversed([run for run in frame.index if isinstance(run, str)]):
        yield CompletionItem(run, help=described(frame, run).removeprefix(f"{run}  "))
    yield from (CompletionItem(name) for name in dict.fromkeys(names(frame)))


def _frame(ctx: click.Context) -> Any:
    """Read the sheet that the line names so far; None where that can't be done: a completion has nothing to say."""
    try:
        return Sheet(ctx.params.get("sheet") or default_target()).read()
    except (ExperimentSheetError, OSError):
        return None
