"""docs/guarantees.md: every guarantee names the test that holds it, and every test named there exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
HEADING = "## What can go wrong, and what happens then"

_NAMED = re.compile(r"`((?:\w+/)*test_\w+)(?:\.py)?::(test_\w+)`")


def named() -> list[tuple[str, str]]:
    """Every test that the page names: file and function."""
    return _NAMED.findall(PAGE.read_text(encoding="utf-8"))


def rows() -> list[str]:
    """The rows of the tables of the section."""
    section = PAGE.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [line for line in lines if not re.fullmatch(r"[|\s:-]+|\| what .*", line)]


def test_every_test_that_is_named_exists() -> None:
    """A guarantee whose test was renamed or removed is none."""
    assert named()
    missing = []
    for file, function in named():
        path = TESTS / f"{file}.py"
        there = path.exists() and any(
            isinstance(node, ast.FunctionDef) and node.name == function
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
        if not there:
            missing.append(f"{file}::{function}")
    assert not missing


def test_every_guarantee_names_its_test() -> None:
    """No row of the tables is a claim alone."""
    assert len(rows()) > 20
    assert not [row for row in rows() if not _NAMED.search(row)]
