"""Clauses 5 to 8: what a write may touch, and what is a person's."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from experiment_sheet.backends.base import ANYTHING, Last, Row
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.testing.person import Grid
from experiment_sheet.testing.subject import LIFE, LOSS, LR, MODEL, NOTES, STARTED, STATUS, A, B, Subject
from experiment_sheet.values import Cell


class PeopleTests(Subject):
    """People edit the sheet between any two writes; what they wrote stays theirs."""

    # Clause 5

    def test_absent_none_and_nan_are_told_apart(self, tmp_path: Path) -> None:
        """An absent key leaves the cell alone, NaN is written, None clears."""
        after = self.begin(tmp_path)
        past: list[Cell] = [LIFE[0][LOSS]]
        for value in (math.nan, None, 0.5, math.nan, math.inf):
            after = self.write(tmp_path, {A: {LOSS: value}}, last={A: {LOSS: list(past)}}, after=after)
            past = [value]
            table = self.read(tmp_path, after)
            row = dict(zip(table.columns, table.rows[0], strict=True))
            assert self.same(value, row[LOSS])
            assert self.same(0.1, row[LR])
            assert (self.shown(tmp_path).cell(A, "loss") is None) == (value is None)

    def test_none_in_a_new_row_is_an_empty_cell(self, tmp_path: Path) -> None:
        """A new row may name cells that it leaves empty."""
        after = self.begin(tmp_path)
        after = self.write(tmp_path, {B: {LR: None, LOSS: math.nan}}, new=[B], after=after)
        table = self.read(tmp_path, after)
        row = dict(zip(table.columns, table.rows[1], strict=True))
        assert row[LR] is None
        assert self.same(math.nan, row[LOSS])

    # Clause 6

    @pytest.mark.parametrize("moment", [0, 1, 2], ids=["start", "refresh", "finish"])
    @pytest.mark.parametrize("theirs", ["mine", None], ids=["edited", "cleared"])
    @pytest.mark.parametrize("column", [STATUS, STARTED, LR, MODEL, LOSS, NOTES], ids=lambda column: column.key)
    def test_a_persons_cell_stays_theirs(self, tmp_path: Path, column: Column, theirs: str | None, moment: int) -> None:
        """A cell that a person edits or clears after start, refresh or finish survives all that follows, replay too."""
        after = self.begin(tmp_path)
        past: dict[Column, list[Cell]] = {c: [value] for c, value in LIFE[0].items()}
        for step, row in enumerate([*LIFE[1:], LIFE[2]]):
            if step == moment:
                self.person(tmp_path).set_cell(0, column.key, theirs)
            after = self.write(tmp_path, {A: row}, new=[A], last={A: past}, after=after)
            past = {c: [*past[c], value] for c, value in row.items()}
            edited = step >= moment
            assert {run: dict(cells) for run, cells in after.kept.items()} == ({A: {column: theirs}} if edited else {})
            for c, value in row.items():
                expected = theirs if edited and c == column else self.shows(value)
                assert _alike(self.shown(tmp_path).cell(A, c.key), expected), c

    def test_an_unknown_cell_is_ours_only_while_empty(self, tmp_path: Path) -> None:
        """Without `last`, an empty cell is filled and a full one is kept, unless it holds the value already."""
        after = self.write(tmp_path, {A: {LR: 0.1}, B: {LR: 0.1}}, new=[A, B])
        self.person(tmp_path).set_cell(1, "notes", "theirs")
        rows: dict[RunId, Row] = {A: {NOTES: "ours", LR: 0.1}, B: {NOTES: "ours", LR: 0.2}}
        after = self.write(tmp_path, rows, after=after)
        shown = self.shown(tmp_path)
        assert [shown.cell(A, "notes"), shown.cell(B, "notes")] == ["ours", "theirs"]
        assert {run: dict(cells) for run, cells in after.kept.items()} == {B: {NOTES: "theirs", LR: 0.1}}

    def test_a_person_who_typed_our_value_lost_nothing(self, tmp_path: Path) -> None:
        """A cell that holds what is to be written is not reported, whoever wrote it."""
        after = self.begin(tmp_path)
        self.person(tmp_path).set_cell(0, "notes", "second")
        after = self.write(tmp_path, {A: {NOTES: "second"}}, last={A: {NOTES: ["first"]}}, after=after)
        assert not after.kept
        assert self.shown(tmp_path).cell(A, "notes") == "second"

    def test_anything_may_be_overwritten_on_request(self, tmp_path: Path) -> None:
        """ANYTHING in `last` writes over whatever a person put there."""
        after = self.begin(tmp_path)
        self.person(tmp_path).set_cell(0, "notes", "theirs")
        after = self.write(tmp_path, {A: {NOTES: "ours"}}, last={A: {NOTES: ANYTHING}}, after=after)
        assert not after.kept
        assert self.shown(tmp_path).cell(A, "notes") == "ours"

    # Clause 7

    def test_of_copied_rows_the_best_agreeing_is_the_runs(self, tmp_path: Path) -> None:
        """A copy that a person pasted above and changed is theirs; the run's row gets the values."""
        after = self.begin(tmp_path, A, B)
        person = self.person(tmp_path)
        person.copy_row(0, 0)
        person.set_cell(0, "lr", 0.7)
        person.set_cell(0, "notes", "a variant of mine")
        before = self.shown(tmp_path)
        last: Last = {A: {column: [value] for column, value in LIFE[0].items()}}
        after = self.write(tmp_path, {A: LIFE[2]}, last=last, after=after)
        shown = self.shown(tmp_path)
        assert shown.rows[0] == before.rows[0]
        assert shown.rows[2] == before.rows[2]
        assert shown.rows[1][shown.headers.index("status")] == "finished"
        assert not after.kept

    def test_of_equal_copies_the_first_is_the_runs(self, tmp_path: Path) -> None:
        """Of copies that agree equally well the topmost is written, the others stay."""
        after = self.begin(tmp_path)
        self.person(tmp_path).copy_row(0, 1)
        self.write(tmp_path, {A: {NOTES: "once"}}, last={A: {NOTES: ["first"]}}, after=after)
        shown = self.shown(tmp_path)
        assert [row[shown.headers.index("notes")] for row in shown.filled] == ["once", "first"]
        assert len(self.read(tmp_path, after).rows) == 2

    # Clause 8

    def test_what_is_not_named_stays(self, tmp_path: Path) -> None:
        """An update and an append change their own cells and no other, people's rows, columns and blanks included."""
        after = self.begin(tmp_path, A)
        person = self.person(tmp_path)
        person.insert_column(2, "mine", ["007"])
        person.type_row({"lr": 0.3, "notes": "planned", "mine": " x "})
        person.insert_blank_row(1)
        before = self.shown(tmp_path)
        rows = {A: {LOSS: 0.125}, B: {LR: 0.2}}
        self.write(tmp_path, rows, new=[B], last={A: {LOSS: [2.5]}}, after=after)
        shown = self.shown(tmp_path)
        assert shown.headers == before.headers
        assert shown.ids() == [A, None, B]
        expected = [list(row) for row in before.filled]
        expected[0][shown.headers.index("loss")] = self.shows(0.125)
        assert shown.filled[:2] == expected

    def test_typed_rows_are_read_and_never_written(self, tmp_path: Path) -> None:
        """Rows without run_id are rows like others for a reader; blank rows are none."""
        after = self.begin(tmp_path)
        person = self.person(tmp_path)
        person.type_row({"notes": "planned"})
        person.insert_blank_row(1)
        table = self.read(tmp_path, after)
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        assert [row[RUN_ID] for row in rows] == [A, None]
        assert rows[1][NOTES] == "planned"

    def test_people_columns_are_read_as_theirs(self, tmp_path: Path) -> None:
        """A person's column has the role people and its header as key; of two namesakes the second is numbered."""
        after = self.begin(tmp_path)
        person = self.person(tmp_path)
        person.insert_column(0, "mine", ["x"])
        person.insert_column(1, "mine", ["y"])
        table = self.read(tmp_path, after)
        assert [*table.columns[:2]] == [Column("people", "mine"), Column("people", "mine (2)")]
        assert [*table.headers[:2]] == ["mine", "mine"]
        assert [*table.rows[0][:2]] == ["x", "y"]

    def test_a_sheet_that_people_made_gets_the_row(self, tmp_path: Path) -> None:
        """In a person's sheet only the logged keys and run_id are added; a column of the same header is adopted."""
        grid: Grid = [["idea", "lr", "verdict"], ["warm up", 0.5, "good"], ["", "", ""], ["decay", 0.25, "bad"]]
        self.person(tmp_path).make([list(row) for row in grid])
        before = self.shown(tmp_path)
        after = self.write(tmp_path, {A: {LOSS: 1.5, LR: 0.1}, B: {LR: 0.2}}, new=[A, B])
        shown = self.shown(tmp_path)
        assert shown.headers[:3] == ["idea", "lr", "verdict"]
        assert sorted(shown.headers[3:]) == ["loss", "run_id"]
        assert [row[:3] for row in shown.filled[:2]] == before.filled
        assert shown.ids() == [None, None, A, B]
        assert [shown.cell(A, "lr"), shown.cell(B, "lr")] == [self.shows(0.1), self.shows(0.2)]
        table = self.read(tmp_path, after)
        assert {LR, LOSS, RUN_ID} <= {*table.columns}

    def test_a_sheet_without_run_id_is_read(self, tmp_path: Path) -> None:
        """A sheet that the library never wrote to is read as it is, without a run_id column."""
        self.person(tmp_path).make([["idea", "accuracy"], ["warm up", 0.5]])
        table = self.read(tmp_path)
        assert RUN_ID not in table.columns
        assert [*table.headers] == ["idea", "accuracy"]
        assert [[*row] for row in table.rows] == [["warm up", 0.5]]

    def test_two_columns_with_one_header_keep_their_cells(self, tmp_path: Path) -> None:
        """Of two columns with one header the first is written, the second stays a person's."""
        self.person(tmp_path).make([["lr", "lr", "loss"], [0.5, 0.25, 1]])
        before = self.shown(tmp_path)
        after = self.write(tmp_path, {A: {LR: 0.1, LOSS: 2.5}}, new=[A])
        shown = self.shown(tmp_path)
        assert shown.filled[0][:3] == before.filled[0][:3]
        assert shown.filled[1][:3] == [self.shows(0.1), None, self.shows(2.5)]
        assert [*self.read(tmp_path, after).headers[:3]] == ["lr", "lr", "loss"]


def _alike(seen: object, expected: object) -> bool:
    both_nan = isinstance(seen, float) and isinstance(expected, float) and math.isnan(seen) and math.isnan(expected)
    return both_nan or seen == expected
