"""What `experiment-sheet run` reads: inputs in a command's words, outputs in what it prints."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from experiment_sheet.cli.run_inputs import inputs_of, script_of
from experiment_sheet.cli.run_outputs import Lines, Outputs, compiled
from experiment_sheet.errors import UsageError


@pytest.mark.parametrize(
    ("command", "inputs"),
    [
        ("python train.py --lr 0.1 --epochs=3", {"lr": 0.1, "epochs": 3}),
        ("python train.py --batch-size 32", {"batch_size": 32}),
        ("python train.py --amp --no-shuffle --name x", {"amp": True, "shuffle": False, "name": "x"}),
        ("python train.py -b 32 -j8 -lr 1e-3", {"b": 32, "j": 8, "lr": 0.001}),
        ("python train.py --shift -0.5", {"shift": -0.5}),
        ("python train.py --layers 64 32 --lr 1", {"layers": [64, 32], "lr": 1}),
        ("python train.py model=cnn +trainer.max_epochs=3", {"model": "cnn", "trainer.max_epochs": 3}),
        ("python train.py resnet50 cifar --lr 1", {"lr": 1, "args": "resnet50 cifar"}),
        ("torchrun --nproc_per_node 2 train.py --lr 1", {"lr": 1}),
        ("python -u -m pkg.train --lr 1", {"lr": 1}),
        ("python3 -c pass --lr 1", {"lr": 1}),
        ("./train --lr 1", {"lr": 1}),
        ("train --url=http://a/?b=c", {"url": "http://a/?b=c"}),
        ("train -- --lr 1", {"lr": 1}),
        ("python train.py", {}),
    ],
)
def test_inputs_of_a_command(command: str, inputs: dict[str, object]) -> None:
    """Options behind the script are inputs, however they are spelled."""
    assert inputs_of(command.split(" ")) == inputs


def test_the_script_of_a_command() -> None:
    """The first word that names a file of code."""
    assert script_of(["python", "-u", "src/train.py", "x.py"]) == "src/train.py"
    assert script_of(["make", "train"]) is None


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("loss=0.25", {"loss": 0.25}),
        ("loss: 0.25", {"loss": 0.25}),
        ("loss:0.25", {"loss": 0.25}),
        ("Loss = 1e-3, acc=90%", {"loss": 0.001, "acc": 90}),
        ("acc=0.9,loss=0.3", {"acc": 0.9, "loss": 0.3}),
        ("Test accuracy: 0.93.", {"test_accuracy": 0.93}),
        ("train loss: 0.5, Val Loss: 0.6", {"train_loss": 0.5, "val_loss": 0.6}),
        ("mAP50: 0.5 val/f1=0.4", {"mAP50": 0.5, "val/f1": 0.4}),
        ("INFO:root:loss=nan", {"loss": math.nan}),
        ("loss: tensor(0.2500, device='cuda:0')", {"loss": 0.25}),
        ("\x1b[32mloss\x1b[0m: \x1b[1m0.25\x1b[0m", {"loss": 0.25}),
        ("[2026-01-01 10:00:00] INFO - loss: 0.5", {"loss": 0.5}),
        ("99%|###| 9/9 [00:01<00:00, 8.1it/s, loss=0.5]", {"loss": 0.5}),
        ('{"loss": 0.5, "nested": {"f1": 1}, "note": "x"}', {"loss": 0.5, "nested.f1": 1}),
        ("{'loss': 0.5, 'lr': 1e-05}", {"loss": 0.5, "lr": 1e-05}),
        ("{'loss': nan}", {"loss": math.nan}),
        ("n=5", {"n": 5}),
    ],
)
def test_values_that_are_recognised(line: str, values: dict[str, object]) -> None:
    """The ways in which scripts print a number."""
    ((_, found),) = Outputs().read(line)
    assert str(found) == str(values)  # NaN equals itself as text


@pytest.mark.parametrize(
    "line",
    [
        "on cuda:0, localhost:8080",
        "http://host:80/x",
        "took: 12s, eta: 0:00:10, step time: 3ms",
        "ip: 127.0.0.1, version: 2.1.0",
        "params: 1,234,567",
        "progress: 3/10",
        "if a == 5 and b >= 6",
        "File 'a.py', line 3",
        "{broken",
        "{1, 2}",
        "-----",
        "",
    ],
)
def test_what_is_no_value(line: str) -> None:
    """Numbers that go on as something else, and all other text."""
    assert Outputs().read(line) == []


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        (["Epoch 1/3", "loss: 0.5", "Epoch 2/3", "loss: 0.4"], [(1, 0.5), (2, 0.4)]),
        (["[Epoch 7] loss: 0.5"], [(7, 0.5)]),
        (["epoch=2 loss=0.5"], [(2, 0.5)]),
        (["step 100 | loss: 0.5", "step 200 | loss: 0.4"], [(100, 0.5), (200, 0.4)]),
        (["iter 5: loss=0.5"], [(5, 0.5)]),
        (['{"global_step": 9, "loss": 0.5}'], [(9, 0.5)]),
        (["{'loss': 0.5, 'epoch': 0.25}"], [(0.25, 0.5)]),
        (["loss: 0.5", "loss: 0.4", "loss: 0.3"], [(0, 0.5), (1, 0.4), (2, 0.3)]),
        (["Epoch [1/2], Step [100/200], loss: 0.5", "Epoch [1/2], Step [200/200], loss: 0.4",
          "Epoch [2/2], Step [100/200], loss: 0.3"], [(100, 0.5), (200, 0.4), (300, 0.3)]),
    ],
)  # fmt: skip
def test_steps_that_are_recognised(lines: list[str], steps: list[tuple[float, float]]) -> None:
    """The finest unit that is named; without one, values are counted by name."""
    outputs = Outputs()
    found = [(step, values["loss"]) for line in lines for step, values in outputs.read(line) if "loss" in values]
    assert found == steps


def test_an_epoch_beside_steps_is_a_value() -> None:
    """The step is the curve's, the epoch a column."""
    assert Outputs().read("epoch 2 step 40 loss: 0.5") == [(40, {"loss": 0.5, "epoch": 2})]


def test_patterns() -> None:
    """Groups are names of outputs, or are called name and value; step is the step; text is text."""
    outputs = Outputs([compiled(r"it (?P<step>\d+) acc (?P<acc>\S+) is (?P<said>\w+)"), compiled(r"never (?P<x>\d)")])
    assert outputs.read("it 3 acc 91.5% is good") == [(3, {"acc": 91.5, "said": "good"})]
    assert Outputs([compiled(r"(?P<name>\w+)\s+->\s+(?P<value>\S+)")]).read("f1 -> 0.5") == [(0, {"f1": 0.5})]
    assert outputs.matched[r"never (?P<x>\d)"] == 0


def test_without_guessing_only_patterns_count() -> None:
    """What merely looks like a value is none."""
    outputs = Outputs([compiled(r"acc is (?P<acc>\S+)")], guess=False)
    assert outputs.read("loss: 0.5 acc is 0.9") == [(0, {"acc": 0.9})]


@pytest.mark.parametrize("pattern", ["(", "acc", r"(\d+)", r"(?P<step>\d+)"])
def test_a_pattern_that_names_nothing(pattern: str) -> None:
    """It is refused before anything runs."""
    with pytest.raises(UsageError, match="--pattern"):
        compiled(pattern)


def test_an_input_that_is_printed_is_no_output() -> None:
    """While it has the same value; a learning rate that falls is a curve."""
    outputs = Outputs(inputs={"lr": 0.1})
    assert outputs.read("lr=0.1 loss=1") == [(0, {"loss": 1})]
    assert outputs.read("lr=0.05") == [(0, {"lr": 0.05})]


def test_lines_of_a_stream() -> None:
    """Cut anywhere, ended in any way, of any length."""
    lines = Lines(longest=10)
    assert lines.feed(b"a\r\nb\rc") == ["a", "b"]
    assert lines.feed("ä\n".encode()[:1]) == []
    assert lines.feed("ä\n".encode()[1:]) == ["cä"]
    assert lines.feed(b"x" * 50) == []
    assert lines.feed(b"x" * 50 + b"\nend") == []
    assert lines.end() == ["end"]


def test_nothing_that_a_command_prints_ends_it(tmp_path: Path) -> None:
    """Steps that are no number, numbers of thousands of digits, lines that take a pattern long: it runs to its end."""
    (tmp_path / "odd.py").write_text(
        "import json\n"
        "print(json.dumps({'step': float('nan'), 'loss': 0.3}))\n"
        'print(\'{"step": 1e999, "loss": 0.2}\')\n'
        "print('x=' + '1' * 5000)\n"
        "print('train ' * 10_000 + '=')\n"
        "print('step nan loss=0.1')\n"
        "open('model.pt', 'w').write('done')\n",
        encoding="utf-8",
    )
    words = [sys.executable, "-m", "experiment_sheet", "run", "-s", "runs.csv", "--", sys.executable, "odd.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.pt").read_text(encoding="utf-8") == "done"
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8").count("finished") == 1
