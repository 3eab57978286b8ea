"""A whole run in one call."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from experiment_sheet.arguments import checked_id, joined
from experiment_sheet.columns import Column, column_of, flatten
from experiment_sheet.errors import UsageError
from experiment_sheet.exhibit import exhibit_of
from experiment_sheet.ids import draw_run_id
from experiment_sheet.inputs import named
from experiment_sheet.names import draw_name
from experiment_sheet.provenance import provenance, record
from experiment_sheet.report import publish, write_page
from experiment_sheet.row import Recorder, RunRow
from experiment_sheet.shelf import Shelf
from experiment_sheet.status import STATUSES
from experiment_sheet.values import to_cell

WAIT: Final = 10.0
"""Seconds that a run waits for the sheet's lock; then its row waits."""

Artifacts = Mapping[str, object] | Iterable[object] | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Whole:
    """A run that is over, as its caller tells it; the fields are `Sheet.log_run`'s arguments."""

    data: object = None
    inputs: object = None
    outputs: object = None
    plots: Mapping[str, object] | None = None
    artifacts: Artifacts | None = None
    name: str | None = None
    hypothesis: str | None = None
    notes: str | None = None
    tags: str | Iterable[str] | None = None
    status: str = "finished"

    def log(self, sheet: Recorder) -> str:
        """Make its row; answer its run_id. Raises UsageError for what the caller got wrong, never for the world."""
        flat = flatten(named({} if self.data is None else self.data))
        self._check(flat.get("status", self.status))
        given = flat.pop("run_id", None)
        run_id = draw_run_id() if given is None else checked_id(given)
        known = None if given is None else sheet.resume(run_id)  # a second word about a run changes it
        row = RunRow(sheet, run_id, drawn=given is None, is_new=known is None)
        roles = sheet.roles() if flat else {}
        values: dict[Column, object] = {Column("run", key): value for key, value in self._run().items()}
        values |= {column_of(key, roles): value for key, value in flat.items()}
        values |= {Column("input", key): value for key, value in flatten(named(self.inputs or {})).items()}
        values |= {Column("output", key): value for key, value in flatten(named(self.outputs or {})).items()}
        self._tell(row, values)
        return row.run_id

    def _check(self, status: object) -> None:
        if status not in STATUSES:
            raise UsageError(
                f"status is one of {', '.join(STATUSES)}, not {status!r:.100}; "
                'a value of your own by that name goes into inputs={"status": ...} or outputs={"status": ...}'
            )
        if not isinstance(self.plots, Mapping | None):
            kind = type(self.plots).__name__
            raise UsageError(f'plots are figures by name, like {{"confusion": figure}}, not in a {kind}')
        if not isinstance(self.artifacts, str | os.PathLike | Iterable | None):
            raise UsageError(f"artifacts are paths, or paths by name, not {self.artifacts!r:.100}")

    def _run(self) -> dict[str, object]:
        started = dt.datetime.now(dt.UTC).replace(microsecond=0)  # for people to read
        told = {"run": self.name, "hypothesis": self.hypothesis, "notes": self.notes, "tags": joined(self.tags)}
        drawn = {"run": draw_name(), "status": self.status, "started": started}
        return drawn | provenance() | {key: value for key, value in told.items() if value is not None}

    def _tell(self, row: RunRow, values: dict[Column, object]) -> None:
        shelf = Shelf(row)
        figures = {column: value for column, value in values.items() if exhibit_of(value) is not None}
        for key, figure in [*((column.key, figure) for column, figure in figures.items()), *(self.plots or {}).items()]:
            shelf.keep(str(key), figure)
        for name, path in self._paths():
            shelf.store(path, name)
        if row.folder.is_there:  # one row of scalars is all that most calls are to cost
            record(row.folder)
        link = publish(row.folder, str(to_cell(values[Column("run", "run")])))
        told = {column: value for column, value in values.items() if column not in figures}
        row.tell(told | ({Column("run", "plots"): link} if link else {}), kind="end", wait=WAIT)
        if link or row.left_out:
            write_page(row.folder, row.everything(), shelf.stored)

    def _paths(self) -> list[tuple[Any, object]]:
        match self.artifacts:
            case None:
                return []
            case str() | os.PathLike():
                return [(None, self.artifacts)]
            case Mapping():
                return list(self.artifacts.items())
        return [(None, path) for path in self.artifacts]
