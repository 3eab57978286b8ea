"""The archive: whatever the state says of it, what is whole in it stays, and what is torn goes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from experiment_sheet import archive, leftovers
from experiment_sheet.columns import Column
from experiment_sheet.events import Event, encode
from experiment_sheet.journal import lock_of
from experiment_sheet.writers import is_dead


def _journal(folder: Path, run: str) -> Path:
    path = folder / f"host-{run}.jsonl"
    path.write_bytes(encode(Event("s", run, "end", {Column("input", "lr"): run * 20_000})))
    return path


def _runs(folder: Path) -> list[str]:
    return [event.run for event in archive.events(folder)]


def test_a_lost_state_costs_nothing_of_the_archive(tmp_path: Path) -> None:
    """Where the state's length is gone, or older, whole members stay."""
    first = archive.add(tmp_path, [_journal(tmp_path, "a")], good=0)
    second = archive.add(tmp_path, [_journal(tmp_path, "b")], good=first)
    assert archive.add(tmp_path, [_journal(tmp_path, "c")], good=0) > second
    archive.add(tmp_path, [_journal(tmp_path, "d")], good=first)
    assert _runs(tmp_path) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("cut", [1, 9, 40])
@pytest.mark.parametrize("known", [True, False])
def test_a_torn_member_is_cut_off(known: bool, cut: int, tmp_path: Path) -> None:
    """A power loss tore the last member: the next one stands behind the whole ones, and all of it can be read."""
    first = archive.add(tmp_path, [_journal(tmp_path, "a")], good=0)
    second = archive.add(tmp_path, [_journal(tmp_path, "b")], good=first)
    with open(tmp_path / archive.NAME, "r+b") as file:
        file.truncate(second - cut)
    archive.add(tmp_path, [_journal(tmp_path, "b")], good=first if known else 0)
    assert _runs(tmp_path) == ["a", "b"]
    assert gzip.decompress((tmp_path / archive.NAME).read_bytes()).count(b'"archived"') == 2


def test_leftovers_of_killed_writers_are_swept(tmp_path: Path) -> None:
    """Temporary files and locks of no journal go; journals, their locks and everybody else's files stay."""
    journal = _journal(tmp_path, "a")
    stay = [journal, lock_of(journal), tmp_path / "sheet.lock", tmp_path / "sheet.json", tmp_path / "notes.txt"]
    go = [tmp_path / "checkpoint.json.0a1b2c3d.tmp", tmp_path / "sheet-0a1b2c3d.tmp", tmp_path / "x-1.jsonl.lock"]
    for path in [*stay[1:], *go]:
        path.write_text("")
    leftovers.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in stay}


@pytest.mark.parametrize("text", [b"", b'{"journal": 1, "mach'])
def test_a_journal_without_a_whole_line_is_nobodys(text: bytes, tmp_path: Path) -> None:
    """A writer that was killed before its first line was whole was never acknowledged anything."""
    path = tmp_path / "host-1.jsonl"
    path.write_bytes(text)
    assert is_dead(path)
