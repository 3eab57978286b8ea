"""What a cell holds, and how any Python value becomes one.

Pure: no I/O, no third-party import. Everything a training script may log is brought down to
`Cell` once, at the front door (`to_cell`); behind it, journal, checkpoint and backends only
ever see these few types.

`to_cell` never raises, whatever the value's own methods do. What a cell is, how cells are compared
and written down, is in `cells`; its names are shown here too.

What becomes what, where it is not plain:

- Enum: a member that is a number or text (IntEnum, StrEnum, any text value) is its value, any other its name,
  because ``1`` says nothing of ``Optimizer.ADAM``.
- Arrays and tensors of one element are that element, of up to 64 their values as text, larger
  ones a description: ``float32 (1000, 20)``. Lists, tuples, sets and dictionaries are text like JSON.
- Decimal and Fraction are floats where one can hold their size, else text, as complex numbers are.
- Functions and classes are their full name, other objects their `repr` without memory addresses
  (two equal runs should look equal), cut at 2,000 characters.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from experiment_sheet.cells import (
    CELL_LIMIT,
    EMPTY,
    INT_BITS,
    Cell,
    Link,
    clean,
    cut,
    from_json,
    from_text,
    same,
    to_json,
    to_text,
    units,
)

__all__ = [
    "CELL_LIMIT",
    "EMPTY",
    "Cell",
    "Link",
    "clean",
    "cut",
    "fields_of",
    "from_json",
    "from_text",
    "same",
    "to_cell",
    "to_json",
    "to_text",
    "units",
]


_SMALL_ARRAY: Final = 64  # elements that are still readable in a cell
_LONG_LIST: Final = 1_000  # items; beyond, a list is described
_DEPTH: Final = 8  # of nested lists and dictionaries; a cycle ends there too
_REPR_LIMIT: Final = 2_000
_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]+")


def to_cell(value: object) -> Cell:
    """Turn any value into a cell. Never raises."""
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value  # type: ignore[return-value]
    try:
        if kind is str:
            return clean(value)  # type: ignore[arg-type]
        return _converted(value)
    except Exception:  # noqa: BLE001 - the value's own methods may raise anything
        return _shown(value)


def fields_of(value: object) -> Mapping[Any, Any] | None:
    """Return what a dictionary-like value holds, by key; None if it is no such value.

    Mappings (OmegaConf's too), dataclasses, argparse.Namespace, SimpleNamespace, attrs and pydantic
    objects. A field that can't be had is there as text that says so.
    """
    listing = _listing_of(type(value))  # type: ignore[arg-type] # mypy doubts that classes can be hashed
    return None if listing is None else listing(value)


@lru_cache(maxsize=1024)
def _listing_of(kind: type) -> Callable[[Any], Mapping[Any, Any]] | None:
    """Return what lists the fields of values of a kind. Remembered, because every logged value is asked."""
    if issubclass(kind, Link | type | str | int | float):  # a link is a value, though it has fields
        return None
    # A DataFrame has keys too, but it is data.
    if issubclass(kind, Mapping) or (hasattr(kind, "keys") and not hasattr(kind, "shape")):
        return lambda value: _gathered(list(value.keys()), value.__getitem__)
    if any((base.__module__, base.__name__) in _NAMESPACES for base in kind.__mro__):
        return lambda value: dict(vars(value))
    names = _declared(kind)
    return None if names is None else lambda value: _gathered(names, lambda name: getattr(value, name))


def _declared(kind: type) -> list[str] | None:
    """Return the fields that a dataclass, a pydantic model or an attrs class declares."""
    if is_dataclass(kind):
        return [field.name for field in fields(kind)]
    for listing in ("model_fields", "__pydantic_fields__", "__fields__"):
        declared = getattr(kind, listing, None)
        if isinstance(declared, Mapping):
            return list(declared)
    attributes = getattr(kind, "__attrs_attrs__", None)
    return [attribute.name for attribute in attributes] if isinstance(attributes, tuple) else None


_NAMESPACES: Final = frozenset({("argparse", "Namespace"), ("types", "SimpleNamespace")})


def _gathered(keys: Sequence[Any], get: Callable[[Any], Any]) -> dict[Any, Any]:
    """Get each key; one that fails (OmegaConf's missing values do) must not hide the others."""
    found = {}
    for key in keys:
        try:
            found[key] = get(key)
        except Exception as error:  # noqa: BLE001 - anybody's property may raise anything
            found[key] = f"<{type(error).__name__}>"
    return found


def _converted(value: Any) -> Cell:
    convert = _conversion_of(type(value))  # type: ignore[arg-type] # as above
    if convert is not None:
        return convert(value)
    for claims, convert in _LOOKALIKES:
        if claims(value):
            return convert(value)
    return _shown(value)


def _shown(value: object) -> str:
    """Show an object by its repr, or say that it can't be."""
    try:
        return cut(clean(_ADDRESS.sub("", repr(value))), _REPR_LIMIT)
    except Exception:  # noqa: BLE001 - somebody's __repr__
        return f"<{_type_name(value)}: can't be shown>"


@lru_cache(maxsize=1024)
def _conversion_of(kind: type) -> Callable[[Any], Cell] | None:
    return next((convert for kinds, convert in _CONVERSIONS if issubclass(kind, kinds)), None)


def _of_enum(member: enum.Enum) -> Cell:
    plain = isinstance(member.value, str) or isinstance(member, int | float)
    return to_cell(member.value if plain else member.name or str(member))


def _of_int(value: int) -> int | str:
    value = int(value)
    return value if value.bit_length() <= INT_BITS else hex(value)


def _of_datetime(value: dt.datetime) -> Cell:
    if type(value).__name__ == "NaTType":
        return None
    # By its parts, because pandas' Timestamp warns of lost nanoseconds when asked to convert.
    parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    plain = dt.datetime(*parts, tzinfo=value.tzinfo, fold=value.fold)
    try:
        return (
            plain.astimezone(dt.UTC).replace(tzinfo=None)
            if plain.utcoffset() is not None
            else plain.replace(tzinfo=None)
        )
    except OverflowError:  # the first or last day of all, shifted out of the calendar
        return plain.isoformat(" ")


def _of_timedelta(value: dt.timedelta) -> Cell:
    if type(value).__name__ == "NaTType":
        return None
    return dt.timedelta(value.days, value.seconds, value.microseconds)


def _of_exact(value: Any) -> Cell:
    try:
        number = float(value)
    except (OverflowError, ValueError):  # too large, or a signalling NaN
        return str(value)
    return str(value) if math.isinf(number) and value.is_finite() else number


def _of_bytes(value: bytes | bytearray | memoryview) -> str:
    return repr(bytes(value)) if len(value) <= _SMALL_ARRAY else f"{_type_name(value)} of {len(value):,} bytes"


def _of_numpy_time(value: Any) -> Cell:
    name, unit = type(value).__name__, str(value.dtype)
    if str(value) == "NaT":
        return None
    if name == "datetime64" and unit.endswith(("[D]", "[W]", "[M]", "[Y]")):
        found = value.astype("datetime64[D]").item()
    elif unit.endswith(("[M]", "[Y]", "64")):  # months and plain numbers are no span of time
        found = str(value)
    else:
        found = value.astype(f"{name}[us]").item()
    return found if isinstance(found, dt.date | dt.timedelta | str) else str(value)


def _of_array(value: Any) -> Cell:
    shape = tuple(int(length) for length in value.shape)
    size = math.prod(shape)
    if size <= _SMALL_ARRAY and not hasattr(value, "tolist") and hasattr(value, "numpy"):
        value = value.numpy()  # TensorFlow's tensors know neither item nor tolist
    if size == 1 and hasattr(value, "item"):
        return to_cell(value.item())
    if size <= _SMALL_ARRAY and hasattr(value, "tolist"):
        return _as_text(value.tolist())
    return f"{str(getattr(value, 'dtype', _type_name(value))).removeprefix('torch.')} {shape}"


def _is_array(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return isinstance(shape, Iterable) and not isinstance(value, type) and not isinstance(shape, str)


def _as_text(value: Any) -> str:
    """Write a container as compact text that reads like JSON."""
    plain = _plain(value, _DEPTH)
    return plain if isinstance(plain, str) else clean(json.dumps(plain, ensure_ascii=False))


def _plain(value: Any, depth: int) -> Any:
    inner = fields_of(value)
    is_list = isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray)
    if inner is None and not is_list:
        cell = to_cell(value)
        return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)
    length = len(value if inner is None else inner)
    if not depth or length > _LONG_LIST:
        return f"{_type_name(value)} of {length:,} items"
    if inner is not None:
        return {_key(key): _plain(item, depth - 1) for key, item in inner.items()}
    items = [_plain(item, depth - 1) for item in value]
    return sorted(items, key=repr) if isinstance(value, Set) else items


def _key(key: object) -> str:
    return key if isinstance(key, str) else str(to_cell(key))


def _type_name(value: object) -> str:
    return type(value).__qualname__


def _full_name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or repr(value)
    module = getattr(value, "__module__", None)
    return clean(name if module in {None, "builtins", "__main__"} else f"{module}.{name}")


_CONVERSIONS: Final[tuple[tuple[Any, Callable[[Any], Cell]], ...]] = (
    (enum.Enum, _of_enum),
    (bool, bool),
    (int, _of_int),
    (float, float),
    (str, clean),
    (dt.datetime, _of_datetime),
    (dt.date, lambda value: dt.date(value.year, value.month, value.day)),
    (dt.timedelta, _of_timedelta),
    (dt.time, lambda value: value.isoformat()),
    (Link, lambda value: Link(clean(value.href), clean(value.text))),
    (complex, str),
    ((bytes, bytearray, memoryview), _of_bytes),
    (PurePath, lambda value: clean(str(value))),
    ((type, FunctionType, BuiltinFunctionType, MethodType), _full_name),
    ((list, tuple, set, frozenset, dict), _as_text),
)
"""The first kind that fits decides; an enum may be an int, bool is one, and datetime a date."""

_LOOKALIKES: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any], Cell]], ...]] = (
    (lambda value: type(value).__name__ in {"NAType", "NaTType"}, lambda _: None),
    (lambda value: type(value).__name__ in {"Decimal", "Fraction"}, _of_exact),
    (lambda value: type(value).__name__ in {"datetime64", "timedelta64"}, _of_numpy_time),
    (_is_array, _of_array),
    (lambda value: fields_of(value) is not None, _as_text),
    (lambda value: isinstance(value, Sequence | Set), _as_text),
)
"""Values of packages that are not imported here, known by how they look."""
