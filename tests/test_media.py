"""Figures as values: drawn as they are, without a trace in the caller's pyplot."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import experiment_sheet as es
from experiment_sheet import media

matplotlib = pytest.importorskip("matplotlib")
plt = pytest.importorskip("matplotlib.pyplot")
PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def _no_figures() -> Any:
    plt.close("all")
    yield
    plt.close("all")


def test_what_is_a_figure() -> None:
    """Figures, axes, parts of figures, pyplot itself, and what holds a figure; nothing else."""
    figure, axes = plt.subplots()
    (part, _) = plt.figure().subfigures(1, 2)

    class Display:
        figure_ = figure

    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    for value in (figure, axes, part, plt, Display()):
        assert media.is_figure(value)
        assert media.png_of(value).startswith(PNG)
    for value in (1, "figure", None, [figure], type(figure), sys, Hostile(), object()):
        assert not media.is_figure(value)


def test_the_callers_pyplot_is_as_before() -> None:
    """Current figure, canvas, size, open figures and settings don't change."""
    other, _ = plt.subplots()
    current, _ = plt.subplots()
    settings = dict(matplotlib.rcParams)
    before = (plt.get_fignums(), other.canvas, other.get_size_inches().tolist(), other.dpi)
    media.png_of(other)
    media.draw_curves({"loss": ([0, 1], [1.0, 0.5])}, "run")
    assert (plt.get_fignums(), other.canvas, other.get_size_inches().tolist(), other.dpi) == before
    assert plt.gcf() is current
    assert dict(matplotlib.rcParams) == settings


def test_a_closed_figure_is_drawn() -> None:
    """People log after `plt.close`."""
    figure, _ = plt.subplots()
    plt.close(figure)
    assert media.png_of(figure).startswith(PNG)


def test_pyplot_without_a_figure_makes_none() -> None:
    """Logging `plt` with nothing open is told, and opens nothing."""
    with pytest.raises(ValueError, match="no open figure"):
        media.png_of(plt)
    assert plt.get_fignums() == []


def test_a_figure_that_cannot_be_drawn_is_one_message(caplog: pytest.LogCaptureFixture) -> None:
    """The other values of the step are logged, and the run goes on."""
    figure, axes = plt.subplots()
    axes.set_title("$\\frac{broken$")
    with es.init("runs.csv") as run:
        run.log({"broken": figure, "loss": 1})
        run.log({"broken": figure, "loss": 2})
    assert es.Sheet("runs.csv").read()["loss"].tolist() == [2]
    assert len([r for r in caplog.records if "broken" in r.getMessage()]) == 1


def test_warnings_of_drawing_are_nobodys_concern() -> None:
    """A glyph that the font lacks is no reason to end a training under ``-W error``."""
    figure, axes = plt.subplots()
    axes.set_title("\u0f00")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert media.png_of(figure).startswith(PNG)


def test_figures_of_a_run_are_files_by_name_and_step() -> None:
    """With a step each is kept; without one the last is; names never leave the folder or hide one another."""
    figure, axes = plt.subplots()
    with es.init("runs.csv") as run:
        run.log({"c": figure}, step=1)
        run.log({"c": figure}, step=2)
        run.log({"c": axes, "C": figure, "../up": figure, "curves": figure})
        run.log({"c": axes})
        run.summary["final"] = figure
    plots = [path.name for path in (Path(run.dir) / "plots").iterdir()]
    assert {"c-1.png", "c-2.png", "c.png", "final.png"} <= set(plots)
    assert len(plots) == len({name.lower() for name in plots}) == 7
    columns = es.Sheet("runs.csv").columns()
    assert not {"c", "C", "final"} & set(columns)


def test_curves_of_many_metrics_are_one_picture() -> None:
    """Splits of one metric share a panel; single points, thousands of points and dollar signs do no harm."""
    steps = list(range(10_000))
    values = [float(step) for step in steps]
    curves = dict.fromkeys(("loss", "val_loss", "a$b", "nan", *map(str, range(30))), (steps, values))
    curves["nan"] = (steps, [float("nan")] * len(steps))
    assert media.draw_curves(curves, "$run").startswith(PNG)


def test_scalars_load_no_matplotlib() -> None:
    """Who logs no figure pays for none, at least until the curves are drawn."""
    program = (
        "import sys, experiment_sheet as es\n"
        "es.log_run('runs.csv', {'lr': 1})\n"
        "run = es.init('runs.csv'); run.log({'loss': 1})\n"
        "assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
