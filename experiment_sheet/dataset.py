"""The data of a run: what went in, how much of it, and a hash that tells whether it is still the same.

`log` takes what a script has: a path, a folder, a DataFrame, an array or tensor, an address. In the row stands the name
with the hash's first characters; everything else is in ``datasets.json``, and later in ``run.json``.

A hash is of the contents alone: of bytes for files, of names and bytes for folders, of values, shape and column names
for arrays and frames. Files that would take long are hashed in the background, and known ones not again: beside the
journal ``hashes.json`` remembers hashes by path, size and time of change, for a folder by those of all its files.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from experiment_sheet import background, contents, notices
from experiment_sheet.code import without_credentials
from experiment_sheet.columns import Column
from experiment_sheet.errors import UsageError
from experiment_sheet.folder import RunFolder
from experiment_sheet.masking import mask_text
from experiment_sheet.report import RECORDS, forgiving
from experiment_sheet.row import RunRow
from experiment_sheet.values import to_cell

SHOWN: Final = 8
"""First characters of a hash that the row shows; of 10,000 versions of a dataset two share them once in 100 times."""

_LONG: Final = 64 << 20  # bytes that are hashed while the caller waits: a quarter of a second at worst
_REMEMBERED: Final = 1 << 20  # bytes below which reading is as fast as remembering
_SETTLED: Final = 2.0  # seconds since a change; a later one in the same tick of the clock would not be seen
_MOST_COLUMNS: Final = 1_000
_ROLES: Final = {"training": "train", "val": "validation", "valid": "validation", "testing": "test"}
_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is known of a run's data. Sizes are in bytes."""

    name: str
    role: str
    version: str | None = None
    source: str | None = None  # absolute path, address, or the kind of object
    size: int | None = None
    files: int | None = None  # of a folder
    rows: int | None = None
    columns: int | None = None
    dtypes: Mapping[str, str] | str | None = None  # by column; of an array the one it has
    blake2b: str | None = None  # None: it can't be had, or not yet
    features: str | None = None
    augmentations: str | None = None

    @property
    def label(self) -> str:
        """Name, version and the hash's first characters, for the row."""
        return " ".join(part for part in (self.name, self.version, (self.blake2b or "")[:SHOWN]) if part)


def log(
    row: RunRow,
    name: str,
    data: object,
    *,
    role: str = "train",
    version: object = None,
    features: object = None,
    augmentations: object = None,
) -> Dataset:
    """Record a dataset of a run: a path, an address, a DataFrame, an array. Raises UsageError for no name or role.

    What can't be read or hashed is recorded without its hash, and a message says so.
    """
    if not (isinstance(name, str) and name.strip() and isinstance(role, str) and role.isidentifier()):
        raise UsageError(
            f"a dataset has a name and a role (train, validation, test), not {name!r:.50} and {role!r:.50}"
        )
    given = Dataset(
        name, _ROLES.get(role, role), _text(version), features=_text(features), augmentations=_text(augmentations)
    )
    with forgiving("describing the dataset", name):
        if isinstance(data, str | os.PathLike):
            given = replace(given, source=_address(os.fspath(data)))
            given = _of_path(row, given)
        else:
            given = replace(given, source=_kind(data), **_of_object(data))
    _keep(row, given)
    return given


def _text(value: object) -> str | None:
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping) and not hasattr(value, "shape"):
        return ", ".join(str(to_cell(item)) for item in value)
    return None if value is None else str(to_cell(value))


def _kind(data: object) -> str:
    return f"{type(data).__module__.split('.')[0]}.{type(data).__qualname__}"


def _keep(row: RunRow, dataset: Dataset) -> None:
    """Write it down for ``run.json`` and let the row tell it with whatever it tells next."""
    with _lock, forgiving("recording the dataset", dataset.name):
        known = row.folder.read_json(RECORDS["datasets"])
        known[f"{dataset.name} ({dataset.role})"] = _without_secrets(asdict(dataset))
        row.folder.write(RECORDS["datasets"], json.dumps(known, indent=1))
        same = [facts for facts in known.values() if isinstance(facts, dict) and facts.get("role") == dataset.role]
        labels = [" ".join(filter(None, (f["name"], f.get("version"), f.get("blake2b", "")[:SHOWN]))) for f in same]
        row.recorded[Column("input", f"{dataset.role}_data")] = ", ".join(labels)
    for key in ("features", "augmentations"):
        if (text := getattr(dataset, key)) is not None:
            row.recorded[Column("input", key)] = text


def _without_secrets(facts: Mapping[str, Any]) -> dict[str, Any]:
    masked = {key: mask_text(value) if isinstance(value, str) else value for key, value in facts.items()}
    return {key: value for key, value in masked.items() if value is not None}


# Files


def _address(text: str) -> str:
    return without_credentials(text) if "://" in text else str(Path(text).expanduser().absolute())


def _of_path(row: RunRow, given: Dataset) -> Dataset:
    if given.source is None or "://" in given.source:
        return given
    path = Path(given.source)
    found = _listed(path)
    known = replace(given, size=found.size, files=found.files if path.is_dir() else None)
    memory = row.sheet.files / "journal" / "hashes.json"
    remembered = _remembered(memory, path, found)
    if remembered is not None or found.size <= _LONG:
        return replace(known, blake2b=remembered or _hashed(memory, path, found))

    def later() -> None:
        _keep(row, replace(known, blake2b=_hashed(memory, path, found)))

    background.start(row.folder.path, f"hashing the dataset {given.name!r}", later)
    return known


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a path looks like without reading its contents."""

    size: int
    files: int
    newest: int  # nanoseconds
    mark: str  # of names, sizes and times


def _listed(path: Path) -> _Listed:
    paths = contents.files_below(path) if path.is_dir() else [path]
    size = files = newest = 0
    mark = hashlib.blake2b(digest_size=16)
    for part in paths:
        stat = part.stat()
        size, files, newest = size + stat.st_size, files + 1, max(newest, stat.st_mtime_ns)
        mark.update(f"{part}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return _Listed(size, files, newest, mark.hexdigest())


def _remembered(memory: Path, path: Path, found: _Listed) -> str | None:
    entry = RunFolder(memory.parent).read_json(memory.name).get(str(path))
    return entry[1] if isinstance(entry, list) and len(entry) == 2 and entry[0] == found.mark else None


def _hashed(memory: Path, path: Path, found: _Listed) -> str:
    digest = contents.measure(path)[1]
    if found.size < _REMEMBERED or time.time() - found.newest / 1e9 < _SETTLED or _listed(path) != found:
        return digest
    with _lock:
        folder = RunFolder(memory.parent)
        known = {key: entry for key, entry in folder.read_json(memory.name).items() if key != str(path)}
        recent = dict(list(known.items())[-999:]) | {str(path): [found.mark, digest]}
        try:
            folder.write(memory.name, json.dumps(recent))
        except OSError as error:
            notices.say("hashes", str(memory), f"{memory}: hashes can't be remembered ({error})", level=20)
    return digest


# Objects, known by how they look, so that no package is imported for them


def _of_object(data: Any) -> dict[str, Any]:
    if hasattr(data, "columns") and hasattr(data, "shape"):
        return _of_frame(data)
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return _of_array(data)
    rows = len(data) if hasattr(data, "__len__") else None
    mark = getattr(data, "_fingerprint", None)  # Hugging Face's own: of the data and all that was done to it
    return {"rows": rows, "blake2b": mark if isinstance(mark, str) else None}


def _of_frame(frame: Any) -> dict[str, Any]:
    names = [str(name) for name in frame.columns]
    dtypes = getattr(frame, "dtypes", [])
    kinds = dict(zip(names[:_MOST_COLUMNS], map(str, list(dtypes)), strict=False))
    found = {"rows": int(frame.shape[0]), "columns": int(frame.shape[1]), "dtypes": kinds, "size": _frame_size(frame)}
    with forgiving("hashing the data", "a table"):
        digest = hashlib.blake2b(json.dumps(names).encode(), digest_size=32)
        digest.update(memoryview(_row_hashes(frame)).cast("B"))
        found["blake2b"] = digest.hexdigest()
    return found


def _row_hashes(frame: Any) -> Any:
    """Return a number per row, the same in every process."""
    if hasattr(frame, "hash_rows"):  # polars
        return frame.hash_rows(seed=0).to_numpy().copy()
    return sys.modules["pandas"].util.hash_pandas_object(frame, index=True).to_numpy().copy()


def _frame_size(frame: Any) -> int | None:
    if hasattr(frame, "estimated_size"):
        return int(frame.estimated_size())
    return int(frame.memory_usage(deep=False).sum()) if hasattr(frame, "memory_usage") else None


def _of_array(array: Any) -> dict[str, Any]:
    shape = tuple(int(length) for length in array.shape)
    size = math.prod(shape) * int(getattr(array, "itemsize", 0) or array.dtype.itemsize)
    found: dict[str, Any] = {"rows": shape[0] if shape else 1, "dtypes": str(array.dtype), "size": size}
    found["columns"] = math.prod(shape[1:]) if len(shape) > 1 else None
    with forgiving("hashing the data", "an array"):
        found["blake2b"] = _array_hash(array, shape)
    return found


def _array_hash(array: Any, shape: tuple[int, ...]) -> str | None:
    """Hash values in the order of their indices, whatever their order in memory; where they lie apart, row by row."""
    for step in ("detach", "cpu", "numpy"):  # PyTorch, and whoever has one of them
        array = getattr(array, step)() if callable(getattr(array, step, None)) else array
    if getattr(array.dtype, "hasobject", False):  # addresses, not values
        return None
    digest = hashlib.blake2b(f"{str(array.dtype).removeprefix('torch.')} {shape}".encode(), digest_size=32)
    whole = not shape or getattr(getattr(array, "flags", None), "c_contiguous", False)
    pieces: Iterable[Any] = [array] if whole else array
    for piece in pieces:
        digest.update(memoryview(piece).cast("B") if whole and shape and 0 not in shape else piece.tobytes())
    return digest.hexdigest()


def verify(facts: Mapping[str, Any], path: Path) -> bool | None:
    """Tell whether a path still holds what was logged; None where that can't be told. Raises OSError."""
    digest = facts.get("blake2b")
    return contents.measure(path)[1] == digest if isinstance(digest, str) else None
