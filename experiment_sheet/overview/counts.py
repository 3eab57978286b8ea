"""Blocks at the left: how many runs, when, and how long they took."""

from __future__ import annotations

from typing import Final

from experiment_sheet.look import tint
from experiment_sheet.overview.draft import COUNT, HEADING, Draft, shared
from experiment_sheet.overview.model import GREY, Style, letters

STATUSES: Final = ("finished", "running", "failed", "killed", "crashed", "lost", "todo")
STATUS_ROWS: Final = len(STATUSES) + 3
TIME_ROWS: Final = 7

_DURATION: Final = Style(right=True, number_format="[h]:mm:ss")
_DATE: Final = Style(right=True, number_format="yyyy-mm-dd")
_DAY: Final = Style(number_format="yyyy-mm-dd")
_NAME: Final = Style()


def status(draft: Draft, top: int, left: int) -> None:
    """Runs by status, and those that have another or none."""
    draft.put(top, left, "Runs by status", HEADING)
    draft.heads(top + 1, left, "status", " runs", "")
    own, first, at = draft.own("status"), top + 2, letters(left + 1)
    last = first + len(STATUSES)
    for row, word in enumerate(STATUSES, first):
        color = draft.look.status_colors.get(word, GREY)
        draft.put(row, left, word, Style(bold=True, color=tint(color, -0.1)))
        draft.put(row, left + 1, f'=COUNTIF({own},"{word}")', COUNT)
        draft.bar(row, left + 1, (first, last), color)
    draft.put(last, left, "other", Style(bold=True, color=GREY))
    draft.put(last, left + 1, f"=MAX(0,{shared('count')}-SUM({at}{first}:{at}{last - 1}))", COUNT)
    draft.bar(last, left + 1, (first, last), GREY)


def time(draft: Draft, top: int, left: int) -> None:
    """Time spent, also in runs that came to nothing."""
    own, words, started = draft.own("duration"), draft.own("status"), draft.own("started")
    draft.put(top, left, "Time spent", HEADING)
    lost = "+".join(f'SUMIFS({own},{words},"{word}")' for word in ("failed", "killed", "crashed"))
    rows = (
        ("all runs", f"=SUM({own})", _DURATION),
        ("mean run", f"=IFERROR(AVERAGE({own}),0)", _DURATION),
        ("longest run", f"=MAX({own})", _DURATION),
        ("lost in failures", f"={lost}", _DURATION),
        ("first run", f'=IF(COUNT({started})=0,"",MIN({started}))', _DATE),
        ("last run", f'=IF(COUNT({started})=0,"",MAX({started}))', _DATE),
    )
    for row, (name, formula, style) in enumerate(rows, top + 1):
        draft.put(row, left, name, _NAME)
        draft.put(row, left + 1, formula, style)


def days(draft: Draft, top: int, left: int) -> None:
    """Runs of each of the days that end with the last run's."""
    draft.put(top, left, "Runs per day", HEADING)
    draft.heads(top + 1, left, "day", " runs", "")
    own, first = draft.own("started"), top + 2
    rows = (first, first + draft.overview.days - 1)
    for number in range(draft.overview.days):
        row = first + number
        cell = f"{letters(left)}{row}"
        draft.put(row, left, f'=IF(COUNT({own})=0,"",INT(MAX({own}))-{number})', _DAY)
        counted = f'COUNTIFS({own},">="&{cell},{own},"<"&({cell}+1))'
        draft.put(row, left + 1, f'=IF({cell}="","",{counted})', COUNT)
        draft.bar(row, left + 1, rows, draft.look.role_colors.get("run", GREY))
