"""A first sheet of real experiments: three families of models on the digits that scikit-learn ships.

An example of how the library is used, and the only room that knows scikit-learn. It prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import experiment_sheet as es
from experiment_sheet.errors import Unsupported
from experiment_sheet.program import repeated_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

METRIC: Final = "val_acc"
"""The metric by which the demo's runs are compared."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment of the demo, before it runs."""

    model: str  # a key of `MODELS`
    hypothesis: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 20
    features: str = "pixels / 16"  # a key of `FEATURES`

    @property
    def config(self) -> dict[str, Any]:
        """What goes into the run."""
        return {"model": self.model, "features": self.features, "epochs": self.epochs, **self.parameters}


TRIALS: Final = (
    Trial("logistic", "a linear model is a fair baseline", {"alpha": 0.01}),
    Trial("logistic", "a weaker penalty fits better", {"alpha": 0.0001}),
    Trial("logistic", "it has not converged after 20 epochs", {"alpha": 0.0001}, epochs=60),
    Trial("forest", "shallow trees are enough", {"max_depth": 4, "max_features": "sqrt"}, epochs=8),
    Trial("forest", "deep trees beat shallow ones", {"max_features": "sqrt"}, epochs=8),
    Trial("forest", "more features per split make better trees", {"max_features": 0.5}, epochs=8),
    Trial("forest", "one random feature per split is too few", {"max_features": 1}, epochs=8),
    Trial("mlp", "a small network beats the linear model", {"hidden": 32, "lr": 0.001}),
    Trial("mlp", "it is too small", {"hidden": 128, "lr": 0.001}),
    Trial("mlp", "the learning rate is too low", {"hidden": 128, "lr": 0.01}),
    Trial("mlp", "…and far lower learns nothing in 20 epochs", {"hidden": 128, "lr": 0.00001}),
    Trial("mlp", "a log scale brings out faint strokes", {"hidden": 128, "lr": 0.01}, features="log(pixels)"),
    Trial("mlp", "a second layer helps", {"hidden": "128, 64", "lr": 0.01}),
    Trial("mlp", "a strong penalty closes the gap to training", {"hidden": 128, "lr": 0.01, "alpha": 0.5}, epochs=30),
)
"""What the demo tries, in order. One fails, for a reason that is worth a second look."""


def run(trial: Trial, sheet: str) -> None:
    """Train one model and log it. Raises what the training raises; the run is then in the sheet as failed.

    Raises Unsupported if scikit-learn is missing.
    """
    require()
    alone = ("python", "-m", "experiment_sheet", "demo", "--trial", str(TRIALS.index(trial) + 1))
    with repeated_by(alone):  # so that one of them can be reproduced without the others
        begun = es.init(sheet, config=trial.config, hypothesis=trial.hypothesis, tags=["demo", trial.model])
    with begun as run:
        data = _split(trial.features)
        for epoch, model in enumerate(_training(trial, data), 1):
            run.log(_measure(model, data), step=epoch)
        run.summary["test_acc"] = float(model.score(*data["test"]))
        run.log({"confusion": _confusion(model, data)})


def require() -> None:
    """Raise Unsupported, saying what to install, if scikit-learn is missing."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        message = "the demo trains models with scikit-learn, which is missing: pip install 'experiment-sheet[demo]'"
        raise Unsupported(message) from error


Data = dict[str, "tuple[NDArray[Any], NDArray[Any]]"]
SEED: Final = 0


def _split(features: str) -> Data:
    """Return 60 % of the digits to train, 20 % to choose the model, 20 % to test it."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    x, rest_x, y, rest_y = train_test_split(
        FEATURES[features](pixels), labels, test_size=0.4, random_state=SEED, stratify=labels
    )
    val_x, test_x, val_y, test_y = train_test_split(rest_x, rest_y, test_size=0.5, random_state=SEED, stratify=rest_y)
    return {"train": (x, y), "val": (val_x, val_y), "test": (test_x, test_y)}


def _log_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    with np.errstate(divide="ignore"):
        logs: NDArray[Any] = np.log(pixels)  # most pixels are blank: the logarithm of 0 is where this trial fails
    return logs


FEATURES: Final = {"pixels / 16": lambda pixels: pixels / 16, "log(pixels)": _log_pixels}


def _logistic(trial: Trial) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", random_state=SEED, **trial.parameters)


def _forest(trial: Trial) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=0, warm_start=True, random_state=SEED, **trial.parameters)


def _mlp(trial: Trial) -> Any:
    from sklearn.neural_network import MLPClassifier

    said = dict(trial.parameters)
    layers = tuple(int(size) for size in str(said.pop("hidden")).split(","))
    return MLPClassifier(layers, learning_rate_init=said.pop("lr"), batch_size=64, random_state=SEED, **said)


MODELS: Final = {"logistic": _logistic, "forest": _forest, "mlp": _mlp}
_TREES: Final = 20  # a forest grows by so many per "epoch"


def _training(trial: Trial, data: Data) -> Iterator[Any]:
    """Train a model; yield it after each epoch."""
    model = MODELS[trial.model](trial)
    x, y = data["train"]
    for _ in range(trial.epochs):
        if trial.model == "forest":
            model.set_params(n_estimators=model.n_estimators + _TREES).fit(x, y)
        else:
            model.partial_fit(x, y, classes=range(10))
        yield model


def _measure(model: Any, data: Data) -> dict[str, float]:
    from sklearn.metrics import log_loss

    x, y = data["val"]
    return {
        "train_acc": float(model.score(*data["train"])),
        "val_acc": float(model.score(x, y)),
        "val_loss": float(log_loss(y, model.predict_proba(x))),
    }


def _confusion(model: Any, data: Data) -> Figure:
    """Draw how often each digit of the test set was taken for each."""
    from matplotlib.figure import Figure
    from sklearn.metrics import confusion_matrix

    x, y = data["test"]
    counts = confusion_matrix(y, model.predict(x))
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    axes.set(xlabel="predicted", ylabel="digit", xticks=range(10), yticks=range(10))
    for digit, row in enumerate(counts):
        for predicted, count in enumerate(row):
            if count:
                color = "white" if count > counts.max() / 2 else "black"
                axes.text(predicted, digit, str(count), ha="center", va="center", color=color)
    return figure
