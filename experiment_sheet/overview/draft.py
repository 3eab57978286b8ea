"""A plan that is being made, and the expressions that its formulas share.

What formulas share stands in hidden columns, row 6 and below, so that no cell has to repeat it:

    N..R  of each result: its slot, which way is better, its column's number, its best value, the row of that
    S     single numbers (`SHARED`)
    T     slots of columns that groups can be made of
    U..Z  groups: value, runs, mean, score, rank; and which of them stands in which visible row
    AA..  points of the chart: number of the run, value, best so far
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from experiment_sheet.look import Look, Overview, tint
from experiment_sheet.overview.model import LINE, Pick, Plan, Runs, Spot, Style, letters

FIRST: Final = 6
"""Row in which hidden lists begin, and the visible list of the best."""

SHARED: Final = {"last": 1, "metric": 2, "way": 3, "group": 4, "skipped": 5, "count": 6, "recent": 7}
"""Rows of column S: the runs' last row; column and better way of the metric; column of the groups; runs that the chart
leaves out; runs; first row of those in which groups are looked for."""

BAR: Final = 13
"""Characters of the longest bar."""

HINT: Final = Style(color="6B7280")
HEADING: Final = Style(bold=True, size=13)
HEAD: Final = Style(color="6B7280", line=LINE)
_HEADS: Final = {" ": Style(color="6B7280", line=LINE, right=True), ">": Style(color="6B7280", line=LINE, indent=1)}
PLAIN: Final = Style()
COUNT: Final = Style(right=True, number_format='0;-0;"·"')
VALUE: Final = Style(right=True)


def shared(name: str) -> str:
    """Reference to a shared number."""
    return f"$S${SHARED[name]}"


def rounded(value: str) -> str:
    """Five significant digits: no number format shows numbers of every size well."""
    return f"IF({value}=0,0,ROUND({value},4-INT(LOG10(ABS({value})))))"


class Draft:
    """A plan that is being made."""

    def __init__(self, look: Look, overview: Overview, runs: Runs, tops: Mapping[str, int]) -> None:
        self.look = look
        self.overview = overview
        self.runs = runs
        self.tops = tops
        self.plan = Plan(overview.tab)
        typed = look.role_colors.get("people", "B45309")
        self.picked = Style(bold=True, fill=tint(typed, 0.84), line=typed)

    def put(self, row: int, column: int, text: str, style: Style = PLAIN, *, array: bool = False) -> None:
        """Write a cell."""
        self.plan.spots.append(Spot(row, column, text, style, array))

    def heads(self, row: int, column: int, *texts: str) -> None:
        """Write the heads of a block's columns: those that begin with a space as numbers stand, with ``>`` as links."""
        for at, text in enumerate(texts, column):
            self.put(row, at, text.strip(" >"), _HEADS.get(text[:1], HEAD))

    def pick(self, row: int, column: int, text: str, among: int, count: int) -> None:
        """Write a cell in which a person chooses, and offer a hidden list."""
        self.put(row, column, text, self.picked)
        help_ = "Choose one, or type the header of another column. Tables and chart follow."
        self.plan.picks.append(Pick(row, column, help_, among=among, rows=(FIRST, FIRST + count - 1)))

    def bar(self, row: int, at: int, rows: tuple[int, int], color: str) -> None:
        """Draw a count as a bar of characters, which looks alike in every program."""
        whole = f"MAX(1,MAX({letters(at)}${rows[0]}:{letters(at)}${rows[1]}))"
        cell = f"{letters(at)}{row}"
        length = f"IF(N({cell})=0,0,MAX(1,ROUND({BAR}*{cell}/{whole},0)))"
        self.put(row, at + 1, f'=REPT("█",{length})', Style(color=tint(color, 0.35), size=9, indent=1))

    def own(self, key: str) -> str:
        """Whole column of the run's own."""
        at = self.runs.letters[key]
        return f"{self.runs.tab}!${at}:${at}"

    def cell(self, number: str, row: str) -> str:
        """Cell of the runs, by number of column and row."""
        if self.runs.by_offset:
            return f"OFFSET({self.runs.tab}!$A$1,{row}-1,{number}-1)"
        return f"INDEX({self.runs.tab}!$A:$ZZ,{row},{number})"

    def values(self, number: str, *, first: str = "2", last: str = "") -> str:
        """Cells of the runs in a column, by its number, from a row down to another."""
        end = last or shared("last")
        if self.runs.by_offset:
            return f"OFFSET({self.runs.tab}!$A$1,{first}-1,{number}-1,{end}-{first}+1,1)"
        return f"{self.cell(number, first)}:{self.cell(number, end)}"

    def column_number(self, name: str) -> str:
        """Number of the column whose header a cell holds; 0 where there is none."""
        return f'IF({name}="",0,IFERROR(MATCH({name},{self.runs.tab}!$1:$1,0),0))'

    def result(self, number: int) -> tuple[str, str]:
        """Cells that hold the name of a result, and which way of it is better: where a person may choose them."""
        row = FIRST + number - 1
        return (f"$F{row}", f"$G{row}") if "best" in self.tops else (f"$N{row}", f"$O{row}")

    @property
    def metric(self) -> str:
        """Cell that holds the name of the main result."""
        return f"$G${self.tops['chart']}" if "chart" in self.tops else self.result(1)[0]
