"""Work that nobody waits for: it ends in a message at worst, and never holds up a run or a fork."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from experiment_sheet import background

FOLDER = Path("run")


def test_work_is_done_and_waited_for() -> None:
    """`settle` returns when it is done, and says so."""
    done: list[int] = []
    background.start(FOLDER, "counting", lambda: (time.sleep(0.05), done.append(1))[0])
    assert background.settle(FOLDER)
    assert done == [1]


def test_a_run_waits_for_its_own_work_and_only_so_long() -> None:
    """What takes longer is abandoned; another run's work is not waited for."""
    go = threading.Event()
    background.start(FOLDER, "waiting", lambda: (go.wait(30), None)[1])
    try:
        assert background.settle(Path("other"))
        assert not background.settle(FOLDER, patience=0.05)
    finally:
        go.set()
    assert background.settle()


def test_what_goes_wrong_is_one_message(caplog: pytest.LogCaptureFixture) -> None:
    """Never an exception in somebody's training."""

    def fail() -> None:
        raise ZeroDivisionError("no")

    with caplog.at_level(logging.WARNING, "experiment_sheet"):
        background.start(FOLDER, "dividing", fail)
        background.settle()
    assert "dividing of run failed" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_right_after_a_run_began_does_not_hang() -> None:
    """Data loaders fork at once; a child that imports and logs works, as its parent does."""
    program = (
        "import experiment_sheet as es, os, logging\n"
        "for n in range(5):\n"
        "    run = es.init('runs.csv', reinit=True)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        import hashlib, json, subprocess; logging.getLogger('experiment_sheet').error('x'); os._exit(3)\n"
        "    assert os.waitpid(child, 0)[1] >> 8 == 3\n"
        "    run.finish()\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_program_may_end_while_work_goes_on() -> None:
    """It is abandoned: no message, no waiting."""
    program = (
        "import time; from pathlib import Path; from experiment_sheet import background\n"
        "background.start(Path('run'), 'sleeping', lambda: time.sleep(60))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
