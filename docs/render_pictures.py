# ruff: noqa: INP001 - a script, not a package
"""Renders the pictures of README and docs from real workbooks, with LibreOffice and pdftoppm.

    python docs/render_pictures.py

It logs a few runs, one of them still running, types a note as a person would, and takes a picture of the sheet.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import openpyxl
from PIL import Image, ImageChops

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


def main() -> None:
    """Render every picture."""
    with tempfile.TemporaryDirectory() as folder:
        workbook = Path(folder) / "runs.xlsx"
        log(workbook)
        for column in LEFT_OUT:  # a picture has less room than a screen
            hide(workbook, column)
        picture(workbook, HERE / "images" / "sheet.png")


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


def hide(workbook: Path, header: str) -> None:
    """Hide a column."""
    book = openpyxl.load_workbook(workbook)
    sheet = book.worksheets[0]
    cell = next(cell for cell in sheet[1] if cell.value == header)
    sheet.column_dimensions[cell.column_letter].hidden = True
    book.save(workbook)


def picture(workbook: Path, png: Path) -> None:
    """Print a workbook to a picture, without the paper around it."""
    folder = workbook.parent
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(workbook)]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    pages = ["pdftoppm", "-r", str(DOTS_PER_INCH), "-png", "-singlefile", str(workbook.with_suffix(".pdf"))]
    subprocess.run([*pages, str(folder / "page")], check=True, timeout=120)
    page = Image.open(folder / "page.png").convert("RGB")
    box = ImageChops.difference(page, Image.new("RGB", page.size, "white")).getbbox()
    assert box is not None, f"{workbook} has nothing to show"
    left, top, right, bottom = box
    cropped = page.crop((left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN))
    cropped.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    png.parent.mkdir(exist_ok=True)
    cropped.quantize(128, dither=Image.Dither.NONE).save(png, optimize=True)


if __name__ == "__main__":
    main()
