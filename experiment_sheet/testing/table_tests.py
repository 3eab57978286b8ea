"""Clauses 2, 3 and 4: which rows and columns a write makes, finds and leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiment_sheet.backends.base import ANYTHING, Last, Row
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetMissing
from experiment_sheet.testing.subject import LIFE, LOSS, LR, MODEL, NAME, PLOTS, A, B, C, Subject


class TableTests(Subject):
    """A sheet is made, grows downwards and to the right, and nothing else ever moves."""

    # A new sheet

    def test_reading_where_nothing_is_says_so(self, tmp_path: Path) -> None:
        """Reading raises SheetMissing where there is no sheet, and makes none."""
        for _ in range(2):
            with pytest.raises(SheetMissing, match=r".{20,}"):
                self.backend_at(tmp_path).read()
        assert self.backend_at(tmp_path).mark() is None

    def test_an_update_makes_no_sheet(self, tmp_path: Path) -> None:
        """Where there is no sheet and nothing is new, write raises: nobody may think that the rows were deleted."""
        for _ in range(2):
            with pytest.raises(SheetMissing, match=r".{20,}"):
                self.write(tmp_path, {A: LIFE[0]})

    def test_first_write_makes_the_sheet(self, tmp_path: Path) -> None:
        """A new sheet has the look's columns, then the logged ones, inputs before outputs."""
        written = self.write(tmp_path, {A: {LOSS: 0.5, LR: 0.1, NAME: "calm-otter-7"}}, new=[A])
        backend = self.backend_at(tmp_path)
        shown = self.shown(tmp_path)
        assert shown.headers == [column.key for column in backend.look.columns] + ["lr", "loss"]
        assert shown.ids() == [A]
        assert [shown.cell(A, header) for header in ("lr", "loss", "run")] == [
            self.shows(0.1),
            self.shows(0.5),
            self.shows("calm-otter-7"),
        ]
        assert tuple(written.added) == (A,)
        assert not written.missing
        assert not written.kept

    def test_read_tells_identity_and_header(self, tmp_path: Path) -> None:
        """Columns come back with role and key, in the sheet's order; absent cells are None."""
        after = self.begin(tmp_path)
        table = self.read(tmp_path, after)
        look = [*self.backend_at(tmp_path).look.columns]
        assert [*table.columns] == [*look, LR, MODEL, LOSS]
        assert [*table.headers] == self.shown(tmp_path).headers
        assert len(table.rows) == 1
        row = dict(zip(table.columns, table.rows[0], strict=True))
        assert row[RUN_ID] == A
        assert row[PLOTS] is None
        assert all(self.same(value, row[column]) for column, value in LIFE[0].items())

    # Clause 2

    def test_twice_equals_once(self, tmp_path: Path) -> None:
        """Repeating a write, new rows and updates alike, changes not a byte."""
        after = self.begin(tmp_path, A, B)
        rows = {A: LIFE[1], C: LIFE[2]}
        last: Last = {A: {column: [value] for column, value in LIFE[0].items()}}
        after = self.write(tmp_path, rows, new=[C], last=last, after=after)
        once = self.state(tmp_path)
        for past in (last, {A: {column: [value] for column, value in LIFE[1].items()}}, None):
            again = self.write(tmp_path, rows, new=[C], last=past, after=after)
            assert self.state(tmp_path) == once
            assert not again.added
            assert not again.kept

    def test_twice_equals_once_beside_a_copy(self, tmp_path: Path) -> None:
        """A repeated write doesn't go on to the copy of the row that still holds the old values."""
        after = self.begin(tmp_path)
        self.person(tmp_path).copy_row(0, 1)
        last: Last = {A: {LOSS: [LIFE[0][LOSS]]}}
        for _ in range(2):
            after = self.write(tmp_path, {A: {LOSS: 1.25}}, last=last, after=after)
            grid = self.shown(tmp_path)
            place = grid.headers.index("loss")
            assert [row[place] for row in grid.filled] == [self.shows(1.25), self.shows(LIFE[0][LOSS])]

    # Clause 3

    def test_new_rows_stand_at_the_end_in_order(self, tmp_path: Path) -> None:
        """Rows are added below the others, in the order of `rows`, whatever the order of `new`."""
        after = self.begin(tmp_path, B)
        written = self.write(tmp_path, {C: LIFE[0], A: LIFE[0]}, new={A, C}, after=after)
        assert self.shown(tmp_path).ids() == [B, C, A]
        assert [*written.added] == [C, A]

    def test_rows_not_new_never_appear(self, tmp_path: Path) -> None:
        """An id that is neither new nor in the sheet is missing: a person deleted the row. Its columns don't come."""
        after = self.begin(tmp_path)
        before = self.state(tmp_path)
        written = self.write(tmp_path, {B: {LOSS: 1.0, Column("output", "extra"): 1}}, new=[C], after=after)
        assert [*written.missing] == [B]
        assert not written.added
        assert self.state(tmp_path) == before

    def test_a_deleted_row_stays_deleted(self, tmp_path: Path) -> None:
        """After a person deleted a row, an update of it is reported, and the others are still written."""
        after = self.begin(tmp_path, A, B, C)
        self.person(tmp_path).delete_row(0)
        last: Last = {A: {LOSS: ANYTHING}, B: {LOSS: ANYTHING}}
        written = self.write(tmp_path, {A: {LOSS: 1.0}, B: {LOSS: 1.0}}, last=last, after=after)
        assert [*written.missing] == [A]
        assert self.shown(tmp_path).ids() == [B, C]
        assert self.shown(tmp_path).cell(B, "loss") == self.shows(1.0)

    def test_a_new_id_that_stands_is_updated(self, tmp_path: Path) -> None:
        """A replayed `new` fills its row's empty cells, adds no second row and spares what a person typed."""
        after = self.write(tmp_path, {A: {LR: 0.1}}, new=[A])
        written = self.write(tmp_path, {A: {LR: 0.5, LOSS: 0.25}}, new=[A], after=after)
        assert self.shown(tmp_path).ids() == [A]
        assert self.shown(tmp_path).cell(A, "loss") == self.shows(0.25)
        assert self.shown(tmp_path).cell(A, "lr") == self.shows(0.1)
        assert not written.added
        assert list(written.kept[A]) == [LR]

    def test_rows_are_found_wherever_they_stand(self, tmp_path: Path) -> None:
        """Sorted rows and inserted blank ones don't lead a value into the wrong row; nothing else moves."""
        after = self.begin(tmp_path, A, B, C)
        person = self.person(tmp_path)
        person.sort_rows("run_id", reverse=True)
        person.insert_blank_row(1)
        before = self.shown(tmp_path)
        last: Last = {run: {LOSS: [LIFE[0][LOSS]]} for run in (A, B, C)}
        self.write(tmp_path, {A: {LOSS: 1.0}, B: {LOSS: 2.0}, C: {LOSS: 3.0}}, last=last, after=after)
        shown = self.shown(tmp_path)
        assert shown.ids() == sorted([A, B, C], reverse=True) == before.ids()
        assert shown.at(A) == before.at(A)
        assert [shown.cell(run, "loss") for run in (A, B, C)] == [self.shows(loss) for loss in (1.0, 2.0, 3.0)]

    # Clause 4

    def test_new_columns_stand_at_the_right(self, tmp_path: Path) -> None:
        """A new key gets a column at the right, also of a person's own; older rows are empty there."""
        after = self.begin(tmp_path)
        self.person(tmp_path).insert_column(1, "my idea", ["warm up"])
        before = self.shown(tmp_path)
        rows: dict[RunId, Row] = {A: {Column("output", "acc"): 0.5}, B: {Column("input", "seed"): 7}}
        after = self.write(tmp_path, rows, new=[B], after=after)
        shown = self.shown(tmp_path)
        assert shown.headers == [*before.headers, "seed", "acc"]
        assert shown.rows[0][: len(before.headers)] == before.rows[0]
        assert shown.cell(A, "seed") is None
        assert [shown.cell(A, "acc"), shown.cell(B, "seed")] == [self.shows(0.5), self.shows(7)]

    def test_a_column_without_a_value_is_not_made(self, tmp_path: Path) -> None:
        """Clearing a cell of a column that isn't there needs no column."""
        after = self.begin(tmp_path)
        before = self.state(tmp_path)
        self.write(tmp_path, {A: {Column("output", "acc"): None}}, after=after)
        assert self.state(tmp_path) == before

    @pytest.mark.parametrize("twin", ["loss", "Loss", "status", "RUN_ID", "notes"])
    def test_namesakes_of_other_roles_are_told_apart(self, tmp_path: Path, twin: str) -> None:
        """An input and an output of one name, or of a run column's, get two headers and keep their values."""
        one, two = Column("output", twin), Column("input", twin)
        after = self.begin(tmp_path)
        after = self.write(tmp_path, {B: {one: "out", two: "in"}}, new=[B], after=after)
        after = self.write(tmp_path, {B: {two: "changed"}}, last={B: {two: ["in"]}}, after=after)
        table = self.read(tmp_path, after)
        folded = [header.casefold() for header in self.shown(tmp_path).headers]
        assert len(set(folded)) == len(folded)
        row = dict(zip(table.columns, table.rows[1], strict=True))
        assert [row[one], row[two]] == ["out", "changed"]
        assert row[RUN_ID] == B

    def test_renamed_columns_are_respected(self, tmp_path: Path) -> None:
        """A header that a person renamed is never renamed back, and no value is lost."""
        after = self.begin(tmp_path)
        self.person(tmp_path).rename_column("loss", "my loss")
        self.write(tmp_path, {A: {LOSS: 1.0}}, last={A: {LOSS: [LIFE[0][LOSS]]}}, after=after)
        shown = self.shown(tmp_path)
        assert "my loss" in shown.headers
        assert self.shows(1.0) in shown.rows[0]

    def test_moved_and_inserted_columns_are_followed(self, tmp_path: Path) -> None:
        """Values go to the column wherever a person dragged it, and people's columns stay as they are."""
        after = self.begin(tmp_path, A, B)
        person = self.person(tmp_path)
        person.move_column("loss", 0)
        person.insert_column(0, "mine", ["x", "=y"])
        person.move_column("run_id", 1)
        before = self.shown(tmp_path)
        self.write(tmp_path, {B: {LOSS: 1.0}, C: {LOSS: 3.0}}, new=[C], last={B: {LOSS: [2.5]}}, after=after)
        shown = self.shown(tmp_path)
        assert shown.headers == before.headers
        assert shown.headers[:3] == ["mine", "run_id", "loss"]
        assert [row[:3] for row in shown.filled] == [
            ["x", A, self.shows(2.5)],
            ["=y", B, self.shows(1.0)],
            [None, C, self.shows(3.0)],
        ]

    def test_a_deleted_column_comes_back_for_a_value(self, tmp_path: Path) -> None:
        """A column that a person deleted is made again at the right when a value needs it."""
        after = self.begin(tmp_path)
        self.person(tmp_path).delete_column("lr")
        after = self.write(tmp_path, {A: {LOSS: 1.0}}, last={A: {LOSS: [2.5]}}, after=after)
        assert "lr" not in self.shown(tmp_path).headers
        self.write(tmp_path, {B: {LR: 0.5}}, new=[B], after=after)
        assert self.shown(tmp_path).headers[-1] == "lr"
        assert self.shown(tmp_path).cell(B, "lr") == self.shows(0.5)

    def test_columns_beyond_the_formats_width_are_reported(self, tmp_path: Path) -> None:
        """What doesn't fit is named in `no_room`; the row and the columns that fit are written."""
        self.begin(tmp_path)
        backend = self.narrow_backend(tmp_path, 1)
        extra = [Column("output", name) for name in ("acc", "auc", "f1")]
        written = backend.write({B: dict.fromkeys([LR, *extra], 0.5)}, new=[B])
        assert [*written.no_room] == extra[1:]
        assert self.shown(tmp_path).cell(B, "acc") == self.shows(0.5)
        assert self.shown(tmp_path).headers[-1] == "acc"
