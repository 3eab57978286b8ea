"""A crowd of processes that log to one sheet at once, against the same crowd with less to do.

    python benchmarks/crowd.py [processes [rows]]        (default: 200 processes, 50 rows each)

Every process makes `rows` calls, one after the other, each of which returns when its row is safe and in the file.
Against it: the same crowd appending one line of the same values to one file, under filelock and with fsync; and the
same crowd inserting into SQLite in WAL mode, one insert per transaction (``synchronous=NORMAL``, the usual setting with
WAL, which does not fsync each transaction, and ``FULL``, which does). Processes are forked from one that has imported
everything.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from measure import table

import experiment_sheet as es

VALUES = {"lr": 0.001, "epochs": 10, "batch": 64, "optimizer": "adam", "loss": 0.2345, "val_acc": 0.931}


def log(path: Path) -> Callable[[], object]:
    """Log a run into a sheet."""
    return lambda: es.log_run(path, VALUES)


def line(path: Path) -> Callable[[], object]:
    """Append a bare line under filelock."""
    lock = FileLock(f"{path}.lock", thread_local=False)
    text = (",".join(map(str, VALUES.values())) + "\n").encode()

    def append() -> None:
        with lock:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(fd, text)
            os.fsync(fd)
            os.close(fd)

    return append


def sqlite(path: Path, synchronous: str) -> Callable[[], object]:
    """Insert into SQLite, one row per transaction."""
    base = sqlite3.connect(path, timeout=600, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute(f"PRAGMA synchronous={synchronous}")
    base.execute(f"CREATE TABLE IF NOT EXISTS runs ({', '.join(VALUES)})")
    insert = f"INSERT INTO runs VALUES ({', '.join('?' * len(VALUES))})"
    return lambda: base.execute(insert, [*VALUES.values()])


def crowd(make: Callable[[], Callable[[], object]], processes: int, rows: int) -> float:
    """Seconds until every process has made all of its calls."""
    begin = time.perf_counter()
    pids = []
    for _ in range(processes):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                call = make()
                for _ in range(rows):
                    call()
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    assert not failed, f"{len(failed)} processes failed"
    return time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    processes, rows = [*map(int, sys.argv[1:]), *(200, 50)[len(sys.argv) - 1 :]]
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        es.log_run(folder / "warm.xlsx", VALUES)
        es.log_run(folder / "warm.csv", VALUES)
        contests: dict[str, Callable[[], Callable[[], object]]] = {
            "experiment_sheet, .xlsx": lambda: log(folder / "runs.xlsx"),
            "experiment_sheet, .csv": lambda: log(folder / "runs.csv"),
            "a line under filelock, fsync": lambda: line(folder / "lines"),
            "SQLite, WAL, synchronous=NORMAL": lambda: sqlite(folder / "normal.db", "NORMAL"),
            "SQLite, WAL, synchronous=FULL": lambda: sqlite(folder / "full.db", "FULL"),
        }
        for what, make in contests.items():
            seconds = crowd(make, processes, rows)
            lines.append([what, f"{seconds:.1f} s", f"{processes * rows / seconds:,.0f}"])
        for suffix in ("xlsx", "csv"):
            sheet = es.Sheet(folder / f"runs.{suffix}")
            assert sheet.sync() == 0
            found = len(sheet.read())
            assert found == processes * rows, found
    print(f"{processes} processes, {rows} rows each\n")
    print(table(["what", "all rows", "rows per second"], lines))


if __name__ == "__main__":
    main()
