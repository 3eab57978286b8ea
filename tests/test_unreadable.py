"""What lies beside the sheet belongs to somebody else, and can't be read: logging goes on all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import experiment_sheet as es

STRANGER = 65534

WORK = """
import logging, sys
logging.getLogger("experiment_sheet").setLevel(logging.CRITICAL)
import experiment_sheet as es
es.log_run("r.xlsx", {"lr": 2, "val_acc": 0.7})
es.log_run("r.xlsx", {"run_id": "rabc123", "lr": 2})
for given in ({"id": "deleted"}, {"id": "other"}, {"parent": "other"}, {"group": "g"}):
    with es.init("r.xlsx", resume="allow", config={"a": 1}, **given) as run:
        run.log({"val_acc": 1})
es.Sheet("r.xlsx").append([{"lr": 3, "run_id": "rzzz9"}])
"""

PLACES = {
    "files folder": ["r_files"],
    "journals": ["r_files/journal/*.jsonl"],
    "bin": ["r_files/_bin"],
    "state": ["r_files/journal/checkpoint.json", "r_files/journal/generations.log"],
    "memory": ["r_files/journal/before"],
    "run folder": ["r_files/other"],
}


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="capability: to be root, and to give its rights away (setpriv)",
)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_belongs_to_another_user_stops_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Every kind of logging returns, with warnings as errors; each run is in the sheet or waits."""
    monkeypatch.chdir(tmp_path)
    for run_id in ("deleted", "other"):
        with es.init("r.xlsx", id=run_id, config={"a": 1}) as run:
            run.log({"val_acc": 1})
    es.Sheet("r.xlsx").delete("deleted")
    for pattern in PLACES[place]:
        for found in tmp_path.glob(pattern):
            os.chown(found, STRANGER, STRANGER)
            found.chmod(0o700 if found.is_dir() else 0o600)
    less = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", sys.executable, "-W", "error", "-c", WORK]
    home = {"HOME": str(tmp_path / "home"), "EXPERIMENT_SHEET_DIR": ""}
    done = subprocess.run(less, capture_output=True, text=True, timeout=300, env=os.environ | home)
    assert done.returncode == 0, done.stderr[-2000:]
