"""Which runs each generation of a sheet wrote: ``generations.log``, so that a stale save or a backup can be mended.

One line per write, noted before the sheet is written: a line too many costs a look-up, one too few would cost a row.
A torn line (a full disk, a crash) is skipped; each line is written with an empty one before it, so that none is glued
to a torn one. Not fsynced: what a power loss takes of it is missing only if somebody restores a backup afterwards, and
`experiment-sheet doctor` finds those rows.

The log stays bounded by the number of runs, not of writes: once it has doubled, all lines but the last `KEPT` are put
together in blocks of about `KEPT` runs. A sheet that has seen a part of a block is given all of it again, which changes
nothing where it is there; but a row of that block which a person deleted before is back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from experiment_sheet import jsonl
from experiment_sheet.columns import RunId
from experiment_sheet.state import replace

NAME: Final = "generations.log"

KEPT: Final = 1_000
"""Generations that are kept as they were, and runs that older ones are put together by."""

_SMALL: Final = 256 << 10  # bytes of a log that is left as it is


@dataclass(slots=True)
class _Line:
    generation: int
    sheet: str
    added: dict[RunId, None] = field(default_factory=dict)
    changed: dict[RunId, None] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The line, with an empty one before it."""
        told = {"generation": self.generation, "sheet": self.sheet, "added": [*self.added], "changed": [*self.changed]}
        return b"\n" + json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"

    def take_in(self, later: _Line) -> None:
        """Put a later line into this one."""
        self.generation = later.generation
        self.added |= later.added
        self.changed |= {run: None for run in later.changed if run not in self.added}


def note(folder: Path, generation: int, sheet: str, *, added: Iterable[RunId], changed: Iterable[RunId]) -> None:
    """Note which runs a generation is about to write. Raises OSError."""
    path = folder / NAME
    text = _Line(generation, sheet, dict.fromkeys(added), dict.fromkeys(changed)).encoded()
    with open(path, "ab", buffering=0) as file:
        if file.write(text) != len(text):
            raise OSError(f"{path} can't be written: is the disk full?")
        size = file.tell()
    if size > _SMALL and size > 2 * _size_of_blocks(path):
        with suppress(OSError):  # it can as well be done by the next write
            _compact(path)


def runs_since(folder: Path, generation: int, sheet: str) -> tuple[set[RunId], set[RunId]]:
    """Runs that generations after this one added, and those that they only changed."""
    added: set[RunId] = set()
    changed: set[RunId] = set()
    for line in _lines(folder / NAME):
        if line.generation > generation and line.sheet == sheet:
            added.update(line.added)
            changed.update(line.changed)
    return added, changed - added


def seen_by(folder: Path, sheet: str, runs: Collection[RunId]) -> int:
    """The last generation that a sheet without a mark has seen, to judge by the rows it holds; 0 for none."""
    return max(
        (line.generation for line in _lines(folder / NAME) if line.sheet == sheet and line.added.keys() & runs),
        default=0,
    )


def before_last_of(folder: Path, sheet: str, runs: Collection[RunId]) -> int:
    """Which generation a sheet can have seen at most that lacks the last change of each of these runs."""
    last: dict[RunId, int] = {}
    for line in _lines(folder / NAME):
        if line.sheet == sheet:
            last |= {run: line.generation for run in runs if run in line.added or run in line.changed}
    return min(last.values(), default=0) - 1


def forget(folder: Path) -> None:
    """Begin anew: the sheet's generations are counted from 1 again."""
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def _compact(path: Path) -> None:
    lines = list(_lines(path))
    blocks: list[_Line] = []
    open_blocks: dict[str, _Line] = {}
    for line in lines[:-KEPT]:
        block = open_blocks.get(line.sheet)
        if block is None or len(block.added) + len(block.changed) >= KEPT:
            block = open_blocks[line.sheet] = _Line(line.generation, line.sheet)
            blocks.append(block)
        block.take_in(line)
    whole = b"".join(line.encoded() for line in [*blocks, *lines[-KEPT:]])
    replace(path, json.dumps({"blocks": len(whole)}).encode("ascii") + b"\n" + whole, durable=True)


def _size_of_blocks(path: Path) -> int:
    """Bytes that the log had when it was last put together."""
    with open(path, "rb") as file:
        first = file.readline(64)
    try:
        return int(jsonl.parsed(first)["blocks"])
    except (ValueError, KeyError, TypeError):
        return 0


def _lines(path: Path) -> Iterator[_Line]:
    with suppress(OSError), open(path, "rb") as file:
        for line, _ in jsonl.whole_lines(file):
            try:
                data: Mapping[str, Any] = jsonl.parsed(line or b"")
                number, lists = data["generation"], (data["added"], data["changed"])
                if isinstance(number, int) and all(isinstance(run, str) for runs in lists for run in runs):
                    yield _Line(number, str(data["sheet"]), *map(dict.fromkeys, lists))
            except (ValueError, KeyError, TypeError):
                continue  # torn by a crash: that generation was not written
