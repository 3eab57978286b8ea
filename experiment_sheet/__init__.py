"""Log machine-learning experiments into the spreadsheet that you already use.

    import experiment_sheet as es

    es.log_run("runs.xlsx", {"lr": 1e-3, "epochs": 10, "val_acc": 0.931})

One row per run in ``runs.xlsx``, ``runs.csv`` or a Google Sheet; plots and files in a folder per run. What is
exported here is public, with `errors`, `backends`, `testing`, `mlflow` and `integrations`; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment_sheet import current as _current
from experiment_sheet.current import config, define_metric, finish, init, log, log_artifact, summary
from experiment_sheet.errors import ExperimentSheetError, RunNotFound, SheetError, Unsupported, UsageError
from experiment_sheet.run import Run, log_run
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Link

if TYPE_CHECKING:
    run: Run | None

__all__ = [
    "ExperimentSheetError",
    "Link",
    "Run",
    "RunNotFound",
    "Sheet",
    "SheetError",
    "Unsupported",
    "UsageError",
    "__version__",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_run",
    "run",
    "summary",
]

# `es.run` is the current run, as in wandb; the import system has just bound the room of that name.
globals().pop("run", None)


def __getattr__(name: str) -> object:
    if name == "run":
        return _current.current()
    if name == "__version__":
        from importlib.metadata import version

        return version("experiment-sheet")
    raise AttributeError(f"module 'experiment_sheet' has no attribute {name!r}")
