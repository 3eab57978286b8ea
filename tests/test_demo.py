"""The demo, run as README says it is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import openpyxl

import experiment_sheet as es
from experiment_sheet import demo


def test_demo_trains_and_logs() -> None:
    """The demo logs every trial, one of them failed for a real reason, and ends with the best five."""
    line = [sys.executable, "-m", "experiment_sheet", "demo"]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert str(Path("runs.xlsx").absolute()) in done.stdout
    runs = es.Sheet("runs.xlsx").read()
    assert len(runs) == len(demo.TRIALS) >= 12
    assert runs["model"].nunique() == 3
    assert runs["hypothesis"].notna().all()
    (failed,) = runs[runs["status"] == "failed"].itertuples()
    assert re.search(r"ValueError.*infinity", failed.error)
    best = runs.sort_values("val_acc", ascending=False)["run"].head(1).item()
    assert best in done.stdout
    assert runs["test_acc"].max() > 0.95


def test_demo_keeps_plots() -> None:
    """Each run's plots lie in its folder, and its row links there."""
    line = [sys.executable, "-m", "experiment_sheet", "demo", "--runs", "1", "--json"]
    said = json.loads(subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=True).stdout)
    (run,) = said["best"]
    folder = Path("runs_files", run["run_id"])
    assert {path.name for path in (folder / "plots").iterdir()} >= {"confusion.png", "curves.png"}
    cells = openpyxl.load_workbook("runs.xlsx").active[2]
    links = [cell.value for cell in cells if str(cell.value).startswith("=HYPERLINK")]
    assert links == [f'=HYPERLINK("runs_files/{run["run_id"]}/index.html","2 plots")']
    assert (folder / "index.html").exists()
