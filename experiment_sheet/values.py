"""What a cell holds, and how any Python value becomes one.

Pure: no I/O, no third-party import. Everything a training script may log is brought down to
`Cell` once, at the front door (`to_cell`); behind it, journal, checkpoint and backends only
ever see these few types.

Invariants:

- `to_cell` never raises, whatever the value's own methods do.
- Datetimes are naive and in UTC behind the front door; floats may be NaN or infinite, ints
  have any size, text has any length and may hold any character but lone surrogates.
- ``None`` is the empty cell. A key that is absent leaves a cell alone, ``None`` clears it,
  NaN is a value like any other.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads somewhere.

    `href` is a URL, or a path relative to the sheet's folder with forward slashes, not
    percent-encoded; `text` is what the cell shows.
    """

    href: str
    text: str


Cell = bool | int | float | str | dt.datetime | dt.date | dt.time | dt.timedelta | Link | None
"""One cell. `dt.time` is only ever read (people type it), never written."""

EMPTY: Final = None
"""The empty cell: written, it clears; read, there was nothing."""
