"""A crowd of machines that log to one Google Sheet, with a service that fails and a teammate who sorts.

Every process has a state folder of its own, so that none knows of the others, as on as many machines; what they share
is the emulated service. Half of the runs are logged in one call, half live: begin, steps, end.
"""

from __future__ import annotations

import collections
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google_target import grid_of
from parallel.program import run

from experiment_sheet.testing.google import GoogleSheets, Teammate

TAB = "runs"

MACHINES = """
target, processes, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import gspread, pandas
import experiment_sheet.backends.gsheet, experiment_sheet.far

def note(number, at, run):
    os.write(_notes, f"{run} {number} {at}\\n".encode())

def work(number):
    os.environ["EXPERIMENT_SHEET_DIR"] = os.path.abspath(f"machine-{number}")
    random.seed(number)
    for at in range(runs):
        config = {"process": number, "number": at, "lr": number + at / 1000}
        if at % 2:
            note(number, at, es.log_run(target, inputs=config, outputs={"loss": number * 1000 + at}))
        else:
            with es.init(target, config=config) as run:
                run.log({"loss": -1.0})
                time.sleep(random.uniform(0, 0.5))
                run.log({"loss": number * 1000 + at})
            note(number, at, run.id)
    deadline = time.monotonic() + 600
    while es.Sheet(target).sync(wait=60):
        assert time.monotonic() < deadline, "rows still wait"
        time.sleep(1)

pids = []
for number in range(processes):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work(number)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    pids.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in pids]
print(codes)
sys.exit(any(codes))
"""


@dataclass(slots=True)
class Counted:
    """What became of a crowd's rows, and what it cost."""

    rows: int
    lost: list[str]
    doubled: list[str]
    wrong: list[str]  # cells of runs and of people, each with what it holds
    writes: int  # requests that reached the service, failed ones too
    reads: int
    failed: int  # in one of the ways of `testing.google.faults.MIXED`
    refused: int  # because another machine was first
    sorts: int
    seconds: float


@dataclass(slots=True)
class Busybody:
    """A teammate who sorts every so many seconds, and types into cells of her own."""

    google: GoogleSheets
    key: str
    pause: float
    mine: dict[str, str] = field(default_factory=dict)  # run_id → what she typed beside it
    sorts: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(1))

    def begin(self, mate: Teammate) -> None:
        """Have a column, and a row with a formula, which is typed in one piece."""
        mate.insert_column(len(mate.grid()[0]), "mine")
        sheet_id = self.google.spreadsheet(self.key).titled(TAB).sheet_id
        cells = {
            "mine": {"stringValue": "a row of mine"},
            "lr": {"numberValue": 0.25},
            "notes": {"formulaValue": "=1+1"},
        }
        typed = []
        for name, value in cells.items():
            start = {"sheetId": sheet_id, "rowIndex": 40, "columnIndex": mate.column(name)}
            row = {"values": [{"userEnteredValue": value}]}
            typed.append({"updateCells": {"start": start, "rows": [row], "fields": "userEnteredValue"}})
        mate.send(*typed)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Sort, and type, until the end."""
        done = threading.Event()
        thread = threading.Thread(target=self._work, args=(done,))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _work(self, done: threading.Event) -> None:
        mate: Teammate | None = None
        while not done.wait(self.pause):
            tab = self.google.spreadsheet(self.key).titled(TAB)
            if tab is None:
                continue
            if mate is None:
                mate = self.google.teammate(self.key, TAB)
                self.begin(mate)
            mate.sort(self._chance.choice(["run_id", "lr", "status", "number"]), descending=self._chance.random() < 0.5)
            self.sorts += 1
            head, *rows = mate.grid()
            place = head.index("run_id")
            at, run = self._chance.choice([(at, row[place]) for at, row in enumerate(rows, 2) if len(row) > place])
            if run:
                self.mine[run] = f"seen {self.sorts}"
                mate.type(at, "mine", self.mine[run])


def crowd(folder: Path, processes: int, runs: int, *, faults: float = 0.2, pause: float = 2.0) -> Counted:
    """Let processes log, and judge what gspread reads in the end."""
    with GoogleSheets() as google:
        key = google.create("runs")
        os.environ["EXPERIMENT_SHEET_GOOGLE_URL"] = google.url
        os.environ["EXPERIMENT_SHEET_GOOGLE_RATE"] = "100000"
        google.faults.share(faults)
        mate = Busybody(google, key, pause)
        began = time.monotonic()
        with mate.at_work():
            run(MACHINES, folder, f"gsheet://{key}/{TAB}", processes, runs, seconds=3600)
        seconds = time.monotonic() - began
        google.faults.clear()
        log = list(google.log)
        lost, doubled, wrong = judged(folder, grid_of(google, key), mate)
        return Counted(
            rows=processes * runs,
            lost=lost,
            doubled=doubled,
            wrong=wrong,
            writes=sum(one.kind == "write" for one in log),
            reads=sum(one.kind == "read" for one in log),
            failed=sum(one.status not in (200, 400) for one in log),
            refused=sum(one.status == 400 for one in log),
            sorts=mate.sorts,
            seconds=seconds,
        )


def judged(folder: Path, grid: list[list[object]], mate: Busybody) -> tuple[list[str], list[str], list[str]]:
    """Rows that are lost, rows that stand there twice, cells that are wrong."""
    head, *lines = grid
    rows = [{str(h): cell for h, cell in zip(head, line, strict=False) if cell != ""} for line in lines]
    found = {str(row["run_id"]): row for row in rows if "run_id" in row}
    noted = [line.split() for line in (folder / "acks").read_text().splitlines()]
    counts = collections.Counter(row["run_id"] for row in rows if "run_id" in row)
    wrong = []
    for name, number, at in noted:
        wrong += _wrong(found.get(name, {}), _expected(int(number), int(at)) | _seen(mate, name), name)
    others = [row for row in rows if row and "run_id" not in row]
    theirs: list[dict[str, Any]] = [{"mine": "a row of mine", "lr": 0.25, "notes": 2}] if mate.sorts else []
    if others != theirs:
        wrong.append(f"rows of a person: {others}")
    lost = [name for name, *_ in noted if name not in found] + [
        f"unknown {n}" for n in found.keys() - {a for a, *_ in noted}
    ]
    return lost, [str(name) for name, count in counts.items() if count > 1], wrong


def _expected(number: int, at: int) -> dict[str, object]:
    return {"process": number, "number": at, "lr": number + at / 1000, "loss": number * 1000 + at, "status": "finished"}


def _seen(mate: Busybody, name: str) -> dict[str, object]:
    return {"mine": mate.mine[name]} if name in mate.mine else {}


def _wrong(row: dict[str, object], expected: dict[str, object], name: str) -> list[str]:
    cells = {**dict.fromkeys(["mine"]), **expected} if row else {}
    return [f"{name} {key}: {row.get(key)!r}, not {value!r}" for key, value in cells.items() if row.get(key) != value]
