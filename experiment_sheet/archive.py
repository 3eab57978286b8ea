"""Journals of dead writers, once everything in them is in the sheet: one compact file beside the journals.

``archive.jsonl.gz`` is a sequence of gzip members, one for each time journals were archived, so adding costs what is
added; ``zcat`` reads it whole. Each journal's name stands in it, then its lines as they were. A torn last member
(power loss while archiving) is cut off before the next one is added: its journals still exist then, because a
journal is unlinked only after the archive was fsynced and the checkpoint state saved, durably this once. Whole members
are never cut off, whatever the state says; a journal that stands in the archive twice changes nothing.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from experiment_sheet import feeds, leftovers, notices
from experiment_sheet.columns import RunId
from experiment_sheet.events import Event, decode
from experiment_sheet.files import Files, fsync_folder
from experiment_sheet.journal import lock_of, needles_of, read
from experiment_sheet.jsonl import parsed, whole_lines
from experiment_sheet.state import State, save
from experiment_sheet.writers import is_dead

if TYPE_CHECKING:
    import gzip

NAME: Final = "archive.jsonl.gz"
_PIECE: Final = 1 << 20
_ASKED: Final = 4  # writers of journals, before all are asked
_MOST: Final = 8 << 30  # bytes that are unpacked at most: a small file can be made to hold any amount


def tidy(files: Files, state: State, journals: Mapping[str, Path], *, own: Path | None, at: int) -> None:
    """Archive the journals of dead writers that hold nothing but what was applied, once there are `at` of them.

    Under the sheet's lock. A journal keeps its offset in the state until it was seen to be gone. Of sheets that one
    journal feeds it is the first whose checkpoint archives, and what another one still needs stays where it is.
    """
    if files.fed is not None:
        for applied in state.sheets.values():
            applied.offsets = {name: offset for name, offset in applied.offsets.items() if name in journals}
        return
    folder = files.journals[0]
    _unlink(state, journals)
    needed = {live.journal for applied in state.sheets.values() for live in applied.live.values()}
    spent = [p for name, p in journals.items() if p != own and name not in needed and _is_spent(p, state)]
    if len(spent) < at or not _is_worth_it(spent, at):
        return
    spent = [path for path in feeds.not_needed(folder, spent) if is_dead(path)]
    if len(spent) < at:
        return
    living = {run for applied in state.sheets.values() for run in applied.live}
    leftovers.sweep_runs(folder.parent, spent, living=living)
    state.archive = add(folder, spent, good=state.archive)
    state.archived = [path.name for path in spent]
    save(folder, state, durable=True)  # else a power loss could take it, and leave the unlinked journals' offsets
    _unlink(state, journals)


def _is_worth_it(journals: Sequence[Path], at: int) -> bool:
    """Guess, from a few, whether most writers are dead: in a living crowd asking each would cost more than a write."""
    import random  # most processes never archive

    few = random.sample(journals, min(_ASKED, len(journals)))
    return at <= 1 or 2 * sum(map(is_dead, few)) >= len(few)


def _is_spent(journal: Path, state: State) -> bool:
    applied = state.least_offset(journal.name)
    try:  # what is behind the last whole line was torn, and nobody will end it
        return bool(state.sheets) and (journal.stat().st_size <= applied or read(journal, applied)[1] == applied)
    except OSError:
        return False


def _unlink(state: State, journals: Mapping[str, Path]) -> None:
    for applied in state.sheets.values():
        for name in state.archived:
            if name not in journals:
                applied.offsets.pop(name, None)
    for name in state.archived:
        if name in journals:
            journals[name].unlink(missing_ok=True)
            lock_of(journals[name]).unlink(missing_ok=True)
    state.archived = [name for name in state.archived if name in journals]


def add(folder: Path, journals: Sequence[Path], *, good: int) -> int:
    """Put journals behind what is whole of the archive, durably; answer its new length.

    `good` is the length that the state knows; where the archive has another (a crash, a lost state), its members are
    looked at. Raises OSError where that can't be done; the archive then still holds what it held.
    """
    import gzip  # as in `events`: 3 ms, and most processes never archive

    path = folder / NAME
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(fd, "r+b") as file:
        made = (size := file.seek(0, os.SEEK_END)) == 0
        if size != good and (whole := _whole(file)) < size:
            file.truncate(whole)
        file.seek(0, os.SEEK_END)
        with gzip.GzipFile(fileobj=file, mode="wb", filename="", compresslevel=6, mtime=0) as packed:
            for journal in journals:
                _pack(journal, packed)
        file.flush()
        os.fsync(fd)
        length = file.tell()
    if made:
        fsync_folder(folder)
    return length


def _whole(file: BinaryIO) -> int:
    """Length of the gzip members that are whole (RFC 1952); what is behind them is torn."""
    whole = 0
    file.seek(0)
    member = zlib.decompressobj(31)
    with suppress(zlib.error):
        while data := file.read(_PIECE):
            text = b""
            while data or len(text) == _PIECE:
                text, data = member.decompress(data, _PIECE), member.unconsumed_tail
                if member.eof:
                    text, data, member = b"", member.unused_data, zlib.decompressobj(31)
                    whole = file.tell() - len(data)
    return whole


def _pack(journal: Path, packed: gzip.GzipFile) -> None:
    packed.write(json.dumps({"archived": journal.name}).encode("ascii") + b"\n")
    with open(journal, "rb") as file:
        for line, _ in whole_lines(file):
            if line is not None:  # nobody could read it anyway
                packed.write(line + b"\n")


def events(folder: Path, runs: Collection[RunId] | None = None) -> Iterator[Event]:
    """Every archived event, or those of some runs. What is damaged ends the reading of the archive."""
    runs = None if runs is None else frozenset(runs)
    needles = needles_of(runs or ())
    journal = ""
    for line in _lines(folder / NAME):
        if line.startswith(b'{"archived"'):
            journal = _name(line, journal)
        elif not needles or any(needle in line for needle in needles):
            event = _event(line, journal)
            if event is not None and (runs is None or event.run in runs):
                yield event


def is_whole(folder: Path, *, good: int) -> bool:
    """Tell whether the first `good` bytes of the archive can be read."""
    engine: Any = None
    try:
        with open(folder / NAME, "rb") as file:
            while good:
                piece = file.read(min(_PIECE, good))
                if not piece:
                    return False
                good -= len(piece)
                while piece:
                    engine = engine or zlib.decompressobj(31)  # a gzip member
                    engine.decompress(piece, _PIECE)
                    piece = engine.unused_data if engine.eof else engine.unconsumed_tail
                    engine = None if engine.eof else engine
            while engine and engine.decompress(b"", _PIECE):
                pass
    except FileNotFoundError:
        return not good
    except (OSError, zlib.error):
        return False
    return engine is None or bool(engine.eof)


def _lines(path: Path) -> Iterator[bytes]:
    import gzip

    try:
        with gzip.open(path) as file:
            for line, count in whole_lines(cast("BinaryIO", file)):
                if count > _MOST:
                    notices.say("archive", str(path), f"{path} holds more than {_MOST >> 30} GB; the rest is not read")
                    return
                if line is not None:
                    yield line
    except (OSError, EOFError, zlib.error):
        return  # absent, or torn by a power loss: those journals still stand beside it


def _name(line: bytes, before: str) -> str:
    try:
        return str(parsed(line)["archived"])
    except (ValueError, KeyError, TypeError):
        return before


def _event(line: bytes, journal: str) -> Event | None:
    try:
        return decode(line, journal)
    except ValueError:
        return None
