"""Runs: from the first line of a training script to its row, and every way to get there wrong."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import experiment_sheet as es
from experiment_sheet import history
from experiment_sheet.names import draw_name
from experiment_sheet.run import Run


@pytest.fixture(autouse=True)
def _no_run_left_open() -> Any:
    yield
    while es.run is not None:
        es.finish()


def rows(path: str = "runs.csv") -> list[dict[str, str]]:
    """Rows of a sheet as the csv module reads them."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def script(body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a training script in a process of its own."""
    head = "import experiment_sheet as es, os, signal, sys\n"
    return subprocess.run([sys.executable, *options, "-c", head + body], capture_output=True, text=True, check=False)


def steps_of(run: Run) -> history.Steps:
    """Steps of a run as its histories have them."""
    return history.read(Path(run.dir))


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


# log_run


def test_one_line_makes_one_row() -> None:
    """One call, one row, in the sheet when it returns, with what was given and where it came from."""
    run_id = es.log_run("runs.csv", {"lr": 0.001, "epochs": 10, "val_acc": 0.931}, notes="first")
    (row,) = rows()
    assert row["run_id"] == run_id
    assert (row["lr"], row["epochs"], row["val_acc"], row["notes"]) == ("0.001", "10", "0.931", "first")
    assert row["status"] == "finished"
    assert row["started"]
    assert row["host"]
    assert row["command"]
    assert row["run"].count("-") == 2
    assert not (Path("runs_files") / run_id).exists()


def test_keys_of_a_flat_dictionary_are_told_apart() -> None:
    """The published table decides, but `inputs` and `outputs` are never guessed, and the sheet's own roles win."""
    es.log_run("runs.csv", {"lr": 1, "val_acc": 0.5}, inputs={"loss": "mse"}, outputs={"size": 3})
    es.log_run("runs.csv", {"size": 4})
    roles = es.Sheet("runs.csv").roles()
    assert {key: roles[key] for key in ("lr", "val_acc", "loss", "size")} == {
        "lr": "input",
        "val_acc": "output",
        "loss": "input",
        "size": "output",
    }
    assert [row["size"] for row in rows()] == ["3", "4"]


def test_a_whole_run_with_plots_and_files() -> None:
    """Figures, pictures and artifacts of `log_run` lie in the run folder, and the row leads there."""
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots()
    Path("model.pt").write_bytes(b"weights")
    plots = {"curve": figure, "../axes": axes}
    run_id = es.log_run("runs.csv", {"lr": 1, "fig": figure}, plots=plots, artifacts={"best": "model.pt"})
    plt.close(figure)
    folder = Path("runs_files") / run_id
    assert (folder / "files" / "best").read_bytes() == b"weights"
    assert len(list((folder / "plots").glob("*.png"))) == 3
    assert rows()[0]["plots"] == f"runs_files/{run_id}/index.html"
    assert Path(rows()[0]["plots"]).exists()
    assert "fig" not in rows()[0]
    facts = json.loads((folder / "run.json").read_text())
    assert facts["files"][0]["size"] == 7
    assert facts["inputs"] == {"lr": 1}


def test_a_run_id_in_the_data_is_the_runs() -> None:
    """A run that has an id elsewhere keeps it."""
    assert es.log_run("runs.csv", {"run_id": "w7x9", "lr": 1}) == "w7x9"
    assert rows()[0]["run_id"] == "w7x9"


# A run that goes on


def test_a_run_from_start_to_end() -> None:
    """The row is there from the start, its metrics hold the last values, its config is the inputs."""
    with es.init("runs.csv", config={"lr": 0.1, "model": {"depth": 2}}, hypothesis="h", tags=["a", "b"]) as run:
        assert rows()[0]["status"] == "running"
        for epoch in range(3):
            run.log({"loss": 1 / (epoch + 1)}, step=epoch)
        run.summary["test_acc"] = 0.94
    (row,) = rows()
    assert row["status"] == "finished"
    assert row["lr"] == "0.1"
    assert row["model.depth"] == "2"
    assert row["loss"] == repr(1 / 3)
    assert row["test_acc"] == "0.94"
    assert row["hypothesis"] == "h"
    assert row["tags"] == "a, b"
    assert row["duration"].startswith("0:00:")
    folder = Path("runs_files") / run.id
    assert (folder / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len((folder / "history.csv").read_text("utf-8-sig").splitlines()) == 4


def test_statistics_that_were_asked_for() -> None:
    """`define_metric` adds the best with its step, the mean, the first; by name, pattern or goal; NaN doesn't count."""
    with es.init("runs.csv") as run:
        run.define_metric("val_acc", summary="max")
        run.define_metric("train/*", summary="mean,first,last")
        run.define_metric("loss", summary="best")
        run.define_metric("noise", summary="none")
        run.define_metric("dev", summary="min", step_metric="epoch")
        for step, value in enumerate([0.5, 0.75, math.nan, 0.25]):
            run.log({"val_acc": value, "train/f1": value, "loss": value, "noise": 1, "dev": value, "epoch": 10 * step})
        assert run.summary["val_acc.max"] == 0.75
    (row,) = rows()
    assert (row["val_acc"], row["val_acc.max"], row["val_acc.max_step"]) == ("0.25", "0.75", "1")
    assert (row["train/f1.mean"], row["train/f1.first"]) == ("0.5", "0.5")
    assert (row["loss.min"], row["loss.min_step"]) == ("0.25", "3")
    assert (row["dev.min"], row["dev.min_step"]) == ("0.25", "30")
    assert "noise" not in row


def test_statistics_go_on_when_a_run_is_resumed() -> None:
    """The best of both lives is the best; with another step metric its last value is the step."""
    for values in ([0.9, 0.1], [0.5]):
        with es.init("runs.csv", id="r") as run:
            run.define_metric("acc", summary="max,first", step_metric="epoch")
            for value in values:
                run.log({"epoch": 10 * value})
                run.log({"acc": value})
    (row,) = rows()
    assert (row["acc.max"], row["acc.first"], row["acc"]) == ("0.9", "0.9", "0.5")


def test_any_value_can_be_logged() -> None:
    """Numbers of numpy, nested dictionaries, NaN, objects that raise: nothing stops a training."""
    with es.init("runs.csv", config={"hostile": Hostile(), "": 1, 3: "x", "k" * 300: 1, "LR": 1, "lr": 2}) as run:
        run.log({"np": np.float32(0.5), "nested": {"a": 1}, "nan": math.nan, "odd": Hostile(), "big": 10**5000})
        run.log({"array": np.arange(3), "text": "=1+1"})
        assert run.to_frame()["nested.a"].tolist() == [1]
    (row,) = rows()
    assert row["np"] == "0.5"
    assert row["nested.a"] == "1"
    assert row["nan"] == "NaN"
    assert row["hostile"] == row["odd"] == "<Hostile: can't be shown>"
    assert row["array"] == "[0, 1, 2]"
    assert row["3"] == "x"
    steps = steps_of(run)
    assert math.isnan(steps[0]["nan"])  # type: ignore[arg-type]
    assert steps[1]["text"] == "=1+1"


def test_steps_come_in_any_order() -> None:
    """Nothing is dropped: steps may go back, repeat or be fractions, and ``commit=False`` stays on one step."""
    with es.init("runs.csv") as run:
        run.log({"a": 1}, step=5)
        run.log({"a": 2}, step=2)
        run.log({"b": 3}, commit=False)
        run.log({"c": 4})
        run.log({"d": 5}, step=np.int64(5))
        run.log({"e": 6}, step=0.5)
        assert run.step == 7
    steps = {step: {k: v for k, v in values.items() if k != history.TIME} for step, values in steps_of(run).items()}
    assert steps == {0.5: {"e": 6}, 2: {"a": 2}, 5: {"a": 1, "d": 5}, 6: {"b": 3, "c": 4}}
    assert list(steps) == sorted(steps)


def test_config_and_summary_by_attribute_and_item() -> None:
    """Both behave as dictionaries and as objects, and every change reaches the row."""
    with es.init("runs.csv", config={"lr": 0.1}) as run:
        assert run.config.lr == run.config["lr"] == es.config.lr == 0.1
        run.config.depth = 3
        run.config.update({"width": 4}, allow_val_change=True)
        run.config.setdefaults({"lr": 9, "extra": 5})
        es.summary["acc"] = 0.5
        run.log({"acc": 0.75})
        assert run.summary.acc == run.summary.get("acc") == 0.75
        assert dict(run.config) == {"lr": 0.1, "depth": 3, "width": 4, "extra": 5}
        with pytest.raises(AttributeError, match="nothing"):
            _ = run.config.nothing
    (row,) = rows()
    assert (row["lr"], row["depth"], row["width"], row["extra"], row["acc"]) == ("0.1", "3", "4", "5", "0.75")


def test_what_is_deleted_leaves_the_row() -> None:
    """A key that is taken out of config or summary has an empty cell, not its old value."""
    with es.init("runs.csv", config={"lr": 1, "depth": 2}) as run:
        run.log({"loss": 1, "acc": 2})
        run.summary["x"] = 3
        del run.config["lr"]
        del run.summary["loss"]
    (row,) = rows()
    assert (row["lr"], row["depth"], row.get("loss", ""), row["acc"], row["x"]) == ("", "2", "", "2", "3")


def test_name_notes_and_tags_may_be_set() -> None:
    """What wandb lets one set on a run reaches the row."""
    with es.init("runs.csv", name="a", group="g", job_type="train") as run:
        run.name, run.notes, run.tags = "b", "n", ["x", "y"]
        assert run.tags == ("x", "y")
    (row,) = rows()
    assert (row["run"], row["notes"], row["tags"], row["group"], row["job_type"]) == ("b", "n", "x, y", "g", "train")


def test_artifacts_are_copied_with_size_and_hash(caplog: pytest.LogCaptureFixture) -> None:
    """A file or folder is in the run folder; a missing one is one message."""
    Path("model.pt").write_bytes(b"x" * 10)
    with es.init("runs.csv") as run:
        stored = run.log_artifact("model.pt", type="model")
        assert stored is not None
        assert (stored.size, stored.type) == (10, "model")
        assert run.log_artifact("missing.pt") is None
        assert run.log_artifact("missing.pt") is None
    assert len([r for r in caplog.records if "missing.pt" in r.getMessage()]) == 1
    assert (Path(run.dir) / "files" / "model.pt").stat().st_size == 10


# How a run ends

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


def test_threads_may_log_at_once() -> None:
    """Every line of every thread is whole and counted."""
    with es.init("runs.csv") as run:
        threads = [
            threading.Thread(target=lambda name=name: [run.log({f"m{name}": i}) for i in range(100)])
            for name in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert run.step == 800
    assert list(steps_of(run)) == list(range(800))


# Several runs


def test_a_second_run_ends_the_first_unless_said_otherwise() -> None:
    """`reinit` has wandb's words; the module speaks of the run that was opened last."""
    first = es.init("runs.csv", name="first")
    assert es.run is first
    assert es.init("runs.csv", reinit="return_previous") is first
    second = es.init("runs.csv", reinit="create_new")
    assert not first.is_over
    assert es.run is second
    second.finish()
    assert es.run is first
    es.log({"loss": 1})
    third = es.init("runs.csv")
    assert first.is_over
    third.finish()
    assert es.run is None
    assert rows()[0]["loss"] == "1"


def test_a_run_is_resumed_by_its_id() -> None:
    """Steps, config, name and notes go on where they were; the row is the same one, without the old error."""
    run = es.init("runs.csv", id="night", name="n", config={"lr": 1})
    run.log({"loss": 3})
    run.log({"loss": 2})
    run.end("failed", "OSError: disk")
    assert rows()[0]["error"] == "OSError: disk"
    with es.init("runs.csv", id="night", resume="must", config={"depth": 2}) as run:
        assert run.name == "n"
        assert run.step == 2
        assert run.summary["loss"] == 2
        run.log({"loss": 1})
    (row,) = rows()
    assert (row["status"], row["error"], row["loss"], row["lr"], row["depth"]) == ("finished", "", "1", "1", "2")
    assert list(steps_of(run)) == [0, 1, 2]


def test_a_nested_config_is_resumed_under_its_own_keys() -> None:
    """What is given again replaces what is known; it doesn't stand beside it."""
    for depth in (1, 2):
        with es.init("runs.csv", id="nest", config={"model": {"depth": depth}}) as run:
            run.log({"loss": 1})
    (row,) = rows()
    assert {key: cell for key, cell in row.items() if "depth" in key} == {"model.depth": "2"}


def test_resume_says_what_it_cannot_do() -> None:
    """`must` of nothing and `never` of something raise at once and make no row."""
    with pytest.raises(es.RunNotFound, match="nobody"):
        es.init("runs.csv", id="nobody", resume="must")
    with pytest.raises(es.UsageError, match="id"):
        es.init("runs.csv", resume="must")
    es.init("runs.csv", id="one", resume="allow").finish()
    with pytest.raises(es.UsageError, match="already"):
        es.init("runs.csv", id="one", resume="never")
    assert [row["run_id"] for row in rows()] == ["one"]


def test_a_disabled_run_leaves_nothing() -> None:
    """``mode="disabled"`` accepts everything and touches nothing here."""
    with es.init("runs.csv", mode="disabled", config={"lr": 1}) as run:
        run.log({"loss": 1})
    assert list(Path().iterdir()) == []


def test_the_default_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the project's, in `dir`; the environment may name another for all."""
    es.init(project="cats/dogs", dir="out", mode=None).finish()
    assert Path("out/cats_dogs.xlsx").exists()
    monkeypatch.setenv("EXPERIMENT_SHEET", "all.csv")
    es.init(project="cats").finish()
    assert rows("all.csv")


# What stands in the way


def test_what_is_wrong_in_the_code_raises_at_once() -> None:
    """Mistakes of the caller are told clearly, with what was probably meant."""
    with pytest.raises(es.UsageError, match="project"):
        es.init("cats")
    with pytest.raises(es.UsageError, match=r"cats\.xlsx"):
        es.log_run("cats", {"a": 1})
    with pytest.raises(es.UsageError, match="log_run"):
        es.log("runs.xlsx", {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(es.UsageError, match="there is none"):
        es.log({"a": 1})
    with pytest.raises(es.UsageError, match="there is none"):
        _ = es.config.lr
    with pytest.raises(es.UsageError, match="takes the sheet first"):
        es.log_run({"a": 1})  # type: ignore[arg-type]
    with pytest.raises(es.UsageError, match="status"):
        es.log_run("runs.csv", status="done")
    with pytest.raises(es.UsageError, match="dictionary"):
        es.log_run("runs.csv", 3)
    with pytest.raises(es.UsageError, match="dictionary"):
        es.init("runs.csv", config="x.yaml")
    for wrong in ("007", "1e5", "", "a\nb", "2026-01-01", "x" * 200):
        with pytest.raises(es.UsageError, match="id"):
            es.init("runs.csv", id=wrong)
    for keyword in ("reinit", "resume", "mode"):
        with pytest.raises(es.UsageError, match=keyword):
            es.init("runs.csv", **{keyword: "sideways"})
    assert not Path("runs.csv").exists()


def test_wrong_calls_of_a_run_raise_and_leave_it_usable() -> None:
    """After a mistake in an interactive session the run goes on."""
    with es.init("runs.csv") as run:
        for wrong in ([1], "x", None, 3):
            with pytest.raises(es.UsageError, match="dictionary"):
                run.log(wrong)  # type: ignore[arg-type]
        for step in ("a", math.nan, None.__class__, True):
            with pytest.raises(es.UsageError, match="step"):
                run.log({"a": 1}, step=step)  # type: ignore[arg-type]
        with pytest.raises(es.UsageError, match="summary"):
            run.define_metric("a", summary="median")
        with pytest.raises(es.UsageError, match="goal"):
            run.define_metric("a", summary="best")
        with pytest.raises(es.UsageError, match="path"):
            run.log_artifact(3)  # type: ignore[arg-type]
        run.log({"a": 1})
    assert rows()[0]["a"] == "1"


def test_unknown_keywords_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Keywords of other trackers cost one message each, no crash."""
    for _ in range(2):
        es.init("runs.csv", entity="me", reinit=True).finish()
    assert len([r for r in caplog.records if "entity" in r.getMessage()]) == 1


def test_columns_beyond_the_limit_are_in_run_json(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand keys make a hundred columns; the rest is in ``run.json``, said once."""
    run_id = es.log_run("runs.csv", inputs={f"k{i:04}": i for i in range(1000)})
    with es.init("runs.csv", id="wide", config={f"c{i:04}": i for i in range(150)}) as run:
        run.log({"loss": 1})
    assert len([key for key in rows()[0] if key.startswith("k")]) == 100
    assert len(json.loads(Path(f"runs_files/{run_id}/run.json").read_text())["inputs"]) == 1000
    facts = json.loads(Path(f"runs_files/{run.id}/run.json").read_text())
    assert facts["inputs"]["c0149"] == 149
    assert facts["outputs"]["loss"] == 1
    assert len([r for r in caplog.records if f"{run_id} has more than 100" in r.getMessage()]) == 1


def test_text_too_long_for_a_cell_is_kept_whole() -> None:
    """A cell holds 32,767 UTF-16 units; what is longer is cut with a mark and whole in the run folder."""
    run_id = es.log_run("runs.csv", {"prompt": "ä" * 40_000})
    assert rows()[0]["prompt"].endswith("… [cut: 40,000 characters]")
    assert Path(f"runs_files/{run_id}/files/prompt.txt").read_text("utf-8") == "ä" * 40_000


def test_long_texts_of_like_keys_are_two_files() -> None:
    """Keys that make the same file name don't overwrite each other's text."""
    run_id = es.log_run("runs.csv", {"a/b": "x" * 40_000, "a_b": "y" * 40_000})
    texts = [path.read_text("utf-8")[0] for path in Path(f"runs_files/{run_id}/files").iterdir()]
    assert sorted(texts) == ["x", "y"]


def test_ten_thousand_keys_in_one_step_are_logged() -> None:
    """A step may hold anything; the row holds what fits, the history all."""
    with es.init("runs.csv") as run:
        run.log({f"m{i}": i for i in range(10_000)})
    assert len(steps_of(run)[0]) == 10_001
    assert len([key for key in rows()[0] if key.startswith("m")]) == 100


def test_names_can_be_said() -> None:
    """A drawn name is an adjective, a noun and a number."""
    names = {draw_name() for _ in range(200)}
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[1-9]\d{0,2}", name) for name in names)
    assert len(names) > 190


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


def test_a_run_survives_having_no_folder_at_all(caplog: pytest.LogCaptureFixture) -> None:
    """With the folder blocked to the end the row is whole and nothing was raised."""
    plt = pytest.importorskip("matplotlib.pyplot")
    Path("m.pt").write_text("x")
    with es.init("runs.csv", id="blocked") as run:
        Path("runs_files/blocked").write_text("in the way")
        run.log({"loss": 1, "figure": plt.figure(), "long": "x" * 50_000})
        run.log_artifact("m.pt")
        assert run.dir
    plt.close("all")
    assert rows()[0]["loss"] == "1"
    assert rows()[0]["status"] == "finished"
    assert caplog.records


def test_nothing_is_raised_or_warned_under_strict_warnings() -> None:
    """With ``-W error`` a run that meets trouble of every kind ends in peace."""
    done = script(
        "import math\n"
        "with es.init('runs.csv', entity='x', config={'bad': object()}) as run:\n"
        "    run.log({'nan': math.nan})\n"
        "    run.log_artifact('missing')\n"
        "run.log({'a': 1})\n"
        "es.log_run('runs.csv', {'a': 1})\n",
        "-W",
        "error",
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(rows()) == 2


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


def test_the_logger_is_the_only_voice(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is printed; messages go to the logger ``experiment_sheet``."""
    caplog.set_level(logging.DEBUG)
    with es.init("runs.csv") as run:
        run.log_artifact("missing")
    assert capsys.readouterr() == ("", "")
    assert {record.name for record in caplog.records if record.name.startswith("experiment")} == {"experiment_sheet"}
