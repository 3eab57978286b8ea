"""Running programs beside the test: real processes, whose acknowledged rows are noted where a kill can't take them."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import openpyxl

PRELUDE = """
import os, random, signal, sys, threading, time
from pathlib import Path
import experiment_sheet as es

_notes = os.open("acks", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def ack(run):
    os.write(_notes, f"{run}\\n".encode())
"""


def start(text: str, folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a program in a folder, warnings being errors. It notes rows with ``ack(run_id)``."""
    program = PRELUDE + textwrap.dedent(text)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(text: str, folder: Path, *arguments: object, status: int = 0, seconds: float = 120) -> str:
    """Run a program to its end; answer its output. It has to end with `status`."""
    process = start(text, folder, *arguments)
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == status, (process.returncode, out[-2000:], errors[-3000:])
    return out + errors


def acked(folder: Path) -> list[str]:
    """The run_ids that were acknowledged."""
    path = folder / "acks"
    return path.read_text().split() if path.exists() else []


def rows_of(sheet: Path) -> list[dict[str, object]]:
    """Every row, as a program that is none of ours reads it."""
    import csv

    if sheet.suffix == ".csv":
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            return [dict(row) for row in csv.DictReader(file, strict=True)]
    lines = openpyxl.load_workbook(sheet).worksheets[0].iter_rows(values_only=True)
    head = next(lines)
    return [dict(zip(head, line, strict=True)) for line in lines]


def judge(folder: Path, sheet: Path) -> dict[str, dict[str, object]]:
    """Sync in a new process; every acknowledged row is there, none twice. Answers the rows by run_id."""
    left = run("print(es.Sheet(sys.argv[1]).sync(wait=60))", folder, sheet.name, seconds=200)
    assert left.strip() == "0", left
    rows = rows_of(sheet)
    ids = collections.Counter(str(row["run_id"]) for row in rows)
    assert [run for run, count in ids.items() if count > 1] == []
    assert sorted(set(acked(folder)) - ids.keys()) == []
    return {str(row["run_id"]): row for row in rows}
