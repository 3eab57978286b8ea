"""The public face: its names, and that they are what they were."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import experiment_sheet as es

NAMES = [
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


def test_names_are_pinned() -> None:
    """A public name comes or goes by decision only."""
    assert es.__all__ == NAMES == sorted(NAMES)
    for name in NAMES:
        assert hasattr(es, name), name
    with pytest.raises(AttributeError, match="nonsense"):
        _ = es.nonsense


KEYWORDS = {
    "init": "sheet project name config notes tags group job_type id resume mode dir reinit hypothesis template parent "
    "if_exists ignore rank rank_history baseline unknown",
    "log_run": "sheet data inputs outputs plots artifacts name hypothesis notes tags status",
    "log": "data step commit",
    "finish": "exit_code unknown",
    "log_artifact": "path name type aliases how unknown",
    "use_artifact": "name type unknown",
    "save": "glob_str base_path policy unknown",
    "log_dataset": "name data role version features augmentations",
    "log_model": "model name",
}


def test_keywords_are_pinned() -> None:
    """People's scripts name these keywords; a run's own calls have the same ones."""
    for name, words in KEYWORDS.items():
        assert list(inspect.signature(getattr(es, name)).parameters) == words.split()
        if hasattr(es.Run, name):
            assert list(inspect.signature(getattr(es.Run, name)).parameters) == ["self", *words.split()]


def test_everything_public_says_what_it_does() -> None:
    """Each public name, and each public method of a run, has a docstring."""
    for name in ("init", "log", "log_run", "log_artifact", "define_metric", "finish", "Run", "Sheet"):
        assert inspect.getdoc(getattr(es, name))
    for name, member in inspect.getmembers(es.Run):
        assert name.startswith("_") or inspect.getdoc(member), name


def test_run_is_the_current_run_whatever_was_imported() -> None:
    """``es.run`` is wandb's name for the current run, also after the room of that name was imported."""
    program = (
        "import experiment_sheet.run\n"
        "from experiment_sheet.run import Run\n"
        "import experiment_sheet as es\n"
        "from experiment_sheet import *\n"
        "assert es.run is None and run is None\n"
        "new = es.init('runs.csv')\n"
        "assert es.run is new\n"
        "import pickle; assert pickle.loads(pickle.dumps(Run)) is Run\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_config_and_summary_can_be_looked_at_without_a_run() -> None:
    """Looking at the module in a debugger or by `dir` raises nothing."""
    assert repr(es.config) == "<config of no run>"
    assert repr(es.summary) == "<summary of no run>"
    es.finish()
