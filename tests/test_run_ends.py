"""How a run ends: finished, failed or killed, whatever ends its script."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from scripts import rows, script

import experiment_sheet as es
from experiment_sheet import background, history

ENDS = {
    "run.finish()": ("finished", ""),
    "run.finish(2)": ("failed", "exit code 2"),
    "": ("finished", ""),
    "1/0": ("failed", "ZeroDivisionError: division by zero"),
    "os.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(5)": ("killed", "KeyboardInterrupt"),
    "with run: 1/0": ("failed", "ZeroDivisionError: division by zero"),
    "with run: raise KeyboardInterrupt": ("killed", "KeyboardInterrupt"),
    "with run: sys.exit()": ("finished", ""),
    "with run: sys.exit(3)": ("failed", "SystemExit: 3"),
    "sys.exit(3)": ("failed", "SystemExit: 3"),
    "sys.exit('no data')": ("failed", "SystemExit: no data"),
    "sys.exit(0)": ("finished", ""),
    "exit(2)": ("failed", "SystemExit: 2"),
    "try: sys.exit(3)\nfinally: print()": ("failed", "SystemExit: 3"),
    "import argparse; argparse.ArgumentParser().parse_args(['--x'])": ("failed", "SystemExit: 2"),
    "def main():\n  try: sys.exit(3)\n  except SystemExit: pass\nmain()": ("finished", ""),
    "import threading; t = threading.Thread(target=sys.exit, args=[3]); t.start(); t.join()": ("finished", ""),
    "with run: pass\n1/0": ("finished", ""),
    "try: 1/0\nexcept Exception: pass": ("finished", ""),
}


@pytest.mark.parametrize("end", ENDS)
def test_each_end_has_its_status(end: str) -> None:
    """However a script ends, its row says how, and the script ends as it would without us."""
    done = script(f"run = es.init('runs.csv')\nrun.log({{'loss': 1}})\n{end}")
    plain = script(
        f"import contextlib; run = contextlib.nullcontext(); run.finish = print\n{end}".replace("finish(2)", "finish()")
    )
    assert done.returncode == plain.returncode
    (row,) = rows()
    assert (row["status"], row.get("error", "")) == ENDS[end]
    assert row["loss"] == "1"


def test_an_exit_that_was_caught_is_none_of_the_next_run() -> None:
    """A sweep that catches the exit of one trial goes on; only the run that was left open by it is failed."""
    done = script(
        "try:\n  with es.init('runs.csv'): sys.exit(3)\nexcept SystemExit: pass\nes.init('runs.csv').log({'loss': 1})"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["status"] for row in rows()] == ["failed", "finished"]


def test_the_duration_is_that_of_the_training() -> None:
    """What `finish` does by itself, drawing curves and waiting for what is recorded, is no part of it."""
    with es.init("runs.csv") as run:
        background.start(Path(run.dir), "hashing", lambda: time.sleep(1.5))
    began = time.monotonic()
    assert es.Sheet("runs.csv").read()["duration"].iloc[0].total_seconds() < 1.4
    assert time.monotonic() - began < 60  # not a measurement


def test_an_exception_passes_through() -> None:
    """The context manager never swallows what its block raises."""
    with pytest.raises(ZeroDivisionError), es.init("runs.csv"):
        _ = 1 / 0
    assert rows()[0]["error"] == "ZeroDivisionError: division by zero"


def test_finish_twice_is_once_and_log_after_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A run that is over changes no more."""
    run = es.init("runs.csv")
    run.log({"loss": 1})
    run.finish()
    run.finish(1)
    run.log({"loss": 2})
    run.log({"loss": 3})
    assert rows()[0]["status"] == "finished"
    assert rows()[0]["loss"] == "1"
    assert len([r for r in caplog.records if "is over" in r.getMessage()]) == 1


@pytest.mark.crash
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_kill_loses_no_step() -> None:
    """After SIGKILL right behind the last of 1,000 calls there are 1,000 steps, and the row is in the sheet."""
    done = script(
        "run = es.init('runs.csv', id='victim')\n"
        "for i in range(1000): run.log({'loss': i})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert done.returncode == -signal.SIGKILL
    assert len(history.read(Path("runs_files/victim"))) == 1000
    assert rows()[0]["run_id"] == "victim"


@pytest.mark.crash
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_what_was_told_survives_a_kill() -> None:
    """Config, summary and last values that were told are read back after SIGKILL, before any other process writes."""
    script(
        "run = es.init('runs.csv')\n"
        "run.log({'loss': 0.5})\n"
        "run.config.depth = 3\n"
        "run.summary['acc'] = 0.75\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    frame = es.Sheet("runs.csv").read()
    assert frame[["loss", "depth", "acc"]].values.tolist() == [[0.5, 3, 0.75]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_logs_for_itself_and_ends_nothing() -> None:
    """A child's steps go to its own file, and its exit leaves the parent's run running."""
    done = script(
        "run = es.init('runs.csv', id='parent')\n"
        "run.log({'a': 1}, step=0)\n"
        "if os.fork() == 0:\n"
        "    run.log({'b': 2}, step=1)\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "print(es.Sheet('runs.csv').read()['status'].tolist())\n"
        "run.log({'a': 3}, step=2)\n"
    )
    assert done.stdout.strip() == "['running']", done.stderr
    assert len(list(Path("runs_files/parent").glob("history-*.jsonl"))) == 2
    assert list(history.read(Path("runs_files/parent"))) == [0, 1, 2]
    assert [row["status"] for row in rows()] == ["finished"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_that_leaves_the_block_ends_nothing() -> None:
    """A child forked inside the ``with`` block unwinds it, and the run is still its parent's."""
    done = script(
        "with es.init('runs.csv') as run:\n"
        "    if os.fork() == 0:\n"
        "        run.summary['x'] = 1\n"
        "        sys.exit(3)\n"
        "    os.wait()\n"
        "    print(es.Sheet('runs.csv').read()['status'].tolist())\n"
    )
    assert done.stdout.strip() == "['running']", done.stderr
    assert [row["status"] for row in rows()] == ["finished"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program sees")
def test_sigterm_is_said_and_kills_as_ever() -> None:
    """A run that a scheduler ends is ``killed`` with its last values, and the process dies of the signal."""
    done = script(
        "run = es.init('runs.csv')\n"
        "run.log({'loss': 0.5})\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "import time; time.sleep(5)"
    )
    assert done.returncode == -signal.SIGTERM, done.stderr
    es.Sheet("runs.csv").sync()
    (row,) = rows()
    assert (row["status"], row["error"], row["loss"]) == ("killed", "SIGTERM", "0.5")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program sees")
def test_a_programs_own_sigterm_handler_stays() -> None:
    """Who handles the signal goes on handling it, and the run ends as the program says."""
    done = script(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "with es.init('runs.csv'):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    import time; time.sleep(5)"
    )
    assert done.returncode == 0, done.stderr
    assert rows()[0]["status"] == "finished"
