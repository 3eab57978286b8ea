"""Values of an overview's formulas, taken out once another program has saved the workbook.

Excel and LibreOffice keep what a formula came to. Rows that are added to the file make that old; Excel is told to
compute everything when it opens the workbook (`Workbook.recalculated`), but LibreOffice believes what it finds and
computes only formulas without a value.
"""

from __future__ import annotations

import re
from typing import Final

from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.workbook import place_of

_OVERVIEW: Final = "_es.overview"  # as `slots.OVERVIEW`, which most writes have no need to load
_VALUE: Final = re.compile(
    rb"(<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>))\s*<(?:\w+:)?v\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?v>)"
)


def uncached(draft: Draft) -> dict[str, bytes]:
    """Part of the overview without its formulas' values, if another program saved it; else nothing."""
    if draft.sheet.tail is not None:
        return {}
    workbook, source = draft.book.workbook, draft.book.source
    text = workbook.constant(draft.sheet.tab, _OVERVIEW)
    found = (tab for tab in workbook.tabs if text and tab.is_worksheet and place_of(text, tab.name))
    tab = next(found, None)
    if tab is None or tab.index == draft.sheet.tab.index:
        return {}
    old = source.read(tab.part)
    new = _VALUE.sub(rb"\1", old)
    return {tab.part: new} if new != old else {}
