"""The published table of metrics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet import metrics

RESULTS = {
    "loss": "min",
    "acc": "max",
    "accuracy": "max",
    "f1": "max",
    "auc": "max",
    "mae": "min",
    "mse": "min",
    "rmse": "min",
    "r2": "max",
    "bleu": "max",
    "perplexity": "min",
    "score": "max",
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize(
    "form", ["{}", "train_{}", "val_{}", "test_{}", "eval_{}", "val/{}", "{}/test", "metrics/{}", "{}_macro"]
)
def test_results_are_known_under_their_usual_prefixes(name: str, form: str) -> None:
    """Every metric that the design names is an output with a goal, whatever split it is of."""
    key = form.format(name)
    assert metrics.guess_role(key) == "output"
    assert metrics.goal(key) == RESULTS[name]


@pytest.mark.parametrize(
    "key",
    [
        "lr", "learning_rate", "epochs", "batch_size", "eval_batch_size", "train_size", "test_size",
        "seed", "model", "optimizer", "dropout", "loss_fn", "loss_weight", "top_k", "hidden", "layers2",
        "target_accuracy", "weight_decay",
        "test", "mean", "", "val", "train/val", "momentum", "features", "augmentations",
        "early_stopping", "max_depth", "n_estimators", "std",
    ],
)  # fmt: skip
def test_what_goes_in_is_no_result(key: str) -> None:
    """Hyperparameters are inputs, though some share a word with a metric."""
    assert metrics.guess_role(key) == "input"
    assert metrics.goal(key) is None


@pytest.mark.parametrize(
    ("key", "goal"),
    [
        ("metrics/mAP50(B)", "max"),
        ("metrics/mAP50-95(B)", "max"),
        ("val/dfl_loss", "min"),
        ("acc.max", "max"),
        ("loss.min", "min"),
        ("acc.max_step", None),
        ("cv_accuracy_std", None),
        ("rouge2", "max"),
        ("recall@5", "max"),
        ("eval_samples_per_second", "max"),
        ("train_runtime", None),
        ("Accuracy", "max"),
    ],
)
def test_the_spellings_of_frameworks_are_read(key: str, goal: str | None) -> None:
    """Ultralytics, TensorBoard, Hugging Face and our own statistics spell results their own way."""
    assert metrics.guess_role(key) == "output"
    assert metrics.goal(key) == goal


def test_the_table_says_one_thing_of_each_name() -> None:
    """No name is both better when higher and better when lower."""
    assert not metrics.HIGHER_IS_BETTER & metrics.LOWER_IS_BETTER
    assert not metrics.NEITHER & (metrics.HIGHER_IS_BETTER | metrics.LOWER_IS_BETTER)


@given(st.text())
def test_any_key_has_an_answer(key: str) -> None:
    """Whatever the key, there is a role, and only outputs have a goal."""
    assert metrics.guess_role(key) in {"input", "output"}
    assert metrics.goal(key) is None or metrics.guess_role(key) == "output"
