"""Inputs of a run, read from the words of its command. Pure.

Only what stands behind the script counts: options of ``torchrun`` or ``python`` are not the experiment's. ``--lr 0.1``,
``--lr=0.1`` and ``lr=0.1`` (Hydra) are ``lr``; ``--amp`` is true, ``--no-amp`` makes ``amp`` false; an option with
several words behind it is a list. What belongs to no option is kept in ``args``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final

from experiment_sheet.cli.log import Value, read_value

Input = Value | list[Value]

_SCRIPTS: Final = frozenset((".py", ".ipynb", ".sh", ".r", ".jl", ".lua", ".pl", ".js", ".rb", ".m"))
_NAMED: Final = re.compile(r"[+]{0,2}([A-Za-z_][\w./@-]*)=(.*)", re.DOTALL)
_OPTION: Final = re.compile(r"--?([A-Za-z_][\w./-]*)(?:=(.*))?", re.DOTALL)
_GLUED: Final = re.compile(r"-([A-Za-z])(\d+)")  # -j8


def inputs_of(words: Sequence[str]) -> dict[str, Input]:
    """Return what the command's options say, by name; dashes in names become underscores, as argparse has them."""
    inputs: dict[str, Input] = {}
    loose: list[str] = []
    for key, values in _grouped(words[_start(words) :]):
        if key is None:
            loose += values
        elif not values:
            off = key.startswith("no-") and len(key) > len("no-")
            inputs[_name(key.removeprefix("no-") if off else key)] = not off
        else:
            read = [read_value(value) for value in values]
            inputs[_name(key)] = read[0] if len(read) == 1 else read
    return inputs | ({"args": " ".join(loose)} if loose else {})


def script_of(words: Sequence[str]) -> str | None:
    """Return the word that names the script, if one does."""
    return next((word for word in words if PurePath(word).suffix.lower() in _SCRIPTS), None)


def _start(words: Sequence[str]) -> int:
    """Return the place of the first word behind the script, module or program."""
    for place, word in enumerate(words):
        if PurePath(word).suffix.lower() in _SCRIPTS:
            return place + 1
        if word in ("-m", "-c") and place and PurePath(words[0]).name.startswith("python"):
            return place + 2
    return 1


def _grouped(words: Sequence[str]) -> Iterator[tuple[str | None, list[str]]]:
    """Yield each option with the words behind it; None for words that are no option's."""
    key: str | None = None
    values: list[str] = []
    for word in words:
        option = None if _is_number(word) else _GLUED.fullmatch(word) or _OPTION.fullmatch(word)
        named = _NAMED.fullmatch(word) if option is None and not values else None
        if option is None and named is None and word != "--":
            values.append(word)
            continue
        if key is not None or values:
            yield key, values
        key, values = None, []
        if (found := option or named) is not None:
            if found[2] is not None:
                yield found[1], [found[2]]
            else:
                key = found[1]
    if key is not None or values:
        yield key, values


def _is_number(word: str) -> bool:
    return isinstance(read_value(word), int | float)


def _name(key: str) -> str:
    return key.replace("-", "_")
