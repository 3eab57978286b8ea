"""Columns that come later, in a workbook that this library made: their rules, and their place in the overview.

Most results come later: a run's row is made when it begins, and nothing is known then but what goes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from experiment_sheet.columns import Column
from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.goal_rules import rules_text
from experiment_sheet.ooxml.rows import column_letters
from experiment_sheet.ooxml.workbook import Tab, Workbook
from experiment_sheet.ooxml.worksheet import LAST_ROW
from experiment_sheet.ooxml.xml import Edit

_BEHIND: Final = (
    *("dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup", "headerFooter", "rowBreaks"),
    *("colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing", "legacyDrawing"),
    *("legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst"),
)
"""What may follow rules in a tab (ECMA-376 Part 1, 18.3.1.99)."""


def rule_edits(draft: Draft) -> list[Edit]:
    """Edits of the tab that give new results their colours."""
    look, sheet, styles = draft.request.look, draft.sheet, draft.book.styles
    goals = [column for column in _new(draft) if look.goal(column) is not None]
    if not goals or styles is None or not draft.pen.is_ours:
        return []
    root, integer = sheet.document.root, sheet.document.integer
    used = (integer(rule, "priority") for node in root.all("conditionalFormatting") for rule in node.all("cfRule"))
    priority = max(used, default=0) + 1
    elements = []
    for number, column in enumerate(goals):
        at = column_letters(draft.places[column])
        below = f"{at}{draft.place.first}:{at}{LAST_ROW}"
        bold = styles.bold() if look.bold_best else None
        elements.append(rules_text(look, column, below, priority=priority + 2 * number, bold=bold, prefix=root.prefix))
    whole = b"".join(elements)
    return [sheet.place(sheet.document.insert(root, whole, before=_BEHIND))] if whole else []


def slot_texts(draft: Draft, references: dict[Column, str]) -> dict[str, str]:
    """Hidden names that tell the overview of new columns; none where the workbook has no overview."""
    new = _new(draft)
    if not new or not any(name.name.lower().startswith("_es.goal.") for name in draft.book.workbook.names):
        return {}
    from experiment_sheet.ooxml import slots  # only a new column needs it

    free = set(_free(draft.book.workbook, draft.sheet.tab, list(slots.every_slot())))
    texts = {column for row in draft.request.rows.values() for column, value in row.items() if isinstance(value, str)}
    return slots.filled(draft.request.look, new, texts, references, free)


def _free(workbook: Workbook, tab: Tab, wanted: Sequence[str]) -> Iterator[str]:
    held = {name.name.lower(): name.text for name in workbook.names if name.scope == tab.index}
    return (name for name in wanted if held.get(name) == '""')


def _new(draft: Draft) -> list[Column]:
    return [column for column, at in draft.places.items() if at in draft.headers]
