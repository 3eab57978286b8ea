"""What one call of `log` becomes: values by flat key, and a line of the history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from experiment_sheet.columns import flatten
from experiment_sheet.errors import UsageError
from experiment_sheet.exhibit import exhibit_of
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.shelf import Shelf
from experiment_sheet.values import Cell, to_cell, to_json

_PLAIN: Final = frozenset((float, int, bool, type(None)))  # what JSON has, and what can hold no credential
_TEXT: Final = frozenset((str,))
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def line_of(values: Mapping[str, Any], at: float, seconds: float) -> str:
    """Write a line of the history; `seconds` since the run began. Raises ValueError for what JSON lacks."""
    return _encode({"step": at, "time": seconds, "log": values})


def taken_in(data: object, at: float, step: float | None, seconds: float, shelf: Shelf) -> tuple[dict[str, Any], str]:
    """Return the values for cells, by flat key, and the line; what is kept as files is a link in the line alone.

    What is plain already costs no look at each value. Raises UsageError for what is no dictionary.
    """
    if is_plain(data):
        try:
            return data, line_of(data, at, seconds)
        except ValueError:  # NaN, infinity, an int of thousands of digits
            pass
    if not isinstance(data, Mapping):
        raise UsageError(f'log takes a dictionary, like {{"loss": 0.5}}, not {type(data).__name__}')
    cells: dict[str, Any] = {}
    links: dict[str, Cell] = {}
    for key, value in flatten(data).items():
        if exhibit_of(value) is None:
            cells[mask_key(key)] = mask_cell(key, to_cell(value))
        elif link := shelf.keep(key, value, step=step):
            links[mask_key(key)] = link
    return cells, line_of({key: to_json(cell) for key, cell in {**cells, **links}.items()}, at, seconds)


def is_plain(data: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether these are numbers by text, and nothing else."""
    return type(data) is dict and _PLAIN.issuperset(map(type, data.values())) and _TEXT.issuperset(map(type, data))
