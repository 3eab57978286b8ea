"""Which generations wrote what: nothing is missing after a torn line, and the log stays bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiment_sheet import generations


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    """A line that a full disk cut short costs no line before or after it."""
    generations.note(tmp_path, 1, "s", added=["a"], changed=[])
    with open(tmp_path / generations.NAME, "ab") as file:
        file.write(b'{"generation":2,"sheet":"s","added":["b')
    generations.note(tmp_path, 3, "s", added=["c"], changed=["a"])
    assert generations.runs_since(tmp_path, 0, "s") == ({"a", "c"}, set())
    assert generations.runs_since(tmp_path, 1, "s") == ({"c"}, {"a"})
    assert generations.runs_since(tmp_path, 3, "s") == (set(), set())


@pytest.mark.parametrize("sheets", [1, 3])
def test_the_log_grows_with_runs_and_not_with_writes(sheets: int, tmp_path: Path) -> None:
    """After thousands of writes it is small, tells all of the last ones exactly, and of older ones never too few."""
    count, runs, noted = 12_000, 300, []
    for generation in range(1, count + 1):
        run, sheet = f"r{generation % runs:012}", f"s{generation % sheets}"
        added, changed = ([run], []) if generation <= runs else ([], [run])
        generations.note(tmp_path, generation, sheet, added=added, changed=changed)
        noted.append((generation, sheet, added, changed))
    assert (tmp_path / generations.NAME).stat().st_size < 600_000 < count * 80
    for since in (0, 250, 299, 5_000, count - 900, count - 1, count):
        found = generations.runs_since(tmp_path, since, "s0")
        later = [line for line in noted if line[0] > since and line[1] == "s0"]
        added = {run for line in later for run in line[2]}
        changed = {run for line in later for run in line[3]} - added
        assert added <= found[0]
        assert changed <= found[0] | found[1]
        if since >= count - generations.KEPT:
            assert found == (added, changed)
