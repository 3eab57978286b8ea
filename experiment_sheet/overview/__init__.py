"""The overview: a tab of live formulas over the runs, worked out as one plan that each format renders. Pure.

Formulas read whole columns of the runs' tab, so that no append has to change them: a cell of the tab is written once,
when the sheet is made. They use functions that every Excel since 2013, LibreOffice and Google Sheets know, and no
dynamic arrays. A structured reference (``Runs[status]``) would be nicer to read, but one that leads nowhere, because
another program deleted a column, makes Excel offer a repair; and LibreOffice 7.4 knows no ``Runs[#Headers]``.

Which results there are is seldom known when the sheet is made. So the plan asks `Runs.slot` for them: the expression of
a place that a writer fills when the column is made (in .xlsx a hidden defined name). A person may type another column's
header over what such a formula shows, and everything that depends on it follows.

`model` has the words, `choice` says which columns stand first, `draft` what all blocks share; `counts` are the blocks
at the left, `results` and `groups` those at the right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from experiment_sheet.look import Look, Overview
from experiment_sheet.overview import counts, groups, results
from experiment_sheet.overview.draft import Draft
from experiment_sheet.overview.model import BLOCKS, LEFT, RIGHT, Plan, Runs

_WRITE: Final[dict[str, Callable[[Draft, int, int], None]]] = {
    "status": counts.status,
    "time": counts.time,
    "days": counts.days,
    "best": results.best,
    "chart": results.chart,
    "groups": groups.groups,
}


def plan(look: Look, overview: Overview, runs: Runs) -> Plan:
    """Work out an overview of a table of runs."""
    tops, last = _tops(overview)
    draft = Draft(look, overview, runs, tops)
    draft.plan.last_row = last
    results.title(draft)
    results.share(draft)
    for name, top in tops.items():
        _WRITE[name](draft, top, LEFT if name in BLOCKS[:3] else RIGHT)
    return draft.plan


def _tops(overview: Overview) -> tuple[dict[str, int], int]:
    """First row of each block, and the last row of all."""
    heights = {"status": counts.STATUS_ROWS, "time": counts.TIME_ROWS, "days": overview.days + 2}
    heights |= {"best": results.BEST_ROWS, "chart": results.CHART_ROWS, "groups": groups.GROUP_ROWS}
    tops: dict[str, int] = {}
    ends = []
    for names in (BLOCKS[:3], BLOCKS[3:]):
        top = 4
        for name in names:
            if name in overview.show:
                tops[name] = top
                top += heights[name] + 1
        ends.append(top - 2)
    return tops, max(ends)
