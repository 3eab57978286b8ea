"""Models: described, counted, saved by their own methods, linked in the row, and never loaded."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, when it predicts
def test_keras(row: RunRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PyTorch its models are PyTorch's, too: described and saved as Keras's; what was saved predicts the same."""
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    np = pytest.importorskip("numpy")
    layers = [keras.layers.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
    net = keras.Sequential(layers)
    stored = model.log(row, net, "net")
    assert stored is not None
    assert stored.name == "files/net.keras"
    assert row.recorded[Column("input", "architecture")] == "Sequential, 21 parameters"
    assert "Dense" in str(facts("net")["architecture"])
    again = keras.saving.load_model("runs_files/r1/files/net.keras")
    assert np.allclose(again.predict(np.ones((2, 3)), verbose=0), net.predict(np.ones((2, 3)), verbose=0))


def boosting(package: str) -> Any:
    """A package for boosted trees; LightGBM needs a library of the system's, without which it can't be imported."""
    try:
        return importlib.import_module(package)
    except (ImportError, OSError) as error:
        pytest.skip(f"{package}: {error}")


def test_xgboost(row: RunRow) -> None:
    """Saved in its own format, not as a pickle, whether scikit-learn's face or the booster itself is logged."""
    xgboost = boosting("xgboost")
    x, y = [[float(i)] for i in range(50)], [i % 2 for i in range(50)]
    fitted = xgboost.XGBClassifier(n_estimators=3).fit(x, y)
    for name, trees in {"trees": fitted, "booster": fitted.get_booster()}.items():
        stored = model.log(row, trees, name)
        assert stored is not None
        assert "3 rounds" in str(facts(name)["architecture"])
        again = xgboost.Booster(model_file=f"runs_files/r1/{stored.name}")
        assert again.num_boosted_rounds() == 3


def test_lightgbm(row: RunRow) -> None:
    """As XGBoost's."""
    lightgbm = boosting("lightgbm")
    x, y = [[float(i)] for i in range(50)], [i % 2 for i in range(50)]
    fitted = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(x, y)
    for name, trees in {"trees": fitted, "booster": fitted.booster_}.items():
        stored = model.log(row, trees, name)
        assert stored is not None
        assert "3 rounds" in str(facts(name)["architecture"])
        again = lightgbm.Booster(model_file=f"runs_files/r1/{stored.name}")
        assert again.num_trees() == 3


@pytest.mark.parametrize("loaded", ["torch", "sklearn"])
def test_no_framework_is_imported(loaded: str) -> None:
    """Logging a model of one framework doesn't load the others, nor does a file."""
    pytest.importorskip(loaded)
    made = {
        "torch": "import torch; model = torch.nn.Linear(2, 1)",
        "sklearn": "from sklearn.tree import DecisionTreeClassifier as T; model = T().fit([[0], [1]], [0, 1])",
    }
    program = (
        f"import sys, experiment_sheet as es; {made[loaded]}\n"
        "with es.init('runs.csv') as run: run.log_model(model); run.log({'loss': 1})\n"
        "print(*sorted({'torch', 'sklearn', 'keras', 'xgboost', 'lightgbm', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (loaded, "")
    assert es.Sheet("runs.csv").read()["model"].notna().all()


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
