"""A sheet of runs: write rows into it, read them back, ask for the best."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import compare, frames, history, notices, report
from experiment_sheet.arguments import checked_id
from experiment_sheet.backends.base import Table, Target
from experiment_sheet.backends.registry import open_backend, parse
from experiment_sheet.changes import Change
from experiment_sheet.checkpoint import Outcome
from experiment_sheet.columns import RUN_ID, RUN_KEYS, Column, Role, RunId, column_of, flatten
from experiment_sheet.errors import RunNotFound, SheetError, UsageError
from experiment_sheet.events import Event, Kind
from experiment_sheet.fold import Folded, fold
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.ids import draw_run_id
from experiment_sheet.ledger import Ledger, ledger_of
from experiment_sheet.liveness import lost
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.metrics import Goal
from experiment_sheet.once import WAIT, Artifacts, Whole
from experiment_sheet.overlay import lay_over, show_lost
from experiment_sheet.state import Applied
from experiment_sheet.values import Cell, to_cell

if TYPE_CHECKING:
    import pandas as pd

SYNC_WAIT: Final = 30.0
"""Seconds that `sync` waits for the sheet's lock."""

REDIRECT: Final = "EXPERIMENT_SHEET_REDIRECT"
"""Environment variable: the sheet that takes the place of every other in a run that is made again, so that it writes
nowhere else, whatever its code names."""


def default_target() -> str:
    """The sheet that is meant where none is named: ``EXPERIMENT_SHEET``, else ``runs.xlsx`` in the working folder."""
    return os.environ.get("EXPERIMENT_SHEET") or "runs.xlsx"


class Sheet:
    """The table of runs at one target.

    `target` is a path (``runs.xlsx``, ``runs.csv``, ``runs.xlsx#Ablations``), a Google Sheets URL, or
    ``memory://name``; where it is None, the default sheet. `template` is the look of a sheet that is yet to be made.
    Making a Sheet touches no file. Raises UnknownTarget for a target that no backend stores.
    """

    def __init__(self, target: str | os.PathLike[str] | Target | None = None, *, template: Look | None = None) -> None:
        named = parse(default_target() if target is None else target)
        elsewhere = os.environ.get(REDIRECT) if named.scheme != "memory" else None
        self.target: Target = parse(elsewhere) if elsewhere else named
        self._look = template or DEFAULT
        open_backend(self.target, look=self._look).close()  # a tab that can't be is said now, not after the training
        self._epochs: dict[RunId, int] = {}

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
    def _ledger(self) -> Ledger:
        return ledger_of(self.target, look=self._look)

    @property
    def _events_name(self) -> str:
        return self._ledger.sheet_name(self.target.tab)

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
        roles = self.roles()
        column = cache(lambda key: column_of(key, roles))  # the rows share their keys
        events = [self._event_of(flatten(row), column) for row in frames.rows_of(data)]
        given = [event.run for event in events if not event.drawn]
        if len(set(given)) < len(given):
            raise UsageError(f"run_id {next(run for run in given if given.count(run) > 1)!r} stands in two rows")
        known = fold(self._ledger.checkpoint.history(self._events_name, set(given))) if given else {}
        events = [replace(e, epoch=known[e.run].last.epoch + 1) if e.run in known else e for e in events]
        if events:
            self._done(self._ledger.record(events, wait=WAIT, durable=True))
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
        known = self._known(run_id)  # None of a row that people or another machine made
        flat, roles = flatten(values), dict(self.roles())
        if known is None or not flat.keys() <= roles.keys() | RUN_KEYS:  # only the sheet knows the row, or a column
            table = self._table()
            self._check(run_id, table)
            roles |= dict(zip(table.headers, (column.role for column in table.columns), strict=True))
        cells = {column_of(mask_key(key), roles): mask_cell(key, to_cell(value)) for key, value in flat.items()}
        epoch = known.last.epoch + 1 if known else 2
        event = Event(self._events_name, run_id, "update", cells, epoch=epoch, overwrite=overwrite)
        outcome = self._ledger.record([event], wait=WAIT, durable=True)
        self._done(outcome)
        if kept := outcome.kept.get(run_id):
            names = ", ".join(column.key for column in kept)
            notices.logger.warning(
                "%s: %s of %s hold what a person wrote; left alone (overwrite=True writes over it)",
                self.name, names, run_id,
            )  # fmt: skip
        return not (outcome.errors or kept or run_id in outcome.deleted or run_id in outcome.no_room)

    def record(
        self, run_id: RunId, cells: Mapping[Column, Cell], *, kind: Kind, drawn: bool = False, wait: float | None = None
    ) -> None:
        """Journal news of a run and, with `wait`, put it into the sheet, waiting at most so many seconds for its lock.

        Never raises for what depends on the world. For `Run`; a person's code calls `log_run`, `append` or `update`.
        """
        event = Event(self._events_name, run_id, kind, cells, epoch=self._epochs.get(run_id, 1), drawn=drawn)
        self._done(self._ledger.record([event], wait=wait, durable=kind != "change"))

    def resume(self, run_id: RunId) -> Mapping[Column, Cell] | None:
        """Answer what is known of a run, and let what is recorded from now on count as later; None if unknown."""
        known = self._known(run_id)
        if known is None:
            return None
        self._epochs[run_id] = known.last.epoch + 1
        return known.cells

    def _known(self, run_id: RunId) -> Folded | None:
        return fold(self._ledger.checkpoint.history(self._events_name, {run_id})).get(run_id)

    def sync(self, *, wait: float = SYNC_WAIT) -> int:
        """Put every waiting row of every process into the sheet; answer how many runs still wait."""
        self._done(self._ledger.sync(wait=wait, everything=True))
        return len(self._waiting())

    def refresh(self) -> None:
        """Put waiting rows into the sheet if nobody else is at it; else they go on waiting, and nothing is said."""
        try:
            self._done(self._ledger.checkpoint.run(wait=0))
        except SheetError:
            return  # another process writes, or a program has the sheet open

    def _done(self, outcome: Outcome) -> None:
        for run, cells in outcome.no_room.items():
            report.keep(RunFolder(self.files / safe_name(run)), cells)
            names = ", ".join(column.key for column in cells)
            notices.say("no room", run, f"{self.name}: no room for the columns {names:.200} of {run}; see its run.json")
        for run in outcome.deleted:
            notices.say("deleted", run, f"{self.name}: a person deleted the row of {run}; it stays deleted", level=20)

    # Reading

    def read(self) -> pd.DataFrame:
        """Everything in the sheet, what people typed and what still waits included: one row per run, indexed by run_id.

        The library's columns are named by key, even where a person renamed the header; people's by header. A sheet
        that doesn't exist yet is empty. Raises SheetError where it can't be read.
        """
        frame = frames.frame_of(self._table())
        frame.attrs["folder"] = str(self.files.parent)  # that links are relative to
        from experiment_sheet import notebook  # with html and urllib, 4 ms that only readers pay

        notebook.show_frames()
        return frame

    def pending(self) -> list[RunId]:
        """Runs with something that has not reached the sheet yet."""
        return list(self._waiting())

    def columns(self) -> dict[str, Role]:
        """Who each column belongs to, by name: ``run``, ``input``, ``output`` or ``people``."""
        return {name: column.role for column, name in frames.column_names(self._table().columns).items()}

    def best(self, metric: str, *, mode: Goal | None = None, where: str | None = None) -> pd.Series[Any]:
        """The best run by a metric; `where` is a pandas query (``"latency_ms < 20"``).

        `mode` (``"max"`` or ``"min"``) is needed where the metric's name doesn't say which way is better. Raises
        UnknownColumn, UsageError.
        """
        return compare.best(self.read(), metric, mode=mode, where=where)

    def top(self, metric: str, count: int = 5, *, mode: Goal | None = None, where: str | None = None) -> pd.DataFrame:
        """The `count` best runs by a metric, the best first; as `best`."""
        if not isinstance(count, int):
            raise UsageError(f"count is a whole number, not {count!r}")
        return compare.top(self.read(), metric, count=count, mode=mode, where=where)

    def history(self, run_id: RunId) -> pd.DataFrame:
        """What a run logged step by step: one row per step, one column per metric. Empty where it logged none."""
        return frames.frame_of_steps(history.read(self.files / safe_name(run_id)))

    def roles(self) -> Mapping[str, Role]:
        """Who each key belongs to, as far as logging knows; cheap, empty where nothing was logged."""
        applied = self._applied()
        return {} if applied is None else {column.key: column.role for column in reversed(applied.columns)}

    def _waiting(self) -> dict[RunId, Change]:
        return self._ledger.checkpoint.waiting(self._events_name)

    def _applied(self) -> Applied | None:
        return self._ledger.checkpoint.state().sheets.get(self._events_name)

    def _table(self) -> Table:
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
