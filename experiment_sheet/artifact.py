"""Artifacts: named bundles of files, with versions, that one run logs and a later one uses.

An artifact lies in the folder of the run that logged it, ``files/<name>/``, and beside it ``<name>.artifact.json`` says
what it is. Versions count per sheet, ``v0``, ``v1``…; contents that are what the last version had make no new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from experiment_sheet import notices
from experiment_sheet.arguments import path_of, say_unknown
from experiment_sheet.errors import Unsupported, UsageError
from experiment_sheet.exhibit import exhibit_of
from experiment_sheet.folder import RunFolder, Stored, safe_name
from experiment_sheet.masking import mask_cell, mask_key, mask_text
from experiment_sheet.values import to_cell, to_json

MANIFEST: Final = ".artifact.json"
"""How the file's name ends that describes an artifact."""

_NAME: Final = re.compile(r"[\w.-]{1,128}", re.ASCII)  # wandb's rule, and every file system's


class Artifact:
    """A named bundle of files: a dataset, a model. Logged by `Run.log_artifact`; files are copied then.

    Raises UsageError for a name with other characters than letters, digits, dots, dashes and underscores.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - wandb's word
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> None:
        say_unknown("Artifact", unknown)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.strip("."):
            raise UsageError(f"an artifact's name has letters, digits, dots, dashes and underscores, not {name!r}")
        self.name, self.type, self.description = name, type, description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self.version: str | None = None
        self.digest: str | None = None
        self._files: dict[str, Path] = {}
        self._made: dict[str, bytes | str] = {}
        self._references: dict[str, str] = {}
        self._place: Path | None = None

    def __repr__(self) -> str:
        return f"<Artifact {self.qualified_name} ({self.type})>"

    @property
    def qualified_name(self) -> str:
        """Name and version: ``mnist:v0``."""
        return self.name if self.version is None else f"{self.name}:{self.version}"

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None, **unknown: Any) -> None:
        """Take in a file, under its own name or another. One that can't be read becomes a message when logged."""
        _spare(unknown, "is_tmp", "skip_cache", "policy", "overwrite")
        say_unknown("Artifact.add_file", unknown)
        path = Path(path_of("add_file", local_path))
        self._files[_inner(name or path.name)] = path

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None, **unknown: Any) -> None:
        """Take in what is in a folder, below `name`. Links in it are not followed."""
        _spare(unknown, "skip_cache", "policy", "merge")
        say_unknown("Artifact.add_dir", unknown)
        root = Path(path_of("add_dir", local_path))
        if not root.is_dir():
            self._files[_inner(name or root.name)] = root
            return
        for base, folders, files in os.walk(root):
            folders.sort()
            for file in sorted(files):
                path = Path(base) / file
                inner = path.relative_to(root).as_posix()
                self._files[_inner(f"{name}/{inner}" if name else inner)] = path

    def add_reference(self, uri: str | os.PathLike[str], name: str | None = None, **unknown: Any) -> None:
        """Note where data is that isn't copied: a URL, or a path."""
        _spare(unknown, "checksum", "max_objects")
        say_unknown("Artifact.add_reference", unknown)
        text = path_of("add_reference", uri)
        self._references[name or text.rstrip("/").rpartition("/")[2] or text] = text

    def add(self, obj: Any, name: str, **unknown: Any) -> None:
        """Take in a table or a picture. Raises UsageError for what is none."""
        _spare(unknown, "overwrite")
        exhibit = exhibit_of(obj)
        if exhibit is None:
            raise UsageError(f"an artifact takes tables and pictures, and files by add_file; not {type(obj).__name__}")
        for path, content in exhibit.parts(safe_name(name)).items():
            self._made[_inner(path.partition("/")[2])] = content

    @contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Open a new file of the artifact for writing."""
        folder = Path(tempfile.mkdtemp(prefix="experiment_sheet-"))
        try:
            path = folder / "new"
            with open(path, mode, encoding=encoding if "b" in mode else encoding or "utf-8") as file:
                yield file
            self._made[_inner(name)] = path.read_bytes()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def wait(self, timeout: float | None = None) -> Artifact:  # noqa: ARG002 - nothing is done later here
        """Return the artifact; everything was done by `log_artifact`."""
        return self

    def download(self, root: str | os.PathLike[str] | None = None, **unknown: Any) -> str:
        """Return the folder of a logged artifact; with `root`, a copy of it there. Raises UsageError, OSError."""
        _spare(unknown, "allow_missing_references", "skip_cache", "path_prefix")
        if self._place is None:
            raise UsageError(f"{self!r} was not logged yet, nor got by use_artifact")
        if root is None:
            return str(self._place)
        shutil.copytree(self._place, root, dirs_exist_ok=True)
        return os.fspath(root)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Return the path of the only file. Raises UsageError if there are several."""
        base = Path(self.download(root))
        files = [path for path in base.rglob("*") if path.is_file()]
        if len(files) != 1:
            raise UsageError(f"{self!r} has {len(files)} files; download() answers their folder")
        return str(files[0])

    def files(self) -> list[str]:
        """Return the paths of all files."""
        return sorted(str(path) for path in Path(self.download()).rglob("*") if path.is_file())

    def get_entry(self, name: str) -> Path:
        """Return the path of one file. Raises UsageError if it isn't there."""
        path = Path(self.download()) / _inner(name)
        if not path.exists():
            raise UsageError(f"{self!r} has no file {name!r}")
        return path

    def store(self, folder: RunFolder, sheet_files: Path, aliases: Iterable[str]) -> list[str]:
        """Copy what is in it into a run folder; answer what could not be had. Raises OSError."""
        base, lost = _free_place(folder, self.name), []
        tree, size = hashlib.blake2b(digest_size=32), 0
        for name, source in sorted(self._files.items()):
            try:
                stored = folder.copy(source, f"{base}/{name}")
            except OSError as error:
                lost.append(f"{source} ({error.strerror or error})")
                continue
            size += stored.size
            tree.update(f"{name}\0{stored.blake2b}\n".encode(errors="surrogateescape"))
        for name, content in sorted(self._made.items()):
            path = folder.write(f"{base}/{name}", content)
            size += path.stat().st_size
            tree.update(f"{name}\0".encode() + path.read_bytes())
        for name, uri in sorted(self._references.items()):
            tree.update(f"{name}\0{uri}\n".encode())
        folder.make(base)
        self.digest, self._place = tree.hexdigest(), folder.path / base
        self.aliases = ["latest", *(alias for alias in aliases if alias != "latest")]
        self.version = _version(sheet_files, self.name, self.digest)
        folder.write(f"{base}{MANIFEST}", json.dumps(self._facts(size), indent=1))
        return lost

    def stored(self) -> Stored:
        """Say what lies in the run folder, for its page and ``run.json``."""
        assert self._place is not None
        size = sum(path.stat().st_size for path in self._place.rglob("*") if path.is_file())
        return Stored(f"files/{self._place.name}", size, self.digest or "", self.type)

    def _facts(self, size: int) -> dict[str, object]:
        return {
            "name": self.name,
            "type": self.type,
            "version": self.version,
            "aliases": self.aliases,
            "description": self.description,
            "metadata": {
                mask_key(str(key)): to_json(mask_cell(str(key), to_cell(value))) for key, value in self.metadata.items()
            },
            "references": {name: mask_text(uri) for name, uri in self._references.items()},
            "size": size,
            "blake2b": self.digest,
        }

    def take_up(self, place: Path, facts: Mapping[str, Any]) -> Artifact:
        """Be the artifact that was logged to a place; for `find`."""
        self.version, self.aliases, self.digest = facts["version"], list(facts["aliases"]), facts["blake2b"]
        self._references = dict(facts["references"])
        self._place = place
        return self


def find(sheet_files: Path, name: str) -> Artifact:
    """Find an artifact that a run of this sheet logged: ``mnist``, ``mnist:v0``, ``mnist:latest``, ``mnist:best``.

    Of several that have an alias the latest is meant. Raises Unsupported where there is none.
    """
    bare, _, wanted = name.rpartition("/")[2].partition(":")
    found = _logged(sheet_files, bare)
    wanted = "" if wanted == "latest" else wanted
    fitting = [(path, facts) for path, facts in found if not wanted or wanted in (facts["version"], *facts["aliases"])]
    if not fitting:
        have = ", ".join(sorted({f"{bare}:{facts['version']}" for _, facts in found})) or "none of that name"
        raise Unsupported(
            f"no run of this sheet logged the artifact {name!r} (there is {have}). Log it here once: "
            f"Artifact({bare!r}, type=...).add_file(path), then run.log_artifact(it); or open the file by its path."
        )
    return _read(*max(fitting, key=lambda one: (_number(one[1]), one[0].stat().st_mtime_ns)))


def _read(manifest: Path, facts: Mapping[str, Any]) -> Artifact:
    place = manifest.with_name(manifest.name.removesuffix(MANIFEST))
    return Artifact(facts["name"], facts["type"], facts["description"], facts["metadata"]).take_up(place, facts)


def _version(sheet_files: Path, name: str, digest: str) -> str:
    found = [facts for _, facts in _logged(sheet_files, name)]
    if not found:
        return "v0"
    latest = max(found, key=_number)
    return str(latest["version"]) if latest["blake2b"] == digest else f"v{_number(latest) + 1}"


def _free_place(folder: RunFolder, name: str) -> str:
    """Choose a place in the run folder: a run may log several versions, and each stays."""
    base, count = f"files/{safe_name(name)}", 1
    place = base
    while (folder.path / f"{place}{MANIFEST}").exists():
        count += 1
        place = f"{base}-{count}"
    return place


def _number(facts: Mapping[str, Any]) -> int:
    return int(str(facts["version"]).removeprefix("v"))


def _logged(sheet_files: Path, name: str) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for path in sheet_files.glob(f"*/files/{safe_name(name)}*{MANIFEST}"):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            if facts["name"] == name and _number(facts) >= 0:
                found.append((path, facts))
        except (OSError, ValueError, KeyError, TypeError) as error:
            notices.say("artifact", str(path), f"{path} can't be read ({error}); the artifact is left out")
    return found


def _inner(name: str) -> str:
    """Bring a name within an artifact to one that leads nowhere else."""
    return "/".join(safe_name(part) for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _spare(unknown: dict[str, Any], *known: str) -> None:
    for keyword in known:
        unknown.pop(keyword, None)
