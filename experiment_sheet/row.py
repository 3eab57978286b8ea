"""The row of one run: what it tells its sheet.

Only cells that changed are told. Text that no cell can hold is kept whole in the run folder, and columns beyond the
limit in ``run.json``; each is said once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from experiment_sheet import notices
from experiment_sheet.before import Before
from experiment_sheet.columns import MAX_COLUMNS, Column, Role, RunId
from experiment_sheet.events import Kind
from experiment_sheet.folder import RunFolder, distinct_name, safe_name
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.metrics import Goal
from experiment_sheet.report import forgiving
from experiment_sheet.values import CELL_LIMIT, Cell, Link, cut, to_cell, units


class Recorder(Protocol):
    """What a run needs of its sheet; `Sheet` has it."""

    @property
    def name(self) -> str:
        """The sheet, for people."""

    @property
    def files(self) -> Path:
        """The files folder."""

    @property
    def goals(self) -> Mapping[str, Goal]:
        """Which way of an output is better, as far as the sheet's look says."""

    def roles(self) -> Mapping[str, Role]:
        """Who each key belongs to, as far as logging knows."""

    def resume(self, run_id: RunId) -> Mapping[Column, Cell] | None:
        """Answer what is known of a run, and let what is recorded from now on count as later."""

    def record(
        self, run_id: RunId, cells: Mapping[Column, Cell], *, kind: Kind, drawn: bool = False, wait: float | None = None
    ) -> None:
        """Journal news of a run and, with `wait`, put it into the sheet."""

    def arrive(self) -> None:
        """Wait until what was recorded is in a sheet that is far away."""


@dataclass(slots=True)
class RunRow:
    """What one run told its sheet, and how it tells more."""

    sheet: Recorder
    run_id: RunId
    drawn: bool = True  # the library drew the run_id
    max_columns: int = MAX_COLUMNS
    cells: dict[Column, Cell] = field(default_factory=dict)  # as they were told
    left_out: dict[Column, Cell] = field(default_factory=dict)  # beyond `max_columns`
    goals: dict[str, Goal] = field(default_factory=dict)  # which way of an output is better, as the run says
    against: Mapping[str, Cell] | None = None  # inputs that this run's are compared with, where that was chosen
    is_new: bool = True  # what goes on has been compared when it began
    recorded: dict[Column, object] = field(default_factory=dict)  # datasets, models: told with whatever is told next
    _long: dict[Column, str] = field(default_factory=dict)  # text that was kept whole
    _names: dict[str, str] = field(default_factory=dict)  # its files
    _before: Before | None = None

    def __post_init__(self) -> None:
        """Keep the links of a resumed run, which nobody tells again."""
        if self.is_new and not self.cells:
            self._before = Before(self.sheet, self.run_id, self.against)
        self.recorded |= {c: cell for c, cell in self.cells.items() if c.role == "output" and isinstance(cell, Link)}

    @property
    def folder(self) -> RunFolder:
        """The run's folder; not made by asking."""
        return RunFolder(self.sheet.files / safe_name(self.run_id))

    def tell(
        self,
        values: Mapping[Column, object],
        *,
        kind: Literal["start", "change", "end"] = "change",
        wait: float | None = None,
    ) -> None:
        """Record the cells that are news; with `wait` also put them into the sheet (`Sheet.record`)."""
        news = self._news(values)
        before = None if kind == "end" and wait is None else self._before  # a signal's handler has no time for more
        if before is not None:
            news |= self._compared(before, news, ended=kind == "end")
        if news or kind != "change":
            self.sheet.record(self.run_id, news, kind=kind, drawn=self.drawn, wait=wait)
            self.cells.update(news)
        if before is not None and kind != "change":
            with forgiving("remembering", self.run_id), suppress(OSError):  # the journal says what can't be written
                before.note(self.cells)

    def _news(self, values: Mapping[Column, object]) -> dict[Column, Cell]:
        news: dict[Column, Cell] = {}
        room = self.max_columns - sum(column.role != "run" for column in self.cells)
        for column, value in _without_credentials({**values, **self.recorded}).items():
            cell = self._fitting(column, mask_cell(column.key, to_cell(value)))
            if column not in self.cells and column.role != "run":
                room -= 1
                if room < 0:
                    self._leave_out(column, cell)
                    continue
            if not self._is_told(column, cell):
                news[column] = cell
        return news

    def _compared(self, before: Before, news: Mapping[Column, Cell], *, ended: bool) -> dict[Column, Cell]:
        with forgiving("telling what changed", self.run_id):
            found = before.cells({**self.cells, **news}, self._all_goals(), ended=ended)
            return {column: cell for column, cell in found.items() if not self._is_told(column, cell)}
        return {}

    def _all_goals(self) -> dict[str, Goal]:
        said = self.sheet.goals
        return (
            {**self.goals, **{key: way for key, way in said.items() if key not in self.goals}} if said else self.goals
        )

    def everything(self) -> dict[Column, Cell]:
        """Every cell of the run, also those that have no room in the sheet."""
        return self.cells | self.left_out

    def _is_told(self, column: Column, cell: Cell) -> bool:
        if column not in self.cells:
            return False
        told = self.cells[column]
        return type(told) is type(cell) and (told == cell or (told != told and cell != cell))

    def _leave_out(self, column: Column, cell: Cell) -> None:
        self.left_out[column] = cell
        notices.say(
            "max_columns",
            self.run_id,
            f"{self.sheet.name}: run {self.run_id} has more than {self.max_columns} inputs and outputs; "
            f"{column.key!r} and those after it are only in {self.folder.path / 'run.json'}",
        )

    def _fitting(self, column: Column, cell: Cell) -> Cell:
        if not isinstance(cell, str) or len(cell) <= CELL_LIMIT // 2 or units(cell) <= CELL_LIMIT:
            return cell
        if self._long.get(column) != cell:
            self._long[column] = cell
            self._keep_whole(column, cell)
        return cut(cell, CELL_LIMIT)

    def _keep_whole(self, column: Column, text: str) -> None:
        name = distinct_name(column.key, self._names)
        try:
            where = f"whole in {self.folder.write(f'files/{name}.txt', text)}"
        except OSError as error:
            where = f"and could not be kept whole ({error})"
        said = f"{column.key!r} is too long for a cell; it is cut there, {where}"
        notices.say("long text", f"{self.run_id} {column.key}", said)


def _without_credentials(values: Mapping[Column, object]) -> dict[Column, object]:
    """Mask keys; what stands under a masked key already gives way to what is told under the key as it was."""
    masked: dict[Column, object] = {}
    for column, value in values.items():
        key = mask_key(column.key)
        if key == column.key:
            masked.setdefault(column, value)
        else:
            masked[Column(column.role, key)] = value
    return masked
