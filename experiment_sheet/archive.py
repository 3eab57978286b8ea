"""Journals of dead writers, once everything in them is in the sheet: one compact file beside the journals.

``archive.jsonl.gz`` is a sequence of gzip members, one for each time journals were archived, so adding costs what is
added; ``zcat`` reads it whole. Each journal's name stands in it, then its lines as they were. A torn last member
(power loss while archiving) is cut off before the next one is added: its journals still exist then, because a
journal is unlinked only after the archive was fsynced and the checkpoint state saved.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from experiment_sheet.columns import RunId
from experiment_sheet.events import Event, decode
from experiment_sheet.journal import fsync_folder

NAME: Final = "archive.jsonl.gz"


def add(folder: Path, journals: Sequence[Path], *, good: int) -> int:
    """Put journals behind the first `good` bytes of the archive, durably; answer its new length.

    Raises OSError where that can't be done; the archive then still holds its first `good` bytes.
    """
    import gzip  # as in `events`: 3 ms, and most processes never archive

    path = folder / NAME
    made = not path.exists()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(fd, "wb") as file:
        if file.seek(0, os.SEEK_END) > good:
            file.truncate(good)
        file.seek(0, os.SEEK_END)
        file.write(gzip.compress(b"".join(map(_section, journals)), compresslevel=6, mtime=0))
        file.flush()
        os.fsync(fd)
        length = file.tell()
    if made:
        fsync_folder(folder)
    return length


def _section(journal: Path) -> bytes:
    text = journal.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    return json.dumps({"archived": journal.name}).encode("ascii") + b"\n" + whole


def events(folder: Path, runs: Collection[RunId] | None = None) -> Iterator[Event]:
    """Every archived event, or those of some runs. What is damaged ends the reading of the archive."""
    wanted = None if runs is None else [json.dumps(run)[1:-1].encode("ascii") for run in runs]
    journal = ""
    for line in _lines(folder / NAME):
        if line.startswith(b'{"archived"'):
            journal = _name(line, journal)
        elif wanted is None or any(run in line for run in wanted):
            event = _event(line, journal)
            if event is not None and (runs is None or event.run in runs):
                yield event


def _lines(path: Path) -> Iterator[bytes]:
    import gzip

    try:
        with gzip.open(path) as file:
            yield from file
    except (OSError, EOFError, zlib.error):
        return  # absent, or torn by a power loss: those journals still stand beside it


def _name(line: bytes, before: str) -> str:
    try:
        return str(json.loads(line)["archived"])
    except (ValueError, KeyError, TypeError):
        return before


def _event(line: bytes, journal: str) -> Event | None:
    try:
        return decode(line, journal)
    except ValueError:
        return None
