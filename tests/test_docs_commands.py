"""Pages with commands show what they print; the tutorial and the three questions run as they stand."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]

_VARYING = (
    (re.compile(r"\br[0-9a-z]{13}\b"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "TIME"),
    (re.compile(r"\b\d:\d\d:\d\d\b"), "DURATION"),
    (re.compile(r"\b[a-z]+-[a-z]+-\d+\b"), "NAME"),
    (re.compile(r"\b[0-9a-f]{7,12}\b"), "COMMIT"),
    (re.compile(r"\d+ packages of Python [\d.]+"), "PACKAGES"),
    (re.compile(r" +"), " "),
)


def renderer() -> ModuleType:
    """The script that renders the pages."""
    pytest.importorskip("pty", reason="a pseudo-terminal is POSIX")
    spec = importlib.util.spec_from_file_location("render_commands", ROOT / "docs" / "render_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settled(page: str) -> list[str]:
    """Lines of the page without what differs from time to time."""
    for pattern, word in _VARYING:
        page = pattern.sub(word, page)
    return page.splitlines()


NAMES = ("commands.md", "tutorial.md", "three-questions.md", "how-to/many-processes.md")


@pytest.mark.skipif(sys.platform != "linux", reason="the pages show a Linux machine")
@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_what_commands_print(name: str) -> None:
    """But for ids, times and machines; `python docs/render_commands.py` writes it anew."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert settled(renderer().rendered(page)) == settled(page)
