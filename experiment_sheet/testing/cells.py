"""Cells that spreadsheets are known to spoil, for round trips through every backend."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

from hypothesis import strategies as st

from experiment_sheet.values import Cell, Link

TEXTS: Final[tuple[str, ...]] = (
    *("plain", "Grüße, 日本語, 🦜", " around ", "two\nlines", "dos\r\nlines", "old mac\rline", "tab\tinside"),
    *('say "hi"', '"', '""', ",", ";", "|", "a,b;c|d", "'", "it's", "\\", "\\n", "\u2028", "\ufeff", "_x0041_", "<&>"),
    *("=1+1", "+49 89 1234", "-", "-5 apples", "@x", "\t=1", "\r", "\n", "'=1", "''=1", "'quoted'", "=", "'-"),
    *("007", "1e5", "1E5", "+1", "1.", ".5", "1_000", "0x10", "١٢", "1,5", "1.50", "--", "-0", "1e999"),
    *("true", "None", "NA", "N/A", "#N/A", "null", "nan", "-inf", "Infinity", "1/2", "Mar 1", "SEPT2", "12:30"),
    *("\x00", "\x07bell", "\x1b[0m", "\x7f", "\x85", "\ufffe", "e\u0301", "\u202eabc"),
)
AMBIGUOUS: Final[tuple[str, ...]] = ("7", "-7", "1.5", "1e-07", "TRUE", "True", "NaN", "inf", "2026-01-02", "0:00:01")
"""Text that reads like a value of another type: a format without types can't tell it apart."""

NUMBERS: Final[tuple[Cell, ...]] = (
    *(True, False, 0, 7, -1, 2**31, 2**53, 2**53 + 1, 2**63, -(2**63) - 1, 10**30),
    *(1.0, -0.0, 0.1 + 0.2, 1 / 3, 1e5, 1e15, 1e16, 123456789.123456789, 1e-300, 5e-324, 1.7976931348623157e308),
    *(math.nan, math.inf, -math.inf),
)
TIMES: Final[tuple[Cell, ...]] = (
    *(dt.date(1900, 1, 1), dt.date(1900, 2, 28), dt.date(1900, 3, 1), dt.date(2026, 1, 2), dt.date(9999, 12, 31)),
    *(dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5), dt.datetime(2026, 1, 2, 23, 59, 59, 999999)),
    *(
        dt.timedelta(0),
        dt.timedelta(seconds=90, milliseconds=500),
        dt.timedelta(days=40, hours=5),
        dt.timedelta(microseconds=1),
    ),
)
CELLS: Final[tuple[Cell, ...]] = (
    *TEXTS,
    *AMBIGUOUS,
    *NUMBERS,
    *TIMES,
    Link("runs_files/run-a1/my plots/ü#1.html", "plots"),
)


def cells() -> st.SearchStrategy[Cell]:
    """Any cell that the library may write."""
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    days = st.dates(min_value=dt.date(1900, 1, 1))
    moments = st.datetimes(min_value=dt.datetime(1900, 3, 1), max_value=dt.datetime(2100, 1, 1))
    spans = st.timedeltas(min_value=dt.timedelta(0), max_value=dt.timedelta(days=10_000))
    edges = st.sampled_from(CELLS)
    plain = moments.map(lambda moment: moment.replace(fold=0))
    return st.one_of(st.none(), edges, text, st.booleans(), st.integers(), st.floats(), days, plain, spans)
