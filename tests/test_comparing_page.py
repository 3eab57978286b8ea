"""docs/comparing.md, whose examples go on with each other: they run as a whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "comparing.md"


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """One block after the other, in one folder; the table that it shows is the one that is printed."""
    text = PAGE.read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        exec(block, names)
    printed = capsys.readouterr().out
    shown = [line for line in text.splitlines() if line.startswith(("| cnn |", "| mlp |", "lr 0.", "model mlp"))]
    assert len(shown) == 7
    assert all(line in printed for line in shown)
