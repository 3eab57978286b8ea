"""A sheet of four runs with curves, two of which share a name, and one without steps."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import experiment_sheet as es

NAMES = ("calm-fox-1", "old-owl-2", "wise-elk-3", "old-owl-2")


def sample(suffix: str = "csv") -> list[str]:
    """Put the sheet ``runs.<suffix>`` and its folder here; answer the runs' ids, the one without steps last."""
    folder, ids = _logged(suffix)
    shutil.copytree(folder, Path.cwd(), dirs_exist_ok=True)
    return list(ids)


@cache
def _logged(suffix: str) -> tuple[Path, tuple[str, ...]]:
    """Log the runs, once per process: drawing their curves takes a while."""
    folder = Path(tempfile.mkdtemp(prefix="experiment_sheet-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / f"runs.{suffix}"
    ids = []
    for number, name in enumerate(NAMES, 1):
        config = {"lr": 0.1 / number, "model": "mlp" if number % 2 else "cnn", "epochs": 3}
        with es.init(target, config=config, name=name) as run:
            for step in range(3):
                values = {"loss": 1 / (step + number), "val_acc": 0.2 * number + 0.05 * step, "phase": "train"}
                run.log(values, step=step)
        ids.append(run.id)
    return folder, (*ids, es.log_run(target, {"lr": 0.5, "model": "svm", "val_acc": float("nan")}, name="nan-run"))
