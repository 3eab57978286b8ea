"""Watching a PyTorch model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet import history


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


TRAINING = """
import torch
import experiment_sheet as wandb

config = dict(epochs=2, classes=10, kernels=[16, 32], batch_size=16, learning_rate=0.005, dataset="MNIST")
torch.manual_seed(0)

def train(model, loader, criterion, optimizer, config):
    wandb.watch(model, criterion, log="all", log_freq=2)
    example_ct = 0
    for epoch in range(config.epochs):
        for images, labels in loader:
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            example_ct += len(images)
            wandb.log({"epoch": epoch, "loss": loss}, step=example_ct)

with wandb.init(project="pytorch-demo", config=config):
    config = wandb.config
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    data = [(torch.randn(config.batch_size, 8, 8), torch.randint(0, 10, (config.batch_size,))) for _ in range(4)]
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    train(model, data, torch.nn.CrossEntropyLoss(), optimizer, config)
    wandb.log({"examples": [wandb.Image(image) for image in data[0][0][:3]], "test_accuracy": torch.tensor(0.5)})
    torch.save(model.state_dict(), "model.pt")
    wandb.save("model.pt")
"""


def test_wandbs_example_for_pytorch() -> None:
    """But for its import it runs as it is, warnings as errors: loss, norms, pictures of tensors, weights."""
    pytest.importorskip("torch")
    line = [sys.executable, "-W", "error", "-c", TRAINING]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    sheet = es.Sheet("pytorch-demo.xlsx")
    (row,) = sheet.read().to_dict("records")
    assert (row["learning_rate"], row["epoch"], row["test_accuracy"]) == (0.005, 1, 0.5)
    assert row["grad_norm"] > 0
    (run,) = sheet.read().index
    steps = sheet.history(run)
    assert steps.index.tolist()[:3] == [16, 32, 48]
    assert steps["gradients/1.weight"].notna().sum() == 4
    files = {path.name for path in (sheet.files / run).glob("*/*")}
    assert {"model.pt", "examples-0.png", "examples-2.png"} <= files
