"""Several runs of a program: which one is spoken of, which one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import rows, script, steps_of

import experiment_sheet as es


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
    """``mode="disabled"`` accepts everything and touches nothing, here or in the system's folder for such."""
    Path("tmp").mkdir()
    Path("model.pt").write_text("weights")
    done = script(
        "import tempfile; tempfile.tempdir = 'tmp'\n"
        "with es.init('runs.csv', mode='disabled', id='r', resume='must', config={'lr': 1}) as run:\n"
        "    for step in range(3): run.log({'loss': step, 'image': es.Image([[0, 1]])}, step=step)\n"
        "    run.define_metric('loss', summary='max')\n"
        "    run.log_artifact('model.pt'); run.log_model('model.pt'); run.log_dataset('d', 'model.pt')\n"
        "    run.save('*.pt'); run.log_code(); run.summary['x'] = 1; run.name = 'n'\n"
        "    with es.init(mode='disabled', parent=run) as child: child.log({'acc': 1})\n"
        "    print(run.step, run.config.lr, run.summary['loss'], run.summary['x'], es.run is run)\n"
        "    assert os.listdir('tmp') == []\n"
        "    assert os.path.isdir(run.dir)\n"
    )
    assert (done.stdout, done.stderr) == ("3 1 2 1 True\n", "")
    assert sorted(path.name for path in Path().rglob("*")) == ["model.pt", "tmp"]


def test_the_default_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the project's, in `dir`; the environment may name another for all."""
    es.init(project="cats/dogs", dir="out", mode=None).finish()
    assert Path("out/cats_dogs.xlsx").exists()
    monkeypatch.setenv("EXPERIMENT_SHEET", "all.csv")
    es.init(project="cats").finish()
    assert rows("all.csv")
