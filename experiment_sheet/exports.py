"""Sheets to look at and to print: JSON, Markdown, LaTeX. Written whole, never read back by this library.

A file that is already there is replaced only if it is an export of ours: it begins with `MARKS`, or, in JSON, with a
run. Markdown is GitHub's (github.github.com/gfm, "Tables"); LaTeX needs the package booktabs. JSON holds every value in
full, durations in seconds, dates in ISO form; the other two show four digits, and leave out what is folded away in a
sheet (provenance, run_id).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from experiment_sheet.columns import PROVENANCE, RUN_ID, Column, RunId, labels
from experiment_sheet.errors import SheetError, SheetRefused, UnknownColumn
from experiment_sheet.values import Cell, Link, to_cell, to_json, to_text

Rows = Mapping[RunId, Mapping[Column, Cell]]

MARKS: Final = {
    ".json": '[\n {"run_id": ',
    ".md": "<!-- Written by experiment-sheet copy; the next copy replaces this file. -->",
    ".tex": "% Written by experiment-sheet copy; the next copy replaces this file.",
}
"""How an export begins, by the file's suffix."""

_LATEX: Final = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: f"\\{sign}" for sign in "&%$#_{}"
}


def path_of(target: object) -> Path | None:
    """The file, if this is the path of an export; None for a sheet."""
    path = Path(target).expanduser() if isinstance(target, str | os.PathLike) and "://" not in str(target) else None
    return path if path and path.suffix.lower() in MARKS else None


def chosen(headers: Mapping[str, Column], rows: Rows, names: Sequence[str], *, everything: bool) -> list[Column]:
    """The columns that are named by header or key, in that order; without names those that hold something.

    `everything`: provenance, too. Raises UnknownColumn.
    """
    if names:
        return [_named(name, headers) for name in names]
    filled = {column for row in rows.values() for column, cell in row.items() if cell is not None}
    shown = [c for c in headers.values() if everything or c.role != "run" or c.key not in PROVENANCE]
    return [column for column in shown if column in filled]


def write(path: Path, columns: Sequence[Column], rows: Rows) -> None:
    """Write an export. Raises SheetRefused over a file that is none, SheetError where it can't be written."""
    suffix = path.suffix.lower()
    text = _WRITERS[suffix](columns, rows)
    spare = path.with_name(f".{os.urandom(6).hex()}.tmp")
    try:
        if path.exists() and not _is_ours(path, MARKS[suffix]):
            raise SheetRefused(f"{path} is there already, and is no export of ours: choose another name, or remove it")
        spare.write_text(text, encoding="utf-8")
        spare.replace(path)
    except OSError as error:
        raise error if isinstance(error, SheetError) else SheetError(f"{path} can't be written: {error}") from error
    finally:
        spare.unlink(missing_ok=True)


def plain(cell: object) -> object:
    """Return a cell for JSON: durations in seconds, dates in ISO form, no value as null."""
    value = to_cell(cell)
    if value is None or value != value:  # NaN alone differs from itself
        return None
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    found = to_json(value)
    return found if not isinstance(found, dict) else to_text(value)


def _named(name: str, headers: Mapping[str, Column]) -> Column:
    found = headers.get(name) or next((column for column in headers.values() if column.key == name), None)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name, headers, n=1)
        raise UnknownColumn(f"there is no column {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return found


def _is_ours(path: Path, mark: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(len(mark)) in (mark, "", "[]")
    except UnicodeDecodeError:
        return False


def _json(columns: Sequence[Column], rows: Rows) -> str:
    names = dict(zip(columns, labels(columns), strict=True))
    items = [
        {"run_id": run} | {name: plain(row.get(column)) for column, name in names.items() if column != RUN_ID}
        for run, row in rows.items()
    ]
    lines = ",\n ".join(json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items)
    return f"[\n {lines}\n]\n" if items else "[]\n"


def _markdown(columns: Sequence[Column], rows: Rows) -> str:
    texts = [[_shown(row.get(column)) for column in columns] for row in rows.values()]
    lines = [[_of_markdown(text) for text in line] for line in [labels(columns), *texts]]
    wide = [max([3, *(len(line[place]) for line in lines)]) for place in range(len(columns))]
    ends = [_is_right(column, rows) for column in columns]
    rule = ["-" * (width - 1) + ":" if end else "-" * width for width, end in zip(wide, ends, strict=True)]
    padded = [
        [text.rjust(width) if end else text.ljust(width) for text, width, end in zip(line, wide, ends, strict=True)]
        for line in lines
    ]
    shown = [f"| {' | '.join(line)} |" for line in (padded[0], rule, *padded[1:])]
    return "\n".join([MARKS[".md"], "", *shown, ""])


def _latex(columns: Sequence[Column], rows: Rows) -> str:
    letters = "".join("r" if _is_right(column, rows) else "l" for column in columns)
    body = [" & ".join(_of_latex(_shown(row.get(column))) for column in columns) + r" \\" for row in rows.values()]
    head = " & ".join(map(_of_latex, labels(columns))) + r" \\"
    begin, end = rf"\begin{{tabular}}{{{letters}}}", r"\end{tabular}"
    return "\n".join([MARKS[".tex"], begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", end, ""])


_WRITERS: Final[dict[str, Callable[[Sequence[Column], Rows], str]]] = {
    ".json": _json,
    ".md": _markdown,
    ".tex": _latex,
}


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}"
    if isinstance(cell, dt.datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, dt.timedelta):
        return to_text(dt.timedelta(seconds=round(cell.total_seconds())))
    return cell.text if isinstance(cell, Link) else to_text(cell)


def _is_right(column: Column, rows: Rows) -> bool:
    kinds = {type(cell) for row in rows.values() if (cell := row.get(column)) is not None}
    return bool(kinds) and kinds <= {int, float, dt.timedelta}


def _of_markdown(text: str) -> str:
    """Keep text from being markup: of the table, of emphasis, of HTML."""
    return re.sub(r"([\\|*_`<\[\]])", r"\\\1", " ".join(text.split()))


def _of_latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
