"""Values: any object becomes a cell, and cells survive text and JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import enum
import json
import math
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_sheet.values import Cell, Link, cut, from_json, from_text, same, to_cell, to_json, to_text, units

TIMES = st.datetimes(min_value=dt.datetime(1, 1, 3), max_value=dt.datetime(9999, 12, 29))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
CELLS: st.SearchStrategy[Cell] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, TIMES, st.dates(), st.times(), st.timedeltas(),
    st.builds(Link, TEXTS, TEXTS),
)  # fmt: skip


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Hostile:
    """Raises wherever it is touched."""

    def __repr__(self) -> str:
        raise ValueError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@dataclass
class Point:
    x: int
    y: float


Pair = namedtuple("Pair", "a b")
CET = dt.timezone(dt.timedelta(hours=1))
CASES: list[tuple[object, Cell]] = [
    (None, None),
    (True, True),
    (7, 7),
    (2**63, 2**63),
    (0.1 + 0.2, 0.30000000000000004),
    (float("inf"), float("inf")),
    ("=1+1", "=1+1"),
    ("a\ud800b\ud83d\ude00", "a\ufffdb\U0001f600"),
    (Decimal("0.25"), 0.25),
    (Decimal("1e999"), "1E+999"),
    (Fraction(1, 4), 0.25),
    (1 + 2j, "(1+2j)"),
    (b"abc", "b'abc'"),
    (b"a" * 5000, "bytes of 5,000 bytes"),
    (PurePosixPath("a/b"), "a/b"),
    (Color.RED, "RED"),
    (Color.BLUE, "blue"),
    (Level.LOW, 1),
    ([1, "a", None, 0.5, True], '[1, "a", null, 0.5, true]'),
    ((1, (2, 3)), "[1, [2, 3]]"),
    ({3, 1, 2}, "[1, 2, 3]"),
    ({"a": {"b": [1]}}, '{"a": {"b": [1]}}'),
    (Point(1, 2.5), '{"x": 1, "y": 2.5}'),
    (Pair(1, 2), "[1, 2]"),
    (argparse.Namespace(lr=0.1), '{"lr": 0.1}'),
    (range(3), "[0, 1, 2]"),
    (list(range(2000)), "list of 2,000 items"),
    (dt.datetime(2026, 11, 23, 19, 30, tzinfo=CET), dt.datetime(2026, 11, 23, 18, 30)),
    (dt.datetime.min.replace(tzinfo=CET), "0001-01-01 00:00:00+01:00"),
    (dt.date(2026, 1, 2), dt.date(2026, 1, 2)),
    (dt.time(1, 2), "01:02:00"),
    (dt.timedelta(seconds=1.5), dt.timedelta(seconds=1.5)),
    (np.float32(0.5), 0.5),
    (np.float64(0.1), 0.1),
    (np.int64(3), 3),
    (np.bool_(True), True),
    (np.str_("x"), "x"),
    (np.array(0.5), 0.5),
    (np.array([7]), 7),
    (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
    (np.zeros((1000, 20), "float32"), "float32 (1000, 20)"),
    (np.datetime64("2026-01-02"), dt.date(2026, 1, 2)),
    (np.datetime64("2026-01-02T03:04:05.123456789"), dt.datetime(2026, 1, 2, 3, 4, 5, 123456)),
    (np.datetime64("NaT"), None),
    (np.timedelta64(90, "s"), dt.timedelta(seconds=90)),
    (np.timedelta64("NaT"), None),
    (pd.Timestamp("2026-01-02 03:04:05.123456789"), dt.datetime(2026, 1, 2, 3, 4, 5, 123456)),
    (pd.Timestamp("2026-01-02 03:00", tz="Europe/Paris"), dt.datetime(2026, 1, 2, 2)),
    (pd.NaT, None),
    (pd.NA, None),
    (pd.Timedelta(hours=25), dt.timedelta(hours=25)),
    (pd.Series([1, 2]), "[1, 2]"),
    (pd.DataFrame({"a": [1, 2]}), "DataFrame (2, 1)"),
    (math.sqrt, "math.sqrt"),
    (dt.datetime, "datetime.datetime"),
    (Hostile(), "<Hostile: can't be shown>"),
    (Link("a/b.html", "plots"), Link("a/b.html", "plots")),
]


@pytest.mark.parametrize(("value", "cell"), CASES, ids=lambda value: type(value).__name__)
def test_each_kind_of_value_has_its_cell(value: object, cell: Cell) -> None:
    """Whatever a training script holds becomes the cell that a person expects."""
    found = to_cell(value)
    assert found == cell
    assert type(found) is type(cell)


def test_nan_stays_nan() -> None:
    """NaN, also numpy's and Decimal's, is a value and not the empty cell."""
    for nan in (math.nan, np.float32("nan"), Decimal("nan")):
        found = to_cell(nan)
        assert isinstance(found, float)
        assert math.isnan(found)


def test_tensors_are_known_by_how_they_look() -> None:
    """A tensor with item and tolist but no numpy behind it becomes its number, also one that only knows numpy()."""

    class Torchlike:
        def __init__(self, *shape: int) -> None:
            self.shape, self.dtype = shape, "torch.float32"

        def item(self) -> float:
            return 0.5

        def tolist(self) -> list[float]:
            return [0.5] * self.shape[0]

    class Tensorflowlike:
        shape = ()
        dtype = "float32"

        def numpy(self) -> Any:
            return np.float32(0.25)

    assert to_cell(Torchlike()) == 0.5
    assert to_cell(Torchlike(2)) == "[0.5, 0.5]"
    assert to_cell(Torchlike(100, 100)) == "float32 (100, 100)"
    assert to_cell(Tensorflowlike()) == 0.25


def test_objects_show_themselves_without_addresses() -> None:
    """The repr of an object is cut, and what differs between two equal runs is left out."""

    class Model:
        pass

    assert to_cell(Model()) == to_cell(Model())
    assert "0x" not in str(to_cell(Model()))

    class Wordy:
        def __repr__(self) -> str:
            return "x" * 50_000

    assert str(to_cell(Wordy())).endswith("… [cut: 50,000 characters]")


def test_ints_too_long_to_be_written_out_are_hexadecimal() -> None:
    """Python may refuse to spell an int of more than 640 digits; such a value must not stop the journal."""
    assert to_cell(2**1000) == 2**1000
    assert to_cell(2**20_000) == hex(2**20_000)


def test_a_list_that_holds_itself_ends() -> None:
    """A cycle becomes finite text."""
    cycle: list[Any] = [1]
    cycle.append(cycle)
    assert len(str(to_cell(cycle))) < 200


ANYTHING = st.recursive(
    CELLS | st.text() | st.binary() | st.complex_numbers() | st.decimals() | st.fractions() | st.builds(Hostile),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.frozensets(st.text())
    ),
)


@given(ANYTHING)
def test_any_value_becomes_a_cell_that_is_its_own_cell(value: object) -> None:
    """`to_cell` never raises, its result can be written, and bringing it through once more changes nothing."""
    cell = to_cell(value)
    assert same(to_cell(cell), cell)
    json.dumps(to_json(cell), allow_nan=False).encode()
    to_text(cell).encode()


@given(CELLS)
def test_json_keeps_every_cell_exactly(cell: Cell) -> None:
    """Strict JSON brings back value and type, of NaN, infinity and times too."""
    found = from_json(json.loads(json.dumps(to_json(cell), allow_nan=False)))
    assert type(found) is type(cell)
    assert found == cell or (found != found and cell != cell)


def test_plain_cells_stay_plain_in_json() -> None:
    """Journal lines are readable: what JSON has, stays as it is; what is no cell is refused."""
    for cell in ("text", 1, 0.5, True, None):
        assert to_json(cell) is cell
    for wrong in ([], {"a": 1}, {"date": "2020-01-01", "x": 1}):
        with pytest.raises(ValueError, match="not a cell"):
            from_json(wrong)


@given(st.one_of(st.booleans(), st.integers(), st.floats(), TIMES, st.dates(), st.timedeltas()))
def test_canonical_text_is_read_back(cell: Cell) -> None:
    """Numbers, bools and times come back from their text exactly, with their type."""
    found = from_text(to_text(cell))
    assert type(found) is type(cell)
    assert found == cell or (found != found and cell != cell)


@pytest.mark.parametrize(
    "text",
    ["007", "+1", "1_000", "1e5", " 1", "1 ", "TRUE", "true", "nan", "Inf", "-0", "1.50", "٣", "1,5",
     "2026-13-01", "2026-1-2", "2026-01-02T03:04:05", "2026-01-02 03:04", "1:2:3", "0:61:00",
     "-", "--1", "1-2", "0x10", "9" * 5000, "1e999", "a"],
)  # fmt: skip
def test_any_other_text_stays_text(text: str) -> None:
    """A text that is not exactly what we write for a value is text, so that writing it back changes nothing."""
    assert from_text(text) == text


@given(st.text(alphabet="0123456789-+.:eE TrueFalsNi_", max_size=20))
def test_reading_text_loses_nothing(text: str) -> None:
    """Whatever a text is read as, it is written back as it stood."""
    assert to_text(from_text(text)) == text


def test_spellings_are_pinned() -> None:
    """The canonical text of each kind is part of the file format."""
    assert to_text(dt.datetime(2026, 11, 23, 18, 30)) == "2026-11-23 18:30:00"
    assert to_text(dt.datetime(2026, 11, 23, 18, 30, 0, 5)) == "2026-11-23 18:30:00.000005"
    assert to_text(dt.timedelta(seconds=83)) == "0:01:23"
    assert to_text(dt.timedelta(days=1, hours=1)) == "25:00:00"
    assert to_text(dt.timedelta(seconds=-1.5)) == "-0:00:01.500000"
    assert to_text(dt.timedelta(seconds=-90)) == "-0:01:30"
    assert [to_text(x) for x in (math.nan, math.inf, -math.inf, True, None)] == ["NaN", "inf", "-inf", "True", ""]
    assert to_text(Link("a/b", "plots")) == "a/b"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, 150))
def test_cut_text_fits_and_is_still_the_same(text: str, limit: int) -> None:
    """A cut text fits the limit in UTF-16 units, is cut no further, and counts as what it was cut from."""
    short = cut(text, limit)
    assert units(short) <= limit or units(text) <= limit
    assert cut(short, limit) == short
    if short.endswith(" characters]"):
        assert same(short, text)
        assert same(text, short)


def test_cut_says_how_long_it_was() -> None:
    """The mark tells a person that there is more."""
    assert cut("a" * 40_000, 32_767).endswith("a… [cut: 40,000 characters]")
    assert not same(cut("a" * 40_000, 100), "a" * 40_001)


ALIKE: list[tuple[Cell, Cell]] = [
    (1, 1.0),
    (0.1 + 0.2, 0.3),
    (0.9312, 0.931200000000000001),
    (math.nan, math.nan),
    ("NaN", math.nan),
    ("a\r\nb", "a\nb"),
    (True, "TRUE"),
    (True, "true"),
    (dt.date(2026, 1, 2), dt.datetime(2026, 1, 2)),
    (dt.datetime(2026, 1, 2, 3, 4, 5, 1000), dt.datetime(2026, 1, 2, 3, 4, 5, 600)),
    (dt.timedelta(seconds=83), "0:01:23"),
    (dt.timedelta(seconds=83), dt.timedelta(seconds=83.0009)),
    (dt.timedelta(seconds=83), dt.time(0, 1, 23)),
    (Link("a", "b"), "a"),
    (Link("a", "b"), "b"),
    ("", None),
    (2**63, float(2**63)),
]
APART: list[tuple[Cell, Cell]] = [
    (1, 2),
    (1, True),
    (0, False),
    (0, None),
    (math.nan, None),
    (0.3, 0.3001),
    (math.inf, -math.inf),
    (math.inf, math.nan),
    ("a", "b"),
    ("a ", "a"),
    (True, "yes"),
    (2**5000, 0.5),
    (dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 1)),
    (dt.timedelta(1), 1),
    (dt.timedelta(1), dt.datetime(1900, 1, 1)),
    (Link("a", "b"), "c"),
    (Link("a", "b"), 1),
    (Link("a", "b"), Link("c", "b")),
]


@pytest.mark.parametrize(("one", "two"), ALIKE)
def test_what_other_programs_make_of_a_value_is_the_same(one: Cell, two: Cell) -> None:
    """A cell that a program has only saved again still holds what we wrote, whichever way it is asked."""
    assert same(one, two)
    assert same(two, one)


@pytest.mark.parametrize(("one", "two"), APART)
def test_what_a_person_changed_is_not(one: Cell, two: Cell) -> None:
    """Another value is another value, also of another type."""
    assert not same(one, two)
    assert not same(two, one)


@given(CELLS)
def test_every_cell_is_the_same_as_itself_and_its_text(cell: Cell) -> None:
    """`same` holds for a cell itself and for backends that can keep nothing but text."""
    assert same(cell, cell)
    assert same(to_text(cell), cell)
