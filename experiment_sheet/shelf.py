"""What a run keeps in its folder: plots, pictures, tables, files, code.

Nothing here raises for what depends on the world: what can't be kept is one message. What the caller got wrong raises.
A shelf that is `closed` (another process keeps the run, see `ranks`) accepts everything and keeps nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from experiment_sheet import notices
from experiment_sheet.contents import How
from experiment_sheet.errors import UsageError
from experiment_sheet.exhibit import Exhibit, exhibit_of
from experiment_sheet.folder import Stored, distinct_name, safe_name
from experiment_sheet.masking import mask_key, mask_text
from experiment_sheet.report import forgiving
from experiment_sheet.row import RunRow
from experiment_sheet.values import Link, to_cell

if TYPE_CHECKING:
    from experiment_sheet.artifact import Artifact

_WAYS: Final[Mapping[str, How]] = {"copy": "copy", "hardlink": "hardlink", "link": "link"}
_CODE: Final = (".py", ".ipynb")
_NO_CODE: Final = frozenset(("__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"))


def _curves_name() -> dict[str, str]:
    return {"curves": ""}  # is taken before there are any


@dataclass(slots=True)
class Shelf:
    """What one run keeps."""

    row: RunRow
    closed: bool = False
    stored: list[Stored] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=_curves_name)  # of plots and tables
    _again: list[tuple[Path, Path]] = field(default_factory=list)  # saved files that may change until the end

    def keep(self, key: str, value: object, *, step: float | None = None) -> Link | None:
        """Make the files of an exhibit, or of an array or a picture's path; answer a link to the first."""
        if self.closed:
            return None
        key = mask_key(key)
        name = distinct_name(key if step is None else f"{key}-{step}", self._names)
        with forgiving(f"keeping {key!r}", self.row.run_id):
            exhibit = _as_exhibit(value)
            parts = exhibit.parts(name)
            for path, content in parts.items():
                self.row.folder.write(path, content)
            if parts:
                return Link(next(iter(parts)), mask_text(exhibit.caption or key))
        return None

    def store(self, path: object, name: str | None = None, kind: str | None = None, how: How = "copy") -> Stored | None:
        """Put a file or folder into ``files/``. Raises UsageError for what is no path, or an unknown `how`."""
        if not isinstance(path, str | os.PathLike):
            raise UsageError(f"an artifact is the path of a file or folder, not {str(to_cell(path))[:100]!r}")
        if how not in get_args(How):
            raise UsageError(f"how is one of {', '.join(get_args(How))}, not {how!r}")
        if self.closed:
            return None
        with forgiving("storing the artifact", os.fspath(path)):
            if not os.fspath(path):
                raise FileNotFoundError("the path is empty")  # not the working folder
            return self.note(self.row.folder.store(Path(path), name, type=kind, how=how))
        return None

    def note(self, stored: Stored) -> Stored:
        """Have a file listed on the run's page and in ``run.json``; the latest of a name counts."""
        self.stored[:] = [item for item in self.stored if item.name != stored.name] + [stored]
        return stored

    def log_artifact(self, artifact: Artifact, aliases: Iterable[str]) -> None:
        """Copy what is in an artifact, and give it its version."""
        if self.closed:
            return
        with forgiving("storing the artifact", artifact.name):
            for lost in artifact.store(self.row.folder, self.row.sheet.files, aliases):
                notices.say("artifact", f"{artifact.name} {lost}", f"artifact {artifact.name} lacks {lost}")
            self.note(artifact.stored())

    def save(self, pattern: str, base: Path | None, *, again: bool) -> list[str]:
        """Copy files that fit a pattern, at the end again if they may change; answer their places."""
        if self.closed:
            return []
        import glob

        kept = []
        for found in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - a Path's glob takes no absolute one
            path, inside = Path(found).absolute(), self.row.folder.path.absolute()
            if path.is_relative_to(inside):  # a script may write there itself: `run.dir`
                kept.append(str(path))
                continue
            root = base.absolute() if base else path.parent
            place = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
            if self._copy(path, place):
                kept.append(str(inside / "files" / place))
                if again:
                    self._again.append((path, place))
        return kept

    def log_code(self, root: Path, chosen: Callable[[str], bool]) -> int:
        """Copy the code below a folder to ``files/code/``; answer how many files. Run folders are left out."""
        if self.closed:
            return 0
        count = 0
        for path in _code_below(root, self.row.sheet.files):
            if chosen(str(path)):
                count += self._copy(path, Path("code") / path.relative_to(root), listed=False)
        return count

    def keep_file(self, path: Path, name: str) -> None:
        """Copy a file or folder to ``files/<name>``."""
        if not self.closed:
            self._copy(path, Path(name))

    def keep_text(self, text: str, name: str) -> None:
        """Write a text to ``files/<name>``."""
        if not self.closed:
            with forgiving("keeping", name):
                self.row.folder.write(_place(Path(name)), text)

    def finish(self) -> None:
        """Copy once more what was saved and may have changed."""
        for path, place in self._again:
            self._copy(path, place)

    def _copy(self, path: Path, place: Path, *, listed: bool = True) -> bool:
        with forgiving("saving", str(path)):
            stored = self.row.folder.copy(path, _place(place))
            if listed:
                self.note(stored)
            return True
        return False


def _place(name: Path) -> str:
    return "/".join(["files", *map(safe_name, name.parts)])


def _as_exhibit(value: Any) -> Exhibit:
    from experiment_sheet.image import Image

    return exhibit_of(value) or Image(value)


def _code_below(root: Path, files: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not (name.startswith(".") or name in _NO_CODE or _is_foreign(Path(base) / name))
        )
        if Path(base).absolute() != files.absolute():
            yield from (Path(base) / name for name in sorted(names))


def is_code(path: str) -> bool:
    """Tell whether a file is code by its name."""
    return path.endswith(_CODE)


def _is_foreign(folder: Path) -> bool:
    """Tell whether a folder is a sheet's files folder, or a virtual environment."""
    return (folder / "journal").is_dir() or (folder / "pyvenv.cfg").exists()
