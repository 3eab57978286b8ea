"""What is sent: a plan as the requests of one atomic ``batchUpdate``. Pure.

**Turns.** The reference promises that of a batch all requests are applied or none, and that it is an error to add a
named range with an id that exists already (AddNamedRangeRequest). Together these are a conditional write. A tab has one
range, ``experiment_sheet_<tab>``, whose id carries a number, the turn; each batch begins by removing the range
with the turn that was seen and adding it with the next one. Of two writers who saw the same turn the second is refused
as a whole, looks again and plans anew; a batch that is sent twice, because its answer was lost, is applied once.
So writers of this library never come between each other, on however many machines. People and other programs know no
turns: what they do between a look and a batch is found in the answer and mended (`mend`).

**New rows and columns** are inserted by the batch that fills them, at the end of what is there. So whatever a person
types at that end in the meantime is pushed away, never overwritten. (``appendCells`` would be shorter, but nobody
documents what it does in a race.)

A batch is signed by metadata (`BY`), so that who lost an answer can see whether the batch was applied. The signature
also says which rows were changed, so that the next writer can wait for what is being mended (`claims`).
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from experiment_sheet.backends.base import Mark
from experiment_sheet.backends.gsheet import dress
from experiment_sheet.backends.gsheet.cells import FORMATTED, cell_data, changed_data
from experiment_sheet.backends.gsheet.view import BY, COLUMN, MADE_AS, MARK, View, filled, turn_name, written
from experiment_sheet.backends.rows import Plan
from experiment_sheet.columns import Column, RunId
from experiment_sheet.look import Look

JSON = dict[str, Any]
Place = tuple[int, int]

NEW_ROWS: Final = 1000
NEW_COLUMNS: Final = 26
_SIGNED: Final = 16  # signatures of the last batches, for who lost an answer and comes late
_CLAIMED: Final = 40  # rows that a signature names at most
_LONGEST_KEY: Final = 500  # of a column that gets metadata
_TURN: Final = re.compile(r"es_\d+_(\d+)")


@dataclass(frozen=True, slots=True)
class Repair:
    """A cell to be given what it should hold; `wrong` is what it holds (its userEnteredValue)."""

    place: Place
    right: JSON
    wrong: JSON


@dataclass(slots=True)
class Batch:
    """Requests, and what they write where, in places of the view that they were planned on."""

    signature: str
    requests: list[JSON] = field(default_factory=list)
    cells: dict[Place, JSON] = field(default_factory=dict)
    headers: dict[int, Column] = field(default_factory=dict)
    appends: dict[RunId, int] = field(default_factory=dict)  # run → row
    inserted: Place = (0, 0)  # how many rows and columns
    repairs: Sequence[Repair] = ()
    is_whole: bool = True  # whether the answer shows the whole tab


@dataclass(frozen=True, slots=True)
class Job:
    """What a batch is made from. `labels`: the headers of new columns; `fresh`: the tab is made, or was blank."""

    view: View
    plan: Plan
    places: Mapping[Column, int]  # of columns that stand
    labels: Mapping[str, Column]
    look: Look
    mark: Mark | None
    adopted: Mapping[int, Column]  # columns that stand and are yet to be given metadata
    repairs: Sequence[Repair] = ()
    removed: Sequence[int] = ()  # ids of metadata
    fresh: bool = False
    new_tab: bool = False
    with_turn: bool = True
    with_metadata: bool = True


def batch_of(job: Job) -> Batch:
    """Make the batch."""
    view, batch = job.view, Batch(os.urandom(4).hex(), repairs=job.repairs)
    first = view.width
    places = dict(job.places) | {column: first + at for at, column in enumerate(job.labels.values())}
    if job.new_tab:
        batch.requests.append(_new_tab(view, len(places)))
    if job.with_turn:
        batch.requests += _turn(view)
    batch.requests += [_removed(number) for number in job.removed]
    batch.requests += _repairs(job, batch)
    batch.requests += _columns(job, batch, first)
    batch.requests += _updates(job, batch, places)
    batch.requests += _appends(job, batch, places)
    batch.requests += _kept(job, batch)
    return batch


def next_turn(view: View) -> int:
    """The turn after this batch."""
    seen = _TURN.fullmatch(view.turn.id) if view.turn else None
    return int(seen[1]) + 1 if seen else 1


def is_signed(view: View, batch: Batch) -> bool:
    """Whether a batch was applied to the tab that is seen now."""
    return any(one.key == BY and one.value.split(":")[1:2] == [batch.signature] for one in view.own)


def claims(view: View) -> dict[int, str]:
    """Rows that the last batch changed → short for their run."""
    signed = [one.value.split(":") for one in view.own if one.key == BY]
    last = max(signed, key=lambda parts: _number(parts[0]), default=[])
    pairs = (pair.split(".") for pair in last[2].split(",") if pair) if len(last) > 2 else ()
    return {int(pair[0]): pair[1] for pair in pairs}


def changed_later(view: View, batch: Batch) -> set[str]:
    """Runs, in short, that were changed by batches after this one."""
    signed = [one.value.split(":") for one in view.own if one.key == BY]
    own = max((_number(parts[0]) for parts in signed if parts[1:2] == [batch.signature]), default=0)
    later = (parts[2] for parts in signed if _number(parts[0]) > own and len(parts) > 2)
    return {pair.partition(".")[2] for text in later for pair in text.split(",") if pair}


def short(run: RunId) -> str:
    """A run in four letters."""
    return f"{zlib.crc32(run.encode()):08x}"[:4]


def _turn(view: View) -> Iterator[JSON]:
    if view.turn is not None:
        yield {"deleteNamedRange": {"namedRangeId": view.turn.id}}
    where = {"sheetId": view.sheet_id, "startRowIndex": view.top, "endRowIndex": view.top + 1}
    turn = f"es_{view.sheet_id}_{next_turn(view)}"
    yield {"addNamedRange": {"namedRange": {"namedRangeId": turn, "name": turn_name(view.sheet_id), "range": where}}}


def _new_tab(view: View, columns: int) -> JSON:
    size = {"rowCount": NEW_ROWS, "columnCount": max(NEW_COLUMNS, columns)}
    return {"addSheet": {"properties": {"sheetId": view.sheet_id, "title": view.title, "gridProperties": size}}}


def _columns(job: Job, batch: Batch, first: int) -> Iterator[JSON]:
    """New columns, their headers and how they look; identities of new and adopted ones."""
    view, count = job.view, len(job.labels)
    if count and not job.new_tab:
        yield _insert(view, "COLUMNS", first, count)
        batch.inserted = (0, count)
    if count:
        row = [dress.header_cell(column, text, job.look) for text, column in job.labels.items()]
        yield _set(view.sheet_id, (view.top, first), [row], dress.HEADER_FIELDS, batch)
        batch.headers = {first + at: column for at, column in enumerate(job.labels.values())}
    named = {first + at: (column, text) for at, (text, column) in enumerate(job.labels.items())}
    yield from dress.of_columns(view.sheet_id, view.top, named, job.look)
    if job.fresh:
        yield from dress.of_tab(view.sheet_id, list(job.labels.values()), job.look)
    yield from _identities(job, {**job.adopted, **batch.headers})


def _identities(job: Job, columns: Mapping[int, Column]) -> Iterator[JSON]:
    room = job.view.room if job.with_metadata else 0
    for at, column in sorted(columns.items()):
        text = written(column)
        room -= len(COLUMN) + len(text)
        if room > 0 and column.role != "people" and len(text) <= _LONGEST_KEY:
            span = {"sheetId": job.view.sheet_id, "dimension": "COLUMNS", "startIndex": at, "endIndex": at + 1}
            yield _metadata(COLUMN, text, {"dimensionRange": span})


def _repairs(job: Job, batch: Batch) -> Iterator[JSON]:
    """Cells given what they held: value, number format, link."""
    for repair in job.repairs:
        form = repair.right.get("userEnteredFormat", {})
        kept = {key: form[key] for key in ("numberFormat",) if key in form}
        if link := form.get("textFormat", {}).get("link"):
            kept["textFormat"] = {"link": link}
        cell = {"userEnteredValue": repair.right["userEnteredValue"]} if filled(repair.right) else {}
        cell |= {"userEnteredFormat": kept} if kept else {}
        yield _set(job.view.sheet_id, repair.place, [[cell]], FORMATTED, batch)


def _updates(job: Job, batch: Batch, places: Mapping[Column, int]) -> Iterator[JSON]:
    """Cells of rows that stand: neighbours of one kind in one request."""
    view = job.view
    for row, cells in job.plan.updates.items():
        made = []
        for column, value in sorted(cells.items(), key=lambda item: places[item[0]]):
            data, fields = changed_data(value, column, job.look, view.data(row, places[column]))
            made.append((places[column], fields, data))
        for _, near in groupby(enumerate(made), key=lambda pair: (pair[1][0] - pair[0], pair[1][1])):
            group = [one for _, one in near]
            yield _set(view.sheet_id, (row, group[0][0]), [[data for *_, data in group]], group[0][1], batch)


def _appends(job: Job, batch: Batch, places: Mapping[Column, int]) -> Iterator[JSON]:
    """New rows: inserted, then filled, each block of neighbouring columns in one request."""
    view, runs = job.view, job.plan.appends
    if not runs:
        return
    start = max(view.end, view.top + 1)
    if not job.new_tab:
        yield _insert(view, "ROWS", start, len(runs))
        batch.inserted = (len(runs), batch.inserted[1])
    batch.appends = {run: start + at for at, run in enumerate(runs)}
    theirs = _formats(view, {*places.values()})
    rows = [
        theirs | {places[column]: cell_data(value, column, job.look) for column, value in cells.items()}
        for cells in runs.values()
    ]
    used = sorted({at for row in rows for at in row})
    for _, near in groupby(enumerate(used), key=lambda pair: pair[1] - pair[0]):
        span = [at for _, at in near]
        block = [[row.get(at, {}) for at in span] for row in rows]
        yield _set(view.sheet_id, (start, span[0]), block, FORMATTED, batch)


def _formats(view: View, ours: set[int]) -> dict[int, JSON]:
    """Number formats of people's columns, as the last row has them: a new row is to look like it."""
    last = view.end - 1
    if last <= view.top:
        return {}
    found = {}
    for at in set(range(view.width)) - ours:
        if number_format := view.data(last, at).get("userEnteredFormat", {}).get("numberFormat"):
            found[at] = {"userEnteredFormat": {"numberFormat": number_format}}
    return found


def _kept(job: Job, batch: Batch) -> Iterator[JSON]:
    """Signature, mark and the tab's name; those that were there before are removed first, so that there is room."""
    view, turn = job.view, next_turn(job.view)
    mark = job.mark
    if mark and view.mark and view.mark.sheet == mark.sheet and view.mark.generation >= mark.generation:
        mark = None  # another machine was here; a mark is never lowered
    old = [one for one in view.own if one.key == BY and _number(one.value.partition(":")[0]) <= turn - _SIGNED]
    old += [one for one in view.own if one.key == MARK and mark is not None]
    yield from (_removed(one.id) for one in old)
    if not (job.with_metadata or old):
        return
    where = {"sheetId": view.sheet_id}
    yield _metadata(BY, f"{turn}:{batch.signature}:{_claimed(view, job.plan.updates)}", where)
    if mark is not None:
        yield _metadata(MARK, f"{mark.sheet}:{mark.generation}", where)
    if not any(one.key == MADE_AS for one in view.own):
        yield _metadata(MADE_AS, view.title, where)


def _claimed(view: View, rows: Iterable[int]) -> str:
    pairs = [f"{row}.{short(view.run_at(row) or '')}" for row in rows]
    return ",".join(pairs) if len(pairs) <= _CLAIMED else ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _removed(number: int) -> JSON:
    return {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": number}}}}


def _metadata(key: str, value: str, where: JSON) -> JSON:
    item = {"metadataKey": key, "metadataValue": value, "visibility": "DOCUMENT", "location": where}
    return {"createDeveloperMetadata": {"developerMetadata": item}}


def _insert(view: View, dimension: str, start: int, count: int) -> JSON:
    """Insert blank rows or columns that look like those behind them; at the grid's end, like those before."""
    at_end = start >= view.size[dimension == "COLUMNS"]
    span = {"sheetId": view.sheet_id, "dimension": dimension, "startIndex": start, "endIndex": start + count}
    return {"insertDimension": {"range": span, "inheritFromBefore": at_end}}


def _set(sheet_id: int, start: Place, rows: Sequence[Sequence[JSON]], fields: str, batch: Batch) -> JSON:
    for down, cells in enumerate(rows):
        batch.cells |= {(start[0] + down, start[1] + right): data for right, data in enumerate(cells)}
    where = {"sheetId": sheet_id, "rowIndex": start[0], "columnIndex": start[1]}
    return {"updateCells": {"start": where, "rows": [{"values": list(cells)} for cells in rows], "fields": fields}}
