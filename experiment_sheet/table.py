"""Tables of a run: predictions, samples, whatever has rows. Kept as CSV, with their pictures beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiment_sheet import arrays
from experiment_sheet.arguments import say_unknown
from experiment_sheet.errors import UnknownColumn, UsageError
from experiment_sheet.exhibit import Exhibit, Parts, exhibit_of
from experiment_sheet.folder import safe_name
from experiment_sheet.masking import mask_cell, mask_key
from experiment_sheet.values import to_cell, to_text

if TYPE_CHECKING:
    import pandas as pd

_FORMULA: Final = ("=", "+", "-", "@")


class Table(Exhibit):
    """A table to log: ``run.log({"predictions": Table(columns=["id", "label"], data=rows)})``.

    `data` and `rows` are lists of rows, `dataframe` a pandas DataFrame. Raises UsageError for rows of another length
    than `columns`.
    """

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Iterable[Iterable[Any]] | None = None,
        rows: Iterable[Iterable[Any]] | None = None,
        dataframe: Any = None,
        **unknown: Any,
    ) -> None:
        for known in ("dtype", "optional", "allow_mixed_types", "log_mode"):  # any cell may hold anything here
            unknown.pop(known, None)
        say_unknown("Table", unknown)
        if dataframe is None and hasattr(data, "itertuples"):
            dataframe, data = data, None
        if dataframe is not None:
            columns, data = list(dataframe.columns), dataframe.itertuples(index=False, name=None)
        self.data: list[list[Any]] = []
        self.columns = [str(column) for column in _listed(columns or (), "columns are a list of names")]
        for row in _rows(data if data is not None else rows):
            if not self.columns:
                self.columns = [f"column {number}" for number in range(1, len(row) + 1)]
            self.add_data(*row)
        if columns is None and not self.data:
            self.columns = ["Input", "Output", "Expected"]  # wandb's

    def add_data(self, *data: Any) -> None:
        """Add a row. Raises UsageError for one of another length."""
        if len(data) != len(self.columns):
            raise UsageError(f"this table has {len(self.columns)} columns ({self.columns}), the row {len(data)} cells")
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """As `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str, data: Iterable[Any], optional: bool = False) -> None:  # noqa: ARG002 - wandb's
        """Add a column. Raises UsageError for one of another length than the others."""
        cells = arrays.listed(data)
        if self.columns and len(cells) != len(self.data):
            raise UsageError(f"this table has {len(self.data)} rows, the column {name!r} {len(cells)} cells")
        if not self.columns:
            self.data = [[] for _ in cells]
        self.columns.append(str(name))
        for row, cell in zip(self.data, cells, strict=True):
            row.append(cell)

    def get_column(self, name: str) -> list[Any]:
        """Return the cells of a column. Raises UnknownColumn."""
        if name not in self.columns:
            raise UnknownColumn(f"the table has no column {name!r}; it has {', '.join(self.columns) or 'none'}")
        place = self.columns.index(name)
        return [row[place] for row in self.data]

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Number and cells of each row."""
        return enumerate(self.data)

    def get_dataframe(self) -> pd.DataFrame:
        """Return the table as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.data, columns=self.columns)

    def parts(self, name: str) -> Parts:
        """Write it as CSV with a byte-order mark; pictures in it are files that its cells name."""
        pictures: dict[str, bytes | str] = {}
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([_guarded(mask_key(column)) for column in self.columns])
        for number, row in enumerate(self.data):
            writer.writerow(
                [self._cell(value, column, f"{name}/{number}-{safe_name(column)}", pictures)
                 for column, value in zip(self.columns, row, strict=True)]
            )  # fmt: skip
        return {f"files/{name}.csv": "\ufeff" + out.getvalue(), **pictures}

    def _cell(self, value: Any, column: str, place: str, pictures: dict[str, bytes | str]) -> str:
        exhibit = exhibit_of(value)
        if exhibit is None:
            cell = mask_cell(column, to_cell(value))
            return _guarded(cell) if isinstance(cell, str) else to_text(cell)
        found = {f"files/{place}{_suffix(path)}": content for path, content in exhibit.parts("x").items()}
        pictures.update(found)
        return next(iter(found)).removeprefix("files/") if found else ""


def _suffix(path: str) -> str:
    return "." + path.rpartition(".")[2]


def _rows(data: Any) -> Iterator[list[Any]]:
    what = "data is a list of rows, each a list of cells"
    return (_listed(row, what) for row in _listed(() if data is None else data, what))


def _listed(data: Any, what: str) -> list[Any]:
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise UsageError(f"{what}, not {data!r:.100}")
    return list(data)


def _guarded(text: str) -> str:
    """Keep a spreadsheet program from taking text for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
