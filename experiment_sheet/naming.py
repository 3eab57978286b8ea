"""Which run a person means, and what a run is called where there are many."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from experiment_sheet import compare
from experiment_sheet.columns import RunId
from experiment_sheet.errors import RunNotFound, UsageError

if TYPE_CHECKING:
    import pandas as pd

_MOST = 5  # runs that are listed where several could be meant
_TAIL = 4  # characters of a run_id that tell namesakes apart in a heading


def find_run(frame: pd.DataFrame, text: str) -> RunId:
    """The run that a person means.

    A run_id, a prefix that only one run_id has, a name that only one run has, ``@last`` (the last row), ``@best`` (by
    `compare.main_metric`) or ``@best:METRIC``. Raises RunNotFound, UsageError, UnknownColumn.
    """
    ids = [str(run) for run in frame.index if isinstance(run, str)]
    if text == "@last":
        return ids[-1] if ids else _none(text, frame)
    name, _, metric = text.partition(":")
    if name == "@best":
        metric, mode = (metric, None) if metric else compare.main_metric(frame)
        return str(compare.best(frame, metric, mode=mode).name)
    named = _named(frame, text)
    found = [text] if text in ids else named or [run for run in dict.fromkeys(ids) if text and run.startswith(text)]
    if len(found) > 1:
        listed = "".join(f"\n  {described(frame, run)}" for run in found[:_MOST])
        more = f"\n  and {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise UsageError(f"{text!r} may mean {len(found)} runs; name one by its run_id:{listed}{more}")
    return found[0] if found else _none(text, frame)


def find_runs(frame: pd.DataFrame, texts: str | Iterable[str]) -> list[RunId]:
    """The runs that a person means, each once. Raises as `find_run`, and UsageError for what names no run."""
    if not isinstance(texts, str | Iterable):
        raise UsageError(f"runs are run_ids or names, not {texts!r}")
    words = [texts] if isinstance(texts, str) else list(texts)
    if strange := [word for word in words if not isinstance(word, str)]:
        raise UsageError(f"runs are run_ids or names, not {strange[0]!r}")
    return list(dict.fromkeys(find_run(frame, word) for word in words))


def name_of(frame: pd.DataFrame, run: RunId) -> str:
    """What a person calls a run: its name, else its run_id."""
    found = frame.loc[[run], "run"].iloc[0] if "run" in frame and run in frame.index else None
    return found if isinstance(found, str) and found else run


def titles(frame: pd.DataFrame, runs: Iterable[RunId]) -> dict[RunId, str]:
    """Name runs in headings: namesakes are told apart by the end of their run_ids, where that is enough."""
    names = {run: name_of(frame, run) for run in runs}
    counts: dict[str, int] = {}
    for name in names.values():
        counts[name] = counts.get(name, 0) + 1
    short = {run: name if counts[name] == 1 else f"{name} …{run[-_TAIL:]}" for run, name in names.items()}
    return short if len(set(short.values())) == len(short) else {run: f"{names[run]} {run}" for run in short}


def described(frame: pd.DataFrame, run: RunId) -> str:
    """Return a run_id, and what tells the run from a namesake."""
    row = frame.loc[[run]].iloc[0]
    facts = [row.get("run"), row.get("status"), row.get("started")]
    return f"{run}  {', '.join(str(fact)[:16] for fact in facts if fact is not None and fact == fact)}"


def names(frame: pd.DataFrame) -> list[str]:
    """Every name that a run has."""
    return [name for name in frame["run"] if isinstance(name, str)] if "run" in frame else []


def _named(frame: pd.DataFrame, text: str) -> list[str]:
    if "run" not in frame:
        return []
    return list(dict.fromkeys(str(run) for run, name in frame["run"].items() if name == text and isinstance(run, str)))


def _none(text: str, frame: pd.DataFrame) -> RunId:
    gone = dict(frame.attrs.get("deleted", {})).items()
    if text and (run := next((run for run, name in gone if name == text or run.startswith(text)), None)):
        raise RunNotFound(f"{text!r} was deleted; `experiment-sheet delete --restore {run}` brings it back")
    ids = [str(run) for run in frame.index if isinstance(run, str)]
    if len(frame) and not ids:
        raise RunNotFound(f"no run answers to {text!r}: rows that people typed have no run_id, and can't be named")
    near = difflib.get_close_matches(text, [*ids, *names(frame)], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `experiment-sheet ls` lists them"
    raise RunNotFound(f"no run answers to {text!r}{hint}")
