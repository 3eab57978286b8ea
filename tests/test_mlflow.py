"""MLflow's habits: its verbs make rows of a sheet, and its search reads them back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scripts import rows

import experiment_sheet as es
from experiment_sheet import mlflow

np = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def _a_fresh_mlflow(tmp_path: Path) -> Any:
    mlflow.set_tracking_uri("runs.csv")
    mlflow.set_experiment()
    yield
    while mlflow.active_run():
        mlflow.end_run()


def test_a_run_of_mlflows_verbs_is_a_row() -> None:
    """Params are inputs, metrics outputs, tags words in their cell; the note is the notes."""
    with mlflow.start_run(run_name="first", tags={"team": "vision"}, description="why") as active:
        assert mlflow.log_param("lr", 0.1) == 0.1
        mlflow.log_params({"depth": 3, "model/kind": "cnn"})
        for epoch in range(3):
            mlflow.log_metric("loss", 1 / (epoch + 1), step=epoch)
            mlflow.log_metrics({"acc": epoch / 10, "f1": 0.5}, step=epoch)
        mlflow.set_tag("release", "1,5")
        mlflow.set_tags({"gone": "x", "mlflow.note.content": "better"})
        mlflow.delete_tag("gone")
        assert mlflow.active_run() is active
        assert active.data.params["depth"] == 3
    (row,) = rows()
    assert (row["run"], row["status"], row["lr"], row["model/kind"]) == ("first", "finished", "0.1", "cnn")
    assert (row["loss"], row["acc"]) == (repr(1 / 3), "0.2")
    assert (row["tags"], row["notes"]) == ("team=vision, release=1;5", "better")
    assert active.info.status == "FINISHED"
    assert mlflow.last_active_run().info.run_id == row["run_id"]  # type: ignore[union-attr]


def test_metrics_without_steps_count_for_themselves() -> None:
    """Each call is the next point of its metric's curve, and metrics that are logged together share their step."""
    with mlflow.start_run() as active:
        for _ in range(3):
            mlflow.log_metric("loss", 1)
            mlflow.log_metric("acc", 2)
    history = es.Sheet("runs.csv").history(active.info.run_id)
    assert history.index.tolist() == [0, 1, 2]
    assert history["acc"].tolist() == [2, 2, 2]


def test_everything_that_is_a_file() -> None:
    """Artifacts keep their folders, figures and images are plots, tables are CSV."""
    from matplotlib.figure import Figure

    Path("deep/er").mkdir(parents=True)
    Path("deep/er/x.txt").write_text("x")
    with mlflow.start_run() as active:
        mlflow.log_artifact("deep/er/x.txt", "here")
        mlflow.log_artifacts("deep", artifact_path="all")
        mlflow.log_artifact("missing.bin")
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"a": [1]}, "config.yaml")
        mlflow.log_figure(Figure(), "fig.png")
        mlflow.log_image(np.zeros((3, 3)), "zeros.png")
        mlflow.log_image(np.zeros((3, 3)), key="sample", step=2)
        mlflow.log_table({"q": ["why"], "a": ["because"]}, "answers.json")
        mlflow.log_table(es.Table(columns=["a"], data=[[1]]).get_dataframe(), "frame.json")
    folder = es.Sheet("runs.csv").files / active.info.run_id
    assert (folder / "files/here/x.txt").read_text() == "x"
    assert (folder / "files/all/er/x.txt").exists()
    assert (folder / "files/texts/hello.txt").read_text() == "hello"
    assert json.loads((folder / "files/config.yaml").read_text()) == {"a": [1]}
    assert {"fig.png", "zeros.png", "sample-2.png"} <= {path.name for path in (folder / "plots").iterdir()}
    assert (folder / "files/answers.csv").read_text("utf-8-sig").splitlines() == ["q,a", "why,because"]
    assert (folder / "files/frame.csv").exists()


def test_nested_runs_tell_their_parent() -> None:
    """A nested run is a row of its own with its parent's id, whose row has mean and deviation."""
    with mlflow.start_run(run_name="cv") as parent:
        for fold in range(3):
            with mlflow.start_run(run_name=f"fold {fold}", nested=True):
                mlflow.log_metric("acc", fold / 2)
        with pytest.raises(es.UsageError, match="nested"):
            mlflow.start_run()
        assert mlflow.active_run() is parent
    by_name = {row["run"]: row for row in rows()}
    assert len(by_name) == 4
    assert {row["parent"] for name, row in by_name.items() if name != "cv"} == {parent.info.run_id}
    assert (by_name["cv"]["acc.mean"], by_name["cv"]["acc.std"]) == ("0.5", "0.5")


def test_a_parent_may_be_named() -> None:
    """``parent_run_id`` names one that is over, or of another process."""
    with mlflow.start_run(run_name="study") as parent:
        pass
    with mlflow.start_run(run_name="trial", parent_run_id=parent.info.run_id):
        mlflow.log_metric("acc", 0.5)
    study, trial = rows()
    assert trial["parent"] == study["run_id"]
    assert study["acc.mean"] == "0.5"


def test_data_is_noted() -> None:
    """`log_input` takes what `data.from_pandas` and `from_numpy` answer, paths and frames; contexts are roles."""
    pd = pytest.importorskip("pandas")
    Path("test.csv").write_text("a\n1\n")
    frame = pd.DataFrame({"a": [1, 2]})
    with mlflow.start_run() as active:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="titanic"), context="training")
        mlflow.log_input(mlflow.data.from_numpy(np.zeros(3), name="zeros"), context="validation")
        mlflow.log_input(Path("test.csv"), context="test")
    (row,) = rows()
    facts = json.loads((es.Sheet("runs.csv").files / active.info.run_id / "run.json").read_text())["datasets"]
    assert row["train_data"] == f"titanic {facts['titanic (train)']['blake2b'][:8]}"
    assert row["validation_data"].startswith("zeros ")
    assert row["test_data"].startswith("test.csv ")
    assert facts["titanic (train)"]["rows"] == 2


def test_ends_have_mlflows_words() -> None:
    """FAILED and KILLED are statuses, an exception fails the run, anything else is a mistake."""
    for status in ("FINISHED", "FAILED", "KILLED"):
        mlflow.start_run()
        mlflow.end_run(status)
    with pytest.raises(ZeroDivisionError), mlflow.start_run():
        _ = 1 / 0
    assert [row["status"] for row in rows()] == ["finished", "failed", "killed", "failed"]
    with pytest.raises(es.UsageError, match="KILLED"):
        mlflow.end_run("DONE")
    mlflow.end_run()


def test_a_run_is_resumed_by_its_id() -> None:
    """Steps go on; an id that isn't there raises."""
    with mlflow.start_run() as first:
        mlflow.log_metric("loss", 3)
    with mlflow.start_run(run_id=first.info.run_id):
        mlflow.log_metric("loss", 2)
    assert [row["loss"] for row in rows()] == ["2"]
    assert es.Sheet("runs.csv").history(first.info.run_id).index.tolist() == [0, 1]
    with pytest.raises(es.RunNotFound):
        mlflow.start_run(run_id="nobody")
    with pytest.raises(es.UsageError, match="not open"):
        mlflow.log_metric("loss", 1, run_id="nobody")


def test_logging_without_a_run_begins_one() -> None:
    """As MLflow's fluent calls do; it ends with the process."""
    code = "from experiment_sheet import mlflow\nmlflow.set_experiment('auto')\nmlflow.log_param('lr', 1)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    frame = es.Sheet("auto.xlsx").read()
    assert (frame["lr"].tolist(), frame["status"].tolist()) == ([1], ["finished"])


def test_search_runs_reads_them_back() -> None:
    """Columns are named as in MLflow; comparisons, quotes, order and limit are heard; the latest come first."""
    for lr, model in ((0.1, "cnn"), (0.2, "mlp"), (0.3, "cnn")):
        with mlflow.start_run(run_name=f"run {lr}", tags={"team": "a" if lr < 0.3 else "b"}):
            mlflow.log_params({"lr": lr, "model": model})
            mlflow.log_metric("val acc", 1 - lr)
    found = mlflow.search_runs(filter_string="metrics.`val acc` > 0.75 and params.model = 'cnn'")
    assert found["params.lr"].tolist() == [0.1]
    assert {"run_id", "experiment_id", "status", "start_time", "metrics.val acc", "tags.team"} <= set(found.columns)
    assert found["status"].tolist() == ["FINISHED"]
    assert mlflow.search_runs(filter_string="tags.team != 'a'")["params.lr"].tolist() == [0.3]
    assert mlflow.search_runs(filter_string="attributes.status = 'FAILED'").empty
    assert mlflow.search_runs(filter_string="params.nothing = 'x'").empty
    assert mlflow.search_runs(filter_string="params.model LIKE 'c%'", order_by=["params.lr DESC"])[
        "params.lr"
    ].tolist() == [0.3, 0.1]
    assert len(mlflow.search_runs(max_results=2)) == 2
    run_id = found["run_id"][0]
    assert mlflow.get_run(run_id).data.params["model"] == "cnn"
    for wrong in ("metrics.acc >", "acc > 1 or lr < 2", "colour.x = 1"):
        with pytest.raises(es.UsageError):
            mlflow.search_runs(filter_string=wrong)
    with pytest.raises(es.RunNotFound):
        mlflow.get_run("nobody")


def test_experiments_are_sheets(caplog: pytest.LogCaptureFixture) -> None:
    """Without a tracking sheet an experiment has its own; an address of MLflow's stores is said and ignored."""
    mlflow.set_tracking_uri("sqlite:///mlruns.db")
    assert "is no sheet" in caplog.text
    code = (
        "from experiment_sheet import mlflow\n"
        "mlflow.set_tracking_uri('http://localhost:5000')\n"
        "mlflow.set_experiment(experiment_name='cats')\n"
        "with mlflow.start_run(): mlflow.log_metric('acc', 1)\n"
        "print(len(mlflow.search_runs(experiment_names=['cats'])))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1", done.stderr
    assert Path("cats.xlsx").exists()


def test_what_is_not_here_says_so() -> None:
    """Automatic logging is left out with a word; what is needed raises; slips are attribute errors."""
    mlflow.autolog()
    mlflow.sklearn.autolog()
    with pytest.raises(es.Unsupported, match="CSV"):
        mlflow.load_table("x.json")
    with pytest.raises(AttributeError, match="log_metrik"):
        mlflow.log_metrik("a", 1)
