"""``experiment-sheet new``: an empty sheet as a template says, never over something, a person's workbook whole."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from openpyxl.comments import Comment
from openpyxl.worksheet.table import Table

import experiment_sheet as es
from experiment_sheet.cli import main
from experiment_sheet.errors import SheetChanged, Unsupported
from experiment_sheet.testing import check_workbook


def new(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["new", *words])


def designed(path: str, *, rows: int = 2) -> None:
    """Make a workbook as a person designs one: two tabs, a table with a total of their own, a comment, colours."""
    book = openpyxl.Workbook()
    notes = book.active
    notes.title = "Read me"
    notes["A1"] = "How we log"
    sheet = book.create_sheet("Experiments")
    sheet.append(["model", "lr", "score", "opinion"])
    for number in range(rows):
        sheet.append([f"example {number}", 0.1, 0.5 + number / 10, "looks good"])
    sheet.add_table(Table(displayName="Log", ref=f"A1:D{max(rows, 1) + 1}"))
    sheet["A1"].comment = Comment("Which one?", "Ana")
    sheet["F1"] = "=MAX(Log[score])"
    sheet.sheet_properties.tabColor = "FF0000"
    book.save(path)


def test_new_makes_an_empty_sheet() -> None:
    """Without more words it is ``runs.xlsx`` in this folder, with all columns of the run's own, and no row."""
    done = new()
    assert done.exit_code == 0, done.output
    assert str(Path("runs.xlsx").absolute()) in done.output
    assert check_workbook("runs.xlsx") == []
    assert es.Sheet("runs.xlsx").read().empty


def test_runs_go_into_it_as_into_any_other() -> None:
    """The first run takes the first row, with everything that is known of it."""
    new("runs.xlsx")
    run = es.log_run("runs.xlsx", {"lr": 0.1, "val_acc": 0.5}, notes="first")
    sheet = openpyxl.load_workbook("runs.xlsx").worksheets[0]
    assert sheet.tables["Runs"].ref.endswith("2")
    row = es.Sheet("runs.xlsx").read().loc[run]
    assert (row["status"], row["notes"], row["lr"], row["val_acc"]) == ("finished", "first", 0.1, 0.5)
    assert row[["started", "host", "command"]].notna().all()
    assert check_workbook("runs.xlsx") == []


def test_optional_columns_come_to_an_empty_sheet_too() -> None:
    """It is the library's own: a run's group gets its column, as in a sheet that the run had made."""
    new("runs.xlsx")
    es.init("runs.xlsx", group="seeds").finish()
    assert es.Sheet("runs.xlsx").read()["group"].tolist() == ["seeds"]


def test_new_with_a_template() -> None:
    """What is logged later stands where the template has it, though nobody names the template again."""
    assert new("runs.xlsx", "--template", "kaggle").exit_code == 0
    es.log_run("runs.xlsx", {"cv_score": 0.8, "cv_std": 0.01})
    sheet = openpyxl.load_workbook("runs.xlsx")["submissions"]
    assert [cell.value for cell in sheet[1]][2:4] == ["local score", "local std"]
    assert [cell.value for cell in sheet[2]][2:4] == [0.8, 0.01]


@pytest.mark.parametrize("name", ["runs.xlsx", "runs.csv"])
def test_new_never_writes_over_a_file(name: str) -> None:
    """Whatever is there stays as it is."""
    Path(name).write_bytes(b"a person's")
    done = new(name)
    assert done.exit_code == 1
    assert "is there already" in done.output
    assert Path(name).read_bytes() == b"a person's"
    with pytest.raises(SheetChanged):
        es.Sheet(name).create()


def test_new_csv_has_its_headers() -> None:
    """A CSV is made with its header alone; runs go below it."""
    assert new("runs.csv", "-t", "paper").exit_code == 0
    assert Path("runs.csv").read_text(encoding="utf-8-sig").startswith("run,status,method,ablation,dataset,seed,")
    es.log_run("runs.csv", {"method": "ours", "test_acc": 0.5})
    assert es.Sheet("runs.csv").read()["method"].tolist() == ["ours"]


def test_new_of_what_only_a_run_can_make() -> None:
    """A format that holds no empty sheet says so."""
    with pytest.raises(Unsupported, match="first run"):
        es.Sheet("memory://empty").create()
    assert new("memory://empty").exit_code == 1


def test_workbook_as_template_is_copied_whole() -> None:
    """Every part of it is there, byte for byte, its sample rows too, and the command says so."""
    designed("mine.xlsx")
    done = new("runs.xlsx", "--template", "mine.xlsx")
    assert done.exit_code == 0, done.output
    assert "copy of mine.xlsx; its 2 rows are kept" in done.output
    assert Path("runs.xlsx").read_bytes() == Path("mine.xlsx").read_bytes()


def test_runs_are_logged_into_the_table_of_a_copied_workbook() -> None:
    """They stand below the sample rows, in the columns that are there; the rest of the workbook is untouched."""
    designed("mine.xlsx")
    new("runs.xlsx", "--template", "mine.xlsx")
    es.log_run("runs.xlsx", {"model": "mlp", "lr": 0.2, "score": 0.9})
    sheet = openpyxl.load_workbook("runs.xlsx")["Experiments"]
    assert [[cell.value for cell in row[:4]] for row in sheet["A2:D4"]] == [
        ["example 0", 0.1, 0.5, "looks good"],
        ["example 1", 0.1, 0.6, "looks good"],
        ["mlp", 0.2, 0.9, None],
    ]
    assert sheet["A1"].comment.text == "Which one?"
    with zipfile.ZipFile("runs.xlsx") as made, zipfile.ZipFile("mine.xlsx") as given:
        assert made.read("xl/worksheets/sheet1.xml") == given.read("xl/worksheets/sheet1.xml")


def test_first_run_makes_the_copy() -> None:
    """``Sheet`` and ``init`` take a workbook as template, too; the template itself stays as it is."""
    designed("mine.xlsx", rows=0)
    before = Path("mine.xlsx").read_bytes()
    with es.init("runs.xlsx", config={"model": "mlp", "lr": 0.2}, template="mine.xlsx") as run:
        run.summary["score"] = 0.7
    sheet = openpyxl.load_workbook("runs.xlsx")["Experiments"]
    assert [cell.value for cell in sheet[2]][:3] == ["mlp", 0.2, 0.7]
    assert Path("mine.xlsx").read_bytes() == before


def test_workbook_for_another_kind_of_sheet() -> None:
    """A CSV can't be a copy of a workbook, and a file that is no workbook can't be copied."""
    designed("mine.xlsx")
    done = new("runs.csv", "-t", "mine.xlsx")
    assert done.exit_code == 2
    assert "can't be a copy" in done.output
    Path("broken.xlsx").write_bytes(b"no zip")
    assert new("runs.xlsx", "-t", "broken.xlsx").exit_code == 1
    assert not Path("runs.xlsx").exists()


@pytest.mark.parametrize("named", ["kagle", "gone.toml", "gone.xlsx"])
def test_template_that_is_not_there(named: str) -> None:
    """A wrong name is a wrong call."""
    done = new("runs.xlsx", "-t", named)
    assert done.exit_code == 2
    assert not Path("runs.xlsx").exists()


def test_a_persons_workbook_as_a_template_gets_what_is_logged_and_no_more(tmp_path: Path) -> None:
    """Whether the copy is made by hand or by the first run: the library's own columns stay out, but for run_id."""
    book = openpyxl.Workbook()
    book.active.append(["run", "backbone", "val_map", "who"])
    book.active.append(["x", "y", 1, "z"])
    book.save(tmp_path / "ours.xlsx")
    es.Sheet(tmp_path / "a.xlsx", template=tmp_path / "ours.xlsx").log_run({"backbone": "s", "val_map": 0.4})
    headers = [cell.value for cell in openpyxl.load_workbook(tmp_path / "a.xlsx").active[1]]
    assert headers == ["run", "backbone", "val_map", "who", "run_id"]
