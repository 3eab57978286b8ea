"""Commands that are imported when they are called: who lists runs doesn't wait for what reproduces one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from importlib import import_module

import click


class Later(MutableMapping[str, click.Command]):
    """Commands by name. Each is in the file of its name, as a variable of that name, or with an underscore behind it.

    click asks its groups for names, and for the command of one name; only that one's file is imported.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._found: dict[str, click.Command | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> click.Command:
        found = self._found[name]
        if found is None:
            file = import_module(f"experiment_sheet.cli.{name}")
            found = getattr(file, f"{name}_", None) or getattr(file, name)
            if not isinstance(found, click.Command):
                raise TypeError(f"{file.__name__} has no command {name!r}")
            self._found[name] = found
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
