"""`experiment-sheet watch`: a table that follows what happens."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from rich.text import Text
from sample_runs import sample
from terminal import PROGRAM, environment, refused, terminal

import experiment_sheet as es


def test_in_a_terminal_it_follows_and_ctrl_c_ends_it() -> None:
    """A new run appears by itself; the exit code is 0, the cursor is back."""
    sample()
    with terminal("watch", "-n", "0.2", "-s", str(Path("runs.csv").absolute()), columns=60) as shown:
        shown.until("wise-elk-3")
        es.log_run("runs.csv", {"lr": 9.0}, name="late-comer-9")
        shown.until("late-comer-9")
        shown.type(b"\x03")
        text = shown.rest()
    assert shown.process.returncode == 0
    assert "Traceback" not in text
    assert text.rstrip().endswith("\x1b[?25h")


@pytest.mark.parametrize(("columns", "rows"), [(40, 10), (40, 4), (100, 5)])
def test_it_fits_a_small_terminal(columns: int, rows: int) -> None:
    """No line wraps, and no more lines than there are; the last runs are shown."""
    sample()
    where = str(Path("runs.csv").absolute())
    with terminal("watch", "-n", "0.2", "-s", where, columns=columns, rows=rows) as shown:
        shown.until("5 runs")
        shown.type(b"\x03")
        first = shown.rest().split("\x1b[2K")[1].split("^C")[0]  # what is before the first line is erased
    lines = [Text.from_ansi(line).plain for line in first.splitlines()]
    assert all(len(line) <= columns for line in lines)
    assert len(lines) <= rows
    assert any("nan-run" in line for line in lines)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_in_a_pipe_it_prints_what_changed() -> None:
    """Once per change, without colours; an interrupt ends it well."""
    sample()
    line = [*PROGRAM, "watch", "-n", "0.2", "-s", "runs.csv", "--columns", "run", "--sort", "val_acc"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        first = [process.stdout.readline().strip() for _ in range(7)]
        assert first == ["run", "old-owl-2", "wise-elk-3", "old-owl-2", "calm-fox-1", "nan-run", ""]
        es.log_run("runs.csv", {"val_acc": 0.99}, name="late-comer-9")
        second = [process.stdout.readline().strip() for _ in range(3)]
        assert second == ["run", "late-comer-9", "old-owl-2"]
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="a broken file is renamed under its reader")
def test_a_sheet_that_cant_be_read_for_a_while() -> None:
    """It is said, and the watch goes on."""
    sample()
    with terminal("watch", "-n", "0.2", "-s", str(Path("runs.csv").absolute())) as shown:
        shown.until("5 runs")
        Path("runs.csv").rename("aside.csv")
        Path("runs.csv").mkdir()
        shown.until("folder")
        Path("runs.csv").rmdir()
        Path("aside.csv").rename("runs.csv")
        es.log_run("runs.csv", {"lr": 9.0}, name="late-comer-9")
        shown.until("late-comer-9")


def test_what_cant_be_meant_is_said_at_once() -> None:
    """A typo in a query ends it with the nearest column."""
    sample()
    assert "'val_acc'" in refused("watch", "--where", "val_ac > 1", "-s", "runs.csv")
    assert "Error" in refused("watch", "-n", "0", "-s", "runs.csv")
