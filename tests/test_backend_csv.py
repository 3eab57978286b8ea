"""The CSV backend: the conformance suite with the csv module as judge, and what only a CSV does."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.backends.base import Backend, Row, Target, Written
from experiment_sheet.backends.csv import CsvBackend
from experiment_sheet.backends.csv_text import Dialect, cell_of, fields, plain, records
from experiment_sheet.columns import Column
from experiment_sheet.errors import IllegalTab, SheetBusy, SheetDamaged
from experiment_sheet.testing import BackendTests, Grid, GridPerson, Person
from experiment_sheet.testing.cells import cells
from experiment_sheet.values import Cell, Link, same, to_text


def read_grid(path: Path) -> Grid:
    csv.field_size_limit(10**6)
    with path.open(encoding="utf-8-sig", newline="") as file:
        grid: Grid = [list(row) for row in csv.reader(file)]
    return [row + [""] * (len(grid[0]) - len(row)) for row in grid]


class CsvPerson(GridPerson):
    """Saves as Excel does: with a byte-order mark, CRLF and quotes where needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Grid:
        return read_grid(self.path)

    def save(self, grid: Grid) -> None:
        with self.path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(grid)


class TestCsv(BackendTests):
    def backend_at(self, folder: Path) -> Backend:
        return CsvBackend(Target("file", str(folder / "runs.csv")))

    def judge(self, folder: Path) -> Grid:
        return read_grid(folder / "runs.csv")

    def person(self, folder: Path) -> Person:
        return CsvPerson(folder / "runs.csv")

    def shows(self, value: Cell) -> object:
        """A CSV is text, and formula-like text has an apostrophe."""
        if isinstance(value, str) and value.lstrip("'")[:1] in {*"=+-@\t\r\n"} - {""}:
            return f"'{value}"
        hours = lambda span: f"{span // dt.timedelta(hours=1)}:{span // dt.timedelta(minutes=1) % 60:02}:"  # noqa: E731
        if isinstance(value, dt.timedelta):
            micro = f".{value.microseconds:06}" if value.microseconds else ""
            return f"{hours(value)}{value.seconds % 60:02}{micro}"
        if isinstance(value, Link):
            return value.href
        return {"nan": "NaN"}.get(str(value), str(value)) if not isinstance(value, str | None) else value

    def same(self, written: Cell, read: Cell) -> bool:
        """Text that is spelled like a value of another type reads as that; a link as its address."""
        if isinstance(written, str) and to_text(read) == written:
            return True
        return super().same(written.href if isinstance(written, Link) else written, read)


LR, LOSS = Column("input", "lr"), Column("output", "loss")
SHEET = "note{d}lr{d}run_id{d}loss{e}ü{d}0.50{d}a1{d}1.0{e}{e}typed{d}{d}{d}{e}"


def write(path: Path, rows: Mapping[str, Row], **options: Any) -> Written:
    return CsvBackend(Target("file", str(path))).write(rows, new=[*rows], **options)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_is_found_is_kept(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    """Encoding, delimiter and line ends stay on append, and so does every byte on a rewrite that need not change."""
    path = tmp_path / "runs.csv"
    text = SHEET.format(d=delimiter, e=end)
    path.write_bytes(text.encode(encoding))
    write(path, {"b2": {LR: 0.25}})
    text += delimiter.join(["", "0.25", "b2", ""]) + end
    assert path.read_bytes() == text.encode(encoding)
    write(path, {"a1": {LOSS: 2.0}}, last={"a1": {LOSS: [1.0]}})
    text = text.replace("1.0", "2.0")
    assert path.read_bytes() == text.encode(encoding)
    write(path, {"c3": {Column("output", "acc"): "é"}})
    head, first, blank, typed, second, _ = text.split(end)
    wide = [f"{head}{delimiter}acc", f"{first}{delimiter}", blank, f"{typed}{delimiter}", f"{second}{delimiter}"]
    wide.append(delimiter.join(["", "", "c3", "", "é"]))
    assert path.read_bytes() == (end.join(wide) + end).encode(encoding)


@pytest.mark.parametrize(
    ("quoting", "line"), [(csv.QUOTE_ALL, '"x","0.25","b2",""'), (csv.QUOTE_NONNUMERIC, '"x",0.25,"b2",""')]
)
def test_quoting_is_kept(tmp_path: Path, quoting: Any, line: str) -> None:
    """A file that quotes everything, or all text, gets lines that do so too."""
    path = tmp_path / "runs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator="\n").writerows(
            [["note", "lr", "run_id", "loss"], ["y", 0.5, "a1", 1]]
        )
    before = path.read_text()
    write(path, {"b2": {LR: 0.25, Column("people", "note"): "x"}})
    assert path.read_text() == f"{before}{line}\n"


def test_odd_lines_stay_as_they_are(tmp_path: Path) -> None:
    """Stray quotes, needless quotes, short and long rows, ``sep=`` and numbers in other spellings survive a rewrite."""
    path = tmp_path / "runs.csv"
    text = 'sep=;\nnote;lr;run_id\n5" disk;"1,50";a1\n"two\nlines";1.50\nlong;1;b2;extra;more\n"x"y;+1;c3\n'
    path.write_text(text)
    write(path, {"a1": {LR: 2}}, last={"a1": {LR: ["1,50"]}})
    assert path.read_text() == text.replace('"1,50"', "2")
    table = CsvBackend(Target("file", str(path))).read()
    assert [len(row) for row in table.rows] == [5, 5, 5, 5]
    assert [row[0] for row in table.rows] == ['5" disk', "two\nlines", "long", "xy"]


def test_a_new_file_opens_in_excel(tmp_path: Path) -> None:
    """A new file begins with a byte-order mark, without which Excel misreads what is not ASCII."""
    path = tmp_path / "runs.tsv"
    write(path, {"a1": {Column("input", "modèle"): "ü"}})
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrun\tstatus")


def test_an_append_is_one_line_and_keeps_the_file(tmp_path: Path) -> None:
    """A row that is only added leaves the file's bytes and inode; a new column or a changed cell replaces it."""
    path = tmp_path / "runs.csv"
    after = write(path, {"a1": {LR: 1}})
    before, inode = path.read_bytes(), path.stat().st_ino
    for token in (after.token, None):
        write(path, {f"b{token is None}": {LR: 2}}, since=token)
        assert path.stat().st_ino == inode
    assert path.read_bytes().startswith(before)
    assert path.read_bytes().count(b"\n") == before.count(b"\n") + 2
    write(path, {"c3": {LOSS: 2}})
    assert path.stat().st_ino != inode


def test_since_appends_without_reading_the_rows(tmp_path: Path) -> None:
    """With a token that holds, an id that (against the contract) is in the sheet already is not looked for."""
    path = tmp_path / "runs.csv"
    after = write(path, {"a1": {LR: 1}})
    after = write(path, {"a1": {LR: 1}}, since=after.token)
    assert [*after.added] == ["a1"]
    assert len(read_grid(path)) == 3


@pytest.mark.parametrize("size", range(1, 60))
def test_a_torn_line_is_written_again(tmp_path: Path, size: int) -> None:
    """Whatever part of a line a power cut left, the row is whole once after the journal brought it again."""
    path = tmp_path / "runs.csv"
    rows = {"b2": {LR: 0.125, Column("run", "run"): "calm, otter", Column("run", "notes"): "two\nlines", LOSS: 1.5}}
    write(path, {"a1": {LR: 1, LOSS: 2}})
    before = path.read_bytes()
    write(path, rows)
    line = path.read_bytes()[len(before) :]
    path.write_bytes(before + line[:size])
    write(path, rows)
    assert path.read_bytes() == before + line


def test_a_torn_line_of_a_run_that_went_on_is_dropped(tmp_path: Path) -> None:
    """The row may have another status by the time it is written again."""
    path = tmp_path / "runs.csv"
    name, status, started = (Column("run", key) for key in ("run", "status", "started"))
    row: Row = {name: "calm-otter-7", status: "running", started: dt.datetime(2026, 1, 2), LR: 1}
    write(path, {"a1": row})
    before = path.read_bytes()
    write(path, {"b2": row})
    path.write_bytes(path.read_bytes()[: len(before) + 50])
    write(path, {"b2": {**row, status: "crashed"}})
    assert [line[1] for line in read_grid(path)] == ["status", "running", "crashed"]


def test_zeros_at_the_end_are_dropped(tmp_path: Path) -> None:
    """A file system may leave zeros where a line was to be when the power went."""
    path = tmp_path / "runs.csv"
    write(path, {"a1": {LR: 1}})
    before = path.read_bytes()
    path.write_bytes(before + b"\0" * 100)
    write(path, {"b2": {LR: 2}})
    assert b"\0" not in path.read_bytes()
    assert len(read_grid(path)) == 3


@pytest.mark.parametrize("tail", ["my note", "x,0.5", "x,0.5,z9,1.0", '"quoted"'])
def test_a_persons_last_line_without_end_gets_one(tmp_path: Path, tail: str) -> None:
    """An editor may leave the last line without end; it is a person's and stays."""
    path = tmp_path / "runs.csv"
    path.write_text("note,lr,run_id,loss\n" + tail)
    write(path, {"b2": {LR: 0.25}})
    assert path.read_text() == f"note,lr,run_id,loss\n{tail}\n,0.25,b2,\n"


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    """A stray quote would swallow the new row; the error names the line, and the file stays."""
    path = tmp_path / "runs.csv"
    text = 'note,lr,run_id\nx,1,a1\n"oops,2,b2\ny,3,c3\n'
    path.write_text(text)
    with pytest.raises(SheetDamaged, match=r"runs\.csv, line 3.*quote"):
        write(path, {"d4": {LR: 1}})
    assert path.read_text() == text


def test_a_character_cut_in_half_is_dropped(tmp_path: Path) -> None:
    """A torn last character doesn't make a UTF-8 file look like Windows-1252."""
    path = tmp_path / "runs.csv"
    write(path, {"a1": {LR: "ü"}})
    before = path.read_bytes()
    write(path, {"b2": {Column("run", "run"): "日本"}})
    path.write_bytes(path.read_bytes()[: len(before) + 4])
    write(path, {"b2": {Column("run", "run"): "日本"}})
    assert [row[0] for row in read_grid(path)[1:]] == ["", "日本"]
    assert "ü" in path.read_text(encoding="utf-8-sig")


def test_what_windows_1252_cannot_hold_is_spelled_out(tmp_path: Path) -> None:
    """A file in Windows-1252 stays in it; what it can't hold is escaped, and stays ours."""
    path = tmp_path / "runs.csv"
    path.write_bytes("note,lr,run_id\nü,1,a1\n".encode("cp1252"))
    after = write(path, {"b2": {LR: "é🦜"}})
    assert path.read_bytes().endswith(b",\xe9\\U0001f99c,b2\n")
    backend = CsvBackend(Target("file", str(path)))
    backend.known = after.known
    assert not backend.write({"b2": {LR: 3}}, last={"b2": {LR: ["é🦜"]}}).kept


def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    """A file that a person made read-only is not replaced; the error says what to do."""
    path = tmp_path / "runs.csv"
    write(path, {"a1": {LR: 1}})
    before = path.read_bytes()
    path.chmod(0o444)
    for rows in ({"b2": {LR: 1}}, {"b2": {LOSS: 1}}):
        with pytest.raises(SheetBusy, match=r"runs\.csv is read-only"):
            write(path, rows)
    assert path.read_bytes() == before


def test_the_mode_is_kept(tmp_path: Path) -> None:
    """A rewrite keeps who may read the file."""
    path = tmp_path / "runs.csv"
    write(path, {"a1": {LR: 1}})
    path.chmod(0o640)
    write(path, {"b2": {LOSS: 1}})
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"PK\x03\x04 a workbook", b"\n\n\n", b"\x00\x01\x02\x03\x04"])
def test_what_is_no_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    """A workbook named .csv, blank lines or binary data raise an error that names the file, and stay."""
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(SheetDamaged, match=r"runs\.csv"):
        write(path, {"a1": {LR: 1}})
    assert path.read_bytes() == content


def test_a_tab_is_refused() -> None:
    """A CSV has no tabs."""
    with pytest.raises(IllegalTab, match="tab"):
        CsvBackend(Target("file", "/runs.csv", "Tab"))


@given(text=st.text(st.characters(exclude_categories=["Cs"], include_characters="\",;\n\r\t'=")))
def test_records_are_the_text(text: str) -> None:
    """Cut into records and put together again, any text is as before; and records are what the csv module reads."""
    found = list(records(text, ","))
    assert "".join(found) == text
    if "\r" not in text.replace("\r\n", "") and "\0" not in text:
        split = [[plain(field) for field in fields(record, ",")] for record in found]
        expected = [row or [""] for row in csv.reader(io.StringIO(text, newline=""))]
        assert split == expected


@given(cell=cells(), delimiter=st.sampled_from(",;\t|"), quoting=st.sampled_from(["minimal", "all", "text"]))
def test_fields_hold_their_cell(cell: Cell, delimiter: str, quoting: Any) -> None:
    """In every dialect a field is one field of one record, and reads as its cell."""
    line = Dialect("utf-8", delimiter, "\n", quoting).line(
        [Dialect("utf-8", delimiter, "\n", quoting).field(cell), "end"]
    )
    assert list(records(line, delimiter)) == [line]
    read = cell_of(fields(line, delimiter)[0])
    assert same(read, cell) or (read is None and cell == "")
    assert isinstance(read, str) or not isinstance(cell, str) or to_text(read) == cell


@pytest.mark.parametrize(
    "name", ["mlflow_ui_export_titanic", "nanogpt-ablations_wandb_ui_export", "yolov8_results_padded_first12rows"]
)
def test_real_exports_take_a_row_and_keep_theirs(tmp_path: Path, name: str) -> None:
    """Real tables of experiments, as other trackers export them, get a row without a change to theirs."""
    source = Path(__file__).parents[1].parent / "shared" / "runs" / f"{name}.csv"
    if not source.exists():
        pytest.skip("real tables of runs are not here")
    path = tmp_path / "runs.csv"
    shutil.copyfile(source, path)
    before = read_grid(path)
    after = write(path, {"a1": {LR: 0.5}})
    write(path, {"b2": {LR: 0.25}}, since=after.token)
    grid = read_grid(path)
    assert [row[: len(before[0])] for row in grid[: len(before)]] == before
    assert [row[grid[0].index("run_id")] for row in grid[len(before) :]] == ["a1", "b2"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Where only a part of a line finds room, that part is taken back and the error says so."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "runs.csv"
    write(path, {"a1": {LR: 1}})
    before = path.read_bytes()
    code = (
        "import resource, sys\n"
        "from experiment_sheet.backends.csv import CsvBackend\n"
        "from experiment_sheet.backends.base import Target\n"
        "from experiment_sheet.columns import Column\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "CsvBackend(Target('file', sys.argv[1])).write({'b2': {Column('input', 'lr'): 'x' * 100}}, new=['b2'])"
    )
    command = [sys.executable, "-c", code, str(path), str(len(before) + 10)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resource
    assert "SheetError" in done.stderr
    assert "runs.csv" in done.stderr
    assert path.read_bytes() == before
