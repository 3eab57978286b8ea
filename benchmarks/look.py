"""What looking at results costs: the best of many runs, and a list in a terminal.

    python benchmarks/look.py [rows …]        (default: 1000 10000 100000)

`Sheet.read` with `Sheet.best` is measured against `pandas.read_excel` (calamine) alone, and `experiment-sheet ls` of a
thousand runs, a whole process, against one that only imports pandas. Both sides are measured in turn; the processor's
seconds are shown too, because a busy machine stretches those of the clock.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import seconds, table
from sheets import workbook

HEADINGS = ["what; against", "experiment_sheet", "against", "ratio (median of pairs)", "ratio of processor time"]


def used(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call, by the clock and of the processor; processes that it starts included."""
    before = os.times()
    wall = seconds(work)
    after = os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def beside(ours: Callable[[], object], theirs: Callable[[], object], count: int) -> list[str]:
    """Measure two things in turn, once for nothing."""
    ours(), theirs()
    rows = [(used(ours), used(theirs)) for _ in range(count)]
    wall = [(our[0], their[0]) for our, their in rows]
    ratios = [our / their for our, their in wall]
    processor = [our[1] / max(their[1], 1e-9) for our, their in rows]
    medians = [statistics.median(times) * 1000 for times in zip(*wall, strict=True)]
    return [
        *(f"{ms:.4g} ms" for ms in medians),
        f"{statistics.median(ratios):.2f}",
        f"{statistics.median(processor):.2f}",
    ]


def best(rows: int, folder: Path) -> list[str]:
    """The best of so many runs."""
    import pandas as pd

    from experiment_sheet import Sheet

    path = workbook(folder / f"{rows}", rows)
    sheet = Sheet(path)
    theirs = partial(pd.read_excel, path, engine="calamine")
    found = beside(lambda: sheet.best("val_loss_0"), theirs, 9 if rows <= 10_000 else 5)
    return [f"read and best of {rows:,} rows; `pandas.read_excel` (calamine)", *found]


def listing(folder: Path) -> list[str]:
    """A list of a thousand runs in a terminal."""
    path = workbook(folder / "ls", 1000)
    run = partial(subprocess.run, check=True, capture_output=True, cwd=path.parent)
    ours = partial(run, [sys.executable, "-m", "experiment_sheet", "ls"])
    theirs = partial(run, [sys.executable, "-c", "import pandas"])
    return ["`experiment-sheet ls` of 1,000 runs; `python -c 'import pandas'`", *beside(ours, theirs, 11)]


def main(sizes: list[int]) -> None:
    """Measure everything, print one table."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(table(HEADINGS, [listing(folder), *(best(size, folder) for size in sizes)]))
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000])
