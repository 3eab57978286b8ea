"""What tests of runs share: a script in a process of its own, and the rows that came of it."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from experiment_sheet import history
from experiment_sheet.run import Run


def rows(path: str = "runs.csv") -> list[dict[str, str]]:
    """Rows of a sheet as the csv module reads them; none where there is no sheet."""
    if not Path(path).exists():
        return []
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def script(body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a training script in a process of its own."""
    head = "import experiment_sheet as es, os, signal, sys\n"
    return subprocess.run([sys.executable, *options, "-c", head + body], capture_output=True, text=True, check=False)


def steps_of(run: Run) -> history.Steps:
    """Steps of a run as its histories have them."""
    return history.read(Path(run.dir))
