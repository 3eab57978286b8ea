"""What a sheet's last and best runs were, in a few small files of its journal folder; the sheet is never asked.

``before/latest-….txt`` holds the settings of the run that began last, one file per sheet and group, and
``before/best-….txt`` the best value of each metric that runs were judged by. A file is one line: a check sum, and JSON.

Invariants, and what holds after a crash:

- A file that is lost, torn, or of an older run costs an empty cell, or a comparison with the run before; no row. So
  nothing is fsynced, and a file is written over in place: a reader that comes in between finds the check sum wrong.
- A better value is never replaced by a worse one: it is read and written under a lock, which is taken only for a value
  that is better than what is known, and for a tenth of a second at most.
- The files are few, and stay small: a hundred groups, twenty metrics, texts cut (`changed.settings`).
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiment_sheet import locks
from experiment_sheet.columns import RunId
from experiment_sheet.metrics import Goal
from experiment_sheet.values import Cell, from_json, to_json

_GROUPS: Final = 100  # whose latest runs are remembered
_METRICS: Final = 20  # whose best values are remembered
_LARGEST: Final = 1 << 20  # bytes of a file; a hundred settings have at most some ten thousand
_TRIES: Final = 20
_PAUSE: Final = 0.005  # seconds between two tries for the lock
_WRITE: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
_READ: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_DAMAGED: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a sheet's runs: of a name without its folder, which may be moved as a whole."""

    files: Path  # the files folder
    sheet: str

    def latest(self, group: str | None) -> tuple[RunId, dict[str, Cell]] | None:
        """Return the run that was begun last, and its settings; None where that is unknown."""
        try:
            data = _read(self._path("latest", group))
            if data["of"] == [self.sheet, group]:
                return str(data["run"]), {str(key): from_json(cell) for key, cell in data["settings"].items()}
        except _DAMAGED:
            pass
        return None

    def keep_latest(self, group: str | None, run: RunId, settings: Mapping[str, Cell]) -> None:
        """Remember the run that was begun last. Raises OSError."""
        told = {key: to_json(cell) for key, cell in settings.items()}
        path = self._path("latest", group)
        is_new = group is not None and not os.path.exists(path)  # noqa: PTH110 - in the way of every row
        _write(path, {"of": [self.sheet, group], "run": run, "settings": told})
        if is_new:
            _forget_some(Path(path).parent)

    def best(self) -> dict[str, tuple[float, RunId]]:
        """Return the best value of each metric, and the run that had it; nothing where that is unknown."""
        try:
            data = _read(self._path("best", None))
            if data["of"] == self.sheet:
                found = {str(metric): (float(value), str(run)) for metric, (value, run) in data["best"].items()}
                return {metric: one for metric, one in found.items() if math.isfinite(one[0])}
        except _DAMAGED:
            pass
        return {}

    def keep_best(self, run: RunId, metric: str, way: Goal, value: float) -> None:
        """Remember the value of a run if it is the best so far. Raises OSError."""
        path = self._path("best", None)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with _held(Path(f"{path}.lock")) as held:
            known = self.best()
            if held and is_better(value, way, known.pop(metric, None)):
                recent = dict(list(known.items())[-_METRICS + 1 :])
                _write(path, {"of": self.sheet, "best": recent | {metric: (value, run)}})

    def _path(self, kind: str, group: str | None) -> str:
        of = self.sheet if group is None else f"{self.sheet}\0{group}"
        return f"{self.files}{os.sep}journal{os.sep}before{os.sep}{kind}-{zlib.crc32(of.encode()):08x}.txt"


def is_better(value: float, way: Goal, known: tuple[float, RunId] | None) -> bool:
    """Tell whether a value is better than what is known, if anything is."""
    return known is None or (value > known[0] if way == "max" else value < known[0])


def _read(path: str) -> Any:
    fd = os.open(path, _READ)
    try:
        line = os.read(fd, _LARGEST).partition(b"\n")[0]
    finally:
        os.close(fd)
    if int(line[:8], 16) != zlib.crc32(line[9:]):
        raise ValueError(f"{path} is being written, or was torn")
    return json.loads(line[9:])


def _write(path: str, data: Mapping[str, object]) -> None:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).encode("ascii")
    line = b"%08x %s\n" % (zlib.crc32(text), text)
    try:
        fd = os.open(path, _WRITE, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        fd = os.open(path, _WRITE, 0o666)
    try:
        os.write(fd, line)
        os.ftruncate(fd, len(line))
    finally:
        os.close(fd)


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold a lock, and tell whether it could be had: a crowd's may be worth a few milliseconds, but no more."""
    for _ in range(_TRIES):
        lock = locks.take(path)
        if lock is not None:
            try:
                yield True
            finally:
                lock.release()
            return
        time.sleep(_PAUSE)
    yield False


def _forget_some(folder: Path) -> None:
    """Forget the groups that were quiet for longest."""
    with suppress(OSError):
        groups = sorted(folder.glob("latest-*.txt"), key=lambda path: path.stat().st_mtime)
        for path in groups[: -_GROUPS - 1]:  # and the sheet's own
            path.unlink(missing_ok=True)
