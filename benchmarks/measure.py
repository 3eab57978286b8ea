"""Timing two things side by side, and printing what came out as a table that docs/benchmarks.md can hold."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of two things, measured in turn."""

    ours: list[float]
    theirs: list[float]

    @property
    def row(self) -> list[str]:
        """Medians in ms, and the quartiles of the ratios of the pairs."""
        ratios = [our / their for our, their in zip(self.ours, self.theirs, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        ours, theirs = (statistics.median(times) * 1000 for times in (self.ours, self.theirs))
        return [f"{ours:.3g} ms", f"{theirs:.3g} ms", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"]


HEADINGS = ["what", "experiment_sheet", "against", "ratio (median of pairs)", "quartiles"]


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pairs(ours: Callable[[], object], theirs: Callable[[], object], count: int, *, warm: int = 1) -> Pairs:
    """Time two things in turn, so that whatever else the machine does hits both."""
    for _ in range(warm):
        ours()
        theirs()
    measured = Pairs([], [])
    for _ in range(count):
        measured.ours.append(seconds(ours))
        measured.theirs.append(seconds(theirs))
    return measured


def copy(path: Path) -> None:
    """Copy a file as the plainest program that saves one must: read, write beside, fsync, replace."""
    beside = path.with_name(f"{path.name}.copy")
    with open(path, "rb") as source, open(beside, "wb") as target:
        target.write(source.read())
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
