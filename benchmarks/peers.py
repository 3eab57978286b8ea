"""What logging a step costs beside other trackers, how many steps a kill leaves, and what one row costs in all.

    python benchmarks/peers.py [calls [rounds]]        (default: 1000 calls, five rounds)

Every tracker logs the same ten metrics per call, to this machine alone, each in a process of its own and in turns. What
is not installed is left out (`requirements.txt` names them all).

- *per call* is what the training waits for: the calls are timed when the tracker has had five seconds to settle after
  its start. Some only hand the values to a thread or another process, which writes them later.
- *at the end* is what its own way to end a run then takes; ours draws curves and writes ``history.csv``.
- *left after SIGKILL*: the process kills itself right after the last call. Helpers of its that outlive it get ten
  seconds to go on writing. Then its files are read: steps that have all ten values count.
- *one row, whole process*: import, begin, log once, end. Where a database or workbook is needed, it is there already.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import table

PROGRAM = """
import os, signal, sys, time
calls, pause, kill = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "kill"
metrics = {{f"metric_{{number}}": 0.123456789 + number / 7 for number in range(10)}}
{begin}
time.sleep(pause)
started = time.perf_counter()
for step in range(calls):
    {log}
ended = time.perf_counter()
if kill:
    os.kill(os.getpid(), signal.SIGKILL)
{end}
print()
print(ended - started, time.perf_counter() - ended)
"""

PAUSE, GRACE = 5.0, 10.0  # seconds: until it is timed, and until it is counted
SINGLE = 7  # processes of one row


@dataclass(frozen=True, slots=True)
class Tracker:
    """How one of them begins, logs a step and ends, and how many whole steps its files hold."""

    name: str
    package: str
    begin: str
    log: str
    end: str
    count: Callable[[Path], int]

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name} {version(self.package.replace('_', '-'))}" if self.package else self.name

    def run(self, folder: Path, calls: int, *, pause: float = PAUSE, kill: bool = False) -> tuple[float, float]:
        """Run its process in a folder; return the seconds of all calls, and of its end."""
        code = PROGRAM.format(begin=self.begin, log=self.log, end=self.end)
        line = [sys.executable, "-c", code, str(calls), str(pause), "kill" if kill else "end"]
        done = subprocess.run(line, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
        if kill:
            time.sleep(GRACE)
            return 0.0, 0.0
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip().splitlines()[-1:]}")
        first, second = map(float, done.stdout.strip().splitlines()[-1].split())
        return first, second


def environment(folder: Path) -> dict[str, str]:
    """Keep every tracker on this machine, in this folder, and silent."""
    places = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "TRACKIO_DIR")
    said = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    return os.environ | said | {name: str(folder) for name in places} | {"TQDM_DISABLE": "1"}


def whole(counts: Counter[object]) -> int:
    """Steps that have all ten values."""
    return sum(count >= 10 for count in counts.values())


def of_lines(folder: Path) -> int:
    """Whole lines of the bare file."""
    return sum(line.endswith("}\n") for line in open(folder / "bare.jsonl", encoding="ascii"))


def of_ours(folder: Path) -> int:
    """As `Sheet.history` reads them."""
    import experiment_sheet as es

    sheet = es.Sheet(folder / "runs.xlsx")
    steps = sheet.history(sheet.read().index[-1])
    return int((steps.notna().sum(axis=1) >= 10).sum())


def of_wandb(folder: Path) -> int:
    """As its file format has it: LevelDB's log, one protocol buffer per record."""
    from wandb.proto import wandb_internal_pb2

    counts: Counter[object] = Counter()
    for path in folder.glob("wandb/*/*.wandb"):
        for text in records_of(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(text)
            keys = [item.key or "".join(item.nested_key) for item in record.history.item]
            counts[record.history.step.num] += sum(key.startswith("metric_") for key in keys)
    return whole(counts)


def records_of(data: bytes) -> Iterator[bytes]:
    """Records of a LevelDB log whose first block begins with a header of 7 bytes (its doc/log_format.md)."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        if (room := 32_768 - at % 32_768) < 7:
            at += room
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        if len(piece := data[at + 7 : at + 7 + length]) < length:
            return
        at, parts = at + 7 + length, parts + piece
        if kind in (1, 4):  # a whole record, or its last part
            yield parts
            parts = b""


def of_trackio(folder: Path) -> int:
    """As its database has it: one JSON object per step."""
    return sum(len(json.loads(values)) >= 10 for (values,) in selected(folder / "peers.db", "metrics"))


def of_tensorboard(folder: Path) -> int:
    """As TFRecord files have it: length, checksum, event, checksum."""
    from tensorboardX.proto import event_pb2

    counts: Counter[object] = Counter()
    for path in folder.glob("tensorboard/events.*"):
        data, at = path.read_bytes(), 0
        while at + 12 <= len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            if at + length + 16 > len(data):
                break
            event = event_pb2.Event()
            event.ParseFromString(data[at + 12 : at + 12 + length])
            counts[event.step] += len(event.summary.value)
            at += length + 16
    return whole(counts)


def of_mlflow(folder: Path) -> int:
    """As its database has it: one row per value."""
    return whole(Counter(step for (step,) in selected(folder / "mlflow.db", "step")))


def selected(path: Path, column: str) -> list[tuple[Any]]:
    """One column of the table of metrics; empty where the kill came before the table was made."""
    with closing(sqlite3.connect(path)) as database:
        try:
            return database.execute(f"select {column} from metrics").fetchall()
        except sqlite3.OperationalError:
            return []


TRACKERS = (
    Tracker(
        "json.dumps and os.write of the same",
        "",
        "import json\nfd = os.open('bare.jsonl', os.O_WRONLY | os.O_APPEND | os.O_CREAT)",
        "os.write(fd, (json.dumps({'step': step, 'time': 1.234, 'log': metrics}) + '\\n').encode())",
        "os.close(fd)",
        of_lines,
    ),
    Tracker(
        "experiment_sheet",
        "experiment_sheet",
        "import experiment_sheet as es\nrun = es.init('runs.xlsx')",
        "run.log(metrics, step=step)",
        "run.finish()",
        of_ours,
    ),
    Tracker(
        "wandb",
        "wandb",
        "import wandb\nrun = wandb.init(project='peers', mode='offline')",
        "run.log(metrics, step=step)",
        "run.finish()",
        of_wandb,
    ),
    Tracker(
        "Trackio",
        "trackio",
        "import trackio\ntrackio.init(project='peers', embed=False)",
        "trackio.log(metrics, step=step)",
        "trackio.finish()",
        of_trackio,
    ),
    Tracker(
        "tensorboardX",
        "tensorboardX",
        "from tensorboardX import SummaryWriter\nwriter = SummaryWriter('tensorboard')",
        "for key, value in metrics.items(): writer.add_scalar(key, value, step)",
        "writer.close()",
        of_tensorboard,
    ),
    Tracker(
        "MLflow, SQLite",
        "mlflow",
        "import mlflow\nmlflow.start_run()",
        "mlflow.log_metrics(metrics, step=step)",
        "mlflow.end_run()",
        of_mlflow,
    ),
)


@dataclass(slots=True)
class Figures:
    """What was measured of one tracker, in seconds; medians go into the table."""

    calls: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)
    left: int = 0

    def row(self, label: str, bare: list[float], calls: int) -> list[str]:
        """Lay out one line; the ratio is the median of those of the rounds."""
        ratio = statistics.median(mine / base for mine, base in zip(self.calls, bare, strict=True))
        per_call = statistics.median(self.calls) / calls * 1e6
        ends, single = statistics.median(self.ends), statistics.median(self.single)
        return [label, f"{per_call:,.1f} µs", f"{ratio:.2f}", f"{ends:.2f} s", f"{self.left:,}", f"{single:.2f} s"]


def measured(trackers: list[Tracker], calls: int, rounds: int, folder: Path) -> dict[str, Figures]:
    """Measure all of them in turns."""
    figures = {tracker.name: Figures() for tracker in trackers}
    places = {tracker.name: folder / tracker.name.split()[0].strip(",") for tracker in trackers}
    for tracker in trackers:  # what is made once, is made now
        places[tracker.name].mkdir()
        tracker.run(places[tracker.name], 1, pause=0)
    for _ in range(rounds):
        for tracker in trackers:
            spent, end = tracker.run(places[tracker.name], calls)
            figures[tracker.name].calls.append(spent)
            figures[tracker.name].ends.append(end)
    for _ in range(SINGLE):
        for tracker in trackers:
            began = time.perf_counter()
            tracker.run(places[tracker.name], 1, pause=0)
            figures[tracker.name].single.append(time.perf_counter() - began)
    for tracker in trackers:
        place = folder / f"{places[tracker.name].name} killed"
        place.mkdir()
        tracker.run(place, calls, kill=True)
        figures[tracker.name].left = tracker.count(place)
    return figures


def main() -> None:
    """Print one table."""
    calls, rounds = [*map(int, sys.argv[1:]), *(1000, 5)[len(sys.argv) - 1 :]]
    there = [tracker for tracker in TRACKERS if tracker.is_installed]
    with tempfile.TemporaryDirectory() as name:
        figures = measured(there, calls, rounds, Path(name))
    bare = figures[TRACKERS[0].name].calls
    rows = [figures[tracker.name].row(tracker.label, bare, calls) for tracker in there]
    rows += [[f"{tracker.name}: not installed", *[""] * 5] for tracker in TRACKERS if not tracker.is_installed]
    left = f"left of {calls:,} after SIGKILL"
    print(table(["tracker", "per call", "times the bare one", "at the end", left, "one row, whole process"], rows))


if __name__ == "__main__":
    main()
