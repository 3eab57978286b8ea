"""Runs as a table in a terminal: the columns that matter, as many as fit.

In a terminal, cells are cut to its width; in a pipe nothing is cut and nothing is coloured.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet.exports import plain
from experiment_sheet.look import DEFAULT
from experiment_sheet.metrics import goal
from experiment_sheet.values import to_cell

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a sheet of somebody else's must not steer the terminal
_WIDEST: Final = 28  # characters of one column in a terminal
_IN_A_PIPE: Final = 100_000  # wide enough that nothing is cut
_FIRST: Final = ("run", "status")
_LAST: Final = ("run", "status", "verdict", "duration", "started", "notes", "hypothesis", "tags")


def console(*, stderr: bool = False) -> Console:
    """What to print on: as wide as the terminal, or as the text where it is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _IN_A_PIPE)


def print_runs(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> None:
    """Print runs: these columns, or those that matter and fit."""
    out = console()
    out.print(runs_table(frame, out, columns))


def runs_table(frame: pd.DataFrame, out: Console, columns: Sequence[str] | None = None) -> Table:
    """Runs as a table for a terminal: these columns, or those that matter and fit."""
    shown = {name: [cell_text(cell) for cell in frame[name]] for name in columns or interesting(frame)}
    numbers = {name for name in shown if all(_is_number(cell) for cell in frame[name])}
    return table_of(shown if columns else _fitting(shown, out.width), out, right=numbers)


def table_of(shown: Mapping[str, Sequence[str]], out: Console, *, right: Collection[str] = ()) -> Table:
    """Texts, column by column, as a table; the columns named in `right` are numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        label = Text(_CONTROLS.sub(" ", name))
        table.add_column(label, justify="right" if name in right else "left", no_wrap=True, max_width=_limit(out))
    for row in zip(*shown.values(), strict=True):
        table.add_row(*(Text(text, style=_style(name, text)) for name, text in zip(shown, row, strict=True)))
    return table


def print_table(shown: Mapping[str, Sequence[str]], *, right: Collection[str] = ()) -> None:
    """Print texts, column by column: the first columns, as many as fit."""
    out = console()
    out.print(table_of(_fitting(shown, out.width), out, right=right))


def interesting(frame: pd.DataFrame) -> list[str]:
    """Columns in the order of their weight: name, status, results, then inputs that differ, then the rest."""
    roles = frame.attrs.get("roles", {})
    there = [str(name) for name in frame.columns if frame[name].notna().any()]
    results = [name for name in there if roles.get(name) == "output"]
    inputs = [name for name in there if roles.get(name) == "input" and _differs(frame[name])]
    known = sorted(results, key=lambda name: goal(name) is None)
    first = [name for name in _FIRST if name in there]
    late = [name for name in _LAST if name in there and name not in first]
    people = [name for name in there if roles.get(name) == "people"]
    return [*first, *known, *inputs, *late, *people]


def cell_text(cell: Any) -> str:
    """Return a cell as a terminal shows it: four digits, minutes, nothing for nothing."""
    value = to_cell(cell)
    if value is None or value != value:  # NaN alone differs from itself
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, dt.timedelta):
        return str(dt.timedelta(seconds=round(value.total_seconds())))
    return " ".join(_CONTROLS.sub(" ", str(value)).split())


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Runs as JSON objects, every column in them."""
    rows = frame.astype(object).to_numpy()
    names = [str(name) for name in frame.columns]
    return [
        {"run_id": plain(run), **dict(zip(names, map(plain, row), strict=True))}
        for run, row in zip(frame.index, rows, strict=True)
    ]


def _differs(column: pd.Series[Any]) -> bool:
    return len(column) == 1 or column.nunique(dropna=False) > 1


def _fitting(shown: Mapping[str, Sequence[str]], width: int) -> dict[str, Sequence[str]]:
    """As many columns as fit, those of the least weight left out."""
    fitting: dict[str, Sequence[str]] = {}
    used = 0
    for name, texts in shown.items():
        used += min(max(len(text) for text in (name, *texts)), _WIDEST) + 2
        if used > width + 2 and len(fitting) >= len(_FIRST):
            break
        fitting[name] = texts
    return fitting


def _limit(out: Console) -> int | None:
    return _WIDEST if out.is_terminal else None


def _style(name: str, text: str) -> str:
    color = DEFAULT.status_colors.get(text) if name in ("status", "verdict") else None
    return f"#{color}" if color else ""


def _is_number(cell: Any) -> bool:
    value = to_cell(cell)
    return value is None or (isinstance(value, (int, float, dt.timedelta)) and not isinstance(value, bool))
