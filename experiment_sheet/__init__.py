"""Log machine-learning experiments into the spreadsheet that you already use.

    import experiment_sheet as es

    es.log_run("runs.xlsx", {"lr": 1e-3, "epochs": 10, "val_acc": 0.931})

One row per run in ``runs.xlsx``, ``runs.csv`` or a Google Sheet; plots and files in a folder per run. What is
exported here is public, with `errors`, `backends`, `testing`, `mlflow` and `integrations`; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment_sheet import current as _current
from experiment_sheet.current import (
    config,
    define_metric,
    finish,
    init,
    log,
    log_artifact,
    log_code,
    log_dataset,
    log_model,
    login,
    save,
    summary,
    unwatch,
    use_artifact,
    watch,
)
from experiment_sheet.destination import log_run
from experiment_sheet.errors import ExperimentSheetError, RunNotFound, SheetError, Unsupported, UsageError
from experiment_sheet.run import Run
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Link

if TYPE_CHECKING:
    from experiment_sheet import google as google
    from experiment_sheet import mlflow as mlflow
    from experiment_sheet import plot as plot
    from experiment_sheet.artifact import Artifact
    from experiment_sheet.histogram import Histogram
    from experiment_sheet.image import Image
    from experiment_sheet.markup import Html
    from experiment_sheet.table import Table
    from experiment_sheet.transfer import copy_sheet

    run: Run | None

__all__ = [
    "Artifact",
    "ExperimentSheetError",
    "Histogram",
    "Html",
    "Image",
    "Link",
    "Run",
    "RunNotFound",
    "Sheet",
    "SheetError",
    "Table",
    "Unsupported",
    "UsageError",
    "__version__",
    "config",
    "copy_sheet",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_code",
    "log_dataset",
    "log_model",
    "log_run",
    "login",
    "mlflow",
    "plot",
    "run",
    "save",
    "summary",
    "unwatch",
    "use_artifact",
    "watch",
]

_LATER = {
    "Artifact": "artifact",
    "Histogram": "histogram",
    "Html": "markup",
    "Image": "image",
    "Table": "table",
    "copy_sheet": "transfer",
}
"""What most programs don't use, by its room; imported when it is asked for."""

# `es.run` is the current run, as in wandb; the import system has just bound the room of that name.
globals().pop("run", None)


def __getattr__(name: str) -> object:
    if name == "run":
        return _current.current()
    if name == "__version__":
        from importlib.metadata import version

        return version("experiment-sheet")
    if name.startswith("_"):
        raise AttributeError(f"module 'experiment_sheet' has no attribute {name!r}")
    from importlib import import_module

    if name in _LATER:
        return getattr(import_module(f"experiment_sheet.{_LATER[name]}"), name)
    if name in ("google", "mlflow", "plot"):
        return import_module(f"experiment_sheet.{name}")
    from experiment_sheet import peers

    return peers.of_module(name)
