"""`experiment-sheet copy`, run as a person runs it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import experiment_sheet as es
from experiment_sheet.testing import GoogleSheets

RESULTS = "model,lr,acc\ncnn,0.1,0.8\nmlp,0.01,0.9\n"


def call(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    line = [sys.executable, "-m", "experiment_sheet", "copy", *words]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **settings}
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)


def answered(line: list[str], answer: bytes) -> tuple[int, str]:
    """Run the command in a terminal and type an answer; its exit code, and what the terminal showed."""
    controller, terminal = os.openpty()
    program = [sys.executable, "-m", "experiment_sheet", "copy", *line]
    with subprocess.Popen(program, stdin=terminal, stdout=terminal, stderr=terminal, close_fds=True) as process:
        os.close(terminal)
        shown = b""
        while select.select([controller], [], [], 60)[0]:
            try:
                shown += os.read(controller, 4096)
            except OSError:  # the other end is closed: the program ended
                break
            if answer and b"Write it?" in shown:
                os.write(controller, answer)
                answer = b""
    os.close(controller)
    return process.returncode, shown.decode()


@pytest.fixture
def results() -> str:
    """A table of results, as a script of somebody's wrote it."""
    Path("results.csv").write_text(RESULTS, encoding="utf-8")
    return "results.csv"


def test_nobody_to_ask(results: str) -> None:
    """In a pipe the plan is shown, nothing is written, and the exit code says that --yes is missing."""
    done = call(results, "runs.xlsx")
    assert (done.returncode, Path("runs.xlsx").exists()) == (2, False)
    for word in ("model", "input", "acc", "output", "a metric's name", "2 runs, 2 of them new"):
        assert word in done.stdout
    assert "--yes" in done.stderr


def test_yes(results: str) -> None:
    """With --yes it is written; a second time nothing is added."""
    done = call(results, "runs.xlsx", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("runs.xlsx: 2 added\n")
    assert call(results, "runs.xlsx", "-y").stdout.endswith("runs.xlsx: 0 added, 2 there already\n")
    assert list(es.Sheet("runs.xlsx").read()["acc"]) == [0.8, 0.9]


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal that a program can make")
@pytest.mark.parametrize(("answer", "code", "rows"), [(b"y\n", 0, 2), (b"n\n", 2, 0)])
def test_a_person_is_asked(results: str, answer: bytes, code: int, rows: int) -> None:
    """In a terminal the plan is shown and the person is asked; no means no."""
    found, shown = answered([results, "runs.csv"], answer)
    assert (found, "becomes" in shown, len(es.Sheet("runs.csv").read())) == (code, True, rows)


def test_roles_are_said(results: str) -> None:
    """--inputs and --outputs overrule the guess; a column that isn't there is answered with the nearest."""
    assert call(results, "runs.csv", "-y", "--outputs", "lr,mod*", "--inputs", "acc").returncode == 0
    roles = es.Sheet("runs.csv").columns()
    assert (roles["lr"], roles["model"], roles["acc"]) == ("output", "output", "input")
    done = call(results, "runs.csv", "-y", "--inputs", "modle")
    assert (done.returncode, "did you mean 'model'" in done.stderr) == (2, True)


def test_json(results: str) -> None:
    """--json shows the plan to a program that didn't say --yes, and what was done to one that did."""
    done = call(results, "runs.csv", "--json")
    plan = json.loads(done.stdout)
    assert (done.returncode, plan["written"], plan["rows"], plan["new"]) == (2, False, 2, 2)
    assert [column["role"] for column in plan["columns"]] == ["input", "input", "output"]
    copied = json.loads(call(results, "runs.csv", "--json", "--yes").stdout)
    assert (copied["written"], len(copied["added"]), copied["waiting"]) == (True, 2, [])


def test_steps_and_rows() -> None:
    """Rows that count epochs are one run, unless a person knows better."""
    Path("train3").mkdir()
    lines = ["epoch,train/loss,val/acc", *(f"{n},{1 / (n + 1)},{n / 10}" for n in range(5))]
    Path("train3/results.csv").write_text("\n".join(lines), encoding="utf-8")
    done = call("train3/results.csv", "runs.csv", "-y")
    assert "1 run with 5 steps, counted by epoch" in done.stdout
    frame = es.Sheet("runs.csv").read()
    assert (len(frame), frame["run"].iloc[0], frame["val/acc"].iloc[0]) == (1, "train3", 0.4)
    assert len(es.Sheet("runs.csv").history(str(frame.index[0]))) == 5
    assert call("train3/results.csv", "rows.csv", "-y", "--rows").returncode == 0
    assert len(es.Sheet("rows.csv").read()) == 5


def test_a_sheet_of_runs_needs_no_question() -> None:
    """Between sheets of runs nothing is guessed, so nobody is asked."""
    es.log_run("runs.csv", {"lr": 0.1, "acc": 0.9})
    done = call("runs.csv", "copy.xlsx")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("copy.xlsx: 1 added\n")
    table = call("runs.csv", "table.md", "--columns", "lr,acc")
    assert (table.returncode, "|  lr | acc |" in Path("table.md").read_text(encoding="utf-8")) == (0, True)


def test_what_can_t_be_copied(results: str) -> None:
    """Exit code 1 for what stands in the way, 2 for a wrong call; always a sentence, never a traceback."""
    missing, odd = call("nothing.csv", "runs.csv"), call(results, "runs.txt", "-y")
    assert (missing.returncode, odd.returncode) == (1, 2)
    Path("damaged.xlsx").write_bytes(b"no workbook")
    damaged = call("damaged.xlsx", "runs.csv")
    assert damaged.returncode == 1
    assert not any("Traceback" in done.stderr for done in (missing, odd, damaged))


def test_into_a_google_sheet_and_back(results: str) -> None:
    """A file goes into a Google Sheet and comes back as it was, run_ids, types and roles included; twice is once."""
    es.log_run("runs.xlsx", {"lr": 1e-05, "acc": 0.9, "amp": True}, notes="=mine")
    es.log_run("runs.xlsx", {"lr": 0.1, "acc": 0.8})
    with GoogleSheets() as google:
        url = f"https://docs.google.com/spreadsheets/d/{google.create('runs')}/edit#gid=0"
        there = {"EXPERIMENT_SHEET_GOOGLE_URL": google.url}
        done = call("runs.xlsx", url, **there)
        assert (done.returncode, done.stderr, done.stdout.endswith(": 2 added\n")) == (0, "", True)
        assert ": 0 added, 2 there already" in call("runs.xlsx", url, **there).stdout
        assert call(url, "back.csv", **there).returncode == 0
        assert ": 2 added" in call(results, url, "-y", **there).stdout
    one, other = es.Sheet("runs.xlsx").read(), es.Sheet("back.csv").read()
    pd.testing.assert_frame_equal(one, other[one.columns], check_dtype=False)
    assert es.Sheet("back.csv").columns()["lr"] == "input"
