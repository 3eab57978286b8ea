"""From decided cells to changed parts: the tab, its table, the workbook, and whatever grows with the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiment_sheet.ooxml import fresh, later, names
from experiment_sheet.ooxml.calc import rechained
from experiment_sheet.ooxml.draft import Draft
from experiment_sheet.ooxml.grow import Growth
from experiment_sheet.ooxml.lay import Change
from experiment_sheet.ooxml.parts import unlisted
from experiment_sheet.ooxml.query import with_fields
from experiment_sheet.ooxml.relay import relaid
from experiment_sheet.ooxml.rows import column_letters, row_element, with_cells
from experiment_sheet.ooxml.table import Area, grown, new_ids
from experiment_sheet.ooxml.uncached import uncached
from experiment_sheet.ooxml.xml import Edit


@dataclass(slots=True)
class RowEdits:
    """Edits of the rows; where the last old rows begin; where new rows begin (see `relaid`)."""

    edits: list[Edit] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    added: list[tuple[int, int]] = field(default_factory=list)


def changed_parts(draft: Draft, bottom: int) -> dict[str, Change]:
    """Changed parts of a write after which the data ends in row `bottom`; none if nothing changes."""
    workbook, tab = draft.book.workbook, draft.sheet.tab
    rows = _row_edits(draft)
    texts = _name_texts(draft)
    if not rows.edits:
        if draft.request.mark is None or draft.request.mark == workbook.mark(tab):
            return {}
        return {workbook.part: workbook.changed(workbook.with_names(tab, texts))}
    changes: dict[str, Change] = {}
    edits = [*rows.edits, *draft.sheet.with_widths(*_column_looks(draft)), *later.rule_edits(draft)]
    name_edits: list[Edit] = []
    old = Area(draft.place.first, draft.place.left, draft.survey.bottom, draft.place.right)
    if bottom > old.bottom >= old.top:
        edits += draft.sheet.grown_ranges(old, bottom)
        if draft.place.table is None:
            edits += draft.sheet.grown_filter(old, bottom)
        growth = Growth(tab, header_row=draft.place.header_row, old=old, bottom=bottom)
        found, remembered = growth.parts(draft.book.source, workbook.constant(tab, names.FOUND))
        changes |= found
        texts[names.FOUND] = f'"{remembered}"'
        name_edits = growth.name_edits(workbook)
    changes |= _table_parts(draft, bottom, edits)
    changes[draft.sheet.part] = _sheet_part(draft, rows, edits)
    changes |= _styles_part(draft) | _chain_part(draft) | uncached(draft)
    everything = [*workbook.with_names(tab, texts), *name_edits, workbook.recalculated()]
    return changes | {workbook.part: workbook.changed(everything)}


def _row_edits(draft: Draft) -> RowEdits:
    survey, sheet, made = draft.survey, draft.sheet, RowEdits()
    inserted: dict[int, list[bytes]] = {}
    following = sorted((row.number, row.start) for row in survey.held.values())
    following += [survey.after] if survey.after else []
    for number in sorted(draft.cells):
        elements = draft.cells[number]
        row = survey.held.get(number)
        if row is not None:
            text = with_cells(row, elements, sheet.prefix)
            if text != row.text:
                made.edits.append((row.start, row.end, text))
        elif any(elements.values()):
            while following and following[0][0] < number:
                following.pop(0)
            place = following[0][1] if following else sheet.trailer_at
            inserted.setdefault(place, []).append(row_element(number, elements, sheet.prefix))
    for place, texts in inserted.items():
        edit, offset = _insertion(draft, place, b"".join(texts))
        made.edits.append(edit)
        for text in texts:
            made.added.append((edit[0], offset))
            offset += len(text)
    made.starts = [row.start for row in survey.recent if row.text.find(b' r="', 0, 200) > 0]
    return made


def _insertion(draft: Draft, place: int, text: bytes) -> tuple[Edit, int]:
    """Edit that puts rows in, and where they begin in what is put in."""
    sheet = draft.sheet
    if not sheet.empty:
        return (place, place, text), 0
    end = len(sheet.head)  # behind <sheetData/>
    return (end - 2, end, b">%b</%bsheetData>" % (text, sheet.prefix)), 1


def _sheet_part(draft: Draft, rows: RowEdits, edits: list[Edit]) -> Change:
    sheet = draft.sheet
    if sheet.tail is None:
        edits = [*edits, *sheet.without_dimension()]
    return relaid(
        draft.book.source,
        sheet.part,
        edits,
        tail=sheet.tail,
        rows=rows.starts,
        added=rows.added,
        trailer_at=sheet.trailer_at,
    )


def _table_parts(draft: Draft, bottom: int, edits: list[Edit]) -> Mapping[str, Change]:
    """Grown table part, or the parts of a new one; edits of the tab's part are added to `edits`."""
    table = draft.place.table
    headers = [draft.headers[at] for at in sorted(draft.headers)]
    if table is not None:
        area = replace(table.area, bottom=bottom + table.totals, right=draft.right)
        queried = with_fields(draft.book.source, table.part, new_ids(table, len(headers)))
        made, fields = queried or ({}, ())
        same = area == table.area and not table.mended
        return made if same else {**made, table.part: grown(table, area, headers, fields)}
    if not draft.is_new or not headers:
        return {}
    area = Area(draft.place.header_row, 1, max(bottom, draft.place.first), draft.right)
    parts, table_edits = fresh.with_table(draft.book.source, draft.book.workbook, draft.sheet, area, headers)
    edits += table_edits
    return parts


def _name_texts(draft: Draft) -> dict[str, str]:
    """Hidden names to be set: columns that are new, adopted or have moved, and the mark."""
    texts: dict[str, str] = {}
    tab = draft.sheet.tab.name.replace("'", "''")
    row, named = draft.place.header_row, draft.place.named
    references = {column: f"'{tab}'!${column_letters(at)}${row}" for column, at in draft.places.items()} if row else {}
    for column, reference in references.items():
        if column.role != "people" and named.get(column) != draft.places[column]:
            texts |= dict.fromkeys(names.names_of(column), reference)
    texts |= later.slot_texts(draft, references) if references else {}
    if draft.request.mark is not None:
        texts[names.MARK] = names.mark_formula(draft.request.mark)
    return texts


def _column_looks(draft: Draft) -> tuple[dict[int, float], dict[int, int]]:
    """Width of each new column, and the style of its cells to come."""
    widths, styles = {}, {}
    rows = list(draft.request.rows.values())[:50]
    for column, at in draft.places.items():
        if at in draft.headers:
            samples = [row[column] for row in rows if column in row]
            widths[at] = draft.request.look.width(column, draft.headers[at], samples)
            styles[at] = draft.pen.column_style(column, samples)
    return widths, styles


def _styles_part(draft: Draft) -> dict[str, Change]:
    part, styles = draft.book.styles_part, draft.book.styles
    changed = styles.changed() if styles is not None else None
    return {part: changed} if part is not None and changed is not None else {}


def _chain_part(draft: Draft) -> dict[str, Change]:
    part = draft.book.workbook.part_of("calcChain") if draft.unchained else None
    if part is None:
        return {}
    what = f"{draft.book.source.path}, {part}"
    data = rechained(draft.book.source.read(part), what, draft.sheet.tab.sheet_id, draft.unchained)
    if data is not None:
        return {part: data}
    draft.report.remove.append(part)  # nothing is left in it, and an empty one is not allowed
    return {**unlisted(draft.book.source, owner=draft.book.workbook.part, part=part)}
