"""Columns: who they belong to, what their header says, in which order they stand.

Pure: no I/O, no third-party import. A column's identity is (role, key); its header is only a
label, which people may change.

Invariants:

- A header, once given, is never changed here: the first to come keeps the bare key, a later namesake
  of another role is ``loss (input)``, then ``loss (input) (2)``. Labels are compared caselessly, because
  Excel's tables refuse two headers that differ in case alone.
- A label is never empty, holds no control character and no line end, and has at most 255 UTF-16 units; a key may
  have any length, so a long one is shortened with a hash, while the identity stays whole.
- `label`, `find` and `identify` agree: a header that `label` gave is found by `find`, and `identify` reads the
  same column from it as long as the headers known for certain are at hand.
- A bare header that is not known to belong to another column is adopted at first contact: people
  may have made the column before the first run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from experiment_sheet.metrics import guess_role
from experiment_sheet.values import clean, fields_of, to_cell, units

Role = Literal["run", "input", "output", "people"]
RunId = str


class Column(NamedTuple):
    """A column's identity: who writes it, and under which key. The key may be of any length.

    A tuple, because it is hashed for every cell of every row.
    """

    role: Role
    key: str


RUN_ID: Final = Column("run", "run_id")

FRONT: Final = (
    *("run", "status", "started", "duration", "hypothesis", "changed", "gain", "verdict", "notes", "tags", "plots"),
)
"""Keys of the run columns that a new sheet shows first, in this order."""

PROVENANCE: Final = ("error", "git", "host", "user", "command", "run_id")
"""Keys of the run columns in the collapsed outline group behind them."""

OPTIONAL: Final = ("project", "group", "job_type", "parent", "inputs_hash")
"""Keys of the run columns that only stand in a sheet whose runs use them."""

RUN_KEYS: Final = frozenset(FRONT + PROVENANCE + OPTIONAL)
"""Keys that belong to the run itself, whatever else has the same name."""

COMPUTED: Final = ("changed", "gain")
"""Keys of run columns that the library alone fills, and that are words of people's as well: in a flat dictionary, and
as a header of a sheet that people made, they are people's."""

SHARED: Final = ("run", "notes", "tags", "hypothesis")
"""Keys of run columns that people and the library share: written when the row is made,
later only by an explicit call, and only where no person has written."""

MAX_COLUMNS: Final = 100
"""Most columns that logging makes by itself in one sheet; what is beyond stays in ``run.json``."""

LABEL_LIMIT: Final = 255
"""Most UTF-16 units of a header ("Excel specifications and limits": column header of a table)."""

UNNAMED: Final = "unnamed"

_ROLES: Final[Mapping[str, Role]] = {"run": "run", "input": "input", "output": "output"}
_SUFFIXED: Final = re.compile(r"(.+) \((run|input|output)\)", re.DOTALL)
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_RANKS: Final = {key: rank for rank, key in enumerate(FRONT + PROVENANCE + OPTIONAL)}
_SIDES: Final[Mapping[Role, int]] = {"run": 0, "input": 1, "output": 2, "people": 3}
_COMPUTED: Final = frozenset(Column("run", key) for key in COMPUTED)
_DEPTH: Final = 16  # of nested dictionaries; deeper ones become the text of one cell


_PLAIN: Final = frozenset((str, int, float, bool, type(None)))  # most values are, and need no closer look


def flatten(data: object, *, depth: int = _DEPTH) -> dict[str, object]:
    """Bring nested dictionaries, and what looks like one (`fields_of`), down to one, with dotted keys.

    Keys become text by `str`, an empty key ``unnamed``. What is empty, deeper than `depth` or a cycle stays one
    value. Of two keys that come out the same the later is ``key (2)``. Anything else gives ``{}``.
    """
    flat: dict[str, object] = {}
    _flatten(data, "", flat, (depth, frozenset()))
    return flat


def _flatten(data: object, prefix: str, flat: dict[str, object], bounds: tuple[int, frozenset[int]]) -> None:
    depth, above = bounds
    for key, value in (fields_of(data) or {}).items():
        name = prefix + _key_text(key)
        inner = None if type(value) in _PLAIN else fields_of(value)
        if inner and depth > 1 and id(value) not in above | {id(data)}:
            _flatten(value, name + ".", flat, (depth - 1, above | {id(data)}))
        else:
            flat[_numbered(name, flat)] = value


def _key_text(key: object) -> str:
    try:
        text = key if type(key) is str else str(key)
    except Exception:  # noqa: BLE001 - somebody's __str__
        text = str(to_cell(key))
    return _named(text)


@lru_cache(maxsize=4096)  # the same keys come in every row
def _named(text: str) -> str:
    return clean(text) if text.strip() else UNNAMED


def _numbered(name: str, taken: Collection[str]) -> str:
    """Return the name, or ``name (2)``, ``name (3)`` if it is taken."""
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name} ({count})"
    return found


def column_of(key: str, roles: Mapping[str, Role]) -> Column:
    """Say whose column a key of a flat dictionary is: as the sheet has it, else as the metrics table guesses."""
    if key in RUN_KEYS and key not in COMPUTED:
        return Column("run", key)
    known = roles.get(key)
    return Column(known if known and (known, key) not in _COMPUTED else guess_role(key), key)


def column_named(key: str, roles: Mapping[str, Role]) -> Column:
    """Say which column is meant by the name that a reader of the sheet has for it."""
    if key in COMPUTED and roles.get(key, "run") == "run":
        return Column("run", key)
    return column_of(key, roles)


def label(column: Column, taken: Collection[str] = ()) -> str:
    """Return the header that a new column gets beside headers that are taken."""
    return _free_label(column, {header.casefold() for header in taken})


def labels(columns: Iterable[Column]) -> list[str]:
    """Return the headers of a table that is made of these columns."""
    used: set[str] = set()
    found = []
    for column in columns:
        found.append(_free_label(column, used))
        used.add(found[-1].casefold())
    return found


def _free_label(column: Column, used: Collection[str]) -> str:
    bare, suffixed = _labels(column)
    for candidate in (bare, suffixed):
        if candidate.casefold() not in used:
            return candidate
    count = 2
    while (numbered := _shortened(suffixed, f" ({count})")).casefold() in used:
        count += 1
    return numbered


def _labels(column: Column) -> tuple[str, str]:
    """Return the bare and the suffixed label of a column."""
    text = _UNSEEN.sub(" ", clean(column.key)).strip() or UNNAMED
    ending = "" if column.role == "people" else f" ({column.role})"
    return _shortened(text, ""), _shortened(text, ending)


def _shortened(text: str, ending: str) -> str:
    if units(text + ending) <= LABEL_LIMIT:
        return text + ending
    import hashlib  # OpenSSL takes milliseconds to load

    # The hash keeps long keys apart that begin alike, as flattened configs do.
    ending = f"… {hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}{ending}"
    half = text.encode("utf-16-le")[: 2 * (LABEL_LIMIT - units(ending))]
    return half.decode("utf-16-le", "ignore").rstrip() + ending


def identify(headers: Sequence[str], known: Mapping[str, Column]) -> list[Column]:
    """Say whose column each header is, for a backend that holds nothing but headers.

    `known` (header → column) decides first, then the run's own keys, then a suffix ``(input)``, ``(output)`` or
    ``(run)``. In a sheet of runs of which nothing is known the rest is guessed by the metrics table, else it is
    people's. Of columns that would be the same one the first is it, the others are people's: ``name (2)``.
    """
    foreign = bool(known) or RUN_ID.key not in headers
    # A known header stands for its column even if a typed one before it looks the same.
    reserved = {known[header] for header in headers if header in known}
    seen: set[Column] = set()
    doubles: dict[str, int] = {}
    found: list[Column] = []
    for header in headers:
        column = known.get(header) or _guess(header, foreign=foreign)
        if column in seen or (column in reserved and header not in known):
            column = Column("people", header)
        while column in seen:
            doubles[header] = doubles.get(header, 1) + 1
            column = Column("people", f"{header} ({doubles[header]})")
        seen.add(column)
        found.append(column)
    return found


def _guess(header: str, *, foreign: bool) -> Column:
    if header in RUN_KEYS and not (foreign and header in COMPUTED):
        return Column("run", header)
    if suffixed := _SUFFIXED.fullmatch(header):
        return Column(_ROLES[suffixed[2]], suffixed[1])
    if foreign or not header.strip():
        return Column("people", header)
    return Column(guess_role(header), header)


def find(column: Column, headers: Sequence[str], known: Mapping[str, Column]) -> int | None:
    """Say where a column that is to be written stands; None if it is yet to be made.

    The header known for it; else its suffixed label; else a bare header equal to its key, caselessly, that is not
    known to belong to another column: adopted at first contact. A run's own key is adopted by the run alone.
    """
    for index, header in enumerate(headers):
        if known.get(header) == column:
            return index
    if column.role == "people":
        columns = identify(headers, known)
        return columns.index(column) if column in columns else None
    bare, suffixed = (text.casefold() for text in _labels(column))
    free = [(index, header) for index, header in enumerate(headers) if header not in known]
    ours = RUN_ID.key in headers and not known
    for wanted in (suffixed, bare):
        for index, header in free:
            if header.strip().casefold() == wanted and (wanted != bare or _may_adopt(header, column, ours)):
                return index
    return None


def _may_adopt(header: str, column: Column, ours: bool) -> bool:
    if header in COMPUTED:
        return ours is (column.role == "run")
    return column.role == "run" or header not in RUN_KEYS


def order(columns: Iterable[Column]) -> list[Column]:
    """Put columns in the order in which a new sheet shows them.

    The run's own first, as `FRONT` and `PROVENANCE` have them, then inputs, outputs and people's, each as they came.
    """
    return sorted(columns, key=lambda column: (_SIDES[column.role], _rank(column)))


def _rank(column: Column) -> int:
    return _RANKS.get(column.key, len(_RANKS)) if column.role == "run" else 0
