"""Sheets in any format that pandas reads and writes: load the frame, change it, save it, in one step.

A subclass says how a frame is loaded and saved, ten lines in all (docs/backends.md); `ParquetBackend` and
`OdsBackend` are made so. Every write costs one load and one save of the whole file, which is the price of knowing
nothing of the format; rows, columns and cells obey the same rules as everywhere (`rows.plan`).

How cells become a frame:

- A column whose cells are all of one kind gets the dtype of that kind, with empty cells told apart from NaN; whole and
  fractional numbers together are floats. Columns that are not touched keep their dtype.
- Other columns become text, as in a CSV but without guard, and text is read as another type only if it is
  spelled exactly as that value would be. So a text ``7`` reads as the number.
- In a format that types each cell (`typed_cells`) columns may be mixed, and only what it has no type for is text.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import zipfile
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from experiment_sheet.backends import disk
from experiment_sheet.backends.base import Backend, Last, Mark, Row, Table, Target, Written
from experiment_sheet.backends.headers import labels, owned, stand
from experiment_sheet.backends.rows import Found, Plan, first_columns, named, plan
from experiment_sheet.columns import RUN_ID, Column, RunId, identify
from experiment_sheet.errors import SheetDamaged, SheetError, SheetMissing, SheetRefused
from experiment_sheet.look import DEFAULT, Look
from experiment_sheet.values import CELL_LIMIT, Cell, Link, cut, from_text, to_text

if TYPE_CHECKING:
    import pandas as pd

_INT64: Final = range(-(2**63), 2**63)
_EXACT: Final = range(-(2**53), 2**53 + 1)
"""Whole numbers that a double holds exactly (IEEE 754)."""

Values = list[Any]
"""One column as plain Python values; None where a cell is empty."""


class FrameBackend(Backend):
    """Stores a sheet in a format that pandas reads and writes. Subclasses give `load` and `save`."""

    typed_cells: bool = False
    """Whether each cell has its own type, as in a spreadsheet; else each column has one."""

    def __init__(self, target: Target, *, look: Look = DEFAULT) -> None:
        super().__init__(target, look=look)
        self._path = Path(target.path)
        self._seen: disk.Stamp | None = None

    @abstractmethod
    def load(self, path: Path) -> pd.DataFrame:
        """Read the file; column names are the headers."""

    @abstractmethod
    def save(self, frame: pd.DataFrame, path: Path) -> None:
        """Write the frame, without its index, to a new file."""

    def raw(self, cell: Cell) -> object:
        """Return what a cell is in the frame."""
        if isinstance(cell, Link):
            return cell.href
        if isinstance(cell, int) and not isinstance(cell, bool) and cell not in _INT64:
            return to_text(cell)
        return None if cell == "" else cell

    def read(self) -> Table:
        """Read every row that is not blank."""
        frame, self._seen = self._load()
        values = _values(frame)
        headers = [str(header) for header in frame.columns]
        rows = [[self._cell(value) for value in row] for row in zip(*values, strict=True)]
        filled = [row for row in rows if any(cell is not None for cell in row)]
        return Table(identify(headers, self.known), headers, filled)

    def write(
        self,
        rows: Mapping[RunId, Row],
        *,
        new: Collection[RunId] = (),
        last: Last | None = None,
        mark: Mark | None = None,  # noqa: ARG002 - most formats have no place for it
        since: str | None = None,  # noqa: ARG002 - the file is read in any case
    ) -> Written:
        """Load, change, save, replace."""
        now = disk.stamp(self._path)
        if self._seen is not None and now != self._seen:
            self._seen = None
            raise disk.changed(self._path)
        frame, seen = self._load() if now else (self._new(rows, new), None)
        headers = [str(header) for header in frame.columns]
        values = _values(frame)
        places, known = stand(named(rows), headers, self.known if now else owned(self._first(rows)))
        found = Found(
            columns=places,
            rows=_places(rows, values[places[RUN_ID]]) if RUN_ID in places else {},
            cell=lambda row, column: self._cell(values[places[column]][row]),
            stored=lambda value: self._cell(self._kept(value)),
        )
        todo = plan(rows, found, new=new, last=last)
        given = labels(todo.columns, headers, known)
        self._seen = seen
        if not todo.idle:
            places |= {column: len(headers) + number for number, column in enumerate(todo.columns)}
            data = self._bytes(self._done(frame, values, todo, places, [*headers, *given]))
            self._seen = disk.replace(self._path, data, seen) if seen else disk.create(self._path, data)
        return todo.written(known={**known, **owned(given)})

    def mark(self) -> Mark | None:
        """Return None: most formats can't keep a mark. From here on a person's save is noticed."""
        self._seen = disk.stamp(self._path)
        return None

    def close(self) -> None:
        """Forget which state of the file was seen."""
        self._seen = None

    def _load(self) -> tuple[pd.DataFrame, disk.Stamp]:
        seen = disk.contents(self._path)[1]
        try:
            frame = self.load(self._path)
        except (SheetError, ImportError, MemoryError):
            raise
        except Exception as error:  # every format's reader has errors of its own
            raise SheetDamaged(f"{self._path} can't be read ({type(error).__name__}: {error}). Rename it.") from error
        return (frame if frame.index.names == [None] else frame.reset_index()), seen

    def _first(self, rows: Mapping[RunId, Row]) -> dict[str, Column]:
        return labels(first_columns(rows, self.look), (), {})

    def _new(self, rows: Mapping[RunId, Row], new: Collection[RunId]) -> pd.DataFrame:
        """Return an empty sheet with the columns that the new rows need."""
        import pandas as pd

        fresh = set(new)
        wanted = {run: row for run, row in rows.items() if run in fresh}
        if not wanted:
            raise SheetMissing(f"There is no sheet {self._path}; log a run to make it.")
        return pd.DataFrame(columns=[*self._first(wanted)], dtype=object)

    def _cell(self, raw: object) -> Cell:
        """Return the cell that a value of the frame is."""
        if not isinstance(raw, str):
            return raw  # type: ignore[return-value]
        cell = from_text(raw)
        return cell if not self.typed_cells or self.raw(cell) == raw else raw

    def _done(
        self,
        frame: pd.DataFrame,
        values: list[Values],
        todo: Plan,
        places: Mapping[Column, int],
        headers: Sequence[str],
    ) -> pd.DataFrame:
        """Return the frame as the plan wants it."""
        import pandas as pd

        columns = [list(column) for column in values]
        columns += [[None] * len(frame) for _ in todo.columns]
        for number, cells in todo.updates.items():
            for column, cell in cells.items():
                columns[places[column]][number] = self._kept(cell)
        for cells in todo.appends.values():
            row = {places[column]: self._kept(cell) for column, cell in cells.items()}
            for place, values_of_column in enumerate(columns):
                values_of_column.append(row.get(place))
        dtypes = [*frame.dtypes, *[None] * len(todo.columns)]
        series = [self._series(column, dtype) for column, dtype in zip(columns, dtypes, strict=True)]
        done = pd.concat(series, axis=1, ignore_index=True)
        done.columns = pd.Index(headers, dtype=object)
        return done

    def _kept(self, cell: Cell) -> object:
        """Return what the frame holds of a cell; a spreadsheet's cells have a limit."""
        raw = self.raw(cell)
        return cut(raw, CELL_LIMIT) if isinstance(raw, str) and self.typed_cells else raw

    def _series(self, values: Values, dtype: Any) -> pd.Series[Any]:
        """Return a column of the dtype that it had, if that still holds its values, else of the one they need."""
        import pandas as pd

        if self.typed_cells:
            return pd.Series(values, dtype=object)
        if dtype is not None and str(dtype) != "object":
            try:
                series: pd.Series[Any] = pd.Series(values, dtype=dtype)
                if list(map(repr, _plain(series))) == list(map(repr, values)):
                    return series
            except (TypeError, ValueError, ArithmeticError, NotImplementedError):
                pass  # it can't
        return pd.Series(_typed(values))

    def _bytes(self, frame: pd.DataFrame) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._path.name
            self.save(frame, path)
            return path.read_bytes()


class ParquetBackend(FrameBackend):
    """Stores a sheet in a .parquet file, with pyarrow. Every type comes back; a column has one type."""

    def load(self, path: Path) -> pd.DataFrame:
        """Read with Arrow's types, which tell NaN from empty."""
        import pandas as pd

        return pd.read_parquet(path, engine="pyarrow", dtype_backend="pyarrow")

    def save(self, frame: pd.DataFrame, path: Path) -> None:
        """Write without index."""
        frame.to_parquet(path, engine="pyarrow", index=False)


_LOST: Final = {
    "formulas": re.compile(rb"table:formula="),
    "comments": re.compile(rb"<office:annotation[ >]"),
    "drawings or charts": re.compile(rb"<draw:(?!page)\w"),
    "colours": re.compile(rb'fo:background-color="#'),
    "conditional formats": re.compile(rb"calcext:conditional-format |style:map "),
    "several tabs": re.compile(rb"<table:table .*<table:table-cell.*<table:table .*<table:table-cell", re.DOTALL),
}
"""What a person may have put into an .ods, and pandas would drop."""


_UNWRITABLE: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x84\\x86-\\x9f\\ufffe\\uffff"
    + "".join(f"{chr(n + 0xFFFE)}{chr(n + 0xFFFF)}" for n in range(1 << 16, 17 << 16, 1 << 16))
    + "]"
)
"""Characters that XML 1.0 (2.2) can't hold or advises against, which odfpy replaces."""


class OdsBackend(FrameBackend):
    """Stores a sheet in an .ods file of its own, with odfpy and calamine.

    Not told apart: 7.0 and 7, a date and its midnight. Line ends become ``\\n``, and characters that XML
    can't hold U+FFFD. A file that holds what pandas would drop (formulas, colours, a second tab, …) is refused.
    """

    typed_cells = True

    def load(self, path: Path) -> pd.DataFrame:
        """Read the first tab; the first row that is not blank is the header."""
        import pandas as pd

        with zipfile.ZipFile(path) as package:
            content = package.read("content.xml")
        lost = [what for what, pattern in _LOST.items() if pattern.search(content)]
        if lost:
            hint = "Save it as .xlsx, where everything is kept, or log to another file."
            raise SheetRefused(f"{path} holds {', '.join(lost)}, which a write would drop. {hint}")
        grid = pd.read_excel(path, engine="calamine", header=None, dtype=object, keep_default_na=False, na_values=[])
        head, *rows = grid.to_numpy(dtype=object).tolist() or [[]]
        cells = [[_of_ods(value) for value in row] for row in rows]
        return pd.DataFrame(cells, columns=pd.Index([str(header) for header in head], dtype=object), dtype=object)

    def save(self, frame: pd.DataFrame, path: Path) -> None:
        """Write one tab."""
        cast("Any", frame).to_excel(path, engine="odf", index=False, sheet_name=self.target.tab or self.look.tab)

    def raw(self, cell: Cell) -> object:
        """Return the cell, as text where the format has no type for it."""
        if isinstance(cell, float) and (cell != cell or cell in (float("inf"), float("-inf"))):
            return to_text(cell)
        if isinstance(cell, dt.timedelta) or (isinstance(cell, int) and cell not in _EXACT):
            return to_text(cell)
        if isinstance(cell, str | Link):
            text = re.sub(r"\r\n?", "\n", to_text(cell))
            return _UNWRITABLE.sub("\ufffd", text) or None
        return cell


def _of_ods(value: Any) -> object:
    """Return a value that calamine read as a cell has it."""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if isinstance(value, int | float) and not isinstance(value, bool):  # the format has doubles alone
        return int(value) if value == int(value) and int(value) in _EXACT else float(value)
    return None if value == "" else value


def _places(runs: Collection[RunId], column: Values) -> dict[RunId, list[int]]:
    """Find the rows that carry one of these ids."""
    found: dict[RunId, list[int]] = {run: [] for run in runs}
    for number, value in enumerate(column):
        if isinstance(value, str) and value in found:
            found[value].append(number)
    return found


def _values(frame: pd.DataFrame) -> list[Values]:
    """Return every column as plain values."""
    return [_plain(frame.iloc[:, place]) for place in range(frame.shape[1])]


def _plain(series: pd.Series[Any]) -> Values:
    """Return a column as plain Python values, None where it is empty; NaN only where the dtype has both."""
    import pandas as pd

    has_both = series.dtype == object or isinstance(series.dtype, pd.ArrowDtype)
    blank = (None, pd.NA, pd.NaT)
    values = (
        list(series) if series.dtype == object else cast("Any", series).to_numpy(dtype=object, na_value=None).tolist()
    )
    return [
        None if any(value is none for none in blank) or (not has_both and value != value) else _python(value)
        for value in values
    ]


def _python(value: Any) -> object:
    """Return pandas' and numpy's scalars as Python's."""
    for convert in ("to_pydatetime", "to_pytimedelta", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return value if isinstance(value, bool | int | float | str | dt.date | dt.time | dt.timedelta) else str(value)


def _typed(values: Values) -> Any:
    """Return a column as an array of the one type that its values have, else as text."""
    import numpy as np
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.array(values, dtype="boolean")
    if kinds == {int}:
        return pd.array(values, dtype="Int64")
    if kinds in ({float}, {int, float}) and all(v in _EXACT for v in values if type(v) is int):
        empty = np.array([value is None for value in values])
        return pd.arrays.FloatingArray(np.array([0.0 if v is None else float(v) for v in values]), empty)
    if kinds in ({dt.datetime}, {dt.timedelta}):
        unit = "datetime64[us]" if kinds == {dt.datetime} else "timedelta64[us]"
        return pd.array(values, dtype=unit)  # type: ignore[call-overload]
    if kinds not in (set(), {dt.date}, {str}):
        values = [None if value is None else to_text(value) for value in values]
    return np.array([*values, None], dtype=object)[:-1]
