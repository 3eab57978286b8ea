"""What other trackers' scripts call and this library answers with a word.

Calls that only record say once that they record nothing here, and do nothing. Calls whose answer the program needs
raise `Unsupported` with the way to do it here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, NoReturn

from experiment_sheet import notices
from experiment_sheet.errors import ExperimentSheetError, Unsupported
from experiment_sheet.exhibit import Nothing
from experiment_sheet.ids import draw_run_id


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RECORDING: Final = _names(
    """alert link_artifact link_model mark_preempting mark_iteration setup teardown termlog termwarn termerror require
    tensorboard gym keras_callback ensure_configured display write_traces upsert_artifact finish_artifact"""
)
"""Functions of wandb that only record, or only show."""

THINGS: Final = _names("Audio Video Object3D Molecule Graph Bokeh Classes JoinedTable PartitionedTable Box3D EvalTable")
"""Values of wandb that can be made and logged, and are not kept."""

ELSEWHERE: Final = {
    "sweep": "write the loop yourself: for config in grid: with init(config=config) as run: ...; or use Optuna",
    "agent": "write the loop yourself: for config in grid: with init(config=config) as run: ...; or use Optuna",
    "controller": "write the loop yourself, or use Optuna",
    "Api": 'read the sheet: Sheet("runs.xlsx").read() is a DataFrame of all runs, .history(run_id) one run\'s steps',
    "PublicApi": 'read the sheet: Sheet("runs.xlsx").read() is a DataFrame of all runs',
    "InternalApi": 'read the sheet: Sheet("runs.xlsx").read() is a DataFrame of all runs',
    "restore": "open the file in the run's folder: run.dir, or the folder that the row links to",
    "launch": "start the process by your scheduler; every process makes its own row",
    "launch_add": "start the process by your scheduler; every process makes its own row",
    "use_model": "run.use_artifact(name).file() answers the path of an artifact's only file",
    "load_table": "read the CSV in files/ of the run's folder",
    "load_model": "load the file in files/ of the run's folder with the framework that saved it",
    "delete_run": "delete the row in the sheet; a row that a person deleted stays deleted",
    "MlflowClient": "call the functions of this module; Sheet(...).update(run_id, {...}) changes a run later",
    "log_traces": "log what you need of a trace as values or a Table",
}
"""Calls whose answer the program needs, and what to do here."""

FLAVOURS: Final = _names(
    "sklearn pytorch keras tensorflow xgboost lightgbm catboost transformers statsmodels spark fastai"
)
"""Frameworks by which mlflow names parts of itself."""

_SILENT: Final = _names(
    """autolog enable_system_metrics_logging disable_system_metrics_logging flush_async_logging
    set_registry_uri register_model log_assessment"""
)

util: Final = SimpleNamespace(generate_id=lambda length=None: draw_run_id())  # noqa: ARG005 - wandb's


class Settings(SimpleNamespace):
    """wandb's settings: kept as they are given, and without effect."""


def of_module(name: str) -> Any:
    """Answer a name that wandb's module has. Raises AttributeError for any other."""
    if name == "util":
        return util
    if name == "Settings":
        return Settings
    if name in ("Error", "CommError"):  # what a script for wandb may catch
        return ExperimentSheetError
    if name == "Plotly":
        return lambda figure: figure
    if name in THINGS:
        return _thing(name)
    return _call(name, f"module 'experiment_sheet' has no attribute {name!r}")


def of_run(name: str) -> Any:
    """Answer a name that wandb's runs have. Raises AttributeError for any other."""
    if name in ("disabled", "offline", "sweep_id", "entity", "settings", "starting_step", "path"):
        return {"disabled": False, "offline": True, "starting_step": 0}.get(name)
    return _call(name, f"a Run has no attribute {name!r}")


def of_mlflow(name: str, log_model: Callable[..., Any]) -> Any:
    """Answer a name that mlflow's module has. Raises AttributeError for any other."""
    if name in FLAVOURS:
        return SimpleNamespace(autolog=lambda **_: say_nothing(f"mlflow.{name}.autolog"), log_model=log_model)
    if name in _SILENT:
        return lambda *_, **__: say_nothing(f"mlflow.{name}")
    return _call(name, f"module 'experiment_sheet.mlflow' has no attribute {name!r}")


def _call(name: str, otherwise: str) -> Callable[..., Any]:
    if name in RECORDING:
        return lambda *_, **__: say_nothing(name)
    if name in ELSEWHERE:
        return lambda *_, **__: refuse(name)
    raise AttributeError(f"{otherwise}; what there is stands in docs/reference.md")


def _thing(name: str) -> Callable[..., Nothing]:
    def make(*_: object, **__: object) -> Nothing:
        say_nothing(name)
        return Nothing()

    return make


def say_nothing(name: str) -> None:
    """Say once that a call does nothing here."""
    notices.say("call", name, f"{name} records nothing here; it was left out")


def refuse(name: str) -> NoReturn:
    """Raise what says how to do here what a call does elsewhere."""
    raise Unsupported(f"{name} can't be answered here. Instead: {ELSEWHERE[name]}")
