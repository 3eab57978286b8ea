"""What a run tells its sheet: its inputs, outputs, and what else its row has; the part of `Run` that isn't logging.

A run tells its row when it starts, when its config or summary is changed, at most every 30 s while it logs, and when
it ends. A run that is `mute` (another process keeps it) tells nothing, nor does the copy of one in a forked child.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal, cast

from experiment_sheet.arguments import joined
from experiment_sheet.backends.base import Table
from experiment_sheet.columns import RUN_ID, Column, flatten, order
from experiment_sheet.exhibit import exhibit_of
from experiment_sheet.inputs import Config, named
from experiment_sheet.names import draw_name
from experiment_sheet.outputs import Outputs, Summary, is_curve
from experiment_sheet.report import forgiving
from experiment_sheet.row import Recorder, RunRow
from experiment_sheet.shelf import Shelf
from experiment_sheet.values import Cell

if TYPE_CHECKING:
    import pandas as pd

_SHORT: Final = 10.0  # seconds below which a duration keeps its milliseconds


class Telling:
    """A run as its row knows it."""

    def __init__(
        self, row: RunRow, details: Mapping[str, object], config: object = None, *, mute: bool = False
    ) -> None:
        self._row = row
        self._lock = threading.RLock()
        self._mute = mute
        self.pid = os.getpid()
        self._over = False
        outputs = {column.key: cell for column, cell in row.cells.items() if column.role == "output"}
        self._outputs = Outputs({key: cell for key, cell in outputs.items() if not is_curve(key)})
        self._shelf = Shelf(row, closed=mute)
        self._summary = Summary(self._outputs, self._changed)
        before = {column.key: cell for column, cell in row.cells.items() if column.role == "run"}
        earlier = before.get("duration")
        self._earlier = earlier if isinstance(earlier, dt.timedelta) else dt.timedelta(0)
        self._clock = self._told = time.monotonic()
        self._stopped: float | None = None
        begun = {"run": draw_name(), "started": dt.datetime.now(dt.UTC).replace(microsecond=0)} | before
        news = {key: value for key, value in details.items() if value is not None}
        self._details: dict[str, object] = begun | news | {"status": "running", "error": None}
        given = named({} if config is None else config)
        flat = flatten(given)  # what is known of a resumed run is flat, what is given may be nested
        known = {c.key: cell for c, cell in row.cells.items() if c.role == "input" and c.key not in flat}
        self._config = Config(self._changed, known | dict(given))

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
        return self._text("notes")

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
    def group(self) -> str | None:
        """The group that the run belongs to: seeds of one setting, tasks of one job."""
        return self._text("group")

    @property
    def job_type(self) -> str | None:
        """What kind of run it is: train, evaluate."""
        return self._text("job_type")

    @property
    def project(self) -> str | None:
        """The project, where one was named."""
        return self._text("project")

    @property
    def parent(self) -> str | None:
        """The run_id of the run that this one is a part of."""
        return self._text("parent")

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
    def url(self) -> str:
        """The address of the run's page, which is there when the run has ended and has a folder."""
        return (self._row.folder.path.absolute() / "index.html").as_uri()

    def get_url(self) -> str:
        """As `url`."""
        return self.url

    @property
    def sheet(self) -> Recorder:
        """The sheet that the run's row is in."""
        return self._row.sheet

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._over

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.id}) in {self._row.sheet.name}>"

    def inputs(self) -> dict[str, Cell]:
        """Return the inputs as the row has them."""
        return {column.key: cell for column, cell in self._row.everything().items() if column.role == "input"}

    def _repr_html_(self) -> str:
        """Show the run in a notebook, with links to its folder."""
        from experiment_sheet import notebook

        with self._lock:
            return notebook.html_of_run(self._row.folder.path, self.name, self._values())

    def to_frame(self) -> pd.DataFrame:
        """Return the run as a DataFrame of one row, as `Sheet.read` would have it."""
        from experiment_sheet import frames

        with self._lock:
            self._changed()
            cells: dict[Column, Cell] = {RUN_ID: self.id, **self._row.everything()}
        columns = order(cells)
        return frames.frame_of(Table(columns, [c.key for c in columns], [[cells[c] for c in columns]]))

    def refresh(self) -> None:
        """Tell the row what is new: last values, duration. For `live`; logging does it by itself."""
        self._changed()

    def after_fork(self) -> None:
        """Start anew in a forked child: whoever held the lock isn't here."""
        self._lock = threading.RLock()

    @property
    def _is_mute(self) -> bool:
        """Whether the row is another process's to tell: a forked child's parent, rank 0."""
        return self._mute or self.pid != os.getpid()

    def _text(self, key: str) -> str | None:
        return cast("str | None", self._details.get(key))

    def _stop_clock(self) -> None:
        """Let the run's duration be what it is now: drawing its curves is no part of it."""
        self._stopped = time.monotonic()

    def _say(self, key: str, value: object) -> None:
        with self._lock:
            self._details[key] = value
            self._changed()

    def _changed(self) -> None:
        if not self._over:
            self._tell()

    def _tell(self, *, kind: Literal["start", "change", "end"] = "change", wait: float | None = None) -> None:
        with self._lock:
            if not self._is_mute:
                self._row.tell(self._values(), kind=kind, wait=wait)

    def _values(self) -> dict[Column, object]:
        self._told = time.monotonic()
        until = self._told if self._stopped is None else self._stopped
        self._details["duration"] = _rounded(self._earlier + dt.timedelta(seconds=until - self._clock))
        values: dict[Column, object] = {
            Column("run", key): value
            for key, value in self._details.items()
            if value is not None or Column("run", key) in self._row.cells
        }
        values |= {Column("input", key): value for key, value in flatten(self._config).items()}
        values |= {Column("output", key): value for key, value in self._results().items()}
        deleted = [c for c in self._row.cells if c.role in ("input", "output") and c not in values]
        return values | dict.fromkeys(deleted)

    def _results(self) -> dict[str, object]:
        """Return the outputs that become cells; a figure set as summary is kept, and has no cell of its own."""
        found: dict[str, object] = {}
        for key, value in flatten(self._outputs.values()).items():
            if exhibit_of(value) is None:
                found[key] = value
            else:
                self._shelf.keep(key, value)
                self._outputs.last.pop(key, None)
        return found | self._outputs.sparklines()


def _rounded(span: dt.timedelta) -> dt.timedelta:
    seconds = span.total_seconds()
    return dt.timedelta(seconds=round(seconds, 3 if seconds < _SHORT else 0))
