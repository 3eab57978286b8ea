"""Where each id stands: from the hot rows if they say it surely, else from all rows.

The hot rows suffice for a row that is new for certain (`since`: the sheet is as the library's last write left it),
and for a change of a row that stands there alone under its id and in every cell as the library left it. A
copy that a person made would have meant a save by another program, after which all rows are read.
"""

from __future__ import annotations

from collections.abc import Mapping

from experiment_sheet.backends.base import ANYTHING
from experiment_sheet.backends.base import Row as Wanted
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.new_columns import free_columns, probed
from experiment_sheet.ooxml.rows import Row
from experiment_sheet.ooxml.survey import Survey, Surveyor
from experiment_sheet.values import Cell


def look(draft: Draft) -> Survey:
    """Look at as many rows as it takes."""
    request, sheet, place = draft.request, draft.sheet, draft.place
    surveyor = Surveyor(place, sheet.prefix, draft.book.holder)
    surveyor.id_column = draft.places.get(RUN_ID)
    surveyor.new_rows = len(request.new)
    surveyor.wanted = request.rows.keys()
    if request.since == draft.book.source.identity:
        surveyor.wanted = request.rows.keys() - set(request.new)
    needed = absent(draft, request.rows)
    if not needed and (survey := _hot_survey(draft, surveyor)) is not None:
        return survey
    if needed:
        surveyor.right = lambda occupied: max([place.right, *free_columns(draft, len(needed), occupied)])
        surveyor.probe = probed(draft, len(needed))
    survey = surveyor.look(sheet.rows())
    return surveyor.look(sheet.rows(), survey.bottom) if survey.partial else survey


def absent(draft: Draft, rows: Mapping[RunId, Wanted]) -> list[Column]:
    """Columns that are not there and for which some row has something new to say."""
    found = [] if RUN_ID in draft.places or not draft.request.new else [RUN_ID]
    for run, row in rows.items():
        missing = [column for column in row if column not in draft.places]
        last = draft.request.last.get(run, {}) if missing else {}
        found += [c for c in missing if row[c] is not None and _says_more(row[c], last.get(c))]
    return list(dict.fromkeys(found))


def found_rows(draft: Draft) -> dict[RunId, Row]:
    """Row of each id that has one; of several the one that agrees best with what the library wrote."""
    found: dict[RunId, Row] = {}
    for run, numbers in draft.survey.ids.items():
        rows = [draft.survey.held[number] for number in numbers]
        found[run] = rows[0] if len(rows) == 1 else max(rows, key=lambda row: draft.agreement(run, row)[0])
    return {run: found[run] for run in draft.request.rows if run in found}


def _hot_survey(draft: Draft, surveyor: Surveyor) -> Survey | None:
    """Survey of the hot rows alone, if it says all that has to be known."""
    hot = draft.sheet.hot_rows()
    if hot is None or RUN_ID not in draft.places:
        return None
    survey = surveyor.look(hot)
    if survey.partial:
        return None
    if hot[0].number <= draft.place.first:
        return survey  # they are all rows
    if survey.bottom < hot[0].number:
        return None
    if surveyor.wanted and draft.request.since != draft.book.source.identity:
        return None
    return survey if all(_surely_at(draft, run, survey) for run in surveyor.wanted) else None


def _surely_at(draft: Draft, run: RunId, survey: Survey) -> bool:
    """Whether a hot row is the run's: the only hot one with its id, and all in it is as the library left it."""
    rows = survey.ids.get(run, [])
    if len(rows) != 1 or not draft.request.last.get(run):
        return False
    held, total = draft.agreement(run, survey.held[rows[0]])
    return held == total


def _says_more(value: Cell, said: object) -> bool:
    """Whether a value is another than what was in a column that a person has deleted since."""
    if said is None or said is ANYTHING or not isinstance(said, list | tuple):
        return True
    if any(old is None for old in said):  # EMPTY among them: the cell may never have been written
        return True
    return not any(type(old) is type(value) and repr(old) == repr(value) for old in said)
