"""What callers say, checked and brought into shape. What can't be meant raises `UsageError` and says what could be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from experiment_sheet import notices
from experiment_sheet.errors import UsageError
from experiment_sheet.values import from_text, to_cell


def checked_id(run_id: object) -> str:
    """Return a run_id that every backend keeps as it is. Raises UsageError for any other."""
    text = run_id if isinstance(run_id, str) else str(to_cell(run_id))
    if not text.isprintable() or not text[:1].isalpha() or len(text) > 128 or not isinstance(from_text(text), str):
        raise UsageError(f"a run's id is up to 128 characters that begin with a letter, not {text!r:.200}")
    return text


def joined(tags: str | Iterable[str] | None) -> str | None:
    """Return tags as the one text that their cell holds."""
    text = tags if tags is None or isinstance(tags, str) else ", ".join(str(to_cell(tag)) for tag in tags)
    return text or None


def say_unknown(call: str, unknown: Iterable[str]) -> None:
    """Say once of each keyword that it is not known here; other trackers have many, and none is worth a crash."""
    for keyword in unknown:
        notices.say("keyword", f"{call} {keyword}", f"{call} knows no keyword {keyword!r}; it was ignored")


def chosen(keyword: str, value: object, choices: Mapping[object, str]) -> str:
    """Return what a keyword's value stands for. Raises UsageError for one that stands for nothing."""
    if value not in choices:
        words = ", ".join(sorted({repr(choice) for choice in choices if isinstance(choice, str)}))
        raise UsageError(f"{keyword} is one of {words}, not {value!r}")
    return choices[value]


def number_of(step: object) -> float:
    """Return a step as a number. Raises UsageError."""
    if type(step) is int:
        return step
    cell = to_cell(step)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell):
        return cell
    raise UsageError(f"a step is a number, not {step!r:.100}")
