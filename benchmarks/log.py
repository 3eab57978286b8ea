"""What `run.log` of ten metrics costs beside `json.dumps` and `os.write` of the same bytes.

    python benchmarks/log.py

Both write to the same folder, in turns, so that a busy machine slows both; the figure is the median of the rounds.
The target is at most 2 times.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import experiment_sheet as es

CALLS = 2_000
ROUNDS = 15
METRICS = {f"metric_{number}": 0.123456789 + number / 7 for number in range(10)}


def bare(folder: Path) -> Callable[[int], None]:
    """Make a logger of nothing but `json.dumps` and `os.write`."""
    fd = os.open(folder / "bare.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return lambda step: (
        os.write(fd, (json.dumps({"step": step, "time": 1.234, "log": METRICS}) + "\n").encode()),
        None,
    )[1]


def timed(log: Callable[[int], None]) -> float:
    """Return microseconds per call."""
    begin = time.perf_counter()
    for step in range(CALLS):
        log(step)
    return (time.perf_counter() - begin) / CALLS * 1e6


def main() -> None:
    """Print both figures and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = es.init(folder / "runs.csv")
        pairs = [(timed(bare(folder)), timed(lambda step: run.log(METRICS, step=step))) for _ in range(ROUNDS)]
        run.end("finished")
    base, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    print(f"json.dumps + os.write  {base:6.1f} µs per call")
    print(f"run.log                {ours:6.1f} µs per call, {ratio:.2f} times (target: at most 2)")


if __name__ == "__main__":
    main()
