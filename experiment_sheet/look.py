"""What a new sheet looks like: one value, which backends render and templates load.

Pure. A backend takes from it what its format can show and ignores the rest. Number formats are codes of
ECMA-376 Part 1, 18.8.30 and 18.8.31; Google Sheets and OpenDocument programs read the same codes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.columns import FRONT, MAX_COLUMNS, PROVENANCE, Column, Role
from experiment_sheet.columns import label as free_label
from experiment_sheet.metrics import Goal, goal
from experiment_sheet.values import Cell, Link


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """How one column looks."""

    width: float | None = None  # in characters of the default font; None: by content
    number_format: str | None = None  # an Excel number format code; None: by the value's type
    goal: Goal | None = None  # which way is better
    choices: tuple[str, ...] = ()  # a dropdown
    help: str | None = None  # what the header cell explains
    color: str | None = None  # of the header; None: its role's
    collapsed: bool = False  # stands in the collapsed outline group
    label: str | None = None  # the header, where it is not the key
    scale: tuple[str, ...] | None = None  # colours from the worst value to the best; None: the look's


@dataclass(frozen=True, slots=True)
class Overview:
    """What the tab of live formulas over the runs shows."""

    tab: str = "Overview"
    title: str = "Overview"
    show: tuple[str, ...] = ("status", "time", "days", "best", "chart", "groups")
    metrics: tuple[str, ...] = ()  # keys of results; the first is the main one. Others with a goal follow by themselves
    group: str | None = None  # key of the column that groups are made of; None: the first input that is text
    days: int = 14  # that are counted


@dataclass(frozen=True, slots=True)
class Look:
    """How a sheet looks. Colours are RRGGBB."""

    tab: str = "runs"
    columns: tuple[Column, ...] = tuple(Column("run", key) for key in FRONT + PROVENANCE)
    looks: Mapping[Column, ColumnLook] = field(default_factory=dict)
    role_colors: Mapping[Role, str] = field(default_factory=dict)
    status_colors: Mapping[str, str] = field(default_factory=dict)  # of these words in `status` and in dropdowns
    max_columns: int = MAX_COLUMNS  # that logging makes by itself
    scale: tuple[str, ...] = ()  # colours of results of which one way is better, from the worst to the best
    bold_best: bool = False  # the best of such results stands out
    overview: Overview | None = None
    workbook: str | None = None  # path of the workbook that a new one is a copy of; then nothing else counts

    def of(self, column: Column) -> ColumnLook:
        """Look of one column; the plain one where nothing is said of it."""
        return self.looks.get(column, _PLAIN)

    @property
    def roles(self) -> dict[str, Role]:
        """Who each key belongs to of which the look makes a column for results or inputs."""
        return {column.key: column.role for column in self.columns if column.role in _LOGGED}

    def goal(self, column: Column) -> Goal | None:
        """Say which way is better: as the look says, else for a result as the published table does."""
        return self.of(column).goal or (goal(column.key) if column.role == "output" else None)

    def scale_of(self, column: Column) -> tuple[str, ...]:
        """Colours of the column's values from the worst to the best; none where neither way is better."""
        said = self.of(column).scale
        return () if self.goal(column) is None else self.scale if said is None else said

    def header(self, column: Column, taken: Collection[str] = ()) -> str:
        """Header that a new column gets beside headers that are taken."""
        said = self.of(column).label
        free = said is not None and said.casefold() not in {header.casefold() for header in taken}
        return said if said is not None and free else free_label(column, taken)

    def header_color(self, column: Column) -> str | None:
        """Fill of the column's header; None: none."""
        return self.of(column).color or self.role_colors.get(column.role)

    def number_format(self, column: Column, value: Cell) -> str | None:
        """Number format code for a value in this column; None: the program's own ("General")."""
        if value is None or isinstance(value, (bool, str, Link)):
            return self.of(column).number_format
        return self.of(column).number_format or _number_format(column.role, value)

    def width(self, column: Column, header: str, cells: Iterable[Cell] = ()) -> float:
        """Width in characters: what is said of the column, else what header and cells need, within bounds."""
        said = self.of(column).width
        if said is not None:
            return said
        shown = max((len(_shown(cell)) for cell in cells), default=0)
        return float(min(max(len(header) + _FILTER_BUTTON, shown + 2, _NARROW), _WIDE))


def tint(color: str, share: float) -> str:
    """Mix a colour with white (share 0: the colour, 1: white) or, below 0, with black."""
    towards = 255 if share > 0 else 0
    parts = (int(color[at : at + 2], 16) for at in (0, 2, 4))
    return "".join(f"{round(part + (towards - part) * abs(share)):02X}" for part in parts)


_PLAIN: Final = ColumnLook()
_LOGGED: Final = ("input", "output")
_FILTER_BUTTON: Final = 4  # it covers about three characters of the header
_NARROW: Final = 9.0
_WIDE: Final = 36.0

FIXED: Final = "0.0000"
"""Format of measured values, so that a column of them reads well; only of those that it shows (`suits_fixed`)."""

_BY_TYPE: Final[tuple[tuple[type, str], ...]] = (
    (dt.datetime, "yyyy-mm-dd hh:mm"),  # before date, which it is too
    (dt.date, "yyyy-mm-dd"),
    (dt.time, "hh:mm:ss"),
    (dt.timedelta, "[h]:mm:ss"),
)


def _number_format(role: Role, value: Cell) -> str | None:
    for kind, code in _BY_TYPE:
        if isinstance(value, kind):
            return code
    # Configs (1e-5, 64, 2024) and counts are best left to "General", which drops the noise of binary fractions by
    # itself. Formats with conditions are no way out: LibreOffice shows "General" in one with 17 digits, as ###.
    return FIXED if role == "output" and isinstance(value, float) and suits_fixed(value) else None


def suits_fixed(value: float) -> bool:
    """Whether `FIXED` shows a value well: it would show 1e-5 as nothing, and a million in digits that don't fit."""
    return value == 0 or 0.001 <= abs(value) < 10_000


def _shown(cell: Cell) -> str:
    """Text about as long as the one a spreadsheet program shows."""
    match cell:
        case None:
            return ""
        case Link():
            return cell.text
        case float():
            return f"{cell:.6g}"
        case dt.datetime():
            return f"{cell:%Y-%m-%d %H:%M}"
        case _:
            return str(cell)


_STATUS: Final = {
    "running": "2563EB",
    "finished": "15803D",
    "failed": "B91C1C",
    "killed": "C2410C",
    "crashed": "9D174D",
    "lost": "6B7280",
    "todo": "A16207",
    "deleted": "9CA3AF",
    "confirmed": "15803D",
    "refuted": "B91C1C",
    "unclear": "6B7280",
}
_ROLES: Final[dict[Role, str]] = {"run": "475569", "input": "1D4ED8", "output": "15803D", "people": "B45309"}
_TYPED = _ROLES["people"]  # columns that people fill in stand out from those that fill themselves

_RUN_LOOKS: Final[dict[str, ColumnLook]] = {
    "run": ColumnLook(width=22),
    "status": ColumnLook(width=11),
    "started": ColumnLook(width=17, number_format="yyyy-mm-dd hh:mm"),
    "duration": ColumnLook(width=11, number_format="[h]:mm:ss"),
    "hypothesis": ColumnLook(width=36, color=_TYPED, help="What this run is to show. Yours to type."),
    "changed": ColumnLook(width=34, help="Which inputs differ from the run before, of the same group if it has one."),
    "gain": ColumnLook(width=9, help="How much better than the best run before; below zero: worse."),
    "verdict": ColumnLook(
        width=12,
        color=_TYPED,
        choices=("confirmed", "refuted", "unclear"),
        help="Did the hypothesis hold? Yours to choose; no program writes here.",
    ),
    "notes": ColumnLook(width=32, color=_TYPED, help="Yours to type. Logging never overwrites what you wrote."),
    "tags": ColumnLook(width=16, color=_TYPED, help="Words to filter by, with commas between."),
    "plots": ColumnLook(width=10),
    "error": ColumnLook(width=30, collapsed=True),
    "git": ColumnLook(width=12, collapsed=True),
    "host": ColumnLook(width=14, collapsed=True),
    "user": ColumnLook(width=12, collapsed=True),
    "command": ColumnLook(width=36, collapsed=True),
    "run_id": ColumnLook(width=20, collapsed=True, help="Tells this run from every other. Please keep it."),
}

DEFAULT: Final = Look(
    looks={Column("run", key): look for key, look in _RUN_LOOKS.items()},
    role_colors=_ROLES,
    status_colors=_STATUS,
    scale=("FFFFFF", "A9DFB9"),
    bold_best=True,
    overview=Overview(),
)
