"""`experiment-sheet run`: any command, logged; real processes, signals and terminals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from terminal import PROGRAM, environment, terminal

import experiment_sheet as es

TRAIN = """
import sys
lr = float(sys.argv[sys.argv.index("--lr") + 1])
for epoch in range(3):
    print(f"Epoch {epoch}: loss: {lr / (epoch + 1):.3f}")
print("Test accuracy: 91.5%", file=sys.stderr)
if lr > 1:
    raise ValueError("too high")
"""


CATCHING = """
import signal, sys, time
signal.signal(signal.{}, lambda *_: (print("acc=0.5"), sys.exit(7)))
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture(autouse=True)
def _train() -> None:
    Path("train.py").write_text(TRAIN)


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command through ours."""
    line = [*PROGRAM, "run", "-s", "runs.csv", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment(**more), timeout=120)


def only_row() -> dict[str, Any]:
    """The one run there is."""
    ((run_id, row),) = es.Sheet("runs.csv").read().iterrows()
    return {"run_id": run_id, **row}


def folder() -> Path:
    """The run folder of the one run there is."""
    return es.Sheet("runs.csv").files / only_row()["run_id"]


def test_a_command_is_logged_as_it_is() -> None:
    """Options are inputs, what it prints are outputs and passes unchanged, the whole of it is kept."""
    done = run("--name", "first", "--tag", "try", "--", sys.executable, "train.py", "--lr", "0.3")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Epoch 0: loss: 0.300")
    assert done.stderr.splitlines()[0] == "Test accuracy: 91.5%"
    row = only_row()
    assert (row["run"], row["tags"], row["status"], row["lr"]) == ("first", "try", "finished", 0.3)
    assert (row["loss"], row["test_accuracy"]) == (0.1, 91.5)
    assert es.Sheet("runs.csv").columns()["lr"] == "input"
    history = es.Sheet("runs.csv").history(row["run_id"])
    assert list(history["loss"].dropna()) == [0.3, 0.15, 0.1]
    assert list(history.index) == [0, 1, 2]
    log = (folder() / "output.log").read_text()
    assert sorted(log.splitlines()) == sorted([*done.stdout.splitlines(), "Test accuracy: 91.5%"])
    assert f"first ({row['run_id']}) finished" in done.stderr


def test_a_command_that_fails() -> None:
    """Its exit code is ours, its last line the error."""
    done = run("--", sys.executable, "train.py", "--lr", "3")
    assert done.returncode == 1
    row = only_row()
    assert (row["status"], row["error"]) == ("failed", "exit code 1: ValueError: too high")


@pytest.mark.parametrize(
    ("name", "code", "status"), [("SIGKILL", 137, "killed"), ("SIGSEGV", 139, "failed"), ("SIGTERM", 143, "killed")]
)
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_command_that_a_signal_ends(name: str, code: int, status: str) -> None:
    """As shells say it: 128 and the signal's number."""
    done = run("--", "sh", "-c", f"kill -{name[3:]} $$")
    assert (done.returncode, only_row()["status"]) == (code, status)
    assert name in only_row()["error"]


def test_a_command_that_is_not_there_makes_no_row() -> None:
    """127, as shells say it."""
    done = run("--", "no-such-command", "--lr", "1")
    assert (done.returncode, "no-such-command" in done.stderr) == (127, True)
    assert not Path("runs.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="scripts of POSIX")
def test_a_command_that_cant_be_run() -> None:
    """126; the row says why."""
    program = Path("broken.bin")
    program.write_bytes(b"\x7fnot a program")
    program.chmod(0o755)
    done = run("--", "./broken.bin")
    assert (done.returncode, only_row()["status"]) == (126, "failed")


def test_patterns_that_match_and_that_dont() -> None:
    """One that matched nothing is said."""
    done = run("--pattern", r"accuracy: (?P<final>\d+)", "--pattern", r"nope (?P<x>\d)", "--no-guess",
               "--", sys.executable, "train.py", "--lr", "0.3")  # fmt: skip
    row = only_row()
    assert (row["final"], "loss" in row) == (91, False)
    assert "nope" in done.stderr
    assert "matched nothing in 4 lines" in done.stderr


def test_a_command_that_says_nothing() -> None:
    """It is told what to do about it; --quiet isn't."""
    assert "no outputs were recognised" in run("--", sys.executable, "-c", "print('hello')").stderr
    assert run("-q", "--", sys.executable, "-c", "print('hello')").stderr == ""


def test_output_passes_at_once() -> None:
    """A line is there before the command has ended."""
    script = "import time; print('begun', flush=False); time.sleep(60)"
    line = [*PROGRAM, "run", "-s", "runs.csv", "--", sys.executable, "-c", script]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"begun"
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert only_row()["status"] == "killed"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_signals_reach_the_command(name: str) -> None:
    """It may clean up, and end as it likes."""
    script = CATCHING.format(name)
    line = [*PROGRAM, "run", "-q", "-s", "runs.csv", "--", sys.executable, "-c", script]
    process = subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    row = only_row()
    assert (process.returncode, row["status"], row["acc"]) == (7, "failed", 0.5)


def test_ctrl_c_in_a_terminal() -> None:
    """The command gets it once, and the run is killed."""
    Path("wait.py").write_text(
        "import time\ntry:\n    print('ready')\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        "    time.sleep(0.5); print('cleaned up')\n    raise\n"
    )
    with terminal("run", "-s", str(Path("runs.csv").absolute()), "--", sys.executable, "wait.py") as shown:
        shown.until("ready")
        shown.type(b"\x03")
        text = shown.rest()
    assert "cleaned up" in text
    assert (shown.process.returncode, only_row()["status"]) == (130, "killed")


def test_in_a_terminal_the_command_has_one() -> None:
    """Of the same size, so that colours and progress bars are as ever; the log has its bytes."""
    script = "import os, sys; print(sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size(1).columns)"
    with terminal("run", "-s", str(Path("runs.csv").absolute()), "--", sys.executable, "-c", script, columns=77) as it:
        assert "True True 77" in it.rest()
    assert (folder() / "output.log").read_bytes() == b"True True 77\n"


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_one_stream_stays_in_order() -> None:
    """Where stdout and stderr are one file, what was written first stands first."""
    script = "import sys\nfor n in range(50): print(n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)"
    with open("all.txt", "wb") as file:
        line = [*PROGRAM, "run", "-q", "-s", "runs.csv", "--", sys.executable, "-c", script]
        subprocess.run(line, stdout=file, stderr=file, check=True, env=environment())
    assert Path("all.txt").read_text().split() == [str(n) for n in range(50)]


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_a_reader_that_goes_away_stops_nothing() -> None:
    """``| head -1``: the command runs to its end, and its log is whole."""
    line = f"{' '.join(PROGRAM)} run -s runs.csv -- {sys.executable} -c 'for n in range(20000): print(n)' | head -1"
    subprocess.run(line, shell=True, check=True, env=environment(), capture_output=True)
    deadline = time.monotonic() + 60
    while only_row()["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert only_row()["status"] == "finished"
    assert len((folder() / "output.log").read_text().splitlines()) == 20_000


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_a_process_that_is_left_behind_holds_nobody_up() -> None:
    """The command is over when it is over."""
    done = run("--", "sh", "-c", "sleep 600 & echo pid=$!")
    os.kill(int(only_row()["pid"]), signal.SIGKILL)
    assert done.returncode == 0


def test_a_default_that_is_printed_is_an_input_where_others_have_it() -> None:
    """What the sheet knows as an input doesn't get a second column."""
    es.log_run("runs.csv", inputs={"batch_size": 64})
    run("--", sys.executable, "-c", "print('batch_size: 32')")
    sheet = es.Sheet("runs.csv").read()
    assert list(sheet["batch_size"]) == [64, 32]
    assert "batch_size (output)" not in sheet


def test_a_logged_command_can_be_made_again() -> None:
    """`reproduce --run` runs it the same way, and finds the same outputs."""
    run("-q", "--", sys.executable, "train.py", "--lr", "0.3")
    line = [*PROGRAM, "reproduce", "@last", "--into", "again", "--run", "-s", "runs.csv"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loss" in next(line for line in done.stdout.splitlines() if line.startswith("The same within"))
    assert (Path("again") / "code" / "train.py").read_text() == TRAIN
