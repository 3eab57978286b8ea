"""Holds a workbook against the rules that keep Excel from offering to repair it.

Excel opens an .xlsx file only as strict as its own code, which no schema states: a table header that differs
from its cell by one letter, two column names that differ by case only, a calculation chain that names a cell
without formula, each ends in "We found a problem with some content". No validator at hand sees these;
`RULES` does. Each rule is one function whose docstring says what must hold and who says so.

The checker knows nothing of the engine whose output it judges, and only the standard library: `markup` reads
XML, `package` the zip archive and its relationships, `book` gives sheets, cells, tables and names, the
`rules_*` modules hold the rules. Worksheets are streamed; memory grows with the shared strings, not with rows.
It accepts every way of writing a workbook that Excel accepts: any prefixes, strict or transitional namespaces,
rows and cells without addresses, inline or shared strings, content types at any place.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from typing import Final

from experiment_sheet.testing.workbook import rules_book, rules_cells, rules_package, rules_sheet, rules_tables
from experiment_sheet.testing.workbook.book import MOST_FAULTS, CellRule, RowRule, Workbook
from experiment_sheet.testing.workbook.report import Fault, Finding

__all__ = ["RULES", "Fault", "check_workbook"]

BookRule = Callable[[Workbook], Iterator[Finding]]

_OF_THE_BOOK: Final[tuple[BookRule, ...]] = (
    *rules_package.RULES,
    *rules_book.RULES,
    *rules_sheet.RULES,
    *rules_tables.RULES,
)
RULES: Final[tuple[BookRule | RowRule | CellRule, ...]] = (
    *_OF_THE_BOOK,
    *rules_cells.ROW_RULES,
    *rules_cells.CELL_RULES,
)
"""Every rule; its ``__name__`` is `Fault.rule`."""


def check_workbook(path: str | os.PathLike[str]) -> list[Fault]:
    """Every fault for which Excel would offer to repair this .xlsx or .xlsm file; none if it opens cleanly.

    Of one rule, in one part, the first 50 faults are told. A file that is no zip archive at all has the one
    fault ``entries_whole``. Raises `OSError` where the file can't be read.

    >>> from experiment_sheet.testing import check_workbook
    >>> assert check_workbook("runs.xlsx") == []  # doctest: +SKIP
    """
    try:
        book = Workbook(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        return [Fault("entries_whole", os.fspath(path), "zip archive", f"can't be read: {error}")]
    try:
        return _faults(book)
    finally:
        book.close()


def _faults(book: Workbook) -> list[Fault]:
    book.row_rules, book.cell_rules = rules_cells.ROW_RULES, rules_cells.CELL_RULES
    book.read()
    found = [Fault(rule.__name__, *finding) for rule in _OF_THE_BOOK for finding in rule(book)]
    return _first([*found, *(fault for sheet in book.worksheets for fault in sheet.found)])


def _first(faults: list[Fault]) -> list[Fault]:
    told: dict[tuple[str, str], int] = {}
    kept = []
    for fault in faults:
        key = (fault.rule, fault.part)
        told[key] = told.get(key, 0) + 1
        if told[key] <= MOST_FAULTS:
            kept.append(fault)
    return kept
