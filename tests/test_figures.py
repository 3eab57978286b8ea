"""Figures of many runs: they draw what is there, leave out what isn't, and show themselves in a notebook."""

from __future__ import annotations

import io
import math
import random
import subprocess
import sys
from typing import Any

import matplotlib.image
import pandas as pd
import pytest

import experiment_sheet as es
from experiment_sheet.errors import UnknownColumn, UsageError
from experiment_sheet.importance import importance


def size_of(figure: Any) -> tuple[int, int]:
    """Width and height of the picture that a notebook shows; raises where it is none."""
    height, width, _ = matplotlib.image.imread(io.BytesIO(figure._repr_png_())).shape
    return width, height


def grid(count: int = 40) -> pd.DataFrame:
    """Runs in which lr decides, the model a little, and noise nothing."""
    rng = random.Random(3)
    rows = []
    for number in range(count):
        lr, model = 10 ** rng.uniform(-5, -1), rng.choice(["cnn", "mlp"])
        acc = 0.5 - 0.05 * math.log10(lr) + 0.02 * (model == "cnn")
        rows.append({"lr": lr, "model": model, "noise": rng.random(), "seed": number, "val_acc": acc})
    sheet = es.Sheet("grid.csv")
    sheet.append(rows)
    return sheet.read()


def test_curves_of_several_runs() -> None:
    """One line per run that has the curve, named by its title."""
    for name, accs in {"one": [0.1, 0.2], "$two_$": [0.3], "_three": [0.1, math.nan, 0.5]}.items():
        with es.init("runs.csv", name=name) as run:
            for acc in accs:
                run.log({"val_acc": acc})
    es.log_run("runs.csv", {"val_acc": 0.5}, name="flat")
    figure = es.plot.curves(es.Sheet("runs.csv"), "val_acc")
    (axes,) = figure.axes
    assert [list(line.get_xdata()) for line in axes.get_lines()] == [[0, 1], [0], [0, 2]]
    assert len(axes.get_legend().get_texts()) == 3
    assert size_of(figure)[0] > 300
    with pytest.raises(UnknownColumn):
        es.plot.curves(es.Sheet("runs.csv"), "val_ac", ["one"])
    with pytest.raises(UsageError, match="no runs"):
        es.plot.curves(es.Sheet("empty.csv"), "val_acc")


def test_scatter_of_runs() -> None:
    """By a third column: texts have colours of their own, numbers a bar; wide ranges a logarithmic axis."""
    frame = grid()
    by_model = es.plot.scatter(frame, "lr", "val_acc", color="model")
    assert by_model.axes[0].get_xscale() == "log"
    assert sum(len(one.get_offsets()) for one in by_model.axes[0].collections) == len(frame)
    assert {text.get_text() for text in by_model.axes[0].get_legend().get_texts()} == {"cnn", "mlp"}
    assert len(es.plot.scatter(es.Sheet("grid.csv"), "noise", "val_acc", color="lr").axes) == 2
    size_of(es.plot.scatter(frame, "noise", "val_acc", where="model == 'cnn'"))
    with pytest.raises(UnknownColumn, match="did you mean 'noise'"):
        es.plot.scatter(frame, "nois", "val_acc")
    with pytest.raises(UsageError, match="no run has numbers in both"):
        es.plot.scatter(frame, "model", "val_acc")


def test_scatter_still_is_wandbs_chart() -> None:
    """Of a Table it is what it was."""
    table = es.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
    assert es.plot.scatter(table, "x", "y").parts("points").keys() == {"plots/points.png"}


def test_parallel_coordinates() -> None:
    """A line per run with the metric, with a gap where a run has no value; mixed kinds stand side by side."""
    frame = grid(12)
    frame["odd"] = pd.Series(([1, "two", None, 3.5] * 3), dtype=object, index=frame.index)
    frame.attrs["roles"]["odd"] = "input"
    frame.loc[frame.index[0], "val_acc"] = math.nan
    figure = es.plot.parallel(frame, "val_acc")
    axes = figure.axes[0]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    assert len(lines) == 11
    assert [label.get_text() for label in axes.get_xticklabels()] == ["lr", "model", "noise", "odd", "val_acc"]
    assert sum(math.isnan(line.get_ydata()[3]) for line in lines) == 3
    size_of(figure)
    size_of(es.plot.parallel(frame, "lr", ["model"]))
    with pytest.raises(UsageError):
        es.plot.parallel(frame, "model")


def test_importance_finds_what_decides() -> None:
    """The rank correlation has a sign; the forest agrees; a seed is no input."""
    table = importance(grid(), "val_acc")
    assert table.index[0] == "lr"
    assert table.loc["lr", "correlation"] < -0.9
    assert table.loc["lr", "importance"] > 0.5
    assert abs(table.loc["noise", "correlation"]) < 0.5
    assert "seed" not in table.index
    assert table["importance"].sum() == pytest.approx(1)
    size_of(es.plot.importance(grid(), "val_acc"))


def test_few_runs_are_said_to_be_few(caplog: pytest.LogCaptureFixture) -> None:
    """Below thirty runs a message says so; a picture comes all the same, unless nothing differs."""
    frame = grid(8)
    es.plot.importance(frame, "val_acc")
    assert "8 runs" in caplog.text
    with pytest.raises(UsageError, match="no input differs"):
        es.plot.importance(frame.head(1), "val_acc")


def test_importance_without_scikit_learn() -> None:
    """Rank correlation is drawn alone, and one message says what the forest needs."""
    grid()
    program = (
        "import sys, logging; sys.modules['sklearn'] = None; logging.basicConfig(level='WARNING')\n"
        "import experiment_sheet as es\n"
        "for _ in range(2): figure = es.plot.importance(es.Sheet('grid.csv'), 'val_acc')\n"
        "print(len(figure.axes[0].patches), len(figure.axes[0].collections))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]
    assert done.stderr.count("experiment-sheet[demo]") == 1


def test_figures_can_be_logged() -> None:
    """A figure of runs is a plot like any other."""
    figure = es.plot.scatter(grid(), "lr", "val_acc")
    with es.init("runs.csv") as run:
        run.log({"sweep": figure})
    assert list((es.Sheet("runs.csv").files / run.id / "plots").glob("sweep*.png"))


def test_nothing_is_left_open() -> None:
    """pyplot knows nothing of our figures, so that nobody has to close them."""
    import matplotlib.pyplot as plt

    es.plot.scatter(grid(), "lr", "val_acc")
    assert plt.get_fignums() == []


def test_importing_plot_is_light() -> None:
    """Neither pandas nor matplotlib is loaded before something is drawn."""
    program = (
        "import experiment_sheet as es, sys; es.plot.curves\n"
        "print(*{'pandas', 'matplotlib', 'sklearn'} & {*sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
