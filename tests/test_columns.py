"""Columns: flattening, labels, and whose column a header is."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.columns import (
    FRONT,
    LABEL_LIMIT,
    PROVENANCE,
    RUN_ID,
    Column,
    find,
    flatten,
    identify,
    label,
    labels,
    order,
)
from experiment_sheet.values import Link, units

KEYS = st.text(max_size=12) | st.sampled_from(
    ["loss", "Loss", "LOSS", "loss (input)", "loss (output)", "status", "a\nb", "x" * 300]
)
COLUMNS = st.builds(Column, st.sampled_from(["run", "input", "output"]), KEYS)


@dataclasses.dataclass
class Optimizer:
    name: str = "adam"
    lr: float = 0.1


def test_nested_dictionaries_become_dotted_keys() -> None:
    """Dictionaries, dataclasses and namespaces flatten alike; lists stay values."""
    data = {"model": {"hidden": [1, 2], "opt": Optimizer()}, "args": argparse.Namespace(epochs=3), 7: None}
    assert flatten(data) == {
        "model.hidden": [1, 2],
        "model.opt.name": "adam",
        "model.opt.lr": 0.1,
        "args.epochs": 3,
        "7": None,
    }


def test_frames_and_links_are_values() -> None:
    """A DataFrame among the inputs is one value, not a column per column of its own; so is a link."""
    pandas = pytest.importorskip("pandas")
    frame, link = pandas.DataFrame({"a": [1]}), Link("a", "b")
    assert flatten({"frame": frame, "series": frame["a"], "link": link}).keys() == {"frame", "series", "link"}


def test_pydantic_and_omegaconf_flatten_too() -> None:
    """Config objects of other packages flatten without being imported; OmegaConf's missing values say so."""
    omegaconf = pytest.importorskip("omegaconf")
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Settings", lr=(float, 0.5), inner=(dict[str, int], {"a": 1}))
    config = omegaconf.OmegaConf.create({"opt": {"lr": 0.1, "decay": "${.lr}", "gone": "???"}, "layers": [1, 2]})
    flat = flatten({"p": model(), "o": config})
    assert flat["p.lr"] == 0.5
    assert flat["p.inner.a"] == 1
    assert flat["o.opt.decay"] == 0.1
    assert flat["o.opt.gone"] == "<MissingMandatoryValue>"


def test_keys_that_come_out_the_same_are_told_apart() -> None:
    """A dotted key and a nested one may clash; neither value is lost. Empty keys get a name."""
    assert flatten({"a.b": 1, "a": {"b": 2}, "": 3, " ": 4, 1: 5, "1": 6}) == {
        "a.b": 1,
        "a.b (2)": 2,
        "unnamed": 3,
        "unnamed (2)": 4,
        "1": 5,
        "1 (2)": 6,
    }


def test_cycles_and_depth_are_bounded() -> None:
    """A dictionary that holds itself, or a thousand levels, flattens to something finite."""
    cycle: dict[str, Any] = {"x": 1}
    cycle["self"] = cycle
    assert set(flatten(cycle)) == {"x", "self"}
    deep: dict[str, Any] = {}
    for _ in range(1000):
        deep = {"d": deep}
    assert list(flatten(deep)) == [".".join("d" * 16)]
    assert flatten({"empty": {}}) == {"empty": {}}
    assert flatten(3) == {}


def test_the_first_namesake_keeps_the_bare_key() -> None:
    """Later namesakes get their role, then a number; case alone makes no difference."""
    taken: list[str] = []
    for column in (Column("input", "loss"), Column("output", "Loss"), Column("output", "LOSS")):
        taken.append(label(column, taken))
    assert taken == ["loss", "Loss (output)", "LOSS (output) (2)"]
    assert label(Column("people", "loss"), taken) == "loss (2)"


def test_labels_are_short_and_harmless() -> None:
    """Line ends, control characters, empty and very long keys make labels that every spreadsheet takes."""
    assert label(Column("input", "a\r\nb\tc\x00")) == "a b c"
    assert label(Column("input", "\n")) == "unnamed"
    one, two = (label(Column("input", "𝄞" * 200 + ending)) for ending in "ab")
    assert one != two
    assert units(one) <= LABEL_LIMIT


@given(st.lists(COLUMNS, unique=True, max_size=12))
def test_labels_are_unique_and_found_again(columns: list[Column]) -> None:
    """Whatever the columns, labels differ caselessly, and each column is found and identified under its own."""
    headers: list[str] = []
    for column in columns:
        headers.append(label(column, headers))
    assert labels(columns) == headers
    assert len({header.casefold() for header in headers}) == len(headers)
    assert all(header.strip() and units(header) <= LABEL_LIMIT for header in headers)
    known = dict(zip(headers, columns, strict=True))
    assert identify(headers, known) == columns
    assert [find(column, headers, known) for column in columns] == list(range(len(columns)))


@given(st.lists(st.text(max_size=6) | st.sampled_from(["run_id", "loss", "loss (2)", "status"]), max_size=20))
def test_identified_columns_are_all_different(headers: list[str]) -> None:
    """However often a header stands there, every column has an identity of its own."""
    columns = identify(headers, {})
    assert len(columns) == len(headers) == len(set(columns))


def test_headers_alone_tell_most() -> None:
    """In a sheet of runs of which nothing is known, the run's own keys, suffixes and the metrics table decide."""
    headers = ["run", "lr", "val_acc", "loss (input)", "loss", "remark", "remark", "run_id", "run_id"]
    assert identify(headers, {}) == [
        Column("run", "run"),
        Column("input", "lr"),
        Column("output", "val_acc"),
        Column("input", "loss"),
        Column("output", "loss"),
        Column("input", "remark"),
        Column("people", "remark"),
        RUN_ID,
        Column("people", "run_id"),
    ]


def test_unknown_headers_are_peoples_where_something_is_known() -> None:
    """A column that people typed into a known sheet, or any of a sheet without run_id, is theirs."""
    assert identify(["lr", "val_acc"], {"lr": Column("input", "lr")})[1] == Column("people", "val_acc")
    assert identify(["lr", "val_acc"], {}) == [Column("people", "lr"), Column("people", "val_acc")]


def test_a_known_header_wins_over_a_namesake_before_it() -> None:
    """The column that the library made stays the column when a person types its look-alike left of it."""
    known = {"loss (2)": Column("output", "loss"), "run_id": RUN_ID}
    assert identify(["loss (output)", "loss (2)", "run_id"], known)[:2] == [
        Column("people", "loss (output)"),
        Column("output", "loss"),
    ]


def test_a_bare_header_is_adopted_unless_it_is_anothers() -> None:
    """People's column ``LR`` takes the values of ``lr``; the input ``loss`` is not taken for the output."""
    assert find(Column("input", "lr"), ["Notes", "LR"], {}) == 1
    assert find(Column("output", "loss"), ["loss"], {"loss": Column("input", "loss")}) is None
    assert find(Column("output", "loss"), ["loss", "loss (output)"], {}) == 1
    assert find(Column("input", "run_id"), ["run_id"], {}) is None
    assert find(Column("run", "notes"), ["Notes"], {}) == 0
    assert find(Column("people", "x (2)"), ["x", "x"], {}) == 1
    assert find(Column("input", "lr"), [], {}) is None


def test_a_new_sheet_has_its_order() -> None:
    """Run columns in their published order, then inputs, then outputs, each as they came."""
    run = [Column("run", key) for key in FRONT + PROVENANCE]
    rest = [Column("output", "b"), Column("input", "z"), Column("output", "a"), Column("input", "c")]
    assert order(rest + run[::-1]) == [*run, rest[1], rest[3], rest[0], rest[2]]
