"""Copying runs between sheets: nothing lost, nothing doubled, people's cells and links included."""

from __future__ import annotations

import csv
import datetime as dt
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

import experiment_sheet as es
from experiment_sheet import transfer
from experiment_sheet.backends.base import Target
from experiment_sheet.columns import RUN_ID, Column
from experiment_sheet.errors import SheetError, SheetMissing, SheetRefused, UnknownColumn, UsageError
from experiment_sheet.values import Cell, Link

FORMATS = ["x.xlsx", "x.csv", "x.tsv", "x.parquet", "x.ods", "memory://{}"]
RESULTS = [
    "automlbenchmark_results_valid.csv",
    "lightning_metrics_first30rows.csv",
    "mlflow_ui_export_titanic.csv",
    "nanogpt-ablations_wandb_ui_export.csv",
    "nanogpt_metrics.csv",
    "yolov8_results_padded_first12rows.csv",
]


def rows_of(target: str | Target) -> dict[Cell, Mapping[Column, Cell]]:
    """What a sheet holds, by run_id; links by where they lead, as a CSV has nothing else."""
    table = es.Sheet(target).table()
    place = table.columns.index(RUN_ID)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    plain = [{c: v.href if isinstance(v, Link) else v for c, v in row.items() if v is not None} for row in rows]
    return {row[place]: cells for row, cells in zip(table.rows, plain, strict=True)}


@pytest.fixture
def runs() -> str:
    """A workbook of three runs, with a column and a note of a person's."""
    for lr, acc in ((0.1, 0.8), (1e-05, 0.95), (0.001, math.inf)):
        es.log_run("runs.xlsx", {"lr": lr, "epochs": 3, "val_acc": acc, "amp": True}, hypothesis="=it works")
    book = openpyxl.load_workbook("runs.xlsx")
    tab = book.active
    assert tab is not None
    headers = {cell.value: cell.column for cell in tab[1]}
    tab.cell(1, tab.max_column + 1, "my thoughts")
    tab.cell(2, tab.max_column, "odd")
    tab.cell(3, headers["notes"], "looked at it twice")
    tab.cell(3, headers["verdict"], "confirmed")
    book.save("runs.xlsx")
    return "runs.xlsx"


@pytest.mark.parametrize("target", FORMATS)
def test_everything_comes_along(runs: str, target: str, tmp_path: Path) -> None:
    """Every cell of every run is in the copy, by the same run_id, of the same type and role, people's too."""
    target = target.format(tmp_path)
    copied = es.copy_sheet(runs, target)
    assert (len(copied.added), copied.waiting, copied.kept) == (3, [], {})
    assert rows_of(target) == rows_of(runs)
    first = next(iter(rows_of(target).values()))
    assert first[Column("people", "my thoughts")] == "odd"
    assert isinstance(first[Column("run", "started")], dt.datetime)


@pytest.mark.parametrize("target", FORMATS)
def test_twice_is_once(runs: str, target: str, tmp_path: Path) -> None:
    """Copying again adds nothing and changes nothing."""
    target = target.format(tmp_path)
    es.copy_sheet(runs, target)
    before = es.Sheet(target).table()
    copied = es.copy_sheet(runs, target)
    assert (copied.added, len(copied.changed)) == ([], 3)
    assert es.Sheet(target).table() == before


@pytest.mark.parametrize("there", FORMATS[1:])
def test_there_and_back(runs: str, there: str, tmp_path: Path) -> None:
    """A copy of a copy in the first format is the first."""
    there = there.format(tmp_path)
    es.copy_sheet(runs, there)
    es.copy_sheet(there, "back.xlsx")
    assert rows_of("back.xlsx") == rows_of(runs)


def test_what_changed_in_the_source_arrives(runs: str) -> None:
    """A later copy brings new runs and new values; what a person changed in the copy stays theirs."""
    es.copy_sheet(runs, "copy.csv")
    one, other, _ = rows_of(runs)
    es.Sheet("copy.csv").update(str(other), {"notes": "mine"}, overwrite=True)
    text = Path("copy.csv").read_text(encoding="utf-8")
    Path("copy.csv").write_text(text.replace("odd", "even"), encoding="utf-8")
    es.Sheet(runs).update(str(one), {"val_acc": 0.81})
    new = es.log_run(runs, {"lr": 3, "val_acc": 0.5})
    copied = es.copy_sheet(runs, "copy.csv")
    found = rows_of("copy.csv")
    assert copied.added == [new]
    assert copied.kept == {one: ["my thoughts"]}
    assert found[one][Column("output", "val_acc")] == 0.81
    assert found[one][Column("people", "my thoughts")] == "even"


def test_a_row_deleted_in_the_copy_stays_deleted(runs: str) -> None:
    """What a person took out of the copy is not brought back, and is told."""
    es.copy_sheet(runs, "copy.csv")
    lines = Path("copy.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    gone = next(iter(rows_of("copy.csv")))
    Path("copy.csv").write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    copied = es.copy_sheet(runs, "copy.csv")
    assert (copied.deleted, gone in rows_of("copy.csv")) == ([gone], False)


def test_rows_without_run_id_and_copied_rows(runs: str) -> None:
    """A row that a person typed or copied is a row of the copy too, once, however often it is copied."""
    book = openpyxl.load_workbook(runs)
    tab = book.active
    assert tab is not None
    tab.append([cell.value for cell in tab[2]])
    tab.append(["by hand", "todo"])
    table = tab.tables["Runs"]
    table.ref = table.ref.replace("4", str(tab.max_row))
    table.autoFilter.ref = table.ref
    book.save(runs)
    for _ in range(2):
        es.copy_sheet(runs, "copy.csv")
    names = [row.get(Column("run", "run")) for row in rows_of("copy.csv").values()]
    assert (len(names), names.count("by hand")) == (5, 1)


def href_of(path: str, column: str = "plots") -> str:
    """Where the link in the first row of a file leads, as another program reads it."""
    if path.endswith(".csv"):
        with open(path, encoding="utf-8-sig", newline="") as file:
            return next(csv.DictReader(file))[column]
    tab = openpyxl.load_workbook(path).active
    assert tab is not None
    place = next(cell.column for cell in tab[1] if cell.value == column)
    return str(tab.cell(2, place).value).removeprefix('=HYPERLINK("').partition('"')[0]


@pytest.mark.parametrize("source", ["a/runs.xlsx", "a/runs.csv"])
def test_links_stay_valid(source: str) -> None:
    """A link leads to the same file from the copy, and with `files` to the file's copy, history included."""
    Path("a").mkdir()
    Path("b/c").mkdir(parents=True)
    with es.init(source) as run:
        for step in range(3):
            run.log({"loss": 1 / (step + 1)}, step=step)
    for target in ("b/c/copy.xlsx", "b/copy.csv", "a/beside.csv", "a/beside.xlsx"):
        es.copy_sheet(source, target)
        href = href_of(target)
        assert (Path(target).parent / href / "").exists(), href
        assert not Path(href).is_absolute()
    copied = es.copy_sheet(source, "b/whole.xlsx", files=True)
    assert copied.folders == 1
    assert href_of("b/whole.xlsx") == f"whole_files/{run.id}/index.html"
    assert (Path("b") / href_of("b/whole.xlsx")).exists()
    assert list(es.Sheet("b/whole.xlsx").history(run.id)["loss"]) == [1, 0.5, 1 / 3]
    es.copy_sheet("b/whole.xlsx", "b/again.csv")  # the link of a copy, whose journal knows it too
    assert href_of("b/again.csv") == href_of("b/whole.xlsx")
    es.copy_sheet(source, f"memory://{run.id}")
    assert Path(str(rows_of(f"memory://{run.id}")[run.id][Column("run", "plots")])).exists()


def test_links_of_a_workbook_that_was_moved() -> None:
    """Where the journal is gone, the run folders say what the text of a link means."""
    with es.init("runs.xlsx") as run:
        run.log({"loss": 1}, step=0)
        run.log({"loss": 2}, step=1)
    shutil.rmtree("runs_files/journal")
    Path("b").mkdir()
    es.copy_sheet("runs.xlsx", "b/copy.csv")
    assert href_of("b/copy.csv") == f"../runs_files/{run.id}/index.html"


def test_tabs_of_one_workbook(runs: str) -> None:
    """Another tab of the same workbook is another sheet, with the same files folder."""
    es.copy_sheet(runs, f"{runs}#Archive")
    assert rows_of(f"{runs}#Archive") == rows_of(runs)


def test_a_busy_target_gets_its_rows_later(runs: str) -> None:
    """While the copy is open in a spreadsheet program its rows wait, and arrive by `sync`."""
    es.log_run("copy.xlsx", {"lr": 1})
    owner = Path(".~lock.copy.xlsx#")
    owner.write_text(",kim,elsewhere,23.11.2026 10:00,file:///home/kim;", encoding="utf-8")
    copied = es.copy_sheet(runs, "copy.xlsx")
    if copied.waiting:  # where the lock counts as a living person's
        assert len(copied.waiting) == 3
    owner.unlink()
    es.Sheet("copy.xlsx").sync()
    assert len(rows_of("copy.xlsx")) == 4


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("target", ["runs.xlsx", "runs.csv"])
def test_results_of_other_programs(shared_runs: Path, name: str, target: str) -> None:
    """Every real table of results comes in: as many rows as it has (or one run with its steps), once, without text
    where numbers are meant."""
    source = shared_runs / name
    made = transfer.plan(source, target)
    copied = transfer.apply(made)
    height = len(source.read_text(encoding="utf-8").splitlines()) - 1
    assert len(made.steps) == height if made.steps else len(copied.added) == height
    assert es.copy_sheet(source, target).added == []
    assert len(rows_of(target)) == len(copied.added)
    roles = {guess.column.role for guess in made.columns if guess.column}
    assert {"input", "output"} <= roles
    numbers = [g for g in made.columns if g.column and g.column.role == "output"]
    assert all(isinstance(cell, int | float | None) for guess in numbers for cell in guess.cells)
    if made.steps:
        (run,) = copied.added
        assert len(es.Sheet(target).history(run)) == len({step for step, _, _ in made.steps})


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet", "ods"])
def test_foreign_tables_of_every_format(suffix: str) -> None:
    """A table of results may be in any format that a sheet can be in."""
    import pandas as pd

    frame = pd.DataFrame({"model": ["a", "b"], "lr": [0.1, 0.2], "acc": [0.8, 0.9]})
    writers = {"csv": frame.to_csv, "xlsx": frame.to_excel, "parquet": frame.to_parquet, "ods": frame.to_excel}
    writers[suffix](f"results.{suffix}", index=False)
    es.copy_sheet(f"results.{suffix}", "runs.csv")
    assert sorted(es.Sheet("runs.csv").read()["acc"]) == [0.8, 0.9]
    assert es.Sheet("runs.csv").columns()["acc"] == "output"


def test_semicolons_and_decimal_commas() -> None:
    """What Excel writes in most of Europe is read as the numbers it means."""
    Path("results.csv").write_text("lr;acc\r\n0,1;0,85\r\n0,01;0,9\r\n", encoding="utf-8-sig")
    es.copy_sheet("results.csv", "runs.xlsx")
    frame = es.Sheet("runs.xlsx").read()
    assert (list(frame["lr"]), list(frame["acc"])) == ([0.1, 0.01], [0.85, 0.9])


def test_a_sheet_of_runs_knows_its_roles(runs: str) -> None:
    """Of a sheet of runs nothing is guessed, and so nothing can be told otherwise."""
    with pytest.raises(UsageError, match="as it says"):
        es.copy_sheet(runs, "copy.csv", inputs=["val_acc"])


def test_what_can_t_be_copied(runs: str) -> None:
    """A sheet that isn't there, itself, files into what is no file: each is said plainly, and nothing is written."""
    with pytest.raises(SheetMissing):
        es.copy_sheet("nothing.csv", "copy.csv")
    with pytest.raises(UsageError, match="into itself"):
        es.copy_sheet(runs, runs)
    with pytest.raises(UsageError, match="no file"):
        es.copy_sheet(runs, "memory://m", files=True)
    assert not Path("copy.csv").exists()


# Exports


def test_json(runs: str) -> None:
    """JSON has every column and value, one object per run; pandas reads it."""
    import pandas as pd

    es.copy_sheet(runs, "runs.json")
    frame = pd.read_json("runs.json")
    assert list(frame["lr"]) == [0.1, 1e-05, 0.001]
    assert frame["my thoughts"][0] == "odd"
    assert list(frame["run_id"]) == list(rows_of(runs))


def test_markdown_and_latex(runs: str) -> None:
    """Both show chosen columns, or those that hold something, numbers at the right; signs of markup are text."""
    es.Sheet(runs).update(str(next(iter(rows_of(runs)))), {"notes": "50% | a_b <i> & \\x"})
    for suffix in ("md", "tex"):
        made = transfer.plan(runs, f"runs.{suffix}", columns=["run", "lr", "notes"])
        transfer.apply(made)
    lines = Path("runs.md").read_text(encoding="utf-8").splitlines()
    assert [part.strip() for part in lines[2].strip("|").split("|")] == ["run", "lr", "notes"]
    assert r"50% \| a\_b \<i> & \\x" in lines[4]
    assert lines[3].split("|")[2].endswith("-: ")
    latex = Path("runs.tex").read_text(encoding="utf-8")
    assert r"50\% | a\_b <i> \& \textbackslash{}x" in latex
    assert r"\begin{tabular}{lrl}" in latex
    with pytest.raises(UnknownColumn, match="did you mean 'notes'"):
        transfer.plan(runs, "runs.md", columns=["nots"])


@pytest.mark.parametrize("suffix", ["json", "md", "tex"])
def test_an_export_replaces_only_its_own(runs: str, suffix: str) -> None:
    """An export is written anew each time; a file that somebody else wrote is left alone."""
    path = Path(f"runs.{suffix}")
    path.write_text("my paper", encoding="utf-8")
    with pytest.raises(SheetRefused, match="no export of ours"):
        es.copy_sheet(runs, path)
    assert path.read_text(encoding="utf-8") == "my paper"
    path.unlink()
    es.copy_sheet(runs, path)
    first = path.read_bytes()
    es.copy_sheet(runs, path)
    assert path.read_bytes() == first
    with pytest.raises(SheetError, match="can't be written"):
        es.copy_sheet(runs, f"no folder/runs.{suffix}")


@pytest.mark.parametrize("files", [False, True])
def test_what_was_deleted_in_the_target_stays_deleted(tmp_path: Path, files: bool) -> None:
    """A second copy leaves it in the bin, says so, and it can still be brought back."""
    source, target = tmp_path / "a" / "runs.xlsx", tmp_path / "b" / "runs.xlsx"
    for folder in (source, target):
        folder.parent.mkdir()
    for name in ("kept-run", "gone-run"):
        with es.init(source, id=name, config={"lr": 1}) as run:
            run.log({"val_acc": 0.5})
    es.copy_sheet(source, target, files=files)
    es.Sheet(target).delete("gone-run")
    assert list(es.copy_sheet(source, target, files=files).deleted) == ["gone-run"]
    assert list(es.Sheet(target).read().index) == ["kept-run"]
    es.Sheet(target).restore("gone-run")
    assert sorted(es.Sheet(target).read().index) == ["gone-run", "kept-run"]
