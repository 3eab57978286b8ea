"""What logging every step costs a training: the slow-down of its steps, and the upper end of its 95 % interval.

    python benchmarks/overhead.py [steps [pairs]]        (default: 1000 steps of at least 10 ms, ten pairs)

A pair is one training that logs ten metrics a step to a sheet, and one that logs them nowhere, each in a process of its
own, in turns: which comes first changes from pair to pair. A step is 10 ms of arithmetic, a fixed amount. The figures
are the mean of the pairs' ratios, for the steps alone (whose upper bound is to be below 5 %), and from `init` to
`finish`, imports aside, where the first row's workbook and the curves are a constant of about a second.

Of the cost itself, about 0.5 % of such a step, two thirds are the call, one third the work beside it (curves, code and
machine written down); the rest of the interval is the machine's.
"""

from __future__ import annotations

import sys
import timeit

from slowdown import print_slowdown

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


def calibrated() -> int:
    """Turns of the step's loop that take at least 10 ms, however fast this machine is at its best."""
    turns, best = 50_000, 0.0
    while best < STEP:
        turns = int(turns * 1.2)
        best = min(timeit.repeat("x = x * 1.0000001 + 1.0", "x = 0.0", number=turns, repeat=7))
    return turns


def main() -> None:
    """Print the mean slow-down and its interval."""
    steps, count = [*map(int, sys.argv[1:]), *(1000, 10)[len(sys.argv) - 1 :]]
    assert count > 1, "an interval needs two pairs"
    print_slowdown(PROGRAM, steps, calibrated(), count)


if __name__ == "__main__":
    main()
