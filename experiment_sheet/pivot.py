"""Tables for papers: one value over rows and columns, mean ± std of the runs in each cell, the best in bold."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from experiment_sheet import compare, groups
from experiment_sheet.errors import UsageError
from experiment_sheet.metrics import Goal

if TYPE_CHECKING:
    import pandas as pd

SPREAD: Final = ("mean±std", "mean+-std", "mean_std")
"""Words for the mean with the standard deviation behind it, where a cell has more than one run."""

Bold = Literal["column", "row", "table"]

_DIGITS: Final = 4  # significant ones of the largest number
_LATEX: Final = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "→": r"$\to$",
    }
)
_MARKDOWN: Final = str.maketrans({sign: f"\\{sign}" for sign in "\\|*_`<>"})


@dataclass(frozen=True, slots=True)
class Pivot:
    """A table of numbers that knows which are best. Shows itself in a notebook and as text."""

    mean: pd.DataFrame  # or what else was asked for
    std: pd.DataFrame | None  # None: nothing stands behind the numbers
    mode: Goal | None  # which way is better; None: nothing is bold
    bold: Bold
    digits: int  # behind the point

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as they are shown, as text."""
        return self._shown(lambda text, _: text)

    def to_latex(self, *, caption: str | None = None, label: str | None = None) -> str:
        r"""Write it as a LaTeX table; needs ``\usepackage{booktabs}``."""
        frame = self._shown(lambda text, best: rf"\textbf{{{_latex(text)}}}" if best else _latex(text))
        head, rows = _spelled(frame, _latex)
        left = frame.index.nlevels
        lines = [
            rf"\begin{{tabular}}{{{'l' * left}{'r' * (len(head) - left)}}}",
            r"\toprule",
            *(" & ".join(line) + r" \\" for line in [head]),
            r"\midrule",
            *(" & ".join(line) + r" \\" for line in rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
        if caption is None and label is None:
            return "\n".join(lines) + "\n"
        above = [] if caption is None else [rf"\caption{{{_latex(caption)}}}"]
        above += [] if label is None else [rf"\label{{{label}}}"]
        return "\n".join([r"\begin{table}", r"\centering", *above, *lines, r"\end{table}"]) + "\n"

    def to_markdown(self) -> str:
        """Write it as a Markdown table."""
        frame = self._shown(lambda text, best: f"**{text}**" if best else text)
        head, rows = _spelled(frame, lambda text: " ".join(text.split()).translate(_MARKDOWN))
        rule = ["---"] * frame.index.nlevels + ["---:"] * len(frame.columns)
        return "".join("| " + " | ".join(line) + " |\n" for line in [head, rule, *rows])

    def to_excel(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a new workbook: numbers as numbers, a column of deviations behind each. Raises FileExistsError."""
        import pandas as pd

        if Path(path).exists() and not overwrite:
            raise FileExistsError(f"{path} is there already; name another file, or say overwrite=True")
        with pd.ExcelWriter(path, engine="openpyxl") as writer:
            self._numbers().to_excel(writer, sheet_name="pivot", merge_cells=False)
            self._dress(writer.sheets["pivot"])

    def _repr_html_(self) -> str:
        frame = self._shown(lambda text, best: f"<b>{escape(text)}</b>" if best else escape(text))
        head, rows = _spelled(frame, escape)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>{body}</table>"

    def __str__(self) -> str:
        return self._shown(lambda text, best: f"{text} *" if best else text).to_string()

    __repr__ = __str__

    def _shown(self, write: Callable[[str, bool], str]) -> pd.DataFrame:
        """Return a table of texts."""
        import pandas as pd

        best = self._best()
        columns = [
            [write(self._text(row, column), bool(best.iat[row, column])) for row in range(len(self.mean))]
            for column in range(len(self.mean.columns))
        ]
        frame = pd.DataFrame(dict(enumerate(columns)), index=self.mean.index, dtype=object)
        frame.columns = self.mean.columns
        return frame

    def _text(self, row: int, column: int) -> str:
        number: Any = self.mean.iat[row, column]
        if number != number:
            return "–"
        deviation: Any = math.nan if self.std is None else self.std.iat[row, column]
        text = f"{number:.{self.digits}f}"
        return text if deviation != deviation else f"{text} ± {deviation:.{self.digits}f}"

    def _best(self) -> pd.DataFrame:
        if self.mode is None:
            return self.mean.isna() & self.mean.notna()
        better: Any = self.mean if self.mode == "max" else -self.mean
        if self.bold == "row":
            return cast("pd.DataFrame", better.eq(better.max(axis=1), axis=0))
        return cast("pd.DataFrame", better == (better.max().max() if self.bold == "table" else better.max()))

    def _numbers(self) -> pd.DataFrame:
        import pandas as pd

        table = {}
        for place, column in enumerate(self.mean.columns):
            name = _title(column)
            table[name] = self.mean.iloc[:, place]
            if self.std is not None:
                table[f"± {name}"] = self.std.iloc[:, place]
        return pd.DataFrame(table, index=self.mean.index)

    def _dress(self, tab: Any) -> None:
        """Make the best bold, and text that begins like a formula text."""
        for cell in (cell for row in tab.iter_rows() for cell in row):
            if cell.data_type == "f":
                cell.data_type = "s"
        left, stride, best = self.mean.index.nlevels, 1 if self.std is None else 2, self._best()
        for row, column in ((r, c) for r in range(len(best)) for c in range(len(best.columns))):
            if best.iat[row, column]:
                cell = tab.cell(row=row + 2, column=left + 1 + stride * column)
                font = copy(cell.font)
                font.b = True
                cell.font = font


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands where in a pivot, and how it is shown."""

    rows: str | Iterable[str]
    columns: str | Iterable[str] | None
    agg: str = SPREAD[0]
    bold: Bold = "column"
    digits: int | None = None  # behind the point; None: four significant ones of the largest number


def pivot(frame: pd.DataFrame, value: str, layout: Layout, *, mode: Goal | None = None) -> Pivot:
    """Lay one value out over rows and columns. Raises UnknownColumn, UsageError.

    Each cell is an aggregate of the runs that agree in rows and columns, whatever their seeds and folds: ``mean±std``,
    or one of `groups.AGGREGATES`. The best is bold where `mode` or the name says which way is better.
    """
    import pandas as pd

    if layout.bold not in ("column", "row", "table"):
        raise UsageError(f'bold is "column", "row" or "table", not {layout.bold!r}')
    frame = groups.inherited(frame)
    down, across = groups.names_in(frame, layout.rows), groups.names_in(frame, layout.columns or ())
    if not down or set(down) & set(across):
        raise UsageError("pivot takes names of columns for its rows, and others for its columns")
    spread = layout.agg in SPREAD
    word = "mean" if spread else groups.checked([layout.agg])[0]
    numbers = compare.numbers(frame, value)
    if not numbers.notna().any():
        raise UsageError(f"no run has a number in {value!r}")
    cells = pd.DataFrame({name: frame[name] for name in [*down, *across]}).assign(**{_VALUE: numbers})
    grouped = cells[numbers.notna()].groupby([*down, *across], dropna=False, sort=False)[_VALUE]
    main = _laid_out(getattr(grouped, word)(), across, value)
    std = _laid_out(grouped.std(), across, value).reindex_like(main) if spread else None
    way = compare.known_direction(value, mode)
    digits = layout.digits if layout.digits is not None else 0 if word == "count" else _digits(main)
    return Pivot(main, std, None if word in ("std", "count") else way, layout.bold, digits)


_VALUE: Final = "\0value"  # no column of a person's is this


def _laid_out(values: pd.Series[Any], across: list[str], value: str) -> pd.DataFrame:
    table = groups.in_order(values.unstack(across)) if across else groups.in_order(values.to_frame(value))
    try:
        return table.sort_index(axis=1) if across else table
    except TypeError:  # names of columns that can't be compared stay as they came
        return table


def _digits(table: pd.DataFrame) -> int:
    finite = [abs(number) for column in table for number in table[column] if math.isfinite(number) and number]
    return max(0, min(12, _DIGITS - 1 - math.floor(math.log10(max(finite))))) if finite else 2


def _spelled(frame: pd.DataFrame, spell: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """Return heading and rows of a table of texts, index included."""
    names = [spell("" if name is None else str(name)) for name in frame.index.names]
    head = [*names, *(spell(_title(column)) for column in frame.columns)]
    return head, [[*map(spell, _labels(label)), *row] for label, row in _rows(frame)]


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Any, list[str]]]:
    for place, label in enumerate(frame.index):
        yield label, list(frame.iloc[place])


def _labels(label: Any) -> list[str]:
    return [_label(part) for part in (label if isinstance(label, tuple) else (label,))]


def _title(column: Any) -> str:
    return ", ".join(_labels(column))


def _label(part: Any) -> str:
    if part is None or part != part:
        return "–"
    return f"{part:g}" if isinstance(part, float) else str(part)


def _latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)
