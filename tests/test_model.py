"""Models: described, counted, saved by their own methods, linked in the row, and never loaded."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import experiment_sheet as es
from experiment_sheet import model
from experiment_sheet.columns import Column
from experiment_sheet.row import RunRow
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Link


@pytest.fixture
def row() -> RunRow:
    return RunRow(Sheet("runs.csv"), "r1")


def facts(name: str) -> dict[str, object]:
    """What is recorded of a model."""
    found: dict[str, object] = json.loads(Path("runs_files/r1/models.json").read_text())[name]
    return found


def test_scikit_learn(row: RunRow) -> None:
    """Architecture by its repr, coefficients counted, the file linked; what was saved predicts the same."""
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    stored = model.log(row, fitted, "clf")
    assert stored is not None
    assert stored.name == "files/clf.joblib"
    assert row.recorded[Column("output", "model")] == Link("runs_files/r1/files/clf.joblib", "clf.joblib")
    assert "LogisticRegression(C=0.5)" in str(row.recorded[Column("input", "architecture")])
    assert facts("clf")["parameters"] == 2
    import joblib

    again = joblib.load("runs_files/r1/files/clf.joblib")
    assert list(again.predict([[0.0], [2.0]])) == list(fitted.predict([[0.0], [2.0]]))


@pytest.mark.parametrize(
    ("made", "parameters"),
    [
        ("sklearn.neural_network:MLPClassifier((5,), max_iter=1)", 2 * 5 + 5 + 5 * 1 + 1),
        ("sklearn.tree:DecisionTreeClassifier()", 3),
        ("sklearn.svm:LinearSVC()", 3),
        ("sklearn.neighbors:KNeighborsClassifier(1)", None),
    ],
)
@pytest.mark.filterwarnings("ignore:.*onverge")
def test_parameters_are_counted(row: RunRow, made: str, parameters: int | None) -> None:
    """Weights of a network, coefficients, nodes of a tree; None of models that have none of these."""
    pytest.importorskip("sklearn")
    place, _, call = made.partition(":")
    name, _, arguments = call.partition("(")
    namespace = vars(importlib.import_module(place))
    given = {"MLPClassifier": ((5,),), "KNeighborsClassifier": (1,)}.get(name, ())
    fitted = namespace[name](*given, **({"max_iter": 1} if "max_iter" in arguments else {}))
    model.log(row, fitted.fit([[0.0, 0.0], [1.0, 1.0]], [0, 1]), "m")
    assert facts("m").get("parameters") == parameters


def test_pytorch(row: RunRow) -> None:
    """The module's text in full, its class and size in the row, its state in the file."""
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    model.log(row, net, "net")
    assert row.recorded[Column("input", "architecture")] == "Sequential, 21 parameters"
    assert "Linear(in_features=3" in str(facts("net")["architecture"])
    state = torch.load("runs_files/r1/files/net.pt", weights_only=True)
    assert state.keys() == net.state_dict().keys()


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_boosted_trees(row: RunRow, package: str) -> None:
    """Saved in the package's own format, not as a pickle."""
    boosted = pytest.importorskip(package)
    kind = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[package]
    fitted = getattr(boosted, kind)(n_estimators=3).fit([[float(i)] for i in range(50)], [i % 2 for i in range(50)])
    assert model.log(row, fitted, "trees") is not None
    assert "3 rounds" in str(facts("trees")["architecture"])


def test_a_file_is_a_model_too(row: RunRow) -> None:
    """A path is copied as it is, under the run's name for it."""
    Path("weights.onnx").write_bytes(b"abc")
    stored = model.log(row, "weights.onnx", "best")
    assert stored is not None
    assert (stored.name, stored.size) == ("files/best.onnx", 3)
    assert Column("input", "architecture") not in row.recorded


def test_what_is_no_model_raises_and_names_what_is(row: RunRow) -> None:
    """An object that nobody can save is the caller's mistake; a missing file is the world's."""
    with pytest.raises(es.UsageError, match="scikit-learn"):
        model.log(row, object(), "x")
    assert model.log(row, "nowhere.pt", "x") is None


def test_a_model_that_fails_to_save_stops_nothing(row: RunRow) -> None:
    """Its description is there, its file is not, a message says why."""
    pytest.importorskip("sklearn")
    from sklearn.preprocessing import FunctionTransformer

    assert model.log(row, FunctionTransformer(lambda x: x), "unpicklable") is None
    assert facts("unpicklable")["class"] == "FunctionTransformer"
    assert not list(Path("runs_files/r1").glob("tmp*"))


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)  # type: ignore[return-value]


def test_a_pickle_is_never_loaded(row: RunRow) -> None:
    """Logging and showing a file that would run code on loading runs none."""
    Path("evil.pkl").write_bytes(pickle.dumps(Trap()))
    with es.init("runs.csv") as run:
        run.log_model("evil.pkl")
    words = [sys.executable, "-m", "experiment_sheet", "show", run.id, "-s", "runs.csv"]
    subprocess.run(words, check=True, capture_output=True)
    assert not Path("sprung").exists()


def test_the_row_links_to_the_model_and_keeps_the_link() -> None:
    """Also when the run is resumed and says nothing of it."""
    Path("weights.pt").write_bytes(b"abc")
    with es.init("runs.csv", id="r1") as run:
        run.log_model("weights.pt")
    with es.init("runs.csv", id="r1") as run:
        run.log({"loss": 1})
    assert "runs_files/r1/files/model.pt" in Path("runs.csv").read_text()
