"""What logging every step costs a training: the slow-down of its steps, and the upper end of its 95 % interval.

    python benchmarks/overhead.py [steps [pairs]]        (default: 1000 steps of at least 10 ms, ten pairs)

A pair is one training that logs ten metrics a step to a sheet, and one that logs them nowhere, each in a process of its
own, in turns: which comes first changes from pair to pair. A step is 10 ms of arithmetic, a fixed amount. The figures
are the mean of the pairs' ratios, for the steps alone (whose upper bound is to be below 5 %), and from `init` to
`finish`, imports aside, where the first row's workbook and the curves are a constant of about a second.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path

PROGRAM = """
import sys, time
import experiment_sheet as es

sheet, steps, work = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
metrics = {f"metric_{n}": 0.123456789 + n for n in range(10)}

def step():
    x = 0.0
    for _ in range(work):
        x = x * 1.0000001 + 1.0

begin = time.perf_counter()
run = None if sheet == "nowhere" else es.init(sheet, config={"lr": 0.1})
started = time.perf_counter()
for number in range(steps):
    step()
    if run:
        run.log(metrics, step=number)
ended = time.perf_counter()
if run:
    run.finish()
print(ended - started, time.perf_counter() - begin)
"""

STEP = 0.010  # seconds

T_95 = {4: 2.776, 9: 2.262, 19: 2.093}
"""Student's t for the two-sided 95 % interval, by degrees of freedom."""


def calibrated() -> int:
    """Turns of the step's loop that take at least 10 ms, however fast this machine is at its best."""
    turns, best = 50_000, 0.0
    while best < STEP:
        turns = int(turns * 1.2)
        best = min(timeit.repeat("x = x * 1.0000001 + 1.0", "x = 0.0", number=turns, repeat=7))
    return turns


def seconds(sheet: str, steps: int, work: int) -> tuple[float, float]:
    """Seconds of the steps of one training, and of all of it."""
    command = [sys.executable, "-c", PROGRAM, sheet, str(steps), str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    alone, whole = map(float, done.stdout.split())
    return alone, whole


def main() -> None:
    """Print the mean slow-down and its interval."""
    steps, count = [*map(int, sys.argv[1:]), *(1000, 10)[len(sys.argv) - 1 :]]
    ratios: list[tuple[float, float]] = []
    work = calibrated()
    with tempfile.TemporaryDirectory() as name:
        ours = str(Path(name) / "runs.xlsx")
        for number in range(count):
            order = ["nowhere", ours] if number % 2 else [ours, "nowhere"]
            times = {sheet: seconds(sheet, steps, work) for sheet in order}
            alone, whole = (mine / bare - 1 for mine, bare in zip(times[ours], times["nowhere"], strict=True))
            ratios.append((alone, whole))
    names = ("the steps alone", "init to finish, curves and all")
    for what, column in zip(names, zip(*ratios, strict=True), strict=True):
        mean, half = statistics.mean(column), T_95.get(count - 1, 1.96) * statistics.stdev(column) / math.sqrt(count)
        print(f"{what}: {mean:+.2%} ({mean - half:+.2%} to {mean + half:+.2%})")


if __name__ == "__main__":
    main()
