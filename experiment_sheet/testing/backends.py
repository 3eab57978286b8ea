"""The conformance suite of backends: a backend is right when it passes `BackendTests`.

Subclass it in a test file, say how to open the backend and how to look at its store *without the library* (the
judge), and, as far as the format allows, what a person can do to it::

    class TestCsv(BackendTests):
        def backend_at(self, folder): return CsvBackend(Target("file", str(folder / "runs.csv")))
        def judge(self, folder): return list(csv.reader((folder / "runs.csv").open(encoding="utf-8-sig", newline="")))
        def person(self, folder): return CsvPerson(folder / "runs.csv")

Each test says which clause of `experiment_sheet.backends.base` it holds. What the format can't tell apart is
declared by overriding `same` and `shows`, and belongs into the backend's documentation.
"""

from __future__ import annotations

import pytest

for _module in ("cell_tests", "people_tests", "safety_tests", "subject", "table_tests"):
    pytest.register_assert_rewrite(f"experiment_sheet.testing.{_module}")  # so that failures show what differs

from experiment_sheet.testing.cell_tests import CellTests  # noqa: E402
from experiment_sheet.testing.people_tests import PeopleTests  # noqa: E402
from experiment_sheet.testing.person import Grid, GridPerson, Person  # noqa: E402
from experiment_sheet.testing.safety_tests import SafetyTests  # noqa: E402
from experiment_sheet.testing.table_tests import TableTests  # noqa: E402

__all__ = ["BackendTests", "Grid", "GridPerson", "Person"]


class BackendTests(TableTests, PeopleTests, CellTests, SafetyTests):
    """Proves clauses 1 to 10 of the contract for one backend."""
