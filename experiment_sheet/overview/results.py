"""Blocks at the right: the best runs, and the main result run after run. And what all results need."""

from __future__ import annotations

from typing import Final

from experiment_sheet.overview.draft import COUNT, FIRST, HEADING, HINT, SHARED, VALUE, Draft, rounded, shared
from experiment_sheet.overview.model import CHOICES, METRICS, POINTS, WIDTHS, Chart, Pick, Style

BEST_ROWS: Final = METRICS + 2
CHART_ROWS: Final = 17

_LOW: Final = ("loss", "err", "mae", "mse", "nll", "ppl", "perplexity", "latency", "wer", "cer", "fid", "regret")
"""Parts of the names of results of which less is better, for one that a person types."""
_RECENT: Final = 10_000  # runs in which groups are looked for
_TITLE: Final = Style(bold=True, size=18)
_LINK: Final = Style(color="1D4ED8", indent=1)
_X: Final = 27
_Y: Final = 28
_BEST: Final = 29


def title(draft: Draft) -> None:
    """Say in one line how many runs there are, and what the best came to."""
    count, name, value = shared("count"), draft.result(1)[0], f"$Q${FIRST}"
    best = f'IF(ISNUMBER({value}),", the best "&{name}&" is "&{rounded(value)},"")'
    draft.put(1, 2, draft.overview.title, _TITLE)
    draft.put(2, 2, f'={count}&IF({count}=1," run"," runs")&{best}', HINT)


def share(draft: Draft) -> None:
    """Write what all formulas share: single numbers, slots, and of each result its best value."""
    for name, formula in _numbers(draft).items():
        draft.put(SHARED[name], 19, f"={formula}")
    _lists(draft)


def _numbers(draft: Draft) -> dict[str, str]:
    run, run_id, started = draft.own("run"), draft.own("run_id"), draft.own("started")
    counted = f"COUNTA({run}),COUNTA({run_id}),COUNTA({draft.own('status')})"
    group = f"$G${draft.tops['groups']}" if "groups" in draft.tops else f"$T${FIRST}"
    return {
        "last": f"MAX(2,{counted},IFERROR(MATCH(9.99E+307,{started},1),0))",
        "metric": draft.column_number(draft.metric),
        "way": _way(draft.metric),
        "group": draft.column_number(group),
        "skipped": f"MAX(0,{shared('last')}-1-{POINTS})",
        "count": f"MAX({counted})-1",
        "recent": f"MAX(2,{shared('last')}-{_RECENT}+1)",
    }


def _lists(draft: Draft) -> None:
    slot = draft.runs.slot
    for number in range(1, METRICS + 1):
        row = FIRST + number - 1
        name, way = draft.result(number)
        draft.put(row, 14, f'=IFERROR({slot("goal", number)}&"","")')
        draft.put(row, 15, f'=IFERROR({slot("way", number)}&"","")')
        draft.put(row, 16, f"={draft.column_number(name)}")
        values = draft.values(f"$P{row}")
        best = f'IF({way}="min",MIN({values}),MAX({values}))'
        draft.put(row, 17, f'=IF($P{row}=0,"",IF(COUNT({values})=0,"",{best}))')
        draft.put(row, 18, f'=IF($Q{row}="","",MATCH($Q{row},{values},0)+1)')
    for number in range(1, CHOICES + 1):
        draft.put(FIRST + number - 1, 20, f'=IFERROR({slot("by", number)}&"","")')


def best(draft: Draft, top: int, left: int) -> None:
    """Best run of each result, with links to its row and its folder."""
    draft.put(top, left, "Best runs", HEADING)
    draft.heads(top + 1, left, "result", "better", " best", ">run", ">files", " mean", " runs")
    for number in range(1, METRICS + 1):
        row, name = top + 1 + number, draft.result(number)[0]
        value, at, values = f"$Q{row}", f"$R{row}", draft.values(f"$P{row}")
        cells = (
            (f"=$N{row}", Style(bold=True)),
            (f"={_way(name)}", HINT),
            (f'=IF({value}="","",{rounded(value)})', VALUE),
            (f'=IF({at}="","",{draft.runs.link(at, _named(draft, at))})', _LINK),
            (f'=IF({at}="","",{_files(draft, at)})', _LINK),
            (f'=IF({value}="","",{rounded(f"AVERAGE({values})")})', VALUE),
            (f'=IF({value}="","",COUNT({values}))', COUNT),
        )
        for column, (text, style) in enumerate(cells, left):
            draft.put(row, column, text, style)
        draft.plan.picks.append(Pick(row, left + 1, words=("max", "min")))


def chart(draft: Draft, top: int, left: int) -> None:
    """Draw the main result over the runs, and the best so far."""
    draft.put(top, left, "Run after run", HEADING)
    draft.pick(top, left + 1, f"={draft.result(1)[0]}", 14, METRICS)
    said = "◂ choose a result"
    draft.put(top, left + 3, f'=IF({shared("skipped")}>0,"{said} (the last {POINTS} runs)","{said}")', HINT)
    _points(draft)
    rows = (FIRST, FIRST + POINTS - 1)
    draft.plan.chart = Chart(_X, _Y, _BEST, rows, (left, len(WIDTHS) - 1), (top + 1, top + CHART_ROWS - 1))


def _points(draft: Draft) -> None:
    """Write the chart's points. Those beyond the last run repeat it, so that the axis ends there."""
    metric, column, way = draft.metric, shared("metric"), shared("way")
    draft.put(FIRST - 1, _X, "run")
    draft.put(FIRST - 1, _Y, f'=IF({metric}="","no result yet",{metric})')
    draft.put(FIRST - 1, _BEST, f'=IF({way}="min","lowest so far","highest so far")')
    for number in range(1, POINTS + 1):
        row = FIRST + number - 1
        value, so_far = draft.cell(column, f"$AA{row}+1"), f"$AC{row - 1}"
        draft.put(row, _X, f"=MIN({shared('skipped')}+{number},{shared('last')}-1)")
        draft.put(row, _Y, f"=IF({column}=0,NA(),IF(ISNUMBER({value}),{value},NA()))")
        if number == 1:
            earlier = draft.values(column, last=f"$AA{row}+1")
            least = f'IF(COUNT({earlier})=0,NA(),IF({way}="min",MIN({earlier}),MAX({earlier})))'
            draft.put(row, _BEST, f"=IF({column}=0,NA(),{least})")
        else:
            better = f'IF(ISNUMBER({so_far}),IF({way}="min",MIN({so_far},$AB{row}),MAX({so_far},$AB{row})),$AB{row})'
            draft.put(row, _BEST, f"=IF(ISNUMBER($AB{row}),{better},{so_far})")


def _way(name: str) -> str:
    """Which way of a result is better; of one that a person typed, by its name."""
    last = FIRST + METRICS - 1
    known = f"INDEX($O${FIRST}:$O${last},MATCH({name},$N${FIRST}:$N${last},0))"
    low = ",".join(f'"{word}"' for word in _LOW)
    guess = f'IF(SUMPRODUCT(--ISNUMBER(SEARCH({{{low}}},{name})))>0,"min","max")'
    return f'IF({name}="","",IFERROR({known},{guess}))'


def _named(draft: Draft, row: str) -> str:
    """Name of the run in a row; its id where it has no name."""
    name, run_id = (f"INDEX({draft.own(key)},{row})" for key in ("run", "run_id"))
    return f'IF({name}="",{run_id},{name})'


def _files(draft: Draft, row: str) -> str:
    """Link to a run's folder, taken out of the formula in its row, so that it is always the same."""
    cell = f"INDEX({draft.own('plots')},{row})"
    text = f"_xlfn.FORMULATEXT({cell})"
    link = f'HYPERLINK(MID({text},13,FIND("""",{text},13)-13),{cell})'
    return f'IFERROR({link},IF({cell}="","",{cell}))'
