"""What `run.log` takes in the training thread while Google answers well, slowly, or not at all, beside a file.

    python benchmarks/google_latency.py [rounds]

Five processes log in turn, a block each, round after round, so that a busy machine slows all of them: into a file, into
a file again (what differs between these two is the spread of repeated runs), and into a Google Sheet that answers
well, each request after 20 s, or never (nobody listens). The emulator runs in another process than they do. Before
each block a row is logged, so that the thread that sends is at work while the block is timed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from log import METRICS
from measure import table

SECONDS = 1.5  # of a block
ROUNDS = 8
SLOW = 20.0  # seconds until each answer


@dataclass(slots=True)
class Case:
    """A process that logs into one sheet, and what its calls took, in µs, by block."""

    name: str
    process: subprocess.Popen[str]
    blocks: list[list[float]] = field(default_factory=list)

    @classmethod
    def begin(cls, name: str, sheet: str, url: str, folder: Path) -> Case:
        """Start the process; wait until its run has begun."""
        settings = {"GOOGLE_URL": url, "DIR": str(folder / "state"), "WAIT": "1"}
        environ = {f"EXPERIMENT_SHEET_{name}": value for name, value in settings.items()}
        words = [sys.executable, __file__, "--log-into", sheet]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, env={**os.environ, **environ}, stdin=pipe, stdout=pipe, text=True, cwd=folder)
        case = cls(name, process)
        case.block()
        case.blocks.clear()
        return case

    def block(self) -> None:
        """Have it log for a while."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.blocks.append(json.loads(self.process.stdout.readline()))

    @property
    def row(self) -> list[str]:
        """Median, quartiles, the slowest thousandth, the worst call; and the medians of the blocks."""
        times = sorted(took for block in self.blocks for took in block)
        low, middle, high = statistics.quantiles(times, n=4)
        medians = [statistics.median(block) for block in self.blocks]
        return [
            self.name,
            f"{middle:.1f}",
            f"{low:.1f} to {high:.1f}",
            f"{times[int(len(times) * 0.999)]:.0f}",
            f"{times[-1] / 1000:.1f} ms",
            f"{min(medians):.1f} to {max(medians):.1f}",
            f"{len(times):,}",
        ]


HEADINGS = ["sheet", "median µs", "quartiles", "99.9 %", "worst", "medians of the rounds", "calls"]


def log_into(sheet: str) -> None:
    """Log a block whenever a line comes in; print what each call took."""
    import experiment_sheet as es

    run = es.init(sheet)
    for _ in sys.stdin:
        es.log_run(sheet, {"lr": 0.1, "loss": 0.5})  # in a moment the other thread has something to send
        times, end = [], time.perf_counter() + SECONDS
        while (before := time.perf_counter()) < end:
            run.log(METRICS)
            times.append((time.perf_counter() - before) * 1e6)
            time.sleep(0.001)  # as a training that does something else, too
        print(json.dumps([round(took, 1) for took in times]), flush=True)


def main(rounds: int) -> None:
    """Print the table."""
    from experiment_sheet.testing.google import GoogleSheets

    with tempfile.TemporaryDirectory() as name, GoogleSheets() as well, GoogleSheets() as slow:
        slow.faults.slow(SLOW, times=1_000_000)
        google = {f"Google, {how}": (f"gsheet://{one.create('runs')}", one.url) for how, one in
                  (("well", well), (f"each answer after {SLOW:g} s", slow))}  # fmt: skip
        dead = {"Google, dead": (f"gsheet://{'x' * 44}", "http://127.0.0.1:9")}
        files = {"a file": ("runs.csv", ""), "a file again": ("again.csv", "")}
        cases = [Case.begin(what, sheet, url, Path(name)) for what, (sheet, url) in (files | google | dead).items()]
        for _ in range(rounds):
            for case in cases:
                case.block()
        print(table(HEADINGS, [case.row for case in cases]))
        print(f"\nrequests that Google got meanwhile: {len(well.log)} (well), {len(slow.log)} (slow)")
        for case in cases:
            case.process.communicate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--log-into"]:
        log_into(sys.argv[2])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
