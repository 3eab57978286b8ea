"""The sheet while a run goes on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scripts import rows

import experiment_sheet as es
from experiment_sheet import current
from experiment_sheet.live import Live

PATIENCE = 20.0  # seconds until a test gives up


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_the_row_is_refreshed_while_the_run_goes_on() -> None:
    """Last values, curve and duration are in the sheet without any call that writes it."""
    with es.init("runs.csv") as run:
        Live(current.open_runs, pace=0.05).begin()
        run.log({"loss": 2})
        run.log({"loss": 1})
        until(lambda: rows()[0].get("loss") == "1")
        until(lambda: rows()[0].get("loss.curve") == "▇▁")
        assert rows()[0]["status"] == "running"
        first = rows()[0]["duration"]
        until(lambda: rows()[0]["duration"] != first)
    assert rows()[0]["status"] == "finished"


def test_it_only_tries_the_lock(caplog: pytest.LogCaptureFixture) -> None:
    """While another process holds the sheet the training goes on, nothing is said, and the row comes later."""
    caplog.set_level(logging.INFO)
    with es.init("runs.csv") as run:
        hold = (
            "import sys; from filelock import FileLock\n"
            "lock = FileLock('runs_files/journal/sheet.lock'); lock.acquire()\n"
            "print('held', flush=True); sys.stdin.read()"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        Live(current.open_runs, pace=0.01).begin()
        for step in range(2000):
            run.log({"loss": step})
        assert rows()[0].get("loss") is None
        holder.communicate("")
        until(lambda: rows()[0].get("loss") == "1999")
        assert caplog.records == []


def test_the_thread_ends_with_the_last_run() -> None:
    """And begins again with the next."""
    live = Live(current.open_runs, pace=0.01)
    before = threading.active_count()
    for _ in range(2):
        es.init("runs.csv")
        live.begin()
        live.begin()
        es.finish()
        until(lambda: threading.active_count() <= before + 1)  # the process's own waits half a minute


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_forked_while_it_writes_can_log() -> None:
    """Whatever the thread held at that moment, no child hangs on it."""
    Path("train.py").write_text(
        "import experiment_sheet as es, os, warnings\n"
        "from experiment_sheet import current\n"
        "from experiment_sheet.live import Live\n"
        "run = es.init('runs.csv')\n"
        "Live(current.open_runs, pace=0.0).begin()\n"
        "for child in range(30):\n"
        "    run.log({'loss': child})\n"
        "    if (pid := os.fork()) == 0:\n"
        "        run.log({'child': child}); run.summary['x'] = 1\n"
        "        with es.init('runs.csv', name=f'child {child}'): pass\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
    )
    done = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(rows()) == 31
