"""What a script pays for the library before and after its first row, as whole processes.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import HEADINGS, pairs, table

COUNT = 15


def process(folder: Path, code: str) -> None:
    """Run a program from start to end."""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


def main() -> None:
    """Measure, print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = partial(process, folder)
        for suffix in ("csv", "xlsx"):
            run(f"import experiment_sheet as es; es.log_run('runs.{suffix}', {{'lr': 0.1, 'acc': 0.5}})")
        rows = []
        imported = pairs(lambda: run("import experiment_sheet"), lambda: run("import json"), COUNT)
        more = sorted(a - b for a, b in zip(imported.ours, imported.theirs, strict=True))[COUNT // 2] * 1000
        rows.append([f"import experiment_sheet; import json ({more:+.0f} ms)", *imported.row])
        for suffix in ("csv", "xlsx"):
            log = f"import experiment_sheet as es; es.log_run('runs.{suffix}', {{'lr': 0.1, 'acc': 0.5}})"
            measured = pairs(partial(run, log), partial(run, f"import pandas; {log}"), COUNT)
            rows.append(
                [f"process that logs one row to an existing .{suffix}; the same with pandas imported", *measured.row]
            )
        print(table(HEADINGS, rows))


if __name__ == "__main__":
    main()
