"""The steps of a run: written as they come, read back in order, and by people."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import rows, script

import experiment_sheet as es
from experiment_sheet import history


def test_steps_wait_in_memory_while_the_folder_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    """Where a file stands in the way of the run folder, one message says so, and the steps are written later."""
    run = es.init("runs.csv", id="blocked")
    Path("runs_files/blocked").write_text("in the way")
    for i in range(10):
        run.log({"loss": i})
    assert len([r for r in caplog.records if "wait in memory" in r.getMessage()]) == 1
    Path("runs_files/blocked").unlink()
    run.log({"loss": 10})
    run.finish()
    assert list(history.read(Path("runs_files/blocked"))) == list(range(11))
    assert rows()[0]["loss"] == "10"


def test_history_is_a_csv_for_people() -> None:
    """``history.csv`` has one row per step, and text in it is never a formula."""
    with es.init("runs.csv") as run:
        run.log({"step": 7, "note": "=1+1", "loss": 0.5})
        run.log({"loss": 0.25})
    with open(Path(run.dir) / "history.csv", encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["step", "seconds", "step (2)", "note", "loss"]
    assert table[1][2:] == ["7", "'=1+1", "0.5"]
    assert table[2][2:] == ["", "", "0.25"]


def test_a_history_can_be_thinned() -> None:
    """Of a very long history the curves show a sample that has every metric in it, also where two take turns."""
    with es.init("runs.csv") as run:
        for step in range(2000):
            run.log({"loss" if step % 2 else "val_loss": step / 7}, step=step)
    steps = history.read(Path(run.dir), thinned=10)
    assert 100 < len(steps) < 400
    assert set(history.curves(steps)) == {"loss", "val_loss"}
    assert history.size(Path(run.dir)) > 2000 * 20


def test_damaged_and_torn_lines_of_a_history_are_skipped() -> None:
    """What a power cut leaves doesn't hide the other steps."""
    folder = Path("runs_files/x")
    folder.mkdir(parents=True)
    good = '{"step": 0, "time": 1, "log": {"a": 1}}\n'
    (folder / "history-1.jsonl").write_bytes(
        good.encode() + b"\x00\xffjunk\n[]\n" + good.replace("0", "1", 1)[:-9].encode()
    )
    assert list(history.read(folder)) == [0]
    assert history.last_step(folder) == 0
    assert history.last_step(Path("nowhere")) == -1


OUTLIVING = """
import resource, sys
import experiment_sheet as es
run = es.init("runs.csv", id="mine")
run.log({"loss": 0})
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
for step in range(3):
    run.log({"loss": step})
run.finish()
if sys.argv[1] == "room":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no limit of file sizes")
@pytest.mark.parametrize("room", ["room", "none"])
def test_steps_that_waited_to_the_end_are_written_at_exit_or_printed(room: str) -> None:
    """A disk that was full until the run had ended costs no step: with room again at exit, or else on stderr."""
    done = subprocess.run([sys.executable, "-c", OUTLIVING, room], capture_output=True, text=True, check=True)
    written = [] if room == "none" else [step for step in history.read(Path("runs_files/mine")) if step]
    printed = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"run"')]
    assert written + [line["step"] for line in printed if line["run"] == "mine"] == [1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_a_history_that_is_too_long_to_read_whole() -> None:
    """Millions of steps are never in memory: the run goes on behind the last, and its curves show a sample."""
    folder = Path("runs_files/long")
    folder.mkdir(parents=True)
    values = ",".join(f'"metric_{number}":0.123456789{number}' for number in range(20))
    with open(folder / "history-0.jsonl", "w", encoding="ascii") as file:
        lines = (f'{{"step":{n},"time":1.5,"log":{{"loss":{1 / (n + 1)},{values}}}}}\n' for n in range(140_000))
        file.writelines(lines)
    assert history.size(folder) > 64 << 20
    done = script(
        "import resource\n"
        "with es.init('runs.csv', id='long') as run:\n"
        "    assert run.step == 140_000\n"
        "    run.log({'loss': 0.5})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)\n"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1_000  # megabytes; read whole it would be 2 GB
    assert rows()[0]["loss"] == "0.5"
    assert (folder / "plots" / "curves.png").exists()
    assert not (folder / "history.csv").exists()
