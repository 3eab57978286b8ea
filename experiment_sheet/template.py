"""Templates: what a new sheet looks like, as a TOML file that people read and write, or a workbook that they designed.

A template is checked as a whole: every mistake is told with its line and, where a word is unknown, the nearest that is
known. What a template doesn't say of the run's own columns is as in the default one; those it doesn't list are
there all the same, folded away behind the listed ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from experiment_sheet import template_values as values
from experiment_sheet.columns import COMPUTED, RUN_KEYS, Column
from experiment_sheet.errors import UsageError
from experiment_sheet.look import DEFAULT, ColumnLook, Look, Overview
from experiment_sheet.template_values import Wrong
from experiment_sheet.toml_places import Place, places

WORKBOOKS: Final = (".xlsx", ".xlsm")
_DEFAULT_NAME: Final = "default"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a template, and in which line; 0: in the file as a whole."""

    line: int
    message: str


_COLUMN: Final[Mapping[str, Callable[[object], Any]]] = {
    "role": values.role,
    "key": values.text,
    "label": values.label,
    "width": values.width,
    "format": values.number_format,
    "goal": values.goal,
    "choices": values.choices,
    "scale": values.scale,
    "help": values.help_text,
    "color": values.color_or_role,
    "folded": values.yes_or_no,
}
_OVERVIEW: Final[Mapping[str, Callable[[object], Any]]] = {
    "tab": values.tab,
    "title": values.text,
    "show": values.blocks,
    "metrics": values.texts,
    "group": values.text,
    "days": values.days,
}
_TOP: Final[Mapping[str, Callable[[object], Any]]] = {
    "description": values.text,
    "tab": values.tab,
    "max_columns": values.count,
    "scale": values.scale,
    "bold_best": values.yes_or_no,
    "colors": values.role_colors,
    "words": values.colors,
    "column": values.tables,
    "overview": values.table_or_no,
}
_FIELDS: Final = {"format": "number_format", "folded": "collapsed"}  # where the look has another word


def look_of(template: Look | str | os.PathLike[str]) -> Look:
    """Return the look that a template means: a name of `names`, a path to a TOML file or to a workbook, or a look.

    Raises UsageError, which tells every mistake with file and line.
    """
    if isinstance(template, Look):
        return template
    if not isinstance(template, str | os.PathLike):
        raise UsageError(f"a template is a name or a path, not {type(template).__name__}")
    path = _path_of(template)
    if path.suffix.lower() in WORKBOOKS:
        return replace(DEFAULT, workbook=str(path.absolute()))
    look, mistakes = read(path)
    if mistakes:
        raise UsageError("\n".join(told(path, mistakes)))
    return look


def look_for(template: Look | str | os.PathLike[str], target: str) -> Look:
    """As `look_of`, for a target: a copy of a workbook has to be one of the same kind. Raises UsageError."""
    look = look_of(template)
    suffix = Path(look.workbook).suffix.lower() if look.workbook else ""
    if not target.lower().endswith(suffix):
        raise UsageError(f"{target} can't be a copy of the workbook {look.workbook}: name it like that, with {suffix}")
    return look


def told(path: Path, mistakes: Iterable[Mistake]) -> Iterator[str]:
    """Mistakes as people read them: file, line, what is wrong."""
    for mistake in mistakes:
        where = f"{path}, line {mistake.line}" if mistake.line else str(path)
        yield f"{where}: {mistake.message}"


def names() -> list[str]:
    """Names of the templates that are shipped."""
    found = sorted(path.stem for path in folder().glob("*.toml"))
    return sorted(found, key=lambda name: name != _DEFAULT_NAME)


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where the shipped templates lie: in the package, or beside it in a clone."""
    here = Path(__file__).parent
    inside = here / "templates"
    return inside if inside.is_dir() else here.parent / "templates"


def path_of(name: str) -> Path:
    """File of a shipped template."""
    return folder() / f"{name}.toml"


def read(path: Path) -> tuple[Look, list[Mistake]]:
    """Read a TOML template, and all that is wrong in it. Raises UsageError where it can't be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return DEFAULT, [Mistake(0, f"it is not UTF-8 text ({error.reason} at byte {error.start})")]
    except OSError as error:
        raise UsageError(f"the template {path} can't be read: {error.strerror or error}") from error
    return parse(text)


def description(path: Path) -> str:
    """What a template says of itself."""
    import tomllib

    return str(tomllib.loads(path.read_text(encoding="utf-8-sig")).get("description", ""))


def parse(text: str) -> tuple[Look, list[Mistake]]:
    """Parse a TOML template: the look, and all that is wrong in it."""
    import tomllib  # only who names a template needs it

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return DEFAULT, [values.syntax(str(error), text, Mistake)]
    reader = _Reader(places(text))
    look = reader.look(data)
    return look, sorted(reader.mistakes, key=lambda mistake: mistake.line)


def _path_of(template: str | os.PathLike[str]) -> Path:
    if isinstance(template, str) and template in names():
        return path_of(template)
    path = Path(template)
    if path.suffix.lower() not in (".toml", *WORKBOOKS):
        known = ", ".join(names())
        meant = values.nearest(str(template), names()) or "."
        raise UsageError(
            f"there is no template {str(template)!r}{meant} Known are {known}; or name a .toml file, or a workbook"
        )
    if not path.is_file():
        raise UsageError(f"the template {path} is not there")
    return path


class _Reader:
    """Makes a look of what TOML says, and collects what is wrong."""

    def __init__(self, lines: Mapping[Place, int]) -> None:
        self._lines = lines
        self.mistakes: list[Mistake] = []

    def look(self, data: Mapping[str, object]) -> Look:
        said = self._checked((), data, _TOP)
        columns, looks = self._columns(said.get("column", []))
        overview = self._overview(said.get("overview", {}))
        return replace(
            DEFAULT,
            columns=tuple(columns),
            looks=looks,
            role_colors={**DEFAULT.role_colors, **said.get("colors", {})},
            status_colors={**DEFAULT.status_colors, **said.get("words", {})},
            overview=overview,
            **{key: said[key] for key in ("tab", "max_columns", "scale", "bold_best") if key in said},
        )

    def _wrong(self, place: Place, message: str) -> None:
        while place and place not in self._lines:
            place = place[:-1]
        self.mistakes.append(Mistake(self._lines.get(place, 0), message))

    def _checked(self, place: Place, data: Mapping[str, object], known: Mapping[str, Callable[[object], Any]]) -> Any:
        found = {}
        for key, value in data.items():
            if key not in known:
                self._wrong((*place, key), f"the key {key!r} is unknown{values.nearest(key, known)}")
                continue
            try:
                found[key] = known[key](value)
            except Wrong as error:
                self._wrong((*place, key), f"{key}: {error}")
        return found

    def _overview(self, data: Mapping[str, object] | None) -> Overview | None:
        if data is None:
            return None
        return replace(DEFAULT.overview or Overview(), **self._checked(("overview",), data, _OVERVIEW))

    def _columns(self, tables: list[Mapping[str, object]]) -> tuple[list[Column], dict[Column, ColumnLook]]:
        looks: dict[Column, ColumnLook] = {}
        headers: dict[str, int] = {}
        for number, table in enumerate(tables):
            place: Place = ("column", number)
            said = self._checked(place, table, _COLUMN)
            column = self._column(place, table, said)
            if column is None:
                continue
            if column in looks:
                self._wrong((*place, "key"), f"the {column.role} column {column.key!r} stands here a second time")
                continue
            header = said.get("label", column.key)
            first = headers.setdefault(header.strip().casefold(), self._lines.get(place, 0))
            if first != self._lines.get(place, 0):
                spot = (*place, "label" if "label" in said else "key")
                self._wrong(spot, f"the header {header!r} is that of the column in line {first} already")
            fields = {_FIELDS.get(key, key): value for key, value in said.items() if key not in ("role", "key")}
            if fields.get("color") in DEFAULT.role_colors:
                fields["color"] = DEFAULT.role_colors[fields["color"]]
            looks[column] = replace(DEFAULT.of(column), **fields)
        listed = list(looks)
        for column in DEFAULT.columns:
            if column not in looks:
                looks[column] = replace(DEFAULT.of(column), collapsed=bool(listed) or DEFAULT.of(column).collapsed)
        return [*listed, *(column for column in looks if column not in listed)], looks

    def _column(self, place: Place, table: Mapping[str, object], said: Mapping[str, Any]) -> Column | None:
        for key in ("role", "key"):
            if key not in table:
                self._wrong(place, f"this column has no {key}; every column has a role and a key")
        if "role" not in said or "key" not in said:
            return None
        role, key = said["role"], said["key"]
        if role == "run" and key not in RUN_KEYS:
            self._wrong((*place, "key"), f"no run has {key!r} of its own{values.nearest(key, RUN_KEYS)}")
        elif role != "run" and key in RUN_KEYS and key not in COMPUTED:
            self._wrong((*place, "role"), f'{key!r} is the run\'s own: write role = "run"')
        elif role == "people" and "label" in said:
            self._wrong((*place, "label"), "the header of a column of people's is its key")
        else:
            return Column(role, key)
        return None
