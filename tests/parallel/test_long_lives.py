"""Many short processes: files, disk and work per call stay bounded, counted and not timed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from parallel.program import judge, run

from experiment_sheet.checkpoint import ARCHIVE_AT

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/io counts what a process reads"),
]

WRITERS = int(os.environ.get("EXPERIMENT_SHEET_WRITERS", "300"))
ROWS = int(os.environ.get("EXPERIMENT_SHEET_WRITER_ROWS", "5"))

LIVES = """
import json
sheet, writers, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
es.log_run(f"warm{Path(sheet).suffix}", {"acc": 0})

def counted():
    numbers = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(numbers["rchar"]), int(numbers["syscr"])

for writer in range(writers):
    reading, writing = os.pipe()
    if not os.fork():
        for row in range(rows):
            begin = time.perf_counter()
            before = counted()
            es.log_run(sheet, {"writer": writer, "row": row, "acc": row / rows})
            after = counted()
            spent = time.perf_counter() - begin
        os.write(writing, json.dumps([after[0] - before[0], after[1] - before[1], spent]).encode())
        os._exit(0)
    os.close(writing)
    bytes_read, reads, spent = json.loads(os.read(reading, 1000))
    os.close(reading)
    os.wait()
    journal = [path.stat() for path in Path(sheet).with_name("runs_files").joinpath("journal").iterdir()]
    size = sum(found.st_size for found in journal)
    print(json.dumps({"bytes": bytes_read, "reads": reads, "seconds": spent, "files": len(journal), "disk": size}))
"""


@pytest.mark.parametrize("name", ["runs.csv", "runs.xlsx"])
def test_many_short_lives_leave_little(name: str, tmp_path: Path) -> None:
    """Hundreds of processes, one after the other: the last leaves no more files, and reads no more, than the first."""
    lives = [json.loads(line) for line in run(LIVES, tmp_path, name, WRITERS, ROWS, seconds=3000).splitlines()]
    assert len(lives) == WRITERS
    assert max(life["files"] for life in lives) <= 2 * (ARCHIVE_AT + 2) + 10
    early, late = lives[ARCHIVE_AT : 3 * ARCHIVE_AT], lives[-2 * ARCHIVE_AT :]
    if name.endswith(".csv"):  # a row is appended: nothing that is read grows with the sheet
        assert max(life["bytes"] for life in late) <= 1.2 * max(life["bytes"] for life in early)
    assert max(life["reads"] for life in late) <= 1.2 * max(life["reads"] for life in early)
    rows = WRITERS * ROWS
    assert lives[-1]["disk"] < 200_000 + 150 * rows, "the archive is no longer compact"
    assert len(judge(tmp_path, tmp_path / name)) == rows
