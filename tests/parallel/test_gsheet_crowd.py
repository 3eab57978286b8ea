"""Many machines on one Google Sheet that fails, while a teammate sorts: every row is there once, every cell right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from google_target import served
from parallel.google_crowd import crowd
from parallel.program import run

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, so that all start at once"),
]

PROCESSES, RUNS = (int(n) for n in os.environ.get("EXPERIMENT_SHEET_GOOGLE_CROWD", "5x10").split("x"))
"""``20x50`` is the crowd of docs/benchmarks.md; it takes a quarter of an hour."""

STEPS = """
with es.init(sys.argv[1], config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": 1 / (step + 1)}, step=step)
"""


def test_every_row_of_a_crowd_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of all requests fails in every way, and the rows are sorted every two seconds."""
    monkeypatch.setenv("EXPERIMENT_SHEET_WAIT", "5")
    found = crowd(tmp_path, PROCESSES, RUNS)
    assert (found.lost, found.doubled, found.wrong) == ([], [], [])
    assert found.failed
    assert found.sorts


def test_a_run_of_a_thousand_steps_takes_few_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is over in less than thirty seconds takes two writes at most, and two reads more."""
    for google in served(monkeypatch):
        key = google.create("runs")
        run(STEPS, tmp_path, f"gsheet://{key}/runs")
        writes, reads = google.log.count("write"), google.log.count("read")
        assert 1 <= writes <= 2
        assert reads <= writes + 2
