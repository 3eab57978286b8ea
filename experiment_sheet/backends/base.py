"""The contract between the library and the code that stores a sheet in one kind of target.

A backend knows this contract, `values`, `columns`, `look`, `errors` and one package; never runs
or journals. The caller holds the sheet's lock around every call, so there is one *library* writer at
a time; people's programs may save the sheet at any moment.

Clauses (held by `experiment_sheet.testing.BackendTests`):

1.  `write` is atomic: after a crash the sheet is as before or as after, never between.
2.  Twice equals once: repeating a write changes nothing.
3.  Only ids in `new` are added, at the end of the table, in the order of `rows`; an id in `new` that already
    has a row is updated instead. Other ids are found by the ``run_id`` column, wherever the row stands
    now, or reported in `Written.missing`.
4.  New columns are added at the right of the table; nothing is ever renamed, moved or removed.
5.  A key absent from a row leaves its cell alone, ``None`` clears it, NaN is a value.
6.  A cell that holds neither the value to be written nor one of `last` is a person's: it is left
    alone and reported in `Written.kept`. A cell without `last` is ours only while it is empty.
7.  Where several rows carry one run_id (a person copied a row), the row that agrees best with
    `last` is the run's, the first of equals; the others are a person's.
8.  Cells, columns, formats and order that the call doesn't name stay as they are.
9.  A value comes back from `read` as the type it was written, save what the format can't tell
    apart (documented by each backend); longer text is cut with a mark (`values.cut`).
10. What stands in the way raises a `SheetError` that names file, tab, row or column as far as known, and
    what to do now; the sheet is then unchanged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from experiment_sheet.columns import Column, RunId
from experiment_sheet.errors import Unsupported
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.values import Cell

Row = Mapping[Column, Cell]


class Anything(Enum):
    """Stands in `last` for a cell that may be overwritten whatever it holds."""

    ANYTHING = "anything"


ANYTHING: Final = Anything.ANYTHING
Last = Mapping[RunId, Mapping[Column, Sequence[Cell] | Anything]]
"""Per run and column: every value that the library may have left in the cell."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sheet is.

    `scheme` is ``file``, ``memory``, ``gsheet`` or one that an entry point brought. `path` is an absolute path for
    ``file``, else what names the store (a key, a name). `tab` is None for "the sheet's own": the one
    that was logged into before, else the first that holds a table of runs, else the first.
    """

    scheme: str
    path: str
    tab: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Which sheet this is, and how many of the library's writes it has seen.

    `own` is for a backend with tabs to note which one is meant where no tab is named (`Target.tab`).
    """

    sheet: str
    generation: int
    own: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as it is: every column and every row that is not blank, people's included.

    `columns` and `headers` run in the sheet's order and have one length, which is every row's. People's
    columns have the role ``people`` and their header as key (a second namesake: ``name (2)``). Rows
    without run_id have ``None`` in that column. A sheet without run_id column lacks it here too.
    """

    columns: Sequence[Column]
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did."""

    added: Collection[RunId] = ()
    missing: Collection[RunId] = ()  # asked for, not new, not there: a person deleted the row
    kept: Mapping[RunId, Mapping[Column, Cell]] = field(default_factory=dict)  # people's cells, as they are
    no_room: Collection[Column] = ()  # new columns that the format's width can't take
    known: Mapping[str, Column] = field(default_factory=dict)  # header → column, as `Backend.known`
    token: str | None = None  # names the sheet's state after this write, for `since`
    spelled: Mapping[RunId, Collection[Column]] = field(default_factory=dict)  # text with signs the format can't hold


class Backend(ABC):
    """Stores a sheet in one kind of target. One instance lives for one or more calls of one process."""

    known: Mapping[str, Column] = {}
    """Header → column of the columns this library made or adopted, from the last write. Set by the caller before a
    call. A backend that keeps identity in the sheet itself ignores it; for the others (a CSV has nothing
    but headers) it tells ``loss`` the input from ``loss`` the output."""

    keeps_mark: ClassVar[bool] = False
    """Whether `write` stores its `mark` in the sheet."""

    remote: ClassVar[bool] = False
    """Whether a call takes as long as a network likes. What is logged is then sent by a thread of its own (`sender`),
    and the sheet may have other writers of this library at the same time, on other machines."""

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        self.target = target
        self.look = look

    @abstractmethod
    def read(self) -> Table:
        """Read everything. Raises `SheetMissing` where there is no sheet."""

    @abstractmethod
    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,
        since: str | None = None,
    ) -> Written:
        """Write cells; make the sheet (in `look`) where there is none and something is `new`.

        `last`: what the library may have left in the cells. `mark`: to be stored with this write by a
        backend that can. `since`: the token of the last write; given only if no id in `new` can be in a sheet
        that still has this token, so that a backend may append without looking for them.
        Raises `SheetChanged` if somebody saved the sheet since `mark` or `read` of this instance.
        """

    def create(self) -> None:
        """Make the sheet, without runs, in `look`; never over something that is there.

        Raises `SheetChanged` where it is there, `Unsupported` where only a run can make it.
        """
        raise Unsupported(f"{self.target.path}: an empty sheet can't be made there; the first run that is logged does")

    def mark(self) -> Mark | None:
        """Mark the sheet holds now; None if it has none, the format can't keep one, or there is no sheet."""
        return None

    def is_as_left(self, token: str) -> bool:  # noqa: ARG002 - most formats keep a mark, or have no person's program
        """Whether the sheet is what the write left that answered this token; True where that can't be told cheaply.

        Asked of backends without a mark alone: what somebody saved is then looked through for what it has not seen.
        """
        return True

    def close(self) -> None:  # noqa: B027 - most backends hold nothing
        """Let go of what is held. The instance may be used again."""
