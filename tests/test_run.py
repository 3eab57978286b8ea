"""A run that goes on: from the first line of a training script to its row."""

from __future__ import annotations

import math
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from scripts import rows, steps_of

import experiment_sheet as es
from experiment_sheet import history
from experiment_sheet.names import draw_name


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


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


def test_names_can_be_said() -> None:
    """A drawn name is an adjective, a noun and a number."""
    names = {draw_name() for _ in range(200)}
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[1-9]\d{0,2}", name) for name in names)
    assert len(names) > 190
