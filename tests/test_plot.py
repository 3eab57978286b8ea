"""wandb's charts: what is computed, judged by scikit-learn, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet import plot

np = pytest.importorskip("numpy")
metrics = pytest.importorskip("sklearn.metrics")


def area(line: tuple[list[float], list[float]]) -> float:
    """Area under a curve."""
    return float(np.trapezoid(line[1], line[0]))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=2, max_size=40))
def test_curves_are_those_of_scikit_learn(cases: list[tuple[bool, float]]) -> None:
    """Area under ROC and the points of precision and recall, with scores that are equal, too."""
    truth = [int(is_it) for is_it, _ in cases]
    scores = [score for _, score in cases]
    if len(set(truth)) < 2:
        return
    ranked = sorted(zip(scores, map(bool, truth), strict=True), reverse=True)
    assert area(plot._roc(ranked)) == pytest.approx(metrics.roc_auc_score(truth, scores))
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    points = {(round(r, 9), round(p, 9)) for r, p in zip(recall, precision, strict=True)}
    assert {(round(r, 9), round(p, 9)) for r, p in zip(*plot._pr(ranked), strict=True)} == points


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50))
def test_confusion_is_that_of_scikit_learn(cases: list[tuple[int, int]]) -> None:
    """Rows are the actual classes, in the order of their names."""
    truth, guesses = [case[0] for case in cases], [case[1] for case in cases]
    names, counts = plot._confused(truth, guesses, ["a", "b", "c", "d"])
    assert names == ["a", "b", "c", "d"]
    assert counts == metrics.confusion_matrix(truth, guesses, labels=[0, 1, 2, 3]).tolist()


def test_classes_by_name_number_and_probability() -> None:
    """Whatever the classes are given as."""
    probas = np.array([[0.9, 0.1], [0.2, 0.8]])
    charts: dict[str, Any] = {
        "texts": plot.confusion_matrix(y_true=["a", "b"], preds=["b", "b"]),
        "named": plot.confusion_matrix(y_true=np.array([0, 1]), probs=probas, class_names=["$a$", "b"]),
        "binary": plot.roc_curve([0, 1], np.array([0.1, 0.9])),
        "chosen": plot.pr_curve(["x", "y"], probas, labels=["x", "y"], classes_to_plot=["y"]),
        "strokes": plot.line(es.Table(columns=["x", "y", "s"], data=[[0, 1, "a"], [1, 2, "b"]]), "x", "y", stroke="s"),
    }
    for chart in charts.values():
        (content,) = chart.parts("x").values()
        assert content.startswith(b"\x89PNG")


def test_what_is_wrong_in_the_call_raises() -> None:
    """At once, with what there is; a chart of nothing is no mistake."""
    table = es.Table(columns=["x", "y"], data=[])
    with pytest.raises(es.UsageError, match="x, y"):
        plot.scatter(table, "x", "z")
    with pytest.raises(es.UsageError, match="2 cells"):
        es.Table(columns=["x"], data=[[1, 2]])
    with pytest.raises(es.UsageError, match="2 cells"):
        es.Table(columns=["x"], data=[[1]]).add_column("y", [1, 2])
    with pytest.raises(es.UsageError, match="either"):
        plot.confusion_matrix(y_true=[1])
    with pytest.raises(es.UsageError, match="predicted"):
        plot.confusion_matrix(y_true=[1], preds=[1, 2])
    with pytest.raises(es.UsageError, match="class 7"):
        plot.confusion_matrix(y_true=[7], preds=[0], class_names=["a"])
    with pytest.raises(es.UsageError, match="probabilities"):
        plot.roc_curve([], [])
    with pytest.raises(es.UsageError, match="keys"):
        plot.line_series([0], [[1], [2]], keys=["only"])
    with es.init("runs.csv") as run:
        run.log(
            {"empty": plot.line(table, "x", "y"), "odd": plot.histogram(es.Table(data=[["a"]], columns=["x"]), "x")}
        )
        run.log({"loss": 1})


def test_tables_grow() -> None:
    """By rows, by columns, from a DataFrame and back."""
    table = es.Table()
    assert table.columns == ["Input", "Output", "Expected"]
    table = es.Table(data=np.array([[1, 2], [3, 4]]))
    table.add_column("c", np.array([5, 6]))
    table.add_row(7, 8, 9)
    assert table.get_column("c") == [5, 6, 9]
    frame = table.get_dataframe()
    assert es.Table(dataframe=frame).data == [list(row) for row in frame.itertuples(index=False)]
    assert [number for number, _ in table.iterrows()] == [0, 1, 2]
