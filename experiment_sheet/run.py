"""Runs: `Run` for one that goes on, `log_run` for one that is over.

A run tells its row when it starts, when its config or summary is changed, at most every 30 s while it logs, and when it
ends. In between its steps go to the history in the run folder, one line per call.

What depends on the world (files, figures, git, the sheet) never raises here; it becomes a message. What
the caller got wrong raises `UsageError` at once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeGuard, cast

from experiment_sheet import media, notices
from experiment_sheet.arguments import joined, number_of, say_unknown
from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column, flatten, order
from experiment_sheet.errors import UnknownTarget, UsageError
from experiment_sheet.folder import Stored
from experiment_sheet.history import History, last_step
from experiment_sheet.inputs import Config, named
from experiment_sheet.look import Look
from experiment_sheet.names import draw_name
from experiment_sheet.once import Artifacts
from experiment_sheet.outputs import Outputs, Summary, define
from experiment_sheet.report import forgiving, publish, write_page
from experiment_sheet.row import RunRow, plot_names, save_plot, store
from experiment_sheet.sheet import Sheet
from experiment_sheet.status import ending
from experiment_sheet.values import Cell, Link, to_cell, to_json

if TYPE_CHECKING:
    import pandas as pd

REFRESH: Final = 30.0
"""Seconds between two times that a logging run tells its row."""

START_WAIT: Final = 10.0
"""Seconds that `init` and `log_run` wait for the sheet's lock; then the row waits."""

FINISH_WAIT: Final = 30.0
"""Seconds that `finish` waits for the sheet's lock."""

_SHORT: Final = 10.0  # seconds below which a duration keeps its milliseconds
_PLAIN: Final = frozenset((float, int, str, bool, type(None)))  # what JSON has, so that nothing is converted
_TEXT: Final = frozenset((str,))
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Run:
    """One experiment while it goes on. Made by `init`; a context manager that notes how its block ended."""

    def __init__(self, row: RunRow, details: Mapping[str, object], config: object = None) -> None:
        self._row = row
        self._lock = threading.RLock()
        self.pid = os.getpid()
        self._over = False
        self._outputs = Outputs({column.key: cell for column, cell in row.cells.items() if column.role == "output"})
        self._history = History(row.folder)
        self._stored: list[Stored] = []
        self._plots = plot_names()
        self._summary = Summary(self._outputs, self._changed)
        self._begin(details, config)

    def _begin(self, details: Mapping[str, object], config: object) -> None:
        before = {column.key: cell for column, cell in self._row.cells.items() if column.role == "run"}
        earlier = before.get("duration")
        self._earlier = earlier if isinstance(earlier, dt.timedelta) else dt.timedelta(0)
        self._clock = self._told = time.monotonic()
        self._step = last_step(self._row.folder.path) + 1
        begun = {"run": draw_name(), "started": _now()} | before
        news = {key: value for key, value in details.items() if value is not None}
        self._details: dict[str, object] = begun | news | {"status": "running", "error": None}
        given = named({} if config is None else config)
        flat = flatten(given)  # what is known of a resumed run is flat, what is given may be nested
        known = {c.key: cell for c, cell in self._row.cells.items() if c.role == "input" and c.key not in flat}
        self._config = Config(self._changed, known | dict(given))
        self._tell(kind="start", wait=START_WAIT)

    @property
    def id(self) -> str:
        """The run_id."""
        return self._row.run_id

    @property
    def name(self) -> str:
        """The name that people know the run by. May be set."""
        return str(self._details["run"])

    @name.setter
    def name(self, name: str) -> None:
        self._say("run", name)

    @property
    def notes(self) -> str | None:
        """What was noted of the run. May be set; what a person typed into the sheet stays."""
        return cast("str | None", self._details.get("notes"))

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._say("notes", notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags. May be set, as a text or a list of them."""
        return tuple(word.strip() for word in str(self._details.get("tags") or "").split(",") if word.strip())

    @tags.setter
    def tags(self, tags: str | Iterable[str] | None) -> None:
        self._say("tags", joined(tags))

    @property
    def config(self) -> Config:
        """The inputs: ``run.config.lr``, ``run.config["lr"]``, ``run.config.update({...})``."""
        return self._config

    @property
    def summary(self) -> Summary:
        """The outputs as the row has them; ``run.summary["test_acc"] = 0.94`` sets the row's own cell."""
        return self._summary

    @property
    def dir(self) -> str:
        """The run folder. It is made now, if it can be."""
        with forgiving("making the folder", self.id):
            self._row.folder.make()
        return str(self._row.folder.path)

    @property
    def step(self) -> int:
        """The step that the next `log` without one gets."""
        return self._step

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._over

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.id}) in {self._row.sheet.name}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(*ending(error))

    def log(self, data: Mapping[str, Any], step: float | None = None, commit: bool | None = None) -> None:
        """Log the values of one step: metrics, texts, figures (a figure becomes a plot), nested as you like.

        The line has reached the operating system when this returns; the row holds each metric's last value, at the
        latest 30 s later. Steps may come in any order. Without `step` the next one is taken; ``commit=False``
        stays on it. Raises UsageError for what is no dictionary, and for a step that is no number.
        """
        if self._over:
            notices.say("log after finish", self.id, f"run {self.id} is over; what is logged now is not kept")
            return
        with self._lock:
            at = self._step if step is None else number_of(step)
            clock = time.monotonic()
            values, line = self._written(data, at, step, round(clock - self._clock, 3))
            self._history.write(line.encode() + b"\n")
            self._outputs.add(values, at)
            if commit is not False:
                self._step = max(self._step, int(at) + 1)
            if clock - self._told > REFRESH:
                self._history.reopen_if_gone()
                self._tell()

    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        *,
        summary: str | None = None,
        goal: str | None = None,
        **unknown: Any,
    ) -> None:
        """Say what the row keeps of a metric beside its last value.

        ``summary="max"`` adds ``val_acc.max`` and ``val_acc.max_step``; also ``min``, ``mean``, ``first``, ``best``
        (by its `goal`), ``last``, or ``none`` for no cell at all; several are joined by commas. `name` may be
        a pattern, ``val/*``. `goal` (``max``, ``min``) says which way is better where the name doesn't. What was
        logged before doesn't count.
        """
        say_unknown("define_metric", unknown)
        with self._lock:
            self._outputs.definitions.append(define(name, summary, step_metric, goal))

    def log_artifact(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's word
        **unknown: Any,
    ) -> Stored | None:
        """Copy a file or folder into the run folder, with size and hash; None, and a message, if it can't be had."""
        say_unknown("log_artifact", unknown)
        with self._lock:
            stored = store(self._row, path, name, type)
            if stored is not None:
                self._stored = [item for item in self._stored if item.name != stored.name] + [stored]
            return stored

    def finish(self, exit_code: int | None = None) -> None:
        """End the run; its row is in the sheet when this returns, or waits and a message says so. Twice is once."""
        self.end(*(("failed", f"exit code {exit_code}") if exit_code else ("finished", None)))

    def end(self, status: str, error: str | None = None) -> None:
        """End the run with a status; for who knows more than `finish` can say."""
        with self._lock:
            if self._over:
                return
            self._over = True
            if self._is_a_copy:
                self._history.close()
                return
            self._details |= {"status": status, "error": error}
            try:
                self._history.close()
                if self._row.folder.path.is_dir():  # drawing takes long enough to be killed meanwhile
                    self._tell(kind="change")
                self._details["plots"] = publish(self._row.folder, self.name)
            finally:  # a second Ctrl-C while curves are drawn must not cost the row its end
                self._tell(kind="end", wait=FINISH_WAIT)
            if self._details["plots"] or self._row.left_out:
                write_page(self._row.folder, self._row.everything(), self._stored, self._outputs.definitions)

    def end_now(self, status: str, error: str | None = None) -> None:
        """End the run with a word in the journal and no more, because the process is about to be gone."""
        with self._lock:
            if not self._over:
                self._over = True
                self._details |= {"status": status, "error": error}
                self._tell(kind="end")

    def to_frame(self) -> pd.DataFrame:
        """Return the run as a DataFrame of one row, as `Sheet.read` would have it."""
        from experiment_sheet import frames

        with self._lock:
            self._changed()
            cells: dict[Column, Cell] = {RUN_ID: self.id, **self._row.everything()}
        columns = order(cells)
        return frames.frame_of(Table(columns, [c.key for c in columns], [[cells[c] for c in columns]]))

    @property
    def _is_a_copy(self) -> bool:
        """Whether this is a forked child: its steps count, but the row is its parent's to tell."""
        return self.pid != os.getpid()

    def _written(self, data: object, at: float, step: float | None, seconds: float) -> tuple[dict[str, Any], str]:
        """Return what was logged by flat key, and its line; what is plain already costs no look at each value."""
        if _is_plain(data):
            try:
                return data, _encode({"step": at, "time": seconds, "log": data})
            except ValueError:  # NaN, infinity, an int of thousands of digits
                pass
        if not isinstance(data, Mapping):
            raise UsageError(f'log takes a dictionary, like {{"loss": 0.5}}, not {type(data).__name__}')
        cells: dict[str, Cell] = {}
        for key, value in flatten(data).items():
            if not media.is_figure(value):
                cells[key] = to_cell(value)
            elif name := save_plot(self._row, key, value, self._plots, step=step):
                cells[key] = Link(name, key)
        return cells, _encode({"step": at, "time": seconds, "log": {key: to_json(cell) for key, cell in cells.items()}})

    def _say(self, key: str, value: object) -> None:
        with self._lock:
            self._details[key] = value
            self._changed()

    def _changed(self) -> None:
        if not self._over:
            self._tell()

    def _tell(self, *, kind: Literal["start", "change", "end"] = "change", wait: float | None = None) -> None:
        with self._lock:
            if self._is_a_copy:
                return
            self._told = time.monotonic()
            self._details["duration"] = _rounded(self._earlier + dt.timedelta(seconds=self._told - self._clock))
            values: dict[Column, object] = {
                Column("run", key): value
                for key, value in self._details.items()
                if value is not None or Column("run", key) in self._row.cells
            }
            values |= {Column("input", key): value for key, value in flatten(self._config).items()}
            values |= {Column("output", key): value for key, value in self._results().items()}
            deleted = [c for c in self._row.cells if c.role in ("input", "output") and c not in values]
            values |= dict.fromkeys(deleted)
            self._row.tell(values, kind=kind, wait=wait)

    def _results(self) -> dict[str, object]:
        """Return the outputs that become cells; a figure set as summary becomes a plot."""
        found: dict[str, object] = {}
        for key, value in flatten(self._outputs.values()).items():
            if media.is_figure(value):
                name = save_plot(self._row, key, value, self._plots)
                self._outputs.last[key] = None if name is None else Link(name, key)
            elif not isinstance(value, Link):  # a plot has no cell of its own
                found[key] = value
        return found


def log_run(
    sheet: Sheet | str | os.PathLike[str],
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
) -> str:
    """Log a whole run in one call: one row. As `Sheet.log_run`; `sheet` is a target or a Sheet."""
    target = sheet if isinstance(sheet, Sheet) else sheet_of(sheet, "log_run")
    return target.log_run(
        data,
        inputs=inputs,
        outputs=outputs,
        plots=plots,
        artifacts=artifacts,
        name=name,
        hypothesis=hypothesis,
        notes=notes,
        tags=tags,
        status=status,
    )


def sheet_of(target: str | os.PathLike[str], call: str, *, template: Look | None = None) -> Sheet:
    """Open a sheet for a call, or say what was probably meant. Raises UsageError."""
    if not isinstance(target, str | os.PathLike):
        raise UsageError(f'{call} takes the sheet first: {call}("runs.xlsx", ...), not {type(target).__name__}')
    try:
        return Sheet(target, template=template)
    except UnknownTarget as error:
        text = os.fspath(target)
        if any(mark in text for mark in "./:\\#"):
            raise
        meant = f'init(project="{text}")' if call == "init" else f'{call}("{text}.xlsx", ...)'
        raise UnknownTarget(f"{error} To log into the file {text}.xlsx write {meant}.") from None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)  # for people to read


def _rounded(span: dt.timedelta) -> dt.timedelta:
    seconds = span.total_seconds()
    return dt.timedelta(seconds=round(seconds, 3 if seconds < _SHORT else 0))


def _is_plain(data: object) -> TypeGuard[dict[str, Any]]:
    return type(data) is dict and _PLAIN.issuperset(map(type, data.values())) and _TEXT.issuperset(map(type, data))
