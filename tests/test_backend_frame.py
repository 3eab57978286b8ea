"""The frame backends: the conformance suite with pyarrow and odfpy as judges, and what only they do."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from experiment_sheet.backends.base import Backend, Target
from experiment_sheet.backends.frame import OdsBackend, ParquetBackend
from experiment_sheet.columns import Column
from experiment_sheet.errors import SheetDamaged, SheetRefused
from experiment_sheet.testing import BackendTests, Grid, GridPerson, Person
from experiment_sheet.values import Cell, Link, to_text

INF = float("inf")
pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")


class ParquetPerson(GridPerson):
    """Reads and writes with pyarrow alone, as a person's script would; a column of several types becomes text."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Grid:
        table = pq.read_table(self.path)
        return [
            list(table.column_names),
            *map(list, zip(*(column.to_pylist() for column in table.columns), strict=True)),
        ]

    def save(self, grid: Grid) -> None:
        head, *rows = grid
        if len(set(head)) < len(head):
            pytest.skip("capability: doubled headers (pyarrow reads none)")
        columns = [self._column([row[place] for row in rows]) for place in range(len(head))]
        self.keep(pa.table(columns, names=[str(name) for name in head]))

    def keep(self, table: object) -> None:
        pq.write_table(table, self.path)

    @staticmethod
    def _column(values: list[object]) -> object:
        values = [None if value == "" else value for value in values]
        try:
            return pa.array(values, from_pandas=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array([None if value is None else to_text(value) for value in values])  # type: ignore[arg-type]


class TestParquet(BackendTests):
    def backend_at(self, folder: Path) -> Backend:
        return ParquetBackend(Target("file", str(folder / "runs.parquet")))

    def judge(self, folder: Path) -> Grid:
        return ParquetPerson(folder / "runs.parquet").load()

    def person(self, folder: Path) -> Person:
        return ParquetPerson(folder / "runs.parquet")

    def shows(self, value: Cell) -> object:
        """Ints beyond 64 bits are text, and so is a link's address."""
        if isinstance(value, Link) or (isinstance(value, int) and value.bit_length() > 63):
            return to_text(value)
        return value

    def same(self, written: Cell, read: Cell) -> bool:
        """In a column of several types a text may read as another type's value; ints beside floats are floats."""
        if isinstance(written, str | Link) and to_text(read) == to_text(written):
            return True
        return super().same(written, read) or (type(written) is int and type(read) is float and written == read)


class OdsPerson(GridPerson):
    """Reads and writes with odfpy, which the library reads nothing with."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Grid:
        frame = pd.read_excel(self.path, engine="odf", header=None, dtype=object, keep_default_na=False, na_values=[])
        return [[self._seen(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]

    @staticmethod
    def _seen(cell: object) -> object:
        """The format has doubles alone; pandas takes a text ``#N/A`` for an error."""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return "#N/A" if cell != cell else float(cell)
        return cell

    def save(self, grid: Grid) -> None:
        filled = [[None if value == "" else value for value in row] for row in grid]
        pd.DataFrame(filled, dtype=object).to_excel(self.path, engine="odf", header=False, index=False)


class TestOds(BackendTests):
    def backend_at(self, folder: Path) -> Backend:
        return OdsBackend(Target("file", str(folder / "runs.ods")))

    def judge(self, folder: Path) -> Grid:
        return OdsPerson(folder / "runs.ods").load()

    def person(self, folder: Path) -> Person:
        return OdsPerson(folder / "runs.ods")

    def shows(self, value: Cell) -> object:
        """What the format has no type for is text; a date is its midnight, a number a double."""
        if isinstance(value, str):
            text = re.sub("\r\n?", "\n", value)
            return "".join(
                "\ufffd"
                if (unicodedata.category(c) == "Cc" and c not in "\t\n\x85") or ord(c) & 0xFFFE == 0xFFFE
                else c
                for c in text
            )
        if (
            isinstance(value, Link | dt.timedelta)
            or (type(value) is int and abs(value) > 2**53)
            or value in (INF, -INF)
        ):
            return to_text(value)
        if isinstance(value, float) and value != value:
            return "NaN"
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) + 0.0  # no -0.0
        return pd.Timestamp(value) if isinstance(value, dt.date) else value

    def same(self, written: Cell, read: Cell) -> bool:
        """Whole floats read as ints, midnights as dates, line ends as \\n, what XML can't hold as U+FFFD."""
        if isinstance(written, str):
            return read == (self.shows(written) or None) or to_text(read) == written
        if type(written) is float and type(read) is int:
            return written == read
        if isinstance(written, dt.datetime) and not isinstance(read, dt.datetime):
            return written == dt.datetime.combine(read, dt.time())
        return super().same(written.href if isinstance(written, Link) else written, read)


def _documented() -> type[Backend]:
    """The ten lines of docs/backends.md, run."""
    text = (Path(__file__).parents[1] / "docs" / "backends.md").read_text(encoding="utf-8")
    example = text.split("```python\n")[1].split("```")[0].split("\nbackend = ")[0]
    names: dict[str, type[Backend]] = {}
    exec(example, names)
    return names["FeatherBackend"]


class FeatherPerson(ParquetPerson):
    def load(self) -> Grid:
        table = feather.read_table(self.path)
        return [list(table.column_names), *map(list, zip(*(c.to_pylist() for c in table.columns), strict=True))]

    def keep(self, table: object) -> None:
        feather.write_feather(table, self.path)


class TestTenLines(TestParquet):
    """What docs/backends.md shows is a whole backend."""

    def backend_at(self, folder: Path) -> Backend:
        return _documented()(Target("file", str(folder / "runs.feather")))

    def judge(self, folder: Path) -> Grid:
        return FeatherPerson(folder / "runs.feather").load()

    def person(self, folder: Path) -> Person:
        return FeatherPerson(folder / "runs.feather")


def test_a_parquet_column_keeps_its_type(tmp_path: Path) -> None:
    """A metric with NaN, empty cells and a whole number is a column of doubles; untouched columns keep their dtype."""
    path = tmp_path / "runs.parquet"
    small = pa.table({"note": pa.array(["x"]), "size": pa.array([7], pa.int8()), "run_id": pa.array(["a1"])})
    pq.write_table(small, path)
    loss = Column("output", "loss")
    for run, value in {"a2": float("nan"), "a3": None, "a4": 1, "a5": 0.5}.items():
        ParquetBackend(Target("file", str(path))).write({run: {loss: value}}, new=[run])
    table = pq.read_table(path)
    assert [str(field.type) for field in table.schema] == ["string", "int8", "string", "double"]
    assert [repr(value) for value in table["loss"].to_pylist()] == ["None", "nan", "None", "1.0", "0.5"]


def test_a_parquet_file_with_an_index_keeps_it(tmp_path: Path) -> None:
    """A person's index becomes a column instead of getting lost."""
    path = tmp_path / "runs.parquet"
    pd.DataFrame({"lr": [0.5]}, index=pd.Index(["x"], name="idea")).to_parquet(path)
    ParquetBackend(Target("file", str(path))).write({"a1": {Column("input", "lr"): 0.1}}, new=["a1"])
    assert pq.read_table(path).to_pydict() == {"idea": ["x", None], "lr": [0.5, 0.1], "run_id": [None, "a1"]}


@pytest.mark.parametrize("name", ["runs.parquet", "runs.ods"])
def test_what_cannot_be_read_is_kept(tmp_path: Path, name: str) -> None:
    """A file that is not what its name says raises an error that names it, and stays."""
    path = tmp_path / name
    path.write_bytes(b"no such thing")
    backend = (ParquetBackend if name.endswith("parquet") else OdsBackend)(Target("file", str(path)))
    with pytest.raises(SheetDamaged, match=name):
        backend.write({"a1": {Column("input", "lr"): 0.1}}, new=["a1"])
    assert path.read_bytes() == b"no such thing"


@pytest.mark.parametrize(
    ("what", "markup"),
    [
        ("formulas", '<table:table-cell table:formula="of:=1+1"'),
        ("comments", "<office:annotation >"),
        ("colours", '<style:table-cell-properties fo:background-color="#ffcc00"/>'),
    ],
)
def test_an_ods_with_more_than_values_is_refused(tmp_path: Path, what: str, markup: str) -> None:
    """pandas would drop what a person put into an .ods, so such a file is refused, naming what it holds."""
    path = tmp_path / "runs.ods"
    backend = OdsBackend(Target("file", str(path)))
    backend.write({"a1": {Column("input", "lr"): 0.1}}, new=["a1"])
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["content.xml"] = parts["content.xml"].replace(
        b"</office:document-content>", f"<!--{markup}--></office:document-content>".encode()
    )
    with zipfile.ZipFile(path, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    before = path.read_bytes()
    backend.close()
    with pytest.raises(SheetRefused, match=rf"runs\.ods holds {what}"):
        backend.write({"a2": {Column("input", "lr"): 0.1}}, new=["a2"])
    assert path.read_bytes() == before


def test_an_ods_with_two_tabs_is_refused(tmp_path: Path) -> None:
    """A second tab would be lost."""
    path = tmp_path / "runs.ods"
    with pd.ExcelWriter(path, engine="odf") as writer:
        for tab in ("one", "two"):
            pd.DataFrame({"lr": [1]}).to_excel(writer, sheet_name=tab, index=False)
    with pytest.raises(SheetRefused, match="several tabs"):
        OdsBackend(Target("file", str(path))).write({"a2": {Column("input", "lr"): 0.1}}, new=["a2"])
