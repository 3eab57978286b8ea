"""A whole run in one call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripts import rows

import experiment_sheet as es


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
