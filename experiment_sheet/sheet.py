"""A sheet of runs: write rows into it, read them back, ask for the best."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiment_sheet import before, frames, notices, report
from experiment_sheet.arguments import checked_id
from experiment_sheet.asking import Questions
from experiment_sheet.backends.base import Table, Target
from experiment_sheet.backends.registry import open_backend, parse
from experiment_sheet.changes import Change
from experiment_sheet.columns import RUN_ID, RUN_KEYS, Column, Role, RunId, column_named, column_of, flatten
from experiment_sheet.errors import RunNotFound, SheetError, UsageError
from experiment_sheet.events import Event, Kind
from experiment_sheet.fold import Folded, fold
from experiment_sheet.ids import draw_run_id
from experiment_sheet.ledger import Ledger
from experiment_sheet.ledgers import ledger_of, ledgers_from, ledgers_to
from experiment_sheet.liveness import lost
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.metrics import Goal
from experiment_sheet.once import WAIT, Artifacts, Whole
from experiment_sheet.overlay import STATUS, hide_deleted, lay_over, show_lost
from experiment_sheet.state import Applied
from experiment_sheet.status import DELETED
from experiment_sheet.values import Cell, to_cell
from experiment_sheet.wastebin import Wastebin

if TYPE_CHECKING:
    import pandas as pd

Place = str | os.PathLike[str]

SYNC_WAIT: Final = 30.0
"""Seconds that `sync` waits for the sheet's lock."""

REDIRECT: Final = "EXPERIMENT_SHEET_REDIRECT"
"""Environment variable: the sheet that takes the place of every other in a run that is made again, so that it writes
nowhere else, whatever its code names."""


def default_target() -> str:
    """The sheet that is meant where none is named: ``EXPERIMENT_SHEET``, else ``runs.xlsx`` in the working folder."""
    return os.environ.get("EXPERIMENT_SHEET") or "runs.xlsx"


@contextmanager
def _moving(run_id: RunId) -> Iterator[None]:
    """Say what became of a deletion whose folder can't be moved: a program has a file of it open, say."""
    try:
        yield
    except OSError as error:
        if isinstance(error, SheetError):
            raise
        raise SheetError(f"the folder of {run_id} can't be moved: {error}. Mend that and call again.") from error


class Sheet(Questions):
    """The table of runs at one target.

    `target` is a path (``runs.xlsx``, ``runs.csv``, ``runs.xlsx#Ablations``), a Google Sheets URL, or
    ``memory://name``; where it is None, the default sheet. `template` says what a sheet looks like that is yet to be
    made: ``kaggle`` or another that is shipped, a path to a TOML file, or to a workbook, which is then copied.
    Making a Sheet touches no file. Raises UnknownTarget for a target that no backend stores, UsageError for a wrong
    template, which names each mistake with its line.
    """

    def __init__(self, target: Place | Target | None = None, *, template: Look | Place | None = None) -> None:
        named = parse(default_target() if target is None else target)
        elsewhere = os.environ.get(REDIRECT) if named.scheme != "memory" else None
        self.target: Target = parse(elsewhere) if elsewhere else named
        self._look = DEFAULT
        if template is not None:
            from experiment_sheet.template import look_for  # only who names a template needs it

            self._look = look_for(template, self.target.path)
        open_backend(self.target, look=self._look).close()  # a tab that can't be is said now, not after the training
        self._epochs: dict[RunId, int] = {}
        self._homes: dict[RunId, Ledger] = {}  # of runs that go on: whose journal knows them

    def __repr__(self) -> str:
        return f"Sheet({self.name!r})"

    @property
    def name(self) -> str:
        """The sheet, for people: its path or address."""
        tab = "" if self.target.tab is None else f"#{self.target.tab}"
        return f"{self.target.path}{tab}"

    @property
    def files(self) -> Path:
        """The files folder: everything beside the sheet."""
        return self._ledger.root

    @property
    def goals(self) -> Mapping[str, Goal]:
        """Which way of an output is better, by key, as far as the sheet's look says; names say it of the others."""
        return {c.key: look.goal for c, look in self._look.looks.items() if look.goal and c.role == "output"}

    @property
    def _ledger(self) -> Ledger:
        return ledger_of(self.target, look=self._look)

    @property
    def _events_name(self) -> str:
        return self._ledger.sheet_name(self.target.tab)

    def create(self) -> None:
        """Make the sheet, without a run in it, as its template says; its first run would make it as well.

        Never over something that is there. Raises SheetError, Unsupported.
        """
        with closing(open_backend(self.target, look=self._look)) as backend:
            backend.create()

    # Writing

    def log_run(
        self,
        data: object = None,
        /,
        *,
        inputs: object = None,
        outputs: object = None,
        plots: Mapping[str, object] | None = None,
        artifacts: Artifacts | None = None,
        name: str | None = None,
        hypothesis: str | None = None,
        notes: str | None = None,
        tags: str | Iterable[str] | None = None,
        status: str = "finished",
    ) -> RunId:
        """Log a whole run in one call: one row. Returns its run_id.

        `data` is a flat or nested dictionary; what in it is input and what output is as in the sheet, else guessed by
        the published table. `inputs` and `outputs` are never guessed. `plots` are figures or pictures' paths by name,
        `artifacts` paths of files or folders. The row is in the sheet when this returns, or waits (after at most 10 s)
        and a message says so. Raises UsageError for what the call itself got wrong, never for the world.
        """
        run = Whole(data, inputs, outputs, plots, artifacts, name, hypothesis, notes, tags, status)
        return run.log(self)

    def append(self, data: object) -> list[RunId]:
        """Add rows of results from elsewhere: a dictionary, some dictionaries, or a DataFrame; one write for all.

        Nested dictionaries flatten with dots; a column is input or output as it is in the sheet, else by a guess from
        its name. Nothing is added but a ``run_id`` where a row has none. A missing value of a DataFrame is no value.
        A row whose run_id is known changes that run, where no person did. Answers the rows' run_ids. Raises TypeError
        for anything else, UsageError for a run_id that can't be or stands in two rows.
        """
        roles, rows = self.roles(), frames.rows_of(data)
        name = column_named if any("run_id" in row for row in rows) else column_of  # rows of a sheet of runs
        column = cache(lambda key: name(mask_key(key), roles))  # the rows share their keys
        events = [self._event_of(flatten(row), column) for row in rows]
        given = [event.run for event in events if not event.drawn]
        if len(set(given)) < len(given):
            raise UsageError(f"run_id {next(run for run in given if given.count(run) > 1)!r} stands in two rows")
        known = fold(self._ledger.checkpoint.history(self._events_name, set(given))) if given else {}
        events = [replace(e, epoch=known[e.run].last.epoch + 1) if e.run in known else e for e in events]
        if events:
            self._ledger.tell(self._ledger.record(events, wait=WAIT, durable=True), self.name)
            before.remember_all(self, [(event.run, event.cells) for event in events])
        return [event.run for event in events]

    def _event_of(self, flat: dict[str, object], column: Callable[[str], Column]) -> Event:
        given = to_cell(flat.pop("run_id", None))
        drawn = given in (None, "") or given != given
        run = draw_run_id() if drawn else checked_id(given)
        cells = {column(key): mask_cell(key, to_cell(value)) for key, value in flat.items()}
        return Event(self._events_name, run, "end", cells, drawn=drawn)

    def update(self, run_id: RunId, values: Mapping[str, object], *, overwrite: bool = False) -> bool:
        """Change cells of a run, months later too: its notes, its verdict, a corrected result, a column of your own.

        A cell that a person filled or changed is left alone, unless `overwrite`. Answers whether every cell now holds
        what was said (False: a person's cell was left alone, or the row waits; the log says which).
        Raises RunNotFound, UsageError.
        """
        if not isinstance(values, Mapping) or "run_id" in values:
            raise UsageError('update takes a dictionary of cells, like {"notes": "…"}; a run_id never changes')
        home, known = self._find(run_id)  # None of a row that people or another machine made
        flat, roles = flatten(values), dict(self.roles())
        if known is None or not flat.keys() <= roles.keys() | RUN_KEYS:  # only the sheet knows the row, or a column
            table = self.table()
            self._check(run_id, table)
            roles |= dict(zip(table.headers, (column.role for column in table.columns), strict=True))
        cells = {column_named(mask_key(key), roles): mask_cell(key, to_cell(value)) for key, value in flat.items()}
        epoch = known.last.epoch + 1 if known else 2
        event = Event(home.sheet_name(self.target.tab), run_id, "update", cells, epoch=epoch, overwrite=overwrite)
        outcome = home.record([event], wait=WAIT, durable=True)
        home.tell(outcome, self.name)
        if kept := outcome.kept.get(run_id):
            names = ", ".join(column.key for column in kept)
            notices.logger.warning(
                "%s: %s of %s hold what a person wrote; left alone (overwrite=True writes over it)",
                self.name, names, run_id,
            )  # fmt: skip
        return not (outcome.errors or kept or run_id in outcome.deleted or run_id in outcome.no_room)

    def delete(self, run_id: RunId) -> bool:
        """Put a run into the bin: its status becomes ``deleted``, its folder moves to ``<files>/_bin/``.

        The row stays, because formulas and charts of people's may point at it and their own program can take it out
        without harm; `read` leaves it out from then on. `restore` is the way back. Answers whether the row says so
        already (False: it waits). Raises RunNotFound; UsageError for a run that is going on; SheetError where its
        folder can't be moved now, and the call is to be repeated.
        """
        self.refresh()  # a run that died without a word is going on no more
        status = self._status(run_id)
        if status == "running":
            raise UsageError(f"{run_id} is running; end it first, or wait until it is over")
        waste = Wastebin(self.files)
        with _moving(run_id):
            waste.note(run_id, None if status is None else str(status))
            told = status == DELETED or self.update(run_id, {"status": DELETED}, overwrite=True)
            waste.put(run_id)
        return told

    def restore(self, run_id: RunId) -> bool:
        """Take a run out of the bin: row and folder are as they were. Answers and raises as `delete`."""
        if self._status(run_id) != DELETED:
            raise UsageError(f"{run_id} is not in the bin")
        waste = Wastebin(self.files)
        status = waste.status(run_id) if waste.holds(run_id) else "finished"
        with _moving(run_id):
            waste.take(run_id)
            told = self.update(run_id, {"status": status}, overwrite=True)
            waste.forget(run_id)
        return told

    def _status(self, run_id: RunId) -> Cell:
        table = self.table()
        self._check(run_id, table)
        row = next(row for row in table.rows if row[table.columns.index(RUN_ID)] == run_id)
        return row[table.columns.index(STATUS)] if STATUS in table.columns else None

    def record(
        self, run_id: RunId, cells: Mapping[Column, Cell], *, kind: Kind, drawn: bool = False, wait: float | None = None
    ) -> None:
        """Journal news of a run and, with `wait`, put it into the sheet, waiting at most so many seconds for its lock.

        A sheet that is far away is not waited for (`arrive`). Never raises for what depends on the world. For `Run`; a
        person's code calls `log_run`, `append` or `update`.
        """
        home, event = self.news(run_id, cells, kind=kind, drawn=drawn)
        home.tell(home.post([event], wait=wait, durable=kind != "change"), self.name)

    def news(self, run_id: RunId, cells: Mapping[Column, Cell], *, kind: Kind, drawn: bool) -> tuple[Ledger, Event]:
        """Return what is to be journaled as news of a run, and in which ledger's journal."""
        home = self._homes.get(run_id) or self._ledger
        name, epoch = home.sheet_name(self.target.tab), self._epochs.get(run_id, 1)
        return home, Event(name, run_id, kind, cells, epoch=epoch, drawn=drawn)

    def arrive(self) -> None:
        """Wait until what runs have told is in a sheet that is far away, at most ``EXPERIMENT_SHEET_WAIT`` seconds.

        Then a message says what remains. Any other sheet is not waited for: `record` did.
        """
        for ledger in {id(home): home for home in (self._ledger, *self._homes.values())}.values():
            ledger.arrive()

    def resume(self, run_id: RunId) -> Mapping[Column, Cell] | None:
        """Answer what is known of a run, and let what is recorded from now on count as later; None if unknown."""
        home, known = self._find(run_id)
        if known is None:
            return None
        self._epochs[run_id], self._homes[run_id] = known.last.epoch + 1, home
        if (waste := Wastebin(self.files)).holds(run_id):  # it goes on, and is deleted no more
            with report.forgiving("taking out of the bin", run_id):
                waste.take(run_id)
                waste.forget(run_id)
        return known.cells

    def known(self, run_id: RunId) -> Mapping[Column, Cell] | None:
        """Answer what was logged of a run, from the journals alone; None if nothing was."""
        _, found = self._find(run_id)
        return None if found is None else found.cells

    def again(self, template: Look | None = None) -> Sheet:
        """Return another object of this sheet, which knows of no run yet. For `init`."""
        return Sheet(self.target, template=template)

    def _find(self, run_id: RunId) -> tuple[Ledger, Folded | None]:
        """Find the ledger whose journal knows a run, and what it knows."""
        for ledger in ledgers_to(self._ledger):
            events = ledger.checkpoint.history(ledger.sheet_name(self.target.tab), {run_id})
            if known := fold(events).get(run_id):
                return ledger, known
        return self._ledger, None

    def sync(self, *, wait: float = SYNC_WAIT) -> int:
        """Put every waiting row of every process into the sheet; answer how many runs still wait.

        Of sheets that one journal feeds (``init([...])``) the first brings the others up to date, too.
        """
        for ledger in [*ledgers_to(self._ledger), *ledgers_from(self._ledger)]:
            ledger.tell(ledger.sync(wait=wait, everything=True), self.name)
        return len(self.pending())

    def refresh(self) -> None:
        """Put waiting rows into the sheet if nobody else is at it; else they go on waiting, and nothing is said."""
        self._ledger.refresh()

    def share(self, email: str, *, role: str = "writer", notify: bool = True) -> None:
        """Give a person access to a Google Sheet: as ``writer``, ``commenter`` or ``reader``.

        Google tells them by mail, unless `notify` is False. Raises UsageError for a sheet that is no Google Sheet (a
        file is shared by its folder), SheetError where Google refuses.
        """
        from experiment_sheet import google  # who logs to a file needs nothing of it

        google.share(self.target, email, role=role, notify=notify)

    # Reading

    def read(self, *, deleted: bool = False) -> pd.DataFrame:
        """Everything in the sheet, what people typed and what still waits included: one row per run, indexed by run_id.

        The library's columns are named by key, even where a person renamed the header; people's by header. Runs in the
        bin are left out, unless `deleted`. A sheet that doesn't exist yet is empty. Raises SheetError where it can't
        be read.
        """
        table = self.table()
        shown, gone = (table, {}) if deleted else hide_deleted(table)
        frame = frames.frame_of(shown)
        frame.attrs["deleted"] = gone
        frame.attrs["folder"] = str(self.files.parent)  # that links are relative to
        from experiment_sheet import notebook  # with html and urllib, 4 ms that only readers pay

        notebook.show_frames()
        return frame

    def pending(self) -> list[RunId]:
        """Runs with something that has not reached the sheet yet, or one that its journal feeds, too."""
        fed = [run for ledger in ledgers_from(self._ledger) for run in ledger.waiting()]
        return list(dict.fromkeys([*self._waiting(), *fed]))

    def columns(self) -> dict[str, Role]:
        """Who each column belongs to, by name: ``run``, ``input``, ``output`` or ``people``."""
        return {name: column.role for column, name in frames.column_names(self.table().columns).items()}

    def roles(self) -> Mapping[str, Role]:
        """Who each key belongs to, as far as logging knows; cheap, empty where nothing was logged."""
        applied = self._applied()
        known = self._ledger.made_columns(self._events_name) if applied is None else reversed(applied.columns)
        return {**self._look.roles, **{column.key: column.role for column in known}}

    def _waiting(self) -> dict[RunId, Change]:
        found: dict[RunId, Change] = {}
        for ledger in reversed(ledgers_to(self._ledger)):
            found |= ledger.checkpoint.waiting(ledger.sheet_name(self.target.tab))
        return found

    def _applied(self) -> Applied | None:
        return self._ledger.checkpoint.state().sheets.get(self._events_name)

    def table(self) -> Table:
        """Everything in the sheet as cells by column, what waits included; `read` makes a DataFrame of it."""
        waiting = self._waiting()  # before the sheet is read: what arrives in between is then in both
        table = lay_over(self._ledger.table(self._events_name), waiting)
        return show_lost(table, self._lost(waiting))

    def _lost(self, waiting: Mapping[RunId, Change]) -> set[RunId]:
        applied = self._applied()
        running = {run: live.journal for run, live in applied.live.items()} if applied else {}
        running |= {run: change.folded.journal for run, change in waiting.items() if change.folded.journal}
        journals = self._ledger.checkpoint.paths()
        return lost({run: name for run, name in running.items() if name in journals}, journals, self.files)

    def _check(self, run_id: RunId, table: Table) -> None:
        if RUN_ID in table.columns:
            place = table.columns.index(RUN_ID)
            if any(row[place] == run_id for row in table.rows):
                return
        raise RunNotFound(f"{self.name} has no run {run_id!r}; `experiment-sheet ls` lists them")
