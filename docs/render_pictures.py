# ruff: noqa: INP001 - a script, not a package
"""Renders the pictures of README and docs from real workbooks, with LibreOffice and pdftoppm.

    python docs/render_pictures.py

It logs a few runs, one of them still running, types a note as a person would, and takes a picture of the sheet. The
pictures of the tutorial and of the three questions show what those pages' own examples log.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
from openpyxl.worksheet.dimensions import ColumnDimension, DimensionHolder
from PIL import Image, ImageChops
from render_commands import played

import experiment_sheet as es
from experiment_sheet import demo

HERE = Path(__file__).parent
DOTS_PER_INCH = 220
WIDEST = 2400  # pixels of a picture; a README shows half of them, a dense screen all
MARGIN = 6

SHOWN = (0, 3, 7, 8, 9, 11, 12)  # of demo.TRIALS: each family, and the one that fails
LEFT_OUT = ("started", "tags", "features", "epochs", "alpha", "train_acc", "val_loss", "max_depth", "max_features")
TYPED = {
    "a linear model is a fair baseline": ("confirmed", "0.94 is the number to beat"),
    "shallow trees are enough": ("refuted", "try depth 8 with Ana's split first"),
    "the learning rate is too low": ("confirmed", ""),
    "a log scale brings out faint strokes": ("unclear", "log(0)! use log1p"),
}


COLUMNS = {
    "again": "run status plots git command degree lr epochs rmse",
    "changed": "run changed gain rmse rmse.curve degree lr epochs",
    "tutorial": "run status hypothesis verdict notes plots model rmse rmse.curve degree lr",
}
"""Pictures of sheets, and the columns that they show."""

WIDENED = {"command": 48, "changed": 48, "rmse.curve": 18}
"""Columns that are pulled wider for a picture, in characters."""


def main() -> None:
    """Render every picture."""
    demonstrate()
    questions()
    tutorial()
    comparing()


def demonstrate() -> None:
    """Render the pictures of the demo's runs."""
    with tempfile.TemporaryDirectory() as folder:
        workbook = Path(folder) / "runs.xlsx"
        log(workbook)
        picture(workbook, HERE / "images" / "overview.png", page=2)
        for column in LEFT_OUT:  # a picture has less room than a screen
            hide(workbook, column)
        picture(workbook, HERE / "images" / "sheet.png")
        compared = compare(workbook)
        picture(compared, HERE / "images" / "compare.png")
        picture(compared, HERE / "images" / "curves.png", page=2)


def questions() -> None:
    """Render what answers the three questions in the sheet."""
    with tempfile.TemporaryDirectory() as folder:
        played((HERE / "three-questions.md").read_text(encoding="utf-8"), folder)
        workbook = Path(folder) / "runs.xlsx"
        picture(workbook, HERE / "images" / "which.png", page=2)
        show(workbook, "again")
        show(workbook, "changed")


def tutorial() -> None:
    """Render what one sees at the tutorial's end."""
    with tempfile.TemporaryDirectory() as folder:
        played((HERE / "tutorial.md").read_text(encoding="utf-8"), folder)
        workbook = Path(folder) / "runs.xlsx"
        show(workbook, "tutorial")
        fit = max(Path(folder, "runs_files").glob("*/plots/fit*.png"), key=lambda path: path.stat().st_mtime)
        save(Image.open(fit).convert("RGB"), HERE / "images" / "fit.png")


def comparing() -> None:
    """Render the figures of the page on comparisons, from its own sweep."""
    page = (HERE / "comparing.md").read_text(encoding="utf-8")
    sweep = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", sweep], check=True, cwd=folder, timeout=300)
        sheet = es.Sheet(Path(folder) / "sweep.xlsx")
        runs = [f"{model}-{optimizer}-0.001-1" for model in ("mlp", "cnn") for optimizer in ("sgd", "adam")]
        figures = {
            "curves": es.plot.curves(sheet, "val_acc", runs),
            "scatter": es.plot.scatter(sheet, "latency_ms", "val_acc", color="lr"),
            "parallel": es.plot.parallel(sheet, "val_acc"),
            "importance": es.plot.importance(sheet, "val_acc"),
        }
    for name, figure in figures.items():
        figure.savefig(HERE / "images" / f"plot-{name}.png", dpi=110)


def log(workbook: Path) -> None:
    """Log some runs of the demo, type what a person would, and begin one more."""
    for number in SHOWN:
        try:
            demo.run(demo.TRIALS[number], str(workbook))
        except ValueError:  # the one that fails
            continue
    sheet = es.Sheet(workbook)
    for run_id, hypothesis in sheet.read()["hypothesis"].items():
        verdict, note = TYPED.get(hypothesis, ("", ""))
        sheet.update(str(run_id), {"verdict": verdict, "notes": note})
    config = {"model": "mlp", "features": "pixels / 16", "epochs": 200, "hidden": "256, 64", "lr": 0.001}
    run = es.init(workbook, config=config, hypothesis="longer, wider, slower", tags=["demo", "mlp"])
    run.summary.update({"train_acc": 0.9712, "val_acc": 0.9610, "val_loss": 0.1342})
    sheet.sync()
    snapshot = workbook.read_bytes()
    run.finish()
    workbook.write_bytes(snapshot)


def compare(workbook: Path) -> Path:
    """Compare the networks of the demo, as a workbook."""
    frame = es.Sheet(workbook).read()
    networks = frame[(frame["model"] == "mlp") & (frame["status"] == "finished")].index[:3]
    made = workbook.with_name("compare.xlsx")
    command = [sys.executable, "-m", "experiment_sheet", "compare", *networks, "--to", made.name, "-s", workbook.name]
    subprocess.run(command, check=True, cwd=workbook.parent, timeout=120)
    return made


def hide(workbook: Path, header: str) -> None:
    """Hide a column."""
    book = openpyxl.load_workbook(workbook)
    sheet = book.worksheets[0]
    cell = next(cell for cell in sheet[1] if cell.value == header)
    sheet.column_dimensions[cell.column_letter].hidden = True
    book.save(workbook)


def show(workbook: Path, name: str) -> None:
    """Take a picture of the columns that it is to show and no other, folded ones too."""
    book = openpyxl.load_workbook(workbook)
    sheet = book.worksheets[0]
    ranges = [(kept.min, kept.max, kept.width) for kept in sheet.column_dimensions.values()]
    sheet.column_dimensions = DimensionHolder(worksheet=sheet)
    for cell in sheet[1]:
        width = next((width for first, last, width in ranges if first <= cell.column <= last), 13)
        width = WIDENED.get(cell.value, width)
        column = ColumnDimension(sheet, cell.column_letter, width=width, hidden=cell.value not in COLUMNS[name].split())
        sheet.column_dimensions[cell.column_letter] = column
    book.save(workbook)
    picture(workbook, HERE / "images" / f"{name}.png")


def picture(workbook: Path, png: Path, *, page: int = 1) -> None:
    """Print a workbook to a picture, without the paper around it."""
    folder = workbook.parent
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(workbook)]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    pages = ["pdftoppm", "-f", str(page), "-r", str(DOTS_PER_INCH), "-png", "-singlefile"]
    pages.append(str(workbook.with_suffix(".pdf")))
    subprocess.run([*pages, str(folder / "page")], check=True, timeout=120)
    whole = Image.open(folder / "page.png").convert("RGB")
    box = ImageChops.difference(whole, Image.new("RGB", whole.size, "white")).getbbox()
    assert box is not None, f"{workbook} has nothing to show"
    left, top, right, bottom = box
    cropped = whole.crop((left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN))
    save(cropped, png)


def save(shown: Image.Image, png: Path) -> None:
    """Save a picture, small."""
    shown.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    png.parent.mkdir(exist_ok=True)
    shown.quantize(128, dither=Image.Dither.NONE).save(png, optimize=True)


if __name__ == "__main__":
    main()
