"""A sheet in a JSON file, with a mark, and what a process and a person do to it: what a person does is one line."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.rows import Found, plan
from experiment_sheet.checkpoint import Checkpoint
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetBusy, SheetChanged, SheetMissing
from experiment_sheet.events import Event
from experiment_sheet.files import Files
from experiment_sheet.journal import Journal
from experiment_sheet.values import Cell, to_json

STATUS, ACC, LR, NOTES = Column("run", "status"), Column("output", "acc"), Column("input", "lr"), Column("run", "notes")


class JsonBackend(Backend):
    """A sheet in a JSON file: rows in order, a mark, and a list of the writes it saw."""

    keeps_mark = True
    busy = False
    changes_once = False

    @property
    def path(self) -> Path:
        return Path(self.target.path)

    def load(self) -> dict[str, object]:
        try:
            return dict(json.loads(self.path.read_text()))
        except FileNotFoundError:
            return {"mark": None, "rows": [], "writes": 0, "looked": 0}

    def read(self) -> Table:
        if not self.path.exists():
            raise SheetMissing(f"{self.path} is not there")
        rows = self.load()["rows"]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        columns = [Column(*key.split(":")) for key in keys]
        return Table(columns, [c.key for c in columns], [[row.get(key) for key in keys] for row in rows])

    def write(
        self,
        rows: Mapping[str, Row],
        *,
        new: Collection[str] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,
    ) -> Written:
        if type(self).busy:
            raise SheetBusy(f"{self.path} is open in Excel")
        if type(self).changes_once:
            type(self).changes_once = False
            raise SheetChanged(f"{self.path} was saved")
        book = self.load()
        sheet = book["rows"]
        looks = since != f"t{book['writes']}" or set(rows) != set(new)
        places: dict[str, list[int]] = {}
        for place, row in enumerate(sheet if looks else []):
            places.setdefault(row.get("run:run_id"), []).append(place)
        name = lambda column: f"{column.role}:{column.key}"  # noqa: E731
        columns = {c for row in rows.values() for c in row} | {RUN_ID}
        found = Found(columns, {r: places[r] for r in rows if r in places}, lambda p, c: sheet[p].get(name(c)))
        todo = plan(rows, found, new=new, last=last)
        for place, cells in todo.updates.items():
            sheet[place].update({name(c): to_json(v) for c, v in cells.items()})
        sheet.extend({name(c): to_json(v) for c, v in cells.items()} for cells in todo.appends.values())
        book["mark"] = [mark.sheet, mark.generation] if mark else None
        book["writes"] += 1
        book["looked"] += looks
        self.path.write_text(json.dumps(book))
        return todo.written(known={c.key: c for c in columns}, token=f"t{book['writes']}")

    def mark(self) -> Mark | None:
        mark = self.load()["mark"]
        return Mark(*mark) if mark else None


class World:
    """A sheet, its files folder, and what a process and a person do to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "runs.json"
        self.files = Files("runs.json", folder / "runs_files", None)
        self.backend = type("ThisBackend", (JsonBackend,), {})
        self.process = self.new_process()

    def new_process(self, max_columns: int = 100) -> Checkpoint:
        """A process that logs, as far as its journal tells."""
        target = Target("file", str(self.path))
        exists = self.path.exists
        return Checkpoint(self.files, lambda _: self.backend(target), Journal(self.files), max_columns, exists)

    def log(self, kind: str, cells: dict[Column, Cell], run: str = "r1", **more: object) -> None:
        self.process.journal.append([Event("runs.json", run, kind, cells, **more)])

    def run(self, **more: object) -> object:
        return self.process.run(wait=5, **more)

    @property
    def book(self) -> dict[str, object]:
        return dict(json.loads(self.path.read_text()))

    def rows(self, column: Column) -> dict[str, Cell]:
        return {row["run:run_id"]: row.get(f"{column.role}:{column.key}") for row in self.book["rows"]}

    def person(self, edit: object) -> None:
        """A person changes the rows and saves."""
        book = self.book
        edit(book["rows"])
        self.path.write_text(json.dumps(book))
