"""Runs side by side as pages of a workbook: what differs, the curves, the steps they are drawn from. Pure.

The page of differences has a column per run, then for each run but the first how its results differ from the first
run's. Each kind of row has the colour that it has in a sheet of runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from experiment_sheet.columns import Column, Role
from experiment_sheet.look import DEFAULT, suits_fixed, tint
from experiment_sheet.ooxml.pages import LineChart, Page, Range, Series, Style
from experiment_sheet.outputs import is_curve
from experiment_sheet.side_by_side import Curve, Line, SideBySide
from experiment_sheet.values import Link

COLORS: Final = ("2563EB", "D97706", "15803D", "B91C1C", "7C3AED", "0891B2", "DB2777", "64748B")
"""Of the runs, in charts; the ninth has the first one's again."""

_BEST: Final = Style(bold=True, fill="DCFCE7", color="14532D", right=True)
_TITLE: Final = Style(bold=True, size=16, color="1E293B")
_QUIET: Final = Style(color="64748B")
_LINE: Final = "E2E8F0"
_LINK: Final = Style(color="1D4ED8", link=True, right=True, line=_LINE)
_ROOM: Final = 24  # characters that a tab's name has beside the word behind it; 31 is the most in all
_LINE_HEIGHT: Final = 15.0  # points
_MOST_LINES: Final = 8  # of a long text; the cell has the rest
_KEY_WIDTH: Final = 26.0
_WIDTHS: Final = (18.0, 34.0)  # narrowest, widest
_CHART: Final = (16, 8)  # rows and columns of cells that a chart covers


def pages_of(compared: SideBySide, *, name: str, source: str) -> list[Page]:
    """Lay out a comparison: one page, and two more if there are curves. `source` names the sheet, for people."""
    pages = [_Differences(compared, Page(name, frozen=(4, 1)), source).laid_out()]
    if compared.curves:
        short = name[:_ROOM].rstrip()
        steps = Page(f"{short} steps", frozen=(2, 0))
        charts = list(_charts(_put_steps(steps, compared)))
        drawn = Page(f"{short} curves", charts=charts)
        drawn.put(1, 1, "Curves", _TITLE)
        drawn.put(2, 1, _said_of(compared), _QUIET)
        pages += [drawn, steps]
    return pages


def _said_of(compared: SideBySide) -> str:
    text = "Every metric that two of the runs logged, over the steps."
    thinned = max(curve.stride for curve in compared.curves)
    text += f" Of long histories every {thinned}th point at most." if thinned > 1 else ""
    return text + (f" {compared.left_out} more metrics are left out." if compared.left_out else "")


@dataclass(slots=True)
class _Differences:
    """The page of differences, while it is laid out."""

    compared: SideBySide
    page: Page
    source: str
    row: int = 4

    @property
    def _runs(self) -> int:
        return len(self.compared.sides)

    def laid_out(self) -> Page:
        """Lay it out."""
        compared, names = self.compared, [side.name for side in self.compared.sides]
        self.page.put(1, 1, f"{self._runs} runs compared", _TITLE)
        self.page.put(2, 1, f"From {self.source}. Differences are to {names[0]}.", _QUIET)
        for column, side in enumerate(compared.sides, 2):
            head = Style(bold=True, color=COLORS[(column - 2) % len(COLORS)], line="94A3B8", right=True)
            self.page.put(4, column, side.name, head)
        self.page.put(4, 1, "run", Style(bold=True, line="94A3B8"))
        results = [line for line in compared.outputs if not is_curve(line.key)]  # there are better ones
        self._section("Results", "output", results, differences=True)
        self._section("Inputs that differ", "input", compared.inputs)
        self._section("What people typed, where it differs", "people", compared.people)
        self._section("About the runs", "run", compared.about)
        self._links()
        self._same()
        self.page.widths = self._widths()
        return self.page

    def _section(self, title: str, role: Role, lines: Sequence[Line], *, differences: bool = False) -> None:
        if not lines:
            return
        self.row += 2
        self._heading(title, role, self._runs + 1)
        if differences:
            for place in range(1, self._runs):
                column = self._difference_column(place)
                style = _heading_style(role, right=True)
                self.page.put(self.row, column, f"{self.compared.sides[place].name}: difference", style)
                self.page.put(self.row, column + 1, "in %", style)
        for line in lines:
            self.row += 1
            self._put_line(line)
            if differences:
                self._put_differences(line)

    def _heading(self, title: str, role: Role, columns: int) -> None:
        for column in range(1, columns + 1):
            self.page.put(self.row, column, title if column == 1 else None, _heading_style(role))

    def _put_line(self, line: Line) -> None:
        self.page.put(self.row, 1, line.key, Style(line=_LINE))
        widths = self._widths()
        longest = max(len(cell) / widths[at] if isinstance(cell, str) else 0 for at, cell in enumerate(line.cells, 2))
        if longest > 1:
            self.page.heights[self.row] = _LINE_HEIGHT * min(math.ceil(1.2 * longest), _MOST_LINES)
        for place, cell in enumerate(line.cells):
            code = DEFAULT.number_format(_column(line), cell)
            style = Style(right=True, line=_LINE, number_format=code)
            if isinstance(cell, str) and len(cell) > _WIDTHS[0]:
                style = Style(right=True, line=_LINE, wrap=True)
            if place in line.best:
                style = replace(_BEST, line=_LINE, number_format=code)
            self.page.put(self.row, place + 2, cell, style)

    def _put_differences(self, line: Line) -> None:
        for place in range(1, self._runs):
            column, difference, share = self._difference_column(place), line.differences[place], line.relative[place]
            self.page.put(self.row, column, difference, _difference_style(line, difference))
            self.page.put(self.row, column + 1, share, _difference_style(line, difference, share="+0.0%;-0.0%;0%"))

    def _difference_column(self, place: int) -> int:
        return self._runs + 2 * place + 1  # a column is left between

    def _links(self) -> None:
        names = list(dict.fromkeys(name for side in self.compared.sides for name in side.plots))
        if not names and not any(side.page for side in self.compared.sides):
            return
        self.row += 2
        self._heading("Plots and files", "run", self._runs + 1)
        for name in ["", *names]:
            self.row += 1
            self.page.put(self.row, 1, name or "everything", Style(line=_LINE))
            for column, side in enumerate(self.compared.sides, 2):
                path = side.plots.get(name) if name else side.page
                link = Link(path, "open") if path else None
                self.page.put(self.row, column, link, _LINK if link else Style(line=_LINE))

    def _same(self) -> None:
        lines = self.compared.same
        if not lines:
            return
        self.row += 2
        self._heading("The same in all", "run", self._runs + 1)
        for line in lines:
            self.row += 1
            self.page.put(self.row, 1, line.key, Style(color="64748B", line=_LINE))
            code = DEFAULT.number_format(_column(line), line.cells[0])
            self.page.put(self.row, 2, line.cells[0], Style(color="64748B", line=_LINE, number_format=code, right=True))

    def _widths(self) -> dict[int, float]:
        widths = {1: _KEY_WIDTH}
        for column, side in enumerate(self.compared.sides, 2):
            widths[column] = float(min(max(len(side.name) + 3, _WIDTHS[0]), _WIDTHS[1]))
        widths[self._runs + 2] = 3.0
        for place in range(1, self._runs):
            column = self._difference_column(place)
            widths[column] = float(min(len(self.compared.sides[place].name) + 14, _WIDTHS[1]))
            widths[column + 1] = 10.0
        return widths


def _column(line: Line) -> Column:
    return Column(line.role, line.key)


def _heading_style(role: Role, *, right: bool = False) -> Style:
    color = DEFAULT.role_colors[role]
    return Style(True, color=tint(color, -0.35), fill=tint(color, 0.84), line=color, right=right)


def _difference_style(line: Line, difference: float | None, *, share: str | None = None) -> Style:
    """Green for better, red for worse, where it is known which way is better."""
    fixed = difference is None or suits_fixed(difference)
    code = share or ("+0.0000;-0.0000;0" if fixed else "+0.00E+00;-0.00E+00")
    color = None
    if difference and line.goal:
        color = "15803D" if (difference > 0) is (line.goal == "max") else "B91C1C"
    return Style(right=True, line=_LINE, color=color, number_format=code)


# Curves


@dataclass(frozen=True, slots=True)
class _Block:
    """Where the points of one metric stand: the steps in the first column, then a column per run."""

    page: Page
    column: int
    curve: Curve
    last: int

    def range(self, column: int, first: int = 3, last: int | None = None) -> Range:
        """Return cells of a column of this block."""
        return Range(self.page.name, self.column + column, first, last or self.last)


def _put_steps(page: Page, compared: SideBySide) -> list[_Block]:
    blocks: list[_Block] = []
    column = 1
    widths: dict[int, float] = {}
    head = Style(bold=True, line="94A3B8", right=True)
    for curve in compared.curves:
        page.put(1, column, curve.metric, Style(bold=True, color=tint(DEFAULT.role_colors["output"], -0.35)))
        page.put(2, column, "step", head)
        steps = curve.steps
        rows = {step: row for row, step in enumerate(steps, 3)}
        for step, row in rows.items():
            page.put(row, column, step, Style(right=True, color="64748B"))
        for offset, (place, points) in enumerate(curve.points.items(), 1):
            page.put(2, column + offset, compared.sides[place].name, head)
            for step, value in points:
                code = DEFAULT.number_format(Column("output", curve.metric), value)
                page.put(rows[step], column + offset, value, Style(right=True, number_format=code))
        blocks.append(_Block(page, column, curve, len(steps) + 2))
        widths |= {column: 9.0, column + len(curve.points) + 1: 3.0}
        widths |= {column + offset: 14.0 for offset in range(1, len(curve.points) + 1)}
        column += len(curve.points) + 2
    page.widths = widths
    return blocks


def _charts(blocks: Iterable[_Block]) -> Iterable[LineChart]:
    rows, columns = _CHART
    for number, block in enumerate(blocks):
        top, left = 4 + number // 2 * (rows + 1), 1 + number % 2 * (columns + 1)
        series = [
            Series(block.range(offset, 2, 2), block.range(0), block.range(offset), COLORS[place % len(COLORS)])
            for offset, place in enumerate(block.curve.points, 1)
        ]
        across = (min(block.curve.steps), max(block.curve.steps))
        yield LineChart(block.curve.metric, series, (top, left), (top + rows, left + columns), across)
