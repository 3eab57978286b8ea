"""How a person names a run at the command line: RUN."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from experiment_sheet import compare
from experiment_sheet.columns import RunId
from experiment_sheet.errors import RunNotFound, UsageError
from experiment_sheet.metrics import goal

if TYPE_CHECKING:
    import pandas as pd

RUN_HELP = "a run_id, the beginning of one, a run's name, @last, @best or @best:METRIC"


def find_run(frame: pd.DataFrame, text: str) -> RunId:
    """The run that a person means.

    A run_id, a prefix that only one run_id has, a name that only one run has, ``@last`` (the last row), ``@best`` (by
    the first output that has a better way) or ``@best:METRIC``. Raises RunNotFound, UsageError, UnknownColumn.
    """
    ids = [str(run) for run in frame.index if isinstance(run, str)]
    if text == "@last":
        return ids[-1] if ids else _none(text)
    name, _, metric = text.partition(":")
    if name == "@best":
        return str(compare.best(frame, metric or main_metric(frame)).name)
    named = _named(frame, text)
    found = [text] if text in ids else named or [run for run in ids if text and run.startswith(text)]
    if len(found) > 1:
        raise UsageError(f"{text!r} may mean {', '.join(found[:5])}{' …' if len(found) > 5 else ''}; write more of one")
    return found[0] if found else _none(text, [*ids, *_names(frame)])


def main_metric(frame: pd.DataFrame) -> str:
    """The first output of which it is known which way is better. Raises UsageError if there is none."""
    roles = frame.attrs.get("roles", {})
    for column in map(str, frame.columns):
        if roles.get(column) == "output" and goal(column):
            return column
    raise UsageError("no column says by itself which run is best; name one: @best:METRIC")


def _names(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame["run"] if isinstance(name, str)] if "run" in frame else []


def _named(frame: pd.DataFrame, text: str) -> list[str]:
    return [str(run) for run, name in frame["run"].items() if name == text] if "run" in frame else []


def _none(text: str, known: list[str] | None = None) -> RunId:
    near = difflib.get_close_matches(text, known or [], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `experiment-sheet ls` lists them"
    raise RunNotFound(f"no run answers to {text!r}{hint}")
