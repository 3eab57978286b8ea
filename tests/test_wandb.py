"""wandb's habits: its introductory examples run with one changed line, and what isn't here says so."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import experiment_sheet as es
from experiment_sheet import history

PNG = b"\x89PNG"


def example(body: str, *, status: int = 0) -> None:
    """Run a script that was written for wandb, but for its import, in a process of its own."""
    code = "import experiment_sheet as wandb\n" + body
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr


def runs(sheet: str) -> Any:
    """The runs of a sheet."""
    return es.Sheet(sheet).read()


def folder_of(sheet: str, run_id: str) -> Path:
    """The folder of a run."""
    return es.Sheet(sheet).files / run_id


# The examples

SCALARS = """
import random

run = wandb.init(
    entity="my-awesome-team-name",
    project="my-awesome-project",
    config={
        "learning_rate": 0.02,
        "architecture": "CNN",
        "dataset": "CIFAR-100",
        "epochs": 10,
    },
)
epochs = 10
offset = random.random() / 5
for epoch in range(2, epochs):
    acc = 1 - 2**-epoch - random.random() / epoch - offset
    loss = 2**-epoch + random.random() / epoch + offset
    run.log({"acc": acc, "loss": loss})
run.finish()
"""

MODULE = """
import math
wandb.login()
wandb.init(project="basic-intro", name="experiment_1", config={"learning_rate": 0.02, "epochs": 5}, save_code=True)
config = wandb.config
wandb.define_metric("train/step")
wandb.define_metric("train/*", step_metric="train/step")
wandb.define_metric("validation/loss", summary="min")
for epoch in range(config.epochs):
    metrics = {"train/loss": math.exp(-epoch), "train/step": 10 * epoch, "train": {"epoch": epoch}}
    if epoch + 1 < config.epochs:
        wandb.log(metrics)
wandb.log({**metrics, "validation/loss": 0.25})
wandb.summary["test_accuracy"] = 0.8
wandb.alert(title="done", text="it is")
wandb.finish()
"""

IMAGES = """
import numpy as np
with wandb.init(project="images") as run:
    pixels = np.random.randint(low=0, high=256, size=(30, 20, 3))
    run.log({"examples": [wandb.Image(pixels, caption=f"random field {i}") for i in range(3)]})
    run.log({"chart": wandb.Image(np.random.rand(10, 10)), "gradients": wandb.Histogram(np.random.randn(100))})
    run.log({"custom_file": wandb.Html('<a href="https://mysite">Link</a>')})
    run.log({"hist": wandb.Histogram(np_histogram=np.histogram([1, 2, 3]))})
    run.log({"audio": wandb.Audio(np.zeros(100), caption="beep", sample_rate=32), "loss": 1})
"""

TABLES = """
import numpy as np
run = wandb.init(project="tables")
columns = ["id", "image", "prediction", "truth"]
test_table = wandb.Table(columns=columns)
for number in range(3):
    test_table.add_data(number, wandb.Image(np.zeros((4, 4))), number, "=1+1")
run.log({"table_key": test_table})
table = wandb.Table(data=[[x, x * x] for x in range(5)], columns=["x", "y"])
wandb.log({"my_custom_plot_id": wandb.plot.line(table, "x", "y", title="Custom Y vs X Line Plot")})
wandb.log({"scatter": wandb.plot.scatter(table, "x", "y"), "bar": wandb.plot.bar(table, "x", "y", title="Bars")})
wandb.log({"histogram": wandb.plot.histogram(table, "y", title="Scores")})
wandb.log({"series": wandb.plot.line_series(xs=[0, 1, 2], ys=[[1, 2, 3], [3, 2, 1]], keys=["a", "b"], title="two")})
cm = wandb.plot.confusion_matrix(y_true=[0, 1, 2], preds=[0, 2, 2], class_names=["cat", "dog", "owl"])
wandb.log({"conf_mat": cm})
truth, probas = [0, 1, 1, 0], [[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]
wandb.log({"roc": wandb.plot.roc_curve(truth, probas, labels=["cat", "dog"]), "pr": wandb.plot.pr_curve(truth, probas)})
run.finish()
"""

ARTIFACTS = """
from pathlib import Path
Path("data").mkdir()
Path("data/train.csv").write_text("a,b")
Path("model.h5").write_text("weights")
with wandb.init(project="artifacts", job_type="upload") as run:
    artifact = wandb.Artifact(name="bike-dataset", type="dataset", description="bikes", metadata={"rows": 1})
    artifact.add_dir(local_path="data", name="raw")
    artifact.add_file("model.h5")
    artifact.add_reference("https://example.org/x.zip")
    with artifact.new_file("labels.txt", mode="w") as file:
        file.write("yes")
    artifact.add(wandb.Table(columns=["a"], data=[[1]]), "table")
    run.log_artifact(artifact, aliases=["best"]).wait()
    wandb.log_artifact("model.h5", name="trained", type="model")
    wandb.save("*.h5")
    run.log_code()
with wandb.init(project="artifacts", job_type="train") as run:
    used = run.use_artifact("bike-dataset:best", type="dataset")
    folder = used.download()
    assert Path(folder, "raw/train.csv").read_text() == "a,b"
    assert used.version == "v0"
"""

RESUME = """
import os
os.environ["WANDB_RUN_ID"] = wandb.util.generate_id()
for part in range(2):
    run = wandb.init(project="resume", resume="allow", config={"part": part})
    assert run.resumed == bool(part)
    for step in range(run.step, run.step + 3):
        run.log({"loss": 1 / (step + 1)}, step=step)
    run.finish()
"""


def test_scalars() -> None:
    """The quickstart makes one row: config as inputs, the last values as outputs."""
    example(SCALARS)
    frame = runs("my-awesome-project.xlsx")
    (row,) = frame.to_dict("records")
    assert (row["learning_rate"], row["architecture"], row["status"]) == (0.02, "CNN", "finished")
    assert frame.attrs["roles"]["acc"] == "output"
    assert len(es.Sheet("my-awesome-project.xlsx").history(frame.index[0])) == 8


def test_the_module_speaks_of_the_current_run() -> None:
    """`wandb.config`, `log`, `summary`, `define_metric` and `finish` do what those of the run do."""
    example(MODULE)
    (row,) = runs("basic-intro.xlsx").to_dict("records")
    assert (row["run"], row["test_accuracy"]) == ("experiment_1", 0.8)
    assert (row["train/step"], row["train.epoch"]) == (40, 4)
    assert (row["validation/loss.min"], row["validation/loss.min_step"]) == (0.25, 4)


def test_images() -> None:
    """Pictures, histograms and pages are files of the run; sound is left out, and the rest of its step is there."""
    example(IMAGES)
    frame = runs("images.xlsx")
    plots = {path.name: path for path in (folder_of("images.xlsx", frame.index[0]) / "plots").iterdir()}
    assert {"examples-0.png", "examples-2.png", "chart.png", "gradients.png", "hist.png", "custom_file.html"} <= set(
        plots
    )
    assert all(path.read_bytes().startswith(PNG) for name, path in plots.items() if name.endswith(".png"))
    assert frame["loss"].tolist() == [1]
    assert not {"examples", "chart", "audio", "custom_file"} & set(frame.columns)


def test_tables_and_charts() -> None:
    """Tables are CSV with their pictures beside them, no text in them a formula; each chart is a picture."""
    example(TABLES)
    folder = folder_of("tables.xlsx", runs("tables.xlsx").index[0])
    with open(folder / "files" / "table_key.csv", encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["id", "image", "prediction", "truth"]
    assert table[1][3] == "'=1+1"
    assert (folder / "files" / table[1][1]).read_bytes().startswith(PNG)
    charts = {"my_custom_plot_id", "scatter", "bar", "histogram", "series", "conf_mat", "roc", "pr"}
    assert {f"{chart}.png" for chart in charts} <= {path.name for path in (folder / "plots").iterdir()}


def test_artifacts() -> None:
    """What is in an artifact lies in the folder of the run that logged it, and a later run of the sheet finds it."""
    example(ARTIFACTS)
    frame = runs("artifacts.xlsx")
    files = folder_of("artifacts.xlsx", frame.index[0]) / "files"
    inside = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()}
    assert {
        "bike-dataset/raw/train.csv",
        "bike-dataset/model.h5",
        "bike-dataset/labels.txt",
        "trained",
        "model.h5",
    } <= inside
    facts = json.loads((files / "bike-dataset.artifact.json").read_text())
    assert facts["references"] == {"x.zip": "https://example.org/x.zip"}
    assert facts["metadata"] == {"rows": 1}
    assert frame["uses"].tolist()[1] == "bike-dataset:v0"


def test_resume() -> None:
    """A run whose id the environment names goes on where it was."""
    example(RESUME)
    frame = runs("resume.xlsx")
    assert frame["loss"].tolist() == [1 / 6]
    assert es.Sheet("resume.xlsx").history(frame.index[0]).index.tolist() == list(range(6))


# Its environment


def test_the_environment_stands_in_for_keywords(monkeypatch: pytest.MonkeyPatch) -> None:
    """wandb's variables are heard, ours before them, a keyword before both."""
    for name, value in {
        "PROJECT": "cats", "NAME": "theirs", "NOTES": "n", "TAGS": "a,b",
        "RUN_GROUP": "g", "DIR": "out", "RUN_ID": "rid",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setenv("EXPERIMENT_SHEET_NAME", "ours")
    with es.init(notes="keyword") as run:
        assert (run.id, run.name, run.notes, run.tags, run.group) == ("rid", "ours", "keyword", ("a", "b"), "g")
    assert Path("out/cats.xlsx").exists()
    monkeypatch.setenv("WANDB_RESUME", "never")
    with pytest.raises(es.UsageError, match="already"):
        es.init()


@pytest.mark.parametrize("variable", ["WANDB_MODE=disabled", "EXPERIMENT_SHEET_MODE=disabled", "WANDB_DISABLED=true"])
def test_the_environment_can_switch_logging_off(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disabled run accepts everything and leaves nothing."""
    monkeypatch.setenv(*variable.split("="))
    with es.init("runs.csv") as run:
        run.log({"loss": 1})
    assert list(Path().iterdir()) == []


# What isn't here


def test_calls_that_only_record_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """They do nothing else, on the module and on the run."""
    with es.init("runs.csv") as run:
        for _ in range(2):
            run.alert("title", text="text")  # type: ignore[attr-defined]
            es.alert("title")  # type: ignore[attr-defined]
            run.log({"video": es.Video("a.mp4"), "loss": 1})  # type: ignore[attr-defined]
    for name in ("alert", "Video"):
        assert len([r for r in caplog.records if r.getMessage().startswith(f"{name} records nothing")]) <= 1
    assert runs("runs.csv")["loss"].tolist() == [1]


@pytest.mark.parametrize("call", ["sweep", "agent", "Api", "controller"])
def test_calls_whose_answer_is_needed_raise(call: str) -> None:
    """They tell how it is done here."""
    with pytest.raises(es.Unsupported, match="Instead"):
        getattr(es, call)({"method": "grid"})


def test_an_artifact_that_is_not_here_is_unsupported() -> None:
    """`use_artifact` can't fetch it, and says how to bring it here."""
    with es.init("runs.csv") as run:
        with pytest.raises(es.Unsupported, match="add_file"):
            run.use_artifact("mnist:latest")
        run.log_artifact(es.Artifact("mnist", "dataset"))
        assert run.use_artifact("team/project/mnist").version == "v0"
        with pytest.raises(es.Unsupported, match="mnist:v0"):
            run.use_artifact("mnist:v7")


def test_idioms_of_older_scripts() -> None:
    """They go through as they are."""
    example(
        "import argparse\n"
        "args = argparse.Namespace(lr=0.1, layers=[1, 2])\n"
        "wandb.init(project='old', config=args)\n"
        "wandb.config.update({'batch': 8}, allow_val_change=True)\n"
        "wandb.config.setdefaults({'lr': 3})\n"
        "wandb.run.name = 'renamed'\n"
        "wandb.run.tags = wandb.run.tags + ('late',)\n"
        "wandb.run.save()\n"
        "try:\n"
        "    wandb.watch(object(), idx=0, log_graph=True)\n"
        "except wandb.Error: pass\n"
        "for epoch in range(3): wandb.log({'loss': epoch, 'epoch': epoch}, step=epoch)\n"
        "wandb.run.summary.update({'best': 1})\n"
        "print(wandb.run.get_url(), wandb.run.project, wandb.run.entity)\n"
        "wandb.finish(exit_code=0, quiet=True)\n"
    )
    (row,) = runs("old.xlsx").to_dict("records")
    assert (row["run"], row["tags"], row["lr"], row["batch"], row["best"]) == ("renamed", "late", 0.1, 8, 1)


def test_unknown_names_are_attribute_errors() -> None:
    """A typing error is told as one, and `hasattr` tells the truth."""
    assert not hasattr(es, "lgo")
    with pytest.raises(AttributeError, match="lgo"), es.init("runs.csv") as run:
        run.lgo({"loss": 1})  # type: ignore[attr-defined]


# Artifacts, files and code


def test_versions_count_by_contents() -> None:
    """The same contents are the same version; a run may log several, and each stays."""
    with es.init("runs.csv") as run:
        for text in ("a", "a", "b"):
            Path("model.pt").write_text(text)
            artifact = es.Artifact("model", "model")
            artifact.add_file("model.pt")
            run.log_artifact(artifact)
        assert artifact.version == "v1"
        assert Path(run.use_artifact("model:v0").file()).read_text() == "a"
        assert Path(run.use_artifact("model").file()).read_text() == "b"
        assert Path(artifact.download("copy"), "model.pt").read_text() == "b"


def test_an_artifact_lacks_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """A file that isn't there is one message, names never lead out of the folder, the rest is kept."""
    Path("there").write_text("x")
    artifact = es.Artifact("things", "data")
    artifact.add_file("missing")
    artifact.add_dir("nowhere")
    artifact.add_file("there", name="../../up")
    with es.init("runs.csv") as run:
        run.log_artifact(artifact)
    assert len([r for r in caplog.records if "lacks missing" in r.getMessage()]) == 1
    assert [Path(path).name for path in artifact.files()] == ["up"]
    assert all(Path(path).is_relative_to(folder_of("runs.csv", run.id)) for path in artifact.files())
    with pytest.raises(es.UsageError, match="letters"):
        es.Artifact("a/b", "data")


def test_saved_files_are_as_they_were_at_the_end() -> None:
    """`save` copies now and again at the end, keeps places below `base_path`, and leaves the run folder's own alone."""
    Path("out/deep").mkdir(parents=True)
    Path("out/deep/a.txt").write_text("first")
    with es.init("runs.csv") as run:
        Path(run.dir, "own.txt").write_text("mine")
        assert len(run.save("out/**/*.txt", base_path="out")) == 1
        assert run.save(Path(run.dir, "own.txt")) == [str(Path(run.dir).absolute() / "own.txt")]
        assert run.save("nothing-*") == []
        with pytest.raises(es.UsageError, match="policy"):
            run.save("x", policy="later")
        Path("out/deep/a.txt").write_text("last")
    assert (folder_of("runs.csv", run.id) / "files" / "deep" / "a.txt").read_text() == "last"


def test_code_is_copied_without_environments_and_runs() -> None:
    """`log_code` takes what is code below the folder, or what a function chooses."""
    for name in ("main.py", "pkg/mod.py", "notes.txt", "venv2/lib/x.py", ".hidden/y.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    Path("venv2/pyvenv.cfg").write_text("")
    with es.init("runs.csv") as run:
        assert run.log_code() == 2
        assert (
            run.log_code(include_fn=lambda path: path.endswith(".txt"), exclude_fn=lambda path: "nothing" in path) == 1
        )
    code = folder_of("runs.csv", run.id) / "files" / "code"
    assert sorted(path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()) == [
        "main.py", "notes.txt", "pkg/mod.py",
    ]  # fmt: skip


def test_keywords_of_wandb_cost_one_message_each(caplog: pytest.LogCaptureFixture) -> None:
    """None is worth a crash."""
    caplog.set_level(logging.WARNING)
    with es.init("runs.csv", settings=es.Settings(silent=True), save_code=True, sync_tensorboard=True) as run:  # type: ignore[attr-defined]
        run.define_metric("loss", step_metric="epoch", step_sync=True, hidden=True, overwrite=True)
        run.finish(quiet=True)
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "no keyword" in text]) == len(set(said)) <= 3


def test_nothing_of_a_run_is_in_its_history_but_what_was_logged() -> None:
    """A picture's line is a link with its caption."""
    np = pytest.importorskip("numpy")
    with es.init("runs.csv") as run:
        run.log({"cat": es.Image(np.zeros((2, 2)), caption="a cat")}, step=3)
    steps = history.read(folder_of("runs.csv", run.id))
    assert steps[3]["cat"] == es.Link("plots/cat-3.png", "a cat")
