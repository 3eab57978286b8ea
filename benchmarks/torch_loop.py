"""What everything that this library does at once costs a training of PyTorch's: an upper bound of at most 3 %.

    python benchmarks/torch_loop.py [steps [pairs]]        (default: 1000 steps of at least 10 ms, ten pairs)

The training is a network of linear layers on the CPU, one thread, whose batch is as large as it takes for a step of at
least 10 ms. The one that logs has everything on: ten metrics at every step, some of them tensors, norms of gradients
and weights by `watch` and a picture every 100 steps, the row in a workbook refreshed by its thread, code, packages and
machine recorded, the data's hash; a figure and the model at the end. The other one logs nothing. Both are the same
program otherwise.
"""

from __future__ import annotations

import sys
import time
import timeit
from importlib.util import find_spec

from slowdown import print_slowdown

PROGRAM = """
import sys, time
import torch
import experiment_sheet as es

sheet, steps, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(*[layer for _ in range(4) for layer in (torch.nn.Linear(256, 256), torch.nn.ReLU())])
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
x = torch.randn(batch, 256)
y = torch.roll(x, 1, dims=1)
logs = sheet != "nowhere"

def step():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss

for _ in range(20):
    step()
begin = time.perf_counter()
if logs:
    run = es.init(sheet, config={"lr": 1e-3, "batch": batch}, hypothesis="logging is cheap", tags=["benchmark"])
    run.define_metric("loss", summary="min,mean")
    run.log_dataset("noise", x)
    run.watch(model, log="all", log_freq=100)
started = time.perf_counter()
for number in range(steps):
    loss = step()
    if logs:
        run.log({"loss": loss, "lr": 1e-3, "nested": {"grad": model[0].weight.grad[0, 0]}, "step_of_ten": number // 10,
                 **{f"metric_{n}": number / (n + 1) for n in range(6)}}, step=number)
        if number % 100 == 50:
            run.log({"sample": es.Image(x[:64, :64])}, step=number)
ended = time.perf_counter()
if logs:
    from matplotlib.figure import Figure
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([1, 2, 3])
    run.log({"figure": figure})
    run.log_model(model)
    run.finish()
print(ended - started, time.perf_counter() - begin)
"""

STEP = 0.010  # seconds

CALIBRATE = PROGRAM.split("for _ in range(20)")[0]


def calibrated() -> int:
    """The size of a batch that takes a step at least 10 ms, however fast this machine is at its best."""
    batch, best = 32, 0.0
    while best < STEP:
        batch = int(batch * 1.3)
        setup = CALIBRATE.replace("sys.argv[1], int(sys.argv[2]), int(sys.argv[3])", f"'nowhere', 0, {batch}")
        best = min(timeit.repeat("step()", setup, timer=time.thread_time, number=5, repeat=7)) / 5
    return batch


def main() -> None:
    """Print the mean slow-down and its interval; where PyTorch isn't installed, that."""
    if find_spec("torch") is None:
        print("PyTorch: not installed")
        return
    steps, count = [*map(int, sys.argv[1:]), *(1000, 10)[len(sys.argv) - 1 :]]
    batch = calibrated()
    print(f"steps of at least {STEP * 1000:.0f} ms: batches of {batch}", file=sys.stderr)
    print_slowdown(PROGRAM, steps, batch, count)


if __name__ == "__main__":
    main()
