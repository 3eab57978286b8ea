"""The steps of a run: one line per call of `log`, on its way to the disk when the call returns.

Each process writes a file of its own, ``history-<random>.jsonl`` in the run folder, append-only, one `os.write` per
line: ``{"step": 3, "time": 12.5, "log": {"loss": 0.25}}``, time in seconds since the run began (in a later file: since
it was resumed). Values that JSON lacks (NaN, times) are written as `values.to_json` has them.

Invariants:

- A call that returned without a message has its line in the page cache: a kill loses none, power loss may.
- After a write that failed or came short the file is cut back to its good length, the line stays in memory, and the
  next call writes it first; so a line is never glued to the rest of another.
- Lines that still wait when their run ends are tried once more at exit; what no file takes then goes to stderr.
- The order of steps is free; lines of one step are one step, the later value wins. A torn last line is ignored.
"""

from __future__ import annotations

import atexit
import io
import json
import math
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from experiment_sheet import notices
from experiment_sheet.columns import Column, labels
from experiment_sheet.folder import RunFolder
from experiment_sheet.jsonl import LONGEST, parsed, whole_lines
from experiment_sheet.values import Cell, clean, from_json, to_text

_FORMULA: Final = ("=", "+", "-", "@")
_PRINTED: Final = 1_000  # steps of a run that are printed, where no file takes them


@dataclass(slots=True)
class History:
    """The writer of this process for one run. The caller keeps threads apart."""

    folder: RunFolder
    _fd: int = -1
    _path: Path | None = None
    _pid: int = 0
    _length: int = 0
    _waiting: list[bytes] = field(default_factory=list)

    def write(self, line: bytes) -> None:
        """Append a line. Where that can't be done it stays in memory and one message says so; never raises."""
        if self._waiting or self._fd < 0 or self._pid != os.getpid():
            self._write_slowly(line)
            return
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            self._keep(line, error)
            return
        if written != len(line):
            self._keep(line, OSError("disk full"))
            return
        self._length += written

    def close(self) -> None:
        """Write what waits, if it can be written now or at exit, and close the file."""
        if self._waiting:
            self._write_slowly(None)
        if self._waiting:
            _unwritten.append((os.getpid(), self))
        if self._fd >= 0 and self._pid == os.getpid():
            try:
                os.close(self._fd)
            except OSError as error:  # where a network file system says what it could not write
                what = f"{self._path}: its last steps may be missing; the file system said so when it was closed"
                notices.say("history", str(self.folder.path), f"{what} ({error})")
        self._fd = -1

    def at_exit(self) -> None:
        """Write what waited when the run ended; print what no file takes."""
        self._write_slowly(None)
        for line in self._waiting[:_PRINTED]:
            sys.stderr.write(f'{{"run":{json.dumps(self.folder.path.name)},{line.decode()[1:]}')
        if len(self._waiting) > _PRINTED:
            notices.logger.error("%s: %d steps more could not be written", self.folder.path, len(self._waiting))
        self._waiting = []

    def reopen_if_gone(self) -> None:
        """Start a new file if somebody deleted or moved this one, or its folder."""
        if self._fd < 0 or self._path is None:
            return
        try:
            if os.path.samestat(self._path.stat(), os.fstat(self._fd)):
                return
        except OSError:
            pass
        notices.logger.warning("%s was deleted; the steps from now on are written to a new file", self._path)
        self.close()

    def _write_slowly(self, line: bytes | None) -> None:
        lines, self._waiting = self._waiting + ([] if line is None else [line]), []
        try:
            if self._fd < 0 or self._pid != os.getpid():
                self._open()
        except OSError as error:
            self._waiting = lines
            self._say(error)
            return
        for index, waiting in enumerate(lines):
            self.write(waiting)
            if self._waiting:
                self._waiting += lines[index + 1 :]
                return
        notices.settle("history", str(self.folder.path))

    def _open(self) -> None:
        self._path = self.folder.make() / f"history-{os.urandom(4).hex()}.jsonl"
        self._fd = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
        )
        self._pid, self._length = os.getpid(), 0

    def _keep(self, line: bytes, error: OSError) -> None:
        self._waiting.append(line)
        try:
            os.ftruncate(self._fd, self._length)
        except OSError:  # a new file is always good
            self._fd = -1
        self._say(error)

    def _say(self, error: OSError) -> None:
        notices.say(
            "history",
            str(self.folder.path),
            f"{self.folder.path}: steps can't be written now ({error}); they wait in memory and are tried again",
        )


_unwritten: list[tuple[int, History]] = []


def _at_exit() -> None:
    for pid, history in _unwritten:
        if pid == os.getpid():  # a forked child leaves its parent's to it
            history.at_exit()


atexit.register(_at_exit)  # before the runs' own, so it comes after theirs


Steps = dict[float, dict[str, Cell]]
"""Logged values by step; ``time`` stands beside them under the key `TIME`."""

TIME: Final = "\0time"  # no flattened key of a person's is this


def read(folder: Path, *, thinned: int = 1) -> Steps:
    """Read every history of a run, lines of one step merged, steps in order. Raises OSError.

    With `thinned` only about one line of so many is read: drawn by chance of their content, not by turns, because
    training and validation may take turns themselves.
    """
    steps: Steps = {}
    for path in paths_in(folder):
        for step, time, values in lines(path, thinned=thinned):
            steps.setdefault(step, {TIME: time}).update(values)
    return dict(sorted(steps.items()))


def size(folder: Path) -> int:
    """Return how many bytes the histories of a run have. Raises OSError."""
    return sum(path.stat().st_size for path in paths_in(folder))


def paths_in(folder: Path) -> list[Path]:
    """Every history of a run, the one that was written last at the end. Raises OSError."""
    return sorted(folder.glob("history-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def lines(path: Path, *, thinned: int = 1, start: int = 0) -> Iterator[tuple[float, float, dict[str, Cell]]]:
    """Yield step, seconds and values of each line of a history; those behind the byte `start`. Raises OSError."""
    with open(path, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline(LONGEST)
        for line, _ in whole_lines(file):
            if thinned > 1 and line and zlib.crc32(line) % thinned:
                continue
            try:
                yield _parsed(line)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                notices.say("damaged line", str(path), f"{path}: a line is damaged and was skipped")


def _parsed(line: bytes | None) -> tuple[float, float, dict[str, Cell]]:
    if line is None:
        raise ValueError("too long")
    data: Any = parsed(line)
    step = data["step"]
    if type(step) not in (int, float) or not math.isfinite(step):
        raise ValueError("no step")
    return step, float(data["time"]), {clean(key): from_json(value) for key, value in data["log"].items()}


def last_step(folder: Path) -> int:
    """Return the last step that a run's histories hold, -1 if there is none; a resumed run goes on behind it."""
    try:
        return max((int(step) for path in paths_in(folder) for step, _, _ in lines(path)), default=-1)
    except OSError:
        return -1


def keys_of(steps: Steps) -> list[str]:
    """Return every logged key, in the order in which they first came."""
    return list(dict.fromkeys(key for values in steps.values() for key in values if key != TIME))


def curves(steps: Steps) -> dict[str, tuple[list[float], list[float]]]:
    """Return steps and values of every metric that was logged as a number at more than one step."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for step, values in steps.items():
        for key, value in values.items():
            if key != TIME and isinstance(value, int | float) and not isinstance(value, bool):
                xs, ys = found.setdefault(key, ([], []))
                xs.append(step)
                ys.append(float(value))
    return {key: pair for key, pair in found.items() if len(pair[0]) > 1}


def to_csv(steps: Steps) -> str:
    """Write steps as a CSV with a byte-order mark, one row per step, for people's own programs."""
    import csv

    keys = keys_of(steps)
    headers = labels(Column("people", key) for key in ["step", "seconds", *keys])
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(map(guarded, headers))
    writer.writerows(_csv_rows(steps, keys))
    return "\ufeff" + out.getvalue()


def _csv_rows(steps: Steps, keys: Iterable[str]) -> Iterator[list[str]]:
    for step, values in steps.items():
        yield [to_text(step), to_text(values[TIME]), *(csv_cell(values, key) for key in keys)]


def csv_cell(values: Mapping[str, Cell], key: str) -> str:
    """Return one value of a step as a CSV has it; empty where it wasn't logged."""
    value = values.get(key)
    return guarded(value) if isinstance(value, str) else to_text(value)


def guarded(text: str) -> str:
    """Keep a spreadsheet program from taking text for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
