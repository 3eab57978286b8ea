"""What logging to Google Sheets costs in requests, and what a crowd with faults leaves wrong.

    python benchmarks/gsheet.py crowd [processes [runs]]     (default: 20 processes, 50 runs each)
    python benchmarks/gsheet.py requests [seconds]           (default: 1,000 steps over 70 seconds)

All against `experiment_sheet.testing.GoogleSheets` over real HTTP, in a process of its own. In the crowd a fifth of all
requests fails (429 with and without Retry-After, 500, 502, 503 and cut connections, before and after the request took
effect, slow answers), every undocumented race of the service is read in the way that is hardest on a client, and a
teammate sorts the rows every two seconds and types into cells of her own. Every process is a machine of its own: it
shares nothing with the others but the service.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from measure import table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from parallel.google_crowd import crowd as log_in_a_crowd
from parallel.program import run

from experiment_sheet.backends.base import Mark
from experiment_sheet.backends.gsheet import GoogleBackend
from experiment_sheet.backends.registry import parse
from experiment_sheet.columns import Column
from experiment_sheet.testing.google import GoogleSheets

STEPS = """
pause = float(sys.argv[2]) / 1000
with es.init(sys.argv[1], config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": 1 / (step + 1)}, step=step)
        time.sleep(pause)
"""


def crowd(processes: str = "20", runs: str = "50") -> None:
    """Rows lost, doubled and wrong, and what they cost."""
    os.environ.setdefault("EXPERIMENT_SHEET_WAIT", "5")
    with tempfile.TemporaryDirectory() as folder:
        found = log_in_a_crowd(Path(folder), int(processes), int(runs))
    for what in (*found.lost, *found.doubled, *found.wrong):
        print("  !", what)
    print(
        table(
            [
                "crowd",
                "rows",
                "lost",
                "doubled",
                "cells wrong",
                "writes per row",
                "reads per row",
                "failed",
                "too late",
                "sorts",
                "s",
            ],
            [
                [
                    f"{processes} × {runs}",
                    f"{found.rows}",
                    f"{len(found.lost)}",
                    f"{len(found.doubled)}",
                    f"{len(found.wrong)}",
                    f"{found.writes / found.rows:.2f}",
                    f"{found.reads / found.rows:.2f}",
                    f"{found.failed}",
                    f"{found.refused}",
                    f"{found.sorts}",
                    f"{found.seconds:.0f}",
                ]
            ],
        )
    )


def requests(seconds: str = "70") -> None:
    """Write and read requests of one run with 1,000 steps, and of 1,000 rows in one write."""
    rows = [
        [
            f"1,000 steps in {seconds} s",
            *_counted(lambda key: _steps(key, seconds)),
            f"≤ {2 + int(float(seconds) // 30)}",
        ]
    ]
    rows.append(["1,000 rows of 30 columns at once", *_counted(_thousand), "≤ 5"])
    print(table(["what", "writes", "reads", "bound of writes"], rows))


def _counted(work: Callable[[str], object]) -> tuple[str, str]:
    with GoogleSheets() as google:
        os.environ["EXPERIMENT_SHEET_GOOGLE_URL"] = google.url
        work(google.create("runs"))
        return f"{google.log.count('write')}", f"{google.log.count('read')}"


def _steps(key: str, seconds: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EXPERIMENT_SHEET_DIR"] = folder
        run(STEPS, Path(folder), f"gsheet://{key}/runs", seconds, seconds=float(seconds) + 120)


def _thousand(key: str) -> None:
    columns = [Column("input", f"parameter_{number}") for number in range(30)]
    rows = {f"run-{at:04}": dict.fromkeys(columns, at / 7) for at in range(1000)}
    began = time.perf_counter()
    GoogleBackend(parse(f"gsheet://{key}/runs")).write(rows, new=[*rows], mark=Mark("sheet", 1))
    print(f"1,000 rows of 30 columns: {time.perf_counter() - began:.1f} s")


WHAT: Mapping[str, Callable[..., None]] = {"crowd": crowd, "requests": requests}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        WHAT[sys.argv[1]](*sys.argv[2:])
    else:
        for measure in WHAT.values():
            measure()
