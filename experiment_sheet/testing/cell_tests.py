"""Clause 9: what is written comes back, whatever it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiment_sheet.backends.base import ANYTHING, Last, Row
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.testing.cells import CELLS, cells
from experiment_sheet.testing.subject import LIFE, LOSS, LR, MODEL, NOTES, A, B, C, Subject
from experiment_sheet.values import Cell

_KEYS = (
    "=x",
    "+y",
    "a,b;c",
    'say "x"',
    "two\nlines",
    "日本語",
    " around ",
    "loss (input)",
    "x" * 300,
    "'quoted",
    "007",
    "@",
)
_INHERITED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)
_COLUMNS = (NOTES, LR, MODEL, LOSS, Column("output", "acc"), Column("input", "loss"))


def _column(value: Cell) -> Column:
    """One column for each kind of value, because some formats type columns; ints beyond 64 bits are a kind."""
    long = isinstance(value, int) and value.bit_length() > 63
    return Column("input", f"a_{type(value).__name__}{'_long' * long}")


class CellTests(Subject):
    """Every kind of cell makes the round trip, as a new row, an appended one and an update."""

    @pytest.mark.parametrize("way", ["first", "appended", "updated"])
    def test_cells_come_back(self, tmp_path: Path, way: str) -> None:
        """Text, numbers, truth, dates, spans and links come back as they were written, and others see them right."""
        rows: dict[RunId, Row] = {f"run-{number:03}": {_column(value): value} for number, value in enumerate(CELLS)}
        after = None
        if way == "appended":
            after = self.begin(tmp_path)
        if way == "updated":
            after = self.write(tmp_path, {run: {LR: 1} for run in rows}, new=[*rows])
        after = self.write(tmp_path, rows, new=[*rows], after=after)
        table, shown = self.read(tmp_path, after), self.shown(tmp_path)
        found = {cells[RUN_ID]: cells for cells in (dict(zip(table.columns, row, strict=True)) for row in table.rows)}
        wrong = {}
        for run, row in rows.items():
            for column, value in row.items():
                read, seen = found[run][column], shown.cell(run, column.key)
                if not self.same(value, read) or repr(seen) != repr(self.shows(value)):
                    wrong[run] = {"written": value, "read": read, "should show": self.shows(value), "shows": seen}
        assert wrong == {}

    def test_a_cell_that_came_back_is_still_ours(self, tmp_path: Path) -> None:
        """What the format made of a value is not taken for a person's edit, and writing it again changes nothing."""
        rows: dict[RunId, Row] = {f"run-{number:03}": {MODEL: value} for number, value in enumerate(CELLS)}
        after = self.write(tmp_path, rows, new=[*rows])
        once = self.state(tmp_path)
        after = self.write(tmp_path, rows, after=after)
        assert not after.kept
        assert self.state(tmp_path) == once
        last: Last = {run: {MODEL: [row[MODEL]]} for run, row in rows.items()}
        after = self.write(tmp_path, {run: {MODEL: "next"} for run in rows}, last=last, after=after)
        assert not after.kept

    def test_long_text_is_whole_or_cut_with_a_mark(self, tmp_path: Path) -> None:
        """40,000 characters come back whole or, where a cell can't hold them, cut and saying so; and they stay ours."""
        text = "0123456789" * 4_000
        after = self.write(tmp_path, {A: {MODEL: text, LOSS: 1.0}}, new=[A])
        table = self.read(tmp_path, after)
        found = table.rows[0][table.columns.index(MODEL)]
        assert isinstance(found, str)
        assert found[:30_000] == text[:30_000]
        assert found == text or "40,000" in found[-40:]
        once = self.state(tmp_path)
        after = self.write(tmp_path, {A: {MODEL: text}}, last={A: {MODEL: [text]}}, after=after)
        assert self.state(tmp_path) == once
        after = self.write(tmp_path, {A: {MODEL: "short"}}, last={A: {MODEL: [text]}}, after=after)
        assert not after.kept
        assert self.shown(tmp_path).cell(A, "model") == "short"

    def test_keys_of_every_kind_keep_their_identity(self, tmp_path: Path) -> None:
        """Keys that look like formulas, hold separators or are very long come back whole, each with its value."""
        row: Row = {Column("input", key): number for number, key in enumerate(_KEYS)}
        after = self.write(tmp_path, {A: row}, new=[A])
        changed: Row = dict.fromkeys(row, -1)
        after = self.write(tmp_path, {B: row, A: changed}, new=[B], last={A: dict.fromkeys(row, ANYTHING)}, after=after)
        table = self.read(tmp_path, after)
        found = [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]
        assert [{column: cells[column] for column in row} for cells in found] == [changed, row]
        assert len(self.shown(tmp_path).headers) == len(table.columns) == len(found[0])

    def test_keys_that_differ_only_in_case_get_a_column_each(self, tmp_path: Path) -> None:
        """`LR` and `lr` of one role are two columns, whose headers differ in more than case."""
        upper = Column("input", "LR")
        after = self.write(tmp_path, {A: {LR: 0.1, upper: 0.2}}, new=[A])
        after = self.write(tmp_path, {B: {upper: 0.4, LR: 0.3}}, new=[B], after=after)
        table = self.read(tmp_path, after)
        places = [table.columns.index(LR), table.columns.index(upper)]
        assert [[row[place] for place in places] for row in table.rows] == [[0.1, 0.2], [0.3, 0.4]]
        folded = [header.casefold() for header in table.headers]
        assert len(set(folded)) == len(folded)

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=_INHERITED)
    @given(data=st.data())
    def test_random_rows_come_back(self, tmp_path: Path, data: st.DataObject) -> None:
        """Random rows, written in random batches and overwritten, read as a plain dictionary would."""
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        batch = st.dictionaries(
            st.sampled_from([A, B, C]), st.dictionaries(st.sampled_from(_COLUMNS), cells()), min_size=1
        )
        model: dict[RunId, dict[Column, Cell]] = {}
        after = None
        for rows in data.draw(st.lists(batch, min_size=1, max_size=4)):
            last: Last = {run: dict.fromkeys(row, ANYTHING) for run, row in rows.items()}
            after = self.write(folder, rows, new=[*rows], last=last, after=after)
            for run, row in rows.items():
                model.setdefault(run, {}).update(row)
        table = self.read(folder, after)
        found = [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]
        assert [row[RUN_ID] for row in found] == [*model]
        for row, (run, expected) in zip(found, model.items(), strict=True):
            wrong = {c: (value, row.get(c)) for c, value in expected.items() if not self.same(value, row.get(c))}
            assert not wrong, run

    def test_a_new_row_is_whole(self, tmp_path: Path) -> None:
        """Every cell of a run's life is there after start, refresh and finish."""
        after = self.begin(tmp_path)
        for row in LIFE:
            last: Last = {A: dict.fromkeys(row, ANYTHING)}
            after = self.write(tmp_path, {A: row}, new=[A], last=last, after=after)
            table = self.read(tmp_path, after)
            found = dict(zip(table.columns, table.rows[0], strict=True))
            assert all(self.same(value, found[column]) for column, value in row.items())
