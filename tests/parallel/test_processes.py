"""Threads, forks, spawns, exits without goodbye, signals: whatever processes do while they log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from parallel.program import acked, judge, rows_of, run, start

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(os.name == "nt", reason="forks and signals of POSIX"),
]

SUFFIXES = pytest.mark.parametrize("name", ["runs.xlsx", "runs.csv"])


@SUFFIXES
def test_threads_of_one_process(name: str, tmp_path: Path) -> None:
    """Eight threads log to one sheet at once, through one run each and through log_run."""
    run(
        """
        def work(number):
            for row in range(10):
                ack(es.log_run(sys.argv[1], {"worker": number, "row": row}))
            with es.init(sys.argv[1], reinit="create_new", config={"worker": number}) as mine:
                for step in range(20):
                    mine.log({"loss": 1 / (step + 1)})
            ack(mine.id)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        tmp_path,
        name,
    )
    assert len(acked(tmp_path)) == 88
    rows = judge(tmp_path, tmp_path / name)
    assert len(rows) == 88
    assert {row["status"] for row in rows.values()} == {"finished"}


@SUFFIXES
def test_a_forked_worker_that_outlives_a_killed_parent(name: str, tmp_path: Path) -> None:
    """The run of a killed parent becomes crashed although its worker lives on; what the worker logs arrives."""
    process = start(
        """
        mine = es.init(sys.argv[1], config={"lr": 1})
        mine.log({"loss": 0.5})
        ack(mine.id)
        if not os.fork():
            mine.log({"loss": 0.25})
            ack(es.log_run(sys.argv[1], {"worker": 1}))
            time.sleep(20)
            os._exit(0)
        time.sleep(60)
        """,
        tmp_path,
        name,
    )
    _until(lambda: len(acked(tmp_path)) == 2)
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):  # which the worker holds open
        assert pipe is not None
        pipe.close()
    rows = judge(tmp_path, tmp_path / name)
    parent, worker = acked(tmp_path)
    assert rows[parent]["status"] == "crashed"
    assert rows[worker]["status"] == "finished"


@SUFFIXES
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method: str, name: str, tmp_path: Path) -> None:
    """A pool of workers logs while the parent's run goes on; the run is the parent's, and ends once."""
    (tmp_path / "job.py").write_text(
        "import experiment_sheet as es\ndef work(number):\n    return es.log_run('" + name + "', {'worker': number})\n"
    )
    (tmp_path / "main.py").write_text(
        "import multiprocessing, sys, experiment_sheet as es\nfrom job import work\n"
        "if __name__ == '__main__':\n"
        f"    mine = es.init('{name}', config={{'lr': 1}})\n"
        f"    with multiprocessing.get_context('{method}').Pool(4) as pool:\n"
        "        print(mine.id, *pool.map(work, range(12)))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "main.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "acks").write_text(done.stdout)
    rows = judge(tmp_path, tmp_path / name)
    assert len(rows) == 13
    assert {row["status"] for row in rows.values()} == {"finished"}


@SUFFIXES
def test_exit_without_goodbye(name: str, tmp_path: Path) -> None:
    """After os._exit what was acknowledged is there, steps and all; the open run is crashed."""
    run(
        """
        ack(es.log_run(sys.argv[1], {"lr": 1}))
        mine = es.init(sys.argv[1], config={"lr": 2})
        for step in range(100):
            mine.log({"loss": step})
        ack(mine.id)
        os._exit(0)
        """,
        tmp_path,
        name,
    )
    rows = judge(tmp_path, tmp_path / name)
    first, second = acked(tmp_path)
    assert rows[first]["status"] == "finished"
    assert (rows[second]["status"], float(str(rows[second]["loss"]))) == ("crashed", 99)


@SUFFIXES
def test_sigterm_in_the_middle_of_whatever(name: str, tmp_path: Path) -> None:
    """SIGTERM at forty moments of a process that does nothing but log: it dies at once, no row is lost or torn."""
    for number in range(40):
        process = start(
            """
            ready = False
            while True:
                with es.init(sys.argv[1], config={"lr": 1}) as mine:
                    ack(mine.id)
                    mine.log({"loss": 1})
                if not ready:  # everything is imported, the sheet is there
                    ready = True
                    print("ready", flush=True)
            """,
            tmp_path,
            name,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(number * 0.004)
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == -signal.SIGTERM, errors
    rows = judge(tmp_path, tmp_path / name)
    assert {row["status"] for row in rows.values()} <= {"finished", "killed", "crashed"}


@SUFFIXES
def test_who_holds_the_lock_is_stopped(name: str, tmp_path: Path) -> None:
    """While a process that holds the sheet's lock is stopped, calls of others return in time; rows arrive later."""
    run("ack(es.log_run(sys.argv[1], {'lr': 1}))", tmp_path, name)
    folder = next(tmp_path.glob("runs*_files")) / "journal"
    holder = start(
        """
        from filelock import FileLock
        lock = FileLock(sys.argv[1])
        lock.acquire()
        print("held", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        lock.release()
        """,
        tmp_path,
        folder / "sheet.lock",
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    out = run("ack(es.log_run(sys.argv[1], {'lr': 2})); os._exit(0)", tmp_path, name, seconds=60)
    assert "rows wait" in out
    assert len(rows_of(tmp_path / name)) == 1
    holder.send_signal(signal.SIGCONT)
    holder.communicate(timeout=20)
    assert len(judge(tmp_path, tmp_path / name)) == 2


@SUFFIXES
def test_nested_runs(name: str, tmp_path: Path) -> None:
    """Runs within runs of one process, on two sheets of one folder: each gets its row and its own steps."""
    run(
        """
        with es.init(sys.argv[1], config={"depth": 0}) as outer:
            with es.init(sys.argv[1], reinit="create_new", config={"depth": 1}) as inner:
                inner.log({"loss": 1})
                ack(es.log_run(sys.argv[1], {"depth": 2}))
                es.log_run("other.csv", {"depth": 2})
            outer.log({"loss": 2})
        ack(outer.id), ack(inner.id)
        """,
        tmp_path,
        name,
    )
    rows = judge(tmp_path, tmp_path / name)
    assert len(rows) == 3
    assert {(int(str(r["depth"])), float(str(r["loss"])) if r["loss"] else None) for r in rows.values()} == {
        (0, 2.0),
        (1, 1.0),
        (2, None),
    }
    assert len(rows_of(tmp_path / "other.csv")) == 1


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
