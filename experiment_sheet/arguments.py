"""What callers say, checked and brought into shape. What can't be meant raises `UsageError` and says what could be."""

from __future__ import annotations

import math
import os
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
    """Return tags as the one text that their cell holds. Raises UsageError for what is neither text nor a list."""
    if tags is None or isinstance(tags, str):
        return tags or None
    if not isinstance(tags, Iterable):
        raise UsageError(f'tags are a text or a list of texts, like ["baseline"], not {tags!r:.100}')
    return ", ".join(str(to_cell(tag)) for tag in tags) or None


def listed(keyword: str, words: str | Iterable[str]) -> tuple[str, ...]:
    """Return words as a tuple; one alone needs no list. Raises UsageError for what is neither."""
    if isinstance(words, str):
        return (words,)
    if not isinstance(words, Iterable):
        raise UsageError(f"{keyword} is a text or a list of texts, not {words!r:.100}")
    return tuple(words)


def path_of(call: str, path: object) -> str:
    """Return a path as text. Raises UsageError for what is none."""
    if isinstance(path, str | os.PathLike):
        return os.fsdecode(path)
    raise UsageError(f"{call} takes a path, not {path!r:.100}")


def say_unknown(call: str, unknown: Iterable[str]) -> None:
    """Say once of each keyword that it is not known here; other trackers have many, and none is worth a crash."""
    for keyword in unknown:
        notices.say("keyword", f"{call} {keyword}", f"{call} knows no keyword {keyword!r}; it was ignored")


def chosen(keyword: str, value: object, choices: Mapping[object, str]) -> str:
    """Return what a keyword's value stands for. Raises UsageError for one that stands for nothing."""
    try:
        return choices[value]
    except (KeyError, TypeError):  # a list can't even be looked for
        words = ", ".join(sorted({repr(choice) for choice in choices if isinstance(choice, str)}))
        raise UsageError(f"{keyword} is one of {words}, not {value!r:.100}") from None


def number_of(step: object) -> float:
    """Return a step as a number. Raises UsageError."""
    if type(step) is int:
        return step
    cell = to_cell(step)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell):
        return cell
    raise UsageError(f"a step is a number, not {step!r:.100}")
