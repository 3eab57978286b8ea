"""Which backend stores a sheet: from what a person writes to a `Target`, from a `Target` to a backend.

A table of import strings, so that a format's package is loaded by the first sheet that needs it and by no other.
Who writes a backend adds an entry point to the group ``experiment_sheet.backends``, named like the suffix
(``.feather``) or the scheme (``mystore``); entry points are looked up only when the table has no answer.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from experiment_sheet.backends.base import Backend, Target
from experiment_sheet.errors import UnknownTarget, Unsupported
from experiment_sheet.look import DEFAULT, Look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

GROUP: Final = "experiment_sheet.backends"


@dataclass(frozen=True, slots=True)
class Entry:
    """A backend of the table: where its class is, and the package it can't do without."""

    backend: str  # "module:Class"
    package: str | None = None
    install: str = "pip install --upgrade experiment-sheet"


_XLSX: Final = Entry("experiment_sheet.backends.xlsx:XlsxBackend")
_CSV: Final = Entry("experiment_sheet.backends.csv:CsvBackend")
_FRAME: Final = "pip install 'experiment-sheet[frame]'"

BACKENDS: Final[dict[str, Entry]] = {
    ".xlsx": _XLSX,
    ".xlsm": _XLSX,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".parquet": Entry("experiment_sheet.backends.frame:ParquetBackend", "pyarrow", _FRAME),
    ".ods": Entry("experiment_sheet.backends.frame:OdsBackend", "odf", _FRAME),
    "memory": Entry("experiment_sheet.backends.memory:MemoryBackend"),
    "gsheet": Entry("experiment_sheet.backends.gsheet:GoogleBackend", "gspread"),
}
"""Suffix (with its dot) or scheme → backend."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters at least: C:// is a drive
_GOOGLE: Final = re.compile(r"/spreadsheets/(?:u/\d+/)?d/([\w-]+)")
_GID: Final = re.compile(r"\bgid=(\d+)")


def parse(target: str | os.PathLike[str] | Target) -> Target:
    """Say where a sheet is.

    Takes a path, ``path#Tab`` (an existing path is a file, else the tab is what follows ``.xlsx#``), a
    Google Sheets URL, ``gsheet://KEY/Tab``, ``memory://name``, or ``scheme://…`` of an entry point. Paths become
    absolute and real, so that a symlink is the same sheet.

    Raises `UnknownTarget` if no backend stores a sheet there.
    """
    if isinstance(target, Target):
        return target
    text = os.fspath(target)
    if found := _SCHEME.fullmatch(text):
        return _parse_scheme(text, found[1].lower(), found[2])
    path, tab = _split_tab(str(Path(text).expanduser()))
    _check_suffix(path, text)
    return Target("file", _real(path), tab)


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:  # the working folder was deleted under a training, which must go on
        return os.path.join(os.environ.get("PWD", os.sep), path)  # noqa: PTH118 - Path.absolute asks for it, too


def open_backend(target: Target, *, look: Look = DEFAULT) -> Backend:
    """Return a backend for the target; its package is imported now.

    Raises `UnknownTarget` if nobody stores sheets there, `Unsupported` if what it needs isn't installed.
    """
    return backend_of(target)(target, look=look)


def backend_of(target: Target) -> type[Backend]:
    """Return the class of backend for the target; raises as `open_backend`."""
    return _load(_suffix(target.path) if target.scheme == "file" else target.scheme)


def known_targets() -> list[str]:
    """Return every suffix and scheme that a sheet can be stored under, entry points included."""
    from importlib.metadata import entry_points  # 15 ms, and no built-in target needs it

    return [*BACKENDS, *sorted({point.name for point in entry_points(group=GROUP)} - BACKENDS.keys())]


def _parse_scheme(text: str, scheme: str, rest: str) -> Target:
    if scheme in ("http", "https"):
        return _parse_url(text)
    if scheme == "file":
        from urllib.parse import unquote, urlsplit

        path = unquote(urlsplit(text).path)
        return parse(path[1:] if re.match(r"/[A-Za-z]:", path) else path)  # file:///C:/runs.xlsx
    if scheme not in BACKENDS and _entry_point(scheme) is None:
        raise UnknownTarget(_unknown(text, f"the scheme {scheme!r}", _closest(scheme)))
    name, _, tab = rest.partition("/") if scheme == "gsheet" else (rest, "", "")
    if not name:
        raise UnknownTarget(f"{text!r} names no sheet; write {scheme}://name.")
    return Target(scheme, name, tab or None)


def _parse_url(text: str) -> Target:
    from urllib.parse import urlsplit

    url = urlsplit(text)
    key = _GOOGLE.search(url.path)
    if url.hostname != "docs.google.com" or not key:
        hint = " Copy the address of a Google Sheet from the browser: https://docs.google.com/spreadsheets/d/…"
        raise UnknownTarget(f"{text!r} is no address of a Google Sheet.{hint}")
    gid = _GID.search(url.fragment) or _GID.search(url.query)
    return Target("gsheet", key[1], gid and gid[0])


def _split_tab(text: str) -> tuple[str, str | None]:
    """Split ``path#Tab``. A tab's name can't hold a slash, so a later ``.xlsx#`` wins over one inside a path."""
    if "#" not in text or Path(text).exists():
        return text, None
    splits = list(_splits(text))
    standing = [split for split in splits if Path(split[0]).is_file()]
    plain = [split for split in splits if not re.search(r"[/\\]", split[1])]
    path, tab = next(iter([*standing, *plain, *splits]), (text, ""))
    return path, tab or None


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Yield every way to read the text as path and tab."""
    for mark in re.finditer("#", text):
        path, tab = text[: mark.start()], text[mark.end() :]
        if _suffix(path) in BACKENDS:
            yield path, tab


def _suffix(path: str) -> str:
    """Return the file's suffix in small letters; of ``.xlsx`` alone too, whose stem is empty."""
    name = re.split(r"[/\\]", path)[-1]
    return f".{name.rpartition('.')[2]}".lower() if "." in name else ""


def _check_suffix(path: str, text: str) -> None:
    suffix = _suffix(path)
    if suffix in BACKENDS or (suffix and _entry_point(suffix)):
        return
    if not text.strip():
        raise UnknownTarget("The target is empty; name a sheet, for instance runs.xlsx.")
    if Path(path).is_dir():
        raise UnknownTarget(f"{text!r} is a folder; name a file in it, for instance {Path(text) / 'runs.xlsx'}.")
    if not suffix:
        raise UnknownTarget(_unknown(text, "a file without suffix", f"{text}.xlsx"))
    closest = _closest(suffix)
    raise UnknownTarget(_unknown(text, f"files that end in {suffix}", closest and path[: -len(suffix)] + closest))


def _closest(key: str) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(key, known_targets(), n=1, cutoff=0.5)), None)


def _unknown(text: str, kind: str, meant: str | None) -> str:
    ends = [key for key in known_targets() if key.startswith(".")]
    schemes = [f"{key}://" for key in known_targets() if not key.startswith(".")]
    hint = f" Did you mean {meant}?" if meant else ""
    return (
        f"No backend stores a sheet in {text!r}: {kind} can't hold one.{hint}"
        f" Known are files that end in {', '.join(ends)}, the address of a Google Sheet, {' and '.join(schemes)}."
    )


def _entry_point(key: str) -> EntryPoint | None:
    from importlib.metadata import entry_points

    return next(iter(entry_points(group=GROUP, name=key)), None)


def _load(key: str) -> type[Backend]:
    entry = BACKENDS.get(key)
    if entry is None:
        point = _entry_point(key)
        if point is None:
            raise UnknownTarget(_unknown(key, f"{key!r}", _closest(key)))
        return cast("type[Backend]", point.load())
    if entry.package and not _is_installed(entry.package):
        raise Unsupported(f"A sheet in {key} needs the package {entry.package}, which is missing: {entry.install}")
    module, _, name = entry.backend.partition(":")
    try:
        backend = cast("type[Backend]", getattr(import_module(module), name))
        if backend.remote and entry.package:  # here, not in the thread that sends: a process that is forked while
            import_module(entry.package)  # another of its threads imports waits for that import for ever
        return backend
    except ImportError as error:
        raise Unsupported(f"The backend of {key} can't be loaded ({error}): {entry.install}") from error


def _is_installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
