"""How runs begin: anew, skipped, resumed, as folds of another, as a group of seeds."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import rows

import experiment_sheet as es
from experiment_sheet.family import inputs_hash, together

# What was done before


def test_what_was_done_is_skipped() -> None:
    """A run with the same inputs but for the ignored ones is answered as it was, is over, and takes nothing."""
    config = {"lr": 0.1, "model": {"depth": 2}, "seed": 1}
    with es.init("runs.csv", config=config, if_exists="skip", ignore=["seed"]) as run:
        assert not run.skipped
        run.log({"acc": 0.5})
    again = {"seed": 2, "model": {"depth": 2}, "lr": 0.1}
    with es.init("runs.csv", config=again, if_exists="skip", ignore=["seed"]) as second:
        assert second.skipped
        assert second.is_over
        assert second.id == run.id
        assert second.summary["acc"] == 0.5
        second.log({"acc": 0.75})
        second.summary["x"] = 1
        assert es.run is None
    assert [row["acc"] for row in rows()] == ["0.5"]
    es.init("runs.csv", config=again | {"lr": 0.2}, if_exists="skip", ignore=["seed"]).finish()
    es.init("runs.csv", config=again, if_exists="skip").finish()
    es.init("runs.csv", config=config, if_exists="new", ignore=["seed"]).finish()
    assert len(rows()) == 4


def test_what_failed_is_done_again() -> None:
    """A failed run is no reason to skip; ``resume`` goes on with it."""
    with pytest.raises(ZeroDivisionError), es.init("runs.csv", config={"a": 1}, if_exists="skip"):
        _ = 1 / 0
    with es.init("runs.csv", config={"a": 1}, if_exists="resume") as run:
        assert run.resumed
        run.log({"acc": 1})
    assert [(row["status"], row["acc"]) for row in rows()] == [("finished", "1")]
    with es.init("runs.csv", config={"a": 1}, if_exists="skip") as run:
        assert run.skipped
    with pytest.raises(es.UsageError, match="if_exists"):
        es.init("runs.csv", if_exists="maybe")


def test_inputs_are_equal_in_any_order() -> None:
    """The hash is of what the cells hold; an ignored key takes what is nested in it along."""
    config = {"a": 1, "b": {"c": [1, 2], "d": None}}
    assert inputs_hash(config) == inputs_hash({"b": {"d": None, "c": (1, 2)}, "a": 1})
    assert inputs_hash(config) != inputs_hash({**config, "a": 2})
    assert inputs_hash(config, ["b"]) == inputs_hash({"a": 1, "b": {"x": 1}}, ["b"]) == inputs_hash({"a": 1})


def test_seeds_of_one_setting_are_a_group() -> None:
    """``group=True`` names the inputs without the seed."""
    for seed, lr in ((1, 0.1), (2, 0.1), (1, 0.2)):
        es.init("runs.csv", config={"lr": lr, "seed": seed}, group=True, ignore=["seed"]).finish()
    groups = [row["group"] for row in rows()]
    assert groups[0] == groups[1] != groups[2]


def test_auto_resumes_what_was_broken_off() -> None:
    """The same command goes on with its run if that failed, and begins anew if it finished."""
    Path("train.py").write_text(
        "import experiment_sheet as es, sys\n"
        "with es.init('runs.csv', resume='auto') as run:\n"
        "    run.log({'loss': run.step})\n"
        "    if run.step < 3: sys.exit(1)\n"
    )
    for _ in range(4):
        subprocess.run([sys.executable, "train.py"], check=False, capture_output=True)
    assert [(row["status"], row["loss"]) for row in rows()] == [("finished", "2"), ("failed", "0")]


# Folds


def test_a_parent_has_mean_and_deviation_of_its_folds() -> None:
    """Folds are rows of their own; only those that finished count; the parent stays open meanwhile."""
    with es.init("runs.csv", name="cv") as parent:
        for fold in range(3):
            with es.init("runs.csv", config={"fold": fold}, parent=parent) as child:
                child.log({"acc": 0.5 + fold / 4, "note": "x"})
                assert child.parent == parent.id
        failed = es.init("runs.csv", parent=parent)
        failed.log({"acc": 100})
        failed.finish(1)
        assert es.run is parent
    assert (rows()[0]["acc.mean"], rows()[0]["acc.std"]) == ("0.75", "0.25")
    assert len(rows()) == 5


def test_folds_of_other_processes_tell_their_parent() -> None:
    """A parent that is named by its id gets the same from the sheet."""
    parent = es.log_run("runs.csv", {"lr": 1})
    for fold in range(2):
        code = "import experiment_sheet as es\n"
        code += f"with es.init('runs.csv', parent={parent!r}) as run: run.log({{'score x': {fold}}})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    frame = es.Sheet("runs.csv").read()
    assert frame.loc[parent, "score x.mean"] == 0.5
    assert frame.attrs["roles"]["score x.std"] == "output"
    es.init("runs.csv", parent="nobody").finish()


def test_what_comes_together() -> None:
    """Numbers only, no NaN; one child has no deviation; what is itself a mean or a step is left out."""
    nan = float("nan")
    children: list[dict[str, object]] = [
        {"a": 1, "b": True, "c": "x", "d": nan, "e.mean": 1, "f.max_step": 2},
        {"a": 3},
    ]
    assert together(children) == {"a.mean": 2, "a.std": 2**0.5}
    assert together(children[:1]) == {"a.mean": 1}


# Jobs


def test_tasks_of_a_job_are_runs_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """``srun -n 8 python sweep.py`` is eight runs; the job's id is their group."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_PROCID", "3")
    es.init("runs.csv").finish()
    monkeypatch.setenv("SLURM_NTASKS", "8")
    es.init("runs.csv").finish()
    es.init("runs.csv", group="mine").finish()
    assert [row["group"] for row in rows()] == ["", "4711", "mine"]


@pytest.mark.crash
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_two_processes_with_one_id(tmp_path: Path) -> None:
    """Both log into one row, and neither loses a step."""
    code = (
        "import experiment_sheet as es, sys\n"
        "with es.init('runs.csv', id='shared') as run:\n"
        "    for step in range(50): run.log({sys.argv[1]: step}, step=step)\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("a", "b")]
    assert [worker.wait() for worker in workers] == [0, 0]
    (row,) = rows()
    assert row["run_id"] == "shared"
    history = es.Sheet("runs.csv").history("shared")
    assert history["a"].tolist() == history["b"].tolist() == list(range(50))
