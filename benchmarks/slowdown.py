"""How much slower a training is that logs than the same one that doesn't: pairs of processes, in turns.

A program gets three arguments: the sheet, or ``nowhere``; how many steps; how much work a step is. It prints the
seconds of its steps alone, and those from `init` to `finish`. Which of a pair comes first changes from pair to pair.

One pair more comes first and isn't counted: it fills the caches of the disk. All processes hash texts alike, because
the layout of dictionaries differs from process to process, and with it the speed of a step.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

T_95 = {2: 4.303, 4: 2.776, 9: 2.262, 19: 2.093}
"""Student's t for the two-sided 95 % interval, by degrees of freedom."""


def seconds(program: str, sheet: str, steps: int, work: int) -> tuple[float, float]:
    """Seconds of the steps of one training, and of all of it."""
    command = [sys.executable, "-c", program, sheet, str(steps), str(work)]
    alike = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alike)
    if done.returncode:
        raise RuntimeError(done.stderr)
    alone, whole = map(float, done.stdout.split()[-2:])
    return alone, whole


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Mean, lower and upper end of its two-sided 95 % interval."""
    freedom = len(ratios) - 1
    mean = statistics.mean(ratios)
    half = T_95.get(freedom, 1.96) * statistics.stdev(ratios) / math.sqrt(len(ratios))
    return mean, mean - half, mean + half


def print_slowdown(program: str, steps: int, work: int, count: int) -> None:
    """Run so many pairs; print how much longer the one that logs took."""
    ratios: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        ours = str(Path(name) / "runs.xlsx")
        for number in range(count + 1):
            order = ["nowhere", ours] if number % 2 else [ours, "nowhere"]
            times = {sheet: seconds(program, sheet, steps, work) for sheet in order}
            alone, whole = (mine / bare - 1 for mine, bare in zip(times[ours], times["nowhere"], strict=True))
            print(f"pair {number} of {count}: {alone:+.2%}, {whole:+.2%}", file=sys.stderr)
            if number:
                ratios.append((alone, whole))
    names = ("the steps alone", "init to finish, curves and all")
    for what, column in zip(names, zip(*ratios, strict=True), strict=True):
        mean, low, high = interval(column)
        print(f"{what}: {mean:+.2%} ({low:+.2%} to {high:+.2%})")
