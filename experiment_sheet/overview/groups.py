"""Block of groups: mean and standard deviation of the main result, the best group first.

Groups are looked for among the last 10,000 runs, because each one that is found costs a comparison with every run; what
is said of them is of all runs.
"""

from __future__ import annotations

from typing import Final

from experiment_sheet.overview.draft import COUNT, FIRST, HEADING, HINT, VALUE, Draft, rounded, shared
from experiment_sheet.overview.model import CHOICES, Style

_SHOWN: Final = 12
_FOUND: Final = 30  # groups that are looked for
GROUP_ROWS: Final = _SHOWN + 3

_LAST: Final = FIRST + _FOUND - 1
_MEANS: Final = f"$W${FIRST}:$W${_LAST}"
_GROUP: Final = Style(bold=True)
_BAR: Final = Style(color="86B89A", size=9, indent=1)
_LONGEST_BAR: Final = 18  # characters


def groups(draft: Draft, top: int, left: int) -> None:
    """Mean, deviation and best of each group, the best mean first."""
    draft.put(top, left, "Groups", HEADING)
    draft.pick(top, left + 1, f"=$T${FIRST}", 20, CHOICES)
    draft.put(top, left + 3, f'=IF({draft.metric}="","","◂ choose a column   ·   below: "&{draft.metric})', HINT)
    draft.heads(top + 1, left, "group", " runs", " mean", "", " std", " best")
    _find(draft)
    for number in range(1, _SHOWN + 1):
        _show(draft, top + 1 + number, left, number)
    found = f'SUMPRODUCT(--($U${FIRST}:$U${_LAST}<>""))'
    draft.put(top + _SHOWN + 2, left, f'=IF({found}>{_SHOWN},"… and more","")', HINT)


def _find(draft: Draft) -> None:
    """Find the different values of the column, the mean of each, and its rank."""
    of, values = draft.values(shared("group")), draft.values(shared("metric"))
    recent = draft.values(shared("group"), first=shared("recent"))
    draft.put(FIRST - 1, 21, "groups")
    scores = f"$X${FIRST}:$X${_LAST}"
    for row in range(FIRST, _LAST + 1):
        group, mean = f"$U{row}", f"$W{row}"
        new = f'MATCH(0,COUNTIF($U${FIRST - 1}:$U{row - 1},{recent})+(({recent})=""),0)'
        # Where the row above found none there is none: each search looks at every run.
        draft.put(
            row, 21, f'=IF(OR({shared("group")}=0,$U{row - 1}=""),"",IFERROR(INDEX({recent},{new}),""))', array=True
        )
        counted = f'COUNTIFS({of},{group},{values},">-1E+300")'
        draft.put(row, 22, f'=IF(OR({group}="",{shared("metric")}=0),"",{counted})')
        draft.put(row, 23, f'=IF(N($V{row})=0,"",AVERAGEIFS({values},{of},{group}))')
        score = f'IF(ISNUMBER({mean}),IF({shared("way")}="min",-1,1)*{mean},-1E+300)'
        draft.put(row, 24, f'=IF({group}="","",{score})')
        better = f"SUMPRODUCT(ISNUMBER({scores})*({scores}>$X{row}))"
        alike = f"SUMPRODUCT(--($X${FIRST}:$X{row}=$X{row}))"
        draft.put(row, 25, f'=IF({group}="","",{better}+{alike})')


def _show(draft: Draft, row: int, left: int, number: int) -> None:
    """Write one visible row: the group of this rank."""
    hidden = FIRST + number - 1
    draft.put(hidden, 26, f'=IFERROR(MATCH({number},$Y${FIRST}:$Y${_LAST},0),"")')
    at, of, values = f"$Z{hidden}", draft.values(shared("group")), draft.values(shared("metric"))
    here = f"IF(({of})=$F{row},IF(ISNUMBER({values}),{values}))"
    mean = f"INDEX({_MEANS},{at})"
    best = f'IF({shared("way")}="min",MIN({here}),MAX({here}))'
    cells = (
        (f'=IF({at}="","",INDEX($U${FIRST}:$U${_LAST},{at}))', _GROUP, False),
        (f'=IF({at}="","",INDEX($V${FIRST}:$V${_LAST},{at}))', COUNT, False),
        (f'=IF(N($G{row})=0,"",{rounded(mean)})', VALUE, False),
        (f'=IF(N($G{row})=0,"",REPT("█",{_length(mean)}))', _BAR, False),
        (f'=IF(N($G{row})<2,"",{rounded(f"STDEV({here})")})', VALUE, True),
        (f'=IF(N($G{row})=0,"",{rounded(best)})', VALUE, True),
    )
    for column, (text, style, array) in enumerate(cells, left):
        draft.put(row, column, text, style, array=array)


def _length(mean: str) -> str:
    """Length of a mean's bar: 1 for the least mean of all groups."""
    span = f"(MAX({_MEANS})-MIN({_MEANS}))"
    return f"IF({span}=0,{_LONGEST_BAR // 2},1+ROUND({_LONGEST_BAR - 1}*({mean}-MIN({_MEANS}))/{span},0))"
