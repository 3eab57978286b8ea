"""Hostile workbooks end in a clear error or in success, soon, in little memory, and never in a damaged file.

A few hundred here; `benchmarks/fuzz.py` tries as many as one likes.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import mutants
import openpyxl
import pytest
import whole_workbook

from experiment_sheet.ooxml.package import Package

SHEET = "xl/worksheets/sheet1.xml"
FUZZ = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="capability: bounds on a child process")


@pytest.mark.parametrize("kind", [mutation.__name__ for mutation in mutants.MUTATIONS])
def test_a_hostile_workbook_ends_in_an_error_or_in_success(kind: str) -> None:
    """Of each kind of mutant none hangs, eats memory, raises what is not ours, or leaves a damaged file."""
    _fuzz("--kind", kind, "--count", "30")


def test_a_bomb_ends_in_an_error() -> None:
    """A part that inflates to 2 GB is refused, or streamed, in bounded time and memory."""
    _fuzz("--kind", "bomb", "--count", "4")


@pytest.mark.parametrize("mutation", mutants.MUTATIONS)
def test_a_mutant_is_another_file_and_the_same_each_time(tmp_path: Path, mutation: mutants.Mutation) -> None:
    """Every mutation changes the workbook, and a seed makes the same mutant again."""
    raw = whole_workbook.write(tmp_path / "whole.xlsx", whole_workbook.PARTS).read_bytes()
    made = [mutation(raw, random.Random(seed)) for seed in range(8)]
    assert made == [mutation(raw, random.Random(seed)) for seed in range(8)]
    assert sum(mutant != raw for mutant in made) >= 4


def _fuzz(*arguments: str) -> None:
    done = subprocess.run([sys.executable, str(FUZZ), *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


STRAY = {
    "last corner": ("XFD1048576", None),
    "last row": ("L1048576", None),
    "last column": ("XFD9", None),
    "a row it does not stand in": ("A3", b'r="A1048577"'),
    "spaced": ("A3", b'r = "A1048577"'),
}


@pytest.mark.parametrize("where", STRAY)
def test_a_stray_cell_is_read_past(tmp_path: Path, where: str) -> None:
    """One cell far from all others makes reading neither slow nor big, and kills no process: 150 MB are enough."""
    address, said = STRAY[where]
    path = tmp_path / "far.xlsx"
    book = openpyxl.Workbook()
    for row in (("run_id", "lr"), ("calm-otter-7", 0.25)):
        book.active.append(row)
    book.active[address] = "far"
    book.save(path)
    if said:
        with Package.open(path) as package:
            text = package.read(SHEET).replace(f'r="{address}"'.encode(), said)
            package.save({SHEET: text})
    code = (
        "import resource; from pathlib import Path; import python_calamine;"
        "from experiment_sheet.backends.base import Target; from experiment_sheet.backends.xlsx import XlsxBackend;"
        "import experiment_sheet.ooxml.reader;"
        "now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (150 << 20),) * 2);"
        f"table = XlsxBackend(Target('file', {str(path)!r})).read();"
        "assert [list(row[:2]) for row in table.rows][0] == ['calm-otter-7', 0.25]; assert len(table.rows) <= 2"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
