"""Curves as text: what a glance at the row tells."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet.sparkline import WIDTH, Curve, sparkline

LEVELS = "▁▂▃▄▅▆▇"
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(numbers, min_size=2, max_size=300))
def test_any_values_are_a_short_text(values: list[float]) -> None:
    """At most ten characters of seven levels; what rises in the values never falls in the text."""
    text = sparkline(values)
    assert 1 <= len(text) <= WIDTH
    assert set(text) <= set(LEVELS)
    rising = sparkline(sorted(values))
    assert [LEVELS.index(char) for char in rising] == sorted(LEVELS.index(char) for char in rising)


def test_the_picture_is_the_curve() -> None:
    """A falling loss falls from the top to the bottom; a flat one is flat."""
    assert sparkline([5, 4, 3, 2, 1])[0] == "▇"
    assert sparkline([5, 4, 3, 2, 1])[-1] == "▁"
    assert len(set(sparkline([2, 2, 2]))) == 1


def test_a_long_curve_stays_small() -> None:
    """Ten million points would be as few; NaN and infinities are passed over."""
    curve = Curve()
    for step in range(100_000):
        curve.add(step, math.nan if step % 3 == 0 else float(step))
    assert len(curve.points) <= 257
    assert curve.text() == sparkline(list(range(100)))
    assert Curve().text() is None


def test_the_row_has_the_curve_of_metrics_with_a_goal() -> None:
    """By the published table or by `define_metric`; not of others, nor of one point, nor of what has no cell."""
    with es.init("runs.csv", id="r") as run:
        run.define_metric("speed", goal="max")
        run.define_metric("hidden_loss", summary="none")
        for step in (2, 0, 1):
            run.log(
                {"val_acc": step, "speed": step, "other": step, "hidden_loss": step, "nested": {"loss": 3 - step}},
                step=step,
            )
        run.log({"rmse": 1})
    frame = es.Sheet("runs.csv").read()
    assert frame["val_acc.curve"].tolist() == frame["speed.curve"].tolist() == ["▁▄▇"]
    assert frame["nested.loss.curve"].tolist() == ["▇▄▁"]
    assert not {"other.curve", "rmse.curve", "hidden_loss.curve"} & set(frame.columns)
    with es.init("runs.csv", id="r") as run:
        run.log({"val_acc": 3, "nested.loss": 0})
        assert "val_acc.curve" not in run.summary
    assert es.Sheet("runs.csv").read()["val_acc.curve"].tolist() == ["▁▃▅▇"]
