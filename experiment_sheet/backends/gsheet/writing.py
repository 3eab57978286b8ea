"""One write: look, plan, one batch, verify, mend, until the tab is as the write wants it.

Whatever fails in between, the next step is the same: look, and plan from what is there. A row whose batch was applied
though its answer was lost is found by its run_id; a batch of another machine that came first has taken the turn, and
ours was refused as a whole; what a teammate's edit displaced is found by comparing with the view that the batch was
planned on. So the loop has one exit: a tab that needs nothing more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from experiment_sheet.backends.base import Last, Mark, Row, Written
from experiment_sheet.backends.gsheet.batch import Batch, Job, Repair, batch_of, claims, is_signed, short
from experiment_sheet.backends.gsheet.book import Book
from experiment_sheet.backends.gsheet.cells import stored
from experiment_sheet.backends.gsheet.mend import is_sound, repaired, repairs
from experiment_sheet.backends.gsheet.problems import Answered, is_passing
from experiment_sheet.backends.gsheet.view import View
from experiment_sheet.backends.headers import labels, owned, stand
from experiment_sheet.backends.rows import Found, Plan, first_columns, named, plan
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetBusy, SheetMissing, SheetRefused
from experiment_sheet.look import Look
from experiment_sheet.values import Cell

ATTEMPTS: Final = 100
"""Batches of one write, at most; before, `Service.patience` ends."""

_LONGEST: Final = 1.5  # seconds between two batches: others write too, and none of them may starve

_PATIENT: Final = 3  # refusals in a row

_PAUSES: Final = (0.3, 0.6, 1.2)
"""Seconds in which another machine mends what a teammate's edit displaced under its batch."""

_UNDO: Final = "Take that back with Undo or File > Version history"
_TEXT: Final = Column("people", "")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written."""

    rows: Mapping[RunId, Row]
    new: Collection[RunId]
    last: Last | None
    mark: Mark | None
    look: Look
    width: int
    known: Mapping[str, Column]


@dataclass(slots=True)
class Writing:
    """One write of an order into a book."""

    book: Book
    order: Order
    sleep: Callable[[float], None] = time.sleep
    _repairs: Sequence[Repair] = ()  # to go with the next batch
    _removed: Sequence[int] = ()
    _known: dict[str, Column] = field(default_factory=dict)
    _added: dict[RunId, None] = field(default_factory=dict)
    _with_turn: bool = True
    _with_metadata: bool = True
    _refusals: int = 0

    def run(self, view: View | None) -> Written:
        """Write, beginning with a view that is fresh; None: the tab isn't there."""
        self._known = dict(self.order.known)
        if view is not None and (doubt := self.book.doubt) is not None:
            view = self._mended(*doubt, view, applied=is_signed(view, doubt[1]), late=True)
        deadline = time.monotonic() + self.book.service.patience
        for _ in range(ATTEMPTS):
            job = self._job(view)
            if self._is_done(job):
                return self._written(job)
            if time.monotonic() > deadline:
                break
            view = self._step(job)
        raise SheetBusy(f"{self.book.where} is changed by others faster than it can be written")

    def _is_done(self, job: Job) -> bool:
        mark = self.order.mark
        seen = job.view.mark
        marked = mark is None or not self._with_metadata or (seen is not None and _covers(seen, mark))
        return job.plan.idle and marked and not (job.repairs or job.removed or job.labels)

    # One batch

    def _step(self, job: Job) -> View | None:
        """Send a batch, and answer the tab as it will be when what this has displaced is repaired."""
        batch = batch_of(job)
        self._known |= owned(job.labels)
        self.book.doubt = (job.view, batch)
        try:
            after = self.book.send(job.view, batch, known=self._known, again=job.with_turn)
        except Answered as refusal:
            return self._after_failure(job, batch, refusal)
        except Exception as error:
            if not is_passing(error) or job.with_turn:
                raise
            return self._after_failure(job, batch, None)
        self._refusals = 0
        self.book.made(job.view)
        self._added |= dict.fromkeys(batch.appends)
        if after is not None and is_sound(job.view, batch, after):
            self._repairs, self._removed, self.book.doubt = (), (), None
            return after if batch.is_whole else self._trusted(job, batch, after)
        late = after is None or not batch.is_whole
        if late:
            after = self.book.look(self._known)
        return self._mended(job.view, batch, after, applied=True, late=late)

    def _mended(self, view: View, batch: Batch, now: View | None, *, applied: bool, late: bool) -> View | None:
        if now is None or now.header is None:
            return now
        found = repairs(view, batch, now, applied=applied, late=late)
        self._repairs, self._removed = found.cells, found.metadata
        if not (found.cells or found.metadata):
            self.book.doubt = None
        return repaired(now, found.cells)

    def _after_failure(self, job: Job, batch: Batch, refusal: Answered | None) -> View | None:
        """Look whether a batch was applied though its answer was lost, or what has come before it."""
        if refusal is not None and (refusal.is_passing or refusal.status != 400):
            raise refusal
        if refusal is not None and "storage limit" in refusal.message and self._with_metadata:
            self._with_metadata = False
            return job.view
        self.sleep(random.uniform(0.0, min(_LONGEST, 0.1 * 2**self._refusals)))  # noqa: S311 - no secret
        self._refusals += 1
        now = self.book.look(self._known)
        applied = now is not None and is_signed(now, batch)
        if applied:
            self._added |= dict.fromkeys(batch.appends)
        elif refusal is not None:
            self._refused_again(refusal, changed=now is not None and (job.new_tab or not _is_same(job.view, now)))
        return self._mended(job.view, batch, now, applied=applied, late=True)

    def _refused_again(self, refusal: Answered, *, changed: bool) -> None:
        """Google refused a batch. If nobody has been there, or it says so again and again, that is the answer."""
        of_turn = self._with_turn and "amedrange" in refusal.message.casefold().replace(" ", "")
        if not of_turn and (not changed or self._refusals > _PATIENT):
            raise refusal
        if of_turn and not changed and self._refusals > 1:  # the service doesn't take turns; reading back is enough
            self._with_turn = False

    @staticmethod
    def _trusted(job: Job, batch: Batch, after: View) -> View:
        """A large tab after a batch that is known to have arrived: as it was, with what was written."""
        grid = [list(cells) for cells in job.view.grid]
        for (row, column), data in batch.cells.items():
            grid.extend([] for _ in range(row + 1 - len(grid)))
            grid[row].extend({} for _ in range(column + 1 - len(grid[row])))
            grid[row][column] = data
        return replace(after, grid=grid)

    # What is to be done

    def _job(self, view: View | None) -> Job:
        order = self.order
        fresh = {run: row for run, row in order.rows.items() if run in set(order.new)}
        if view is None or (view.is_blank and not view.attached):
            if not fresh:  # nobody may think that the rows were deleted
                raise missing(view, self.book.where)
            return self._first(view, fresh)
        self._check(view)
        view = self._settled(view)
        places, known = stand(named(order.rows), view.labels, view.certain)
        todo = plan(order.rows, self._found(view, places), new=order.new, last=order.last)
        if RUN_ID in todo.no_room:
            raise SheetRefused(f"{self.book.where} has no room for the column run_id: delete some columns")
        gone = {header: column for header, column in order.known.items() if column not in view.columns}
        adopted = {at: c for c, at in places.items() if at not in view.attached and known.get(view.labels[at]) == c}
        given = labels(todo.columns, view.headers, gone)
        return self._job_of(view, todo, places, given, adopted)

    def _job_of(
        self, view: View, todo: Plan, places: Mapping[Column, int], given: Mapping[str, Column],
        adopted: Mapping[int, Column],
    ) -> Job:  # fmt: skip
        return Job(
            view, todo, places, given, self.order.look, self.order.mark, adopted,
            self._repairs, self._removed, with_turn=self._with_turn, with_metadata=self._with_metadata,
        )  # fmt: skip

    def _first(self, view: View | None, fresh: Mapping[RunId, Row]) -> Job:
        """The job of a tab that is made, or was blank."""
        order = self.order
        blank = view or self.book.blank(self._new_title(), order.known)
        given = labels(first_columns(fresh, order.look)[: order.width], (), {})
        if RUN_ID not in given.values():
            given = dict([*list(given.items())[:-1], (RUN_ID.key, RUN_ID)])
        everywhere = Found(list(given.values()), {}, lambda *_: None, room=0)
        todo = plan(order.rows, everywhere, new=order.new)
        return replace(self._job_of(blank, todo, {}, given, {}), fresh=True, new_tab=view is None)

    def _new_title(self) -> str:
        wanted = self.book.target.tab
        if wanted is not None and wanted.startswith("gid="):
            raise SheetMissing(f"{self.book.where} has no tab with {wanted}: copy the address of the tab again")
        return wanted or self.order.look.tab

    def _check(self, view: View) -> None:
        """Refuse a tab in which rows can't be told apart any more."""
        check_header(view, self.book.where)
        if view.is_ours and view.attached and RUN_ID not in view.columns:
            raise SheetRefused(
                f"{self.book.where} has lost its column run_id, without which no row is found. {_UNDO}; or type"
                " run_id as the header of an empty column, and runs that go on get new rows"
            )

    def _settled(self, view: View) -> View:
        """Wait while one of our rows stands where the last batch of another machine has changed another run's.

        Then a teammate has sorted the rows, before that batch or after it. If before, cells of our row hold what was
        meant for the other run, and that machine is about to put them back; who plans now would take them for a
        person's.
        """
        for pause in _PAUSES:
            said = claims(view)
            mine = [row for run in self.order.rows for row in view.run_ids.get(run, ()) if row in said]
            if self._repairs or all(said[row] == short(view.run_at(row) or "") for row in mine):
                break
            self.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
            now = self.book.look(self._known)
            if now is None or now.header is None:
                break
            view = now
        return view

    def _found(self, view: View, places: Mapping[Column, int]) -> Found:
        def cell(row: int, column: Column) -> Cell:
            return view.cell(row, places[column])

        there = view.run_ids if RUN_ID in places else {}
        ids = {run: there[run] for run in self.order.rows if run in there}
        room = max(0, self.order.width - view.width)
        return Found(places, ids, cell, room, lambda value: stored(value, _TEXT, self.order.look))

    def _written(self, job: Job) -> Written:
        added = [run for run in self.order.rows if run in self._added]
        missing = [run for run in job.plan.missing if run not in self._added]
        known = owned(dict(zip(job.view.headers, job.view.columns, strict=True)))
        return Written(added, missing, job.plan.kept, job.plan.no_room, known)


def missing(view: View | None, where: str) -> SheetMissing:
    """The error of a tab that is blank, or isn't there."""
    return SheetMissing(f"{where} {'is blank' if view else 'is not there'}; log a run to make the sheet")


def check_header(view: View, where: str) -> None:
    """Refuse a tab whose header row a person deleted: no row of data may be taken for it."""
    if view.header is None:
        raise SheetRefused(f"{where} has lost its header row. {_UNDO}, or type the headers into a new row above")


def _covers(seen: Mark, mark: Mark) -> bool:
    return seen.sheet == mark.sheet and seen.generation >= mark.generation


def _is_same(view: View, now: View) -> bool:
    """Whether nobody has been in a tab between two looks."""
    return (view.grid, view.size, view.title, view.turn) == (now.grid, now.size, now.title, now.turn)


def parts(rows: Mapping[RunId, Row], largest: int) -> Iterator[dict[RunId, Row]]:
    """Rows in portions of about so many bytes of a request."""
    portion: dict[RunId, Row] = {}
    size = 0
    for run, row in rows.items():
        weight = sum(120 + (len(value) if isinstance(value, str) else 0) for value in row.values())
        if portion and size + weight > largest:
            yield portion
            portion, size = {}, 0
        portion[run] = row
        size += weight
    yield portion
