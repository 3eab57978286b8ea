"""Watching a PyTorch model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import experiment_sheet as es
from experiment_sheet import history


@pytest.fixture(autouse=True)
def _no_run_left_open() -> Any:
    yield
    while es.run is not None:
        es.finish()


def test_norms_of_gradients_and_weights() -> None:
    """Each layer's norm is in the steps, the model's in the row; they are those that torch computes."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    with es.init("runs.csv") as run:
        run.watch(model, log="all", log_freq=2)
        for step in range(4):
            model.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            run.log({"loss": step}, step=step)
        norm = sum(float(weight.grad.norm()) ** 2 for weight in model.parameters()) ** 0.5
        run.unwatch(model)
        model(torch.ones(2, 3)).sum().backward()
        run.log({"loss": 4}, step=4)
    steps = history.read(Path(run.dir))
    assert [step for step, values in steps.items() if "grad_norm" in values] == [0, 2]
    assert {"gradients/0.weight", "gradients/2.bias", "parameters/0.weight", "weight_norm"} <= set(steps[2])
    assert steps[2]["grad_norm"] == pytest.approx(norm, rel=1e-5)
    frame = es.Sheet("runs.csv").read()
    assert {"grad_norm", "weight_norm"} <= set(frame.columns)
    assert not any(name.startswith("gradients/") for name in frame.columns)
    assert not model[0].weight._backward_hooks
    assert not model._forward_hooks


def test_what_cannot_be_watched() -> None:
    """A mistake is told at once; ``log=None`` watches nothing."""
    with es.init("runs.csv") as run:
        with pytest.raises(es.UsageError, match="PyTorch"):
            run.watch(object())
        with pytest.raises(es.UsageError, match="gradients"):
            es.watch(object(), log="everything")
        es.unwatch()
        run.log({"loss": 1})
