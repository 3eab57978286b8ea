"""notebooks/: each runs from a clean kernel, makes what it says, and is stored as it was written, without output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import openpyxl
import pytest

from experiment_sheet.testing import check_workbook

FOLDER = Path(__file__).parents[1] / "notebooks"
PAGES = sorted(FOLDER.glob("*.ipynb"))
CELLS = 15  # at most: a notebook is short
SECONDS = 300  # that a cell may take where the machine has other work, too
SAID = {"coming_from_wandb": "init knows no keyword 'entity'; it was ignored\n"}  # what belongs on stderr

WITNESS = """
import json, pathlib
rows = google.client().open_by_key(KEY).worksheet("Runs").get_all_records()
pathlib.Path("google.json").write_text(json.dumps(rows))
"""
"""Runs behind the last cell of the notebook whose service ends with its kernel: what gspread finds there."""

Row = dict[str, Any]
each_notebook = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def rows(folder: Path, name: str = "runs.xlsx") -> list[Row]:
    """Rows of a workbook's first tab, as openpyxl reads them."""
    (path,) = folder.rglob(name)
    head, *found = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in found]


def quickstart(folder: Path) -> None:
    """Three runs with their rates, all finished; the best one has the verdict that was given it."""
    found = rows(folder)
    assert [(row["run"], row["lr"], row["status"]) for row in found] == [
        ("slow", 0.01, "finished"),
        ("faster", 0.1, "finished"),
        ("fast", 0.4, "finished"),
    ]
    assert found[0]["loss"] > found[1]["loss"] > found[2]["loss"] > 0
    assert [row["verdict"] for row in found] == [None, None, "confirmed"]
    assert [row["changed"] for row in found] == [None, "lr 0.01 → 0.1", "lr 0.1 → 0.4"]


def comparing_runs(folder: Path) -> None:
    """Six runs, each with a curve; a weaker penalty is better than the baseline's."""
    found = {row["run"]: row for row in rows(folder)}
    assert [*found] == ["baseline", "weaker", "weak", "sparse", "calm", "all at once"]
    assert found["weak"]["val_acc"] > found["weaker"]["val_acc"] > found["baseline"]["val_acc"] > 0.7
    histories = [path.read_text(encoding="utf-8").splitlines() for path in folder.rglob("history-*.jsonl")]
    assert sum(sum('"val_acc"' in line for line in lines) for lines in histories) == 6 * 12


def google_sheets(folder: Path) -> None:
    """Four runs in the order that a colleague sorted them, with what they typed; one is in the workbook, too."""
    (path,) = folder.rglob("google.json")
    found = json.loads(path.read_text())
    assert [row["lr"] for row in found] == [0.001, 0.01, 0.1, 0.03]
    assert {row["status"] for row in found} == {"finished"}
    assert [bool(row["notes"]) for row in found] == [True, False, False, False]
    assert [row["run"] for row in rows(folder)] == ["lr 0.03"]


def hyperparameter_sweep(folder: Path) -> None:
    """Every setting once with every seed, although the sweep was started twice."""
    found = [(row["hidden"], row["lr"], row["seed"]) for row in rows(folder, "sweep.xlsx")]
    assert sorted(found) == [(h, lr, s) for h in (4, 32) for lr in (0.001, 0.01, 0.1) for s in range(5)]
    assert all(0.2 < row["val_acc"] <= 1 for row in rows(folder, "sweep.xlsx"))


def coming_from_wandb(folder: Path) -> None:
    """Two runs of the old script, one with media in its folder, two that came along as a CSV."""
    found = rows(folder, "pets.xlsx")
    assert [row["learning_rate"] for row in found] == [0.02, 0.002, None, 0.1, 0.05]
    assert [row["tags"] for row in found] == [None, None, "eval", "from wandb", "from wandb"]
    (kept,) = folder.rglob(f"{found[2]['run_id']}/plots")
    assert {"sample.png", "errors.png"} <= {path.name for path in kept.iterdir()}


def designing_a_template(folder: Path) -> None:
    """The template's columns stand first, in its order; the copied workbook keeps its second tab."""
    found = rows(folder)
    assert [*found[0]][:5] == ["run", "backbone", "mAP", "fps", "looked at"]
    assert [(row["mAP"], row["looked at"]) for row in found] == [(0.412, None), (0.433, None), (0.481, "odd boxes")]
    (path,) = folder.rglob("ablations.xlsx")
    assert openpyxl.load_workbook(path).sheetnames == ["Ablations", "How to read this"]
    (row,) = rows(folder, "ablations.xlsx")
    assert (row["run"], row["val_map"], row["who looks at it"]) == ("no neck", 0.455, "Kim")


JUDGES: dict[str, Callable[[Path], None]] = {
    judge.__name__: judge
    for judge in (
        quickstart,
        comparing_runs,
        google_sheets,
        hyperparameter_sweep,
        coming_from_wandb,
        designing_a_template,
    )
}


def test_every_notebook_has_a_judge() -> None:
    """None is added, or gets lost, without the tests."""
    assert {page.stem for page in PAGES} == set(JUDGES)


@each_notebook
def test_it_runs_and_makes_what_it_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a clean kernel, without a warning, in a folder of its own; it ends with something to look at."""
    book = read(page)
    length = len(book.cells)
    if page.stem == "google_sheets":
        book.cells.append(nbformat.v4.new_code_cell(WITNESS))
    folder = executed(book, monkeypatch)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    said = "".join(output["text"] for output in outputs if output.get("name") == "stderr")
    assert said == SAID.get(page.stem, "")
    shown = [output.get("data", {}) for output in book.cells[length - 1].outputs]
    assert any("text/html" in data or "image/png" in data for data in shown)
    assert not [*Path("here").iterdir()], "it wrote beside itself"
    JUDGES[page.stem](folder)
    for path in folder.rglob("*.xlsx"):
        assert check_workbook(path) == []


@each_notebook
def test_it_is_stored_without_output(page: Path) -> None:
    """No outputs, no counts, no traces of who ran it; ids that are words, so that changes can be read."""
    book = read(page)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert all(cell.metadata == {} for cell in book.cells)
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert set(book.metadata.language_info) == {"name"}
    ids = [cell.id for cell in book.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", one) for one in ids)


@each_notebook
def test_it_is_short_and_explained(page: Path) -> None:
    """It begins with a heading, has few cells, and its links lead somewhere."""
    cells = read(page).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert texts
    assert cells[0].source == texts[0]
    assert texts[0].startswith("# ")
    assert len(cells) <= CELLS
    links = re.findall(r"\]\(([^)#\s]+)", "\n".join(texts))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def read(page: Path) -> Any:
    """Return a notebook. Raises where it is none, or holds what its format doesn't know."""
    book = nbformat.read(page, as_version=nbformat.NO_CONVERT)
    nbformat.validate(book)
    return book


def executed(book: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run a notebook in an empty folder; return the one where its temporary files lie."""
    for name in ("here", "temporary"):
        Path(name).mkdir()
    folder = Path("temporary").absolute()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("IPYTHONDIR", str(Path("ipython").absolute()))  # not the settings of who runs the tests
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of notebooks side by side, threads stand in each other's way
    where = {"metadata": {"path": str(Path("here").absolute())}}
    nbclient.NotebookClient(book, timeout=SECONDS, kernel_name="python3", resources=where).execute()
    return folder
