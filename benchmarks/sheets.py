"""What logging a run, changing a row and reading cost at the level of a user's call.

    python benchmarks/sheets.py [rows …]        (default: 1000 10000 100000)

`log_run` is the whole of it: journal, lock, checkpoint, write, fsync. It is measured against a copy of the file (read,
write beside, fsync, replace), against openpyxl (load, append, save) and against pandas (read, concat, to_excel).
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import HEADINGS, copy, pairs, seconds, table

COLUMNS = 28  # and run_id and name: thirty
PAIRS = 31


def record(number: int) -> dict[str, object]:
    """One run's thirty columns: numbers, text and a flag, as experiments have them."""
    values: dict[str, object] = {f"param_{n}": random.random() for n in range(12)}
    values |= {f"choice_{n}": random.choice(["adam", "sgd", "rmsprop"]) for n in range(4)}
    values |= {f"size_{n}": random.randrange(1, 4096) for n in range(4)}
    values |= {f"val_loss_{n}": random.random() for n in range(7)}
    return values | {"pretrained": number % 2 == 0}


def workbook(folder: Path, rows: int) -> Path:
    """A workbook of so many runs, made by the library in one append, in a folder of its own."""
    from experiment_sheet import Sheet

    folder.mkdir()
    path = folder / "runs.xlsx"
    Sheet(path).append([record(number) for number in range(rows)])
    return path


def with_openpyxl(path: Path) -> None:
    """Append a row as openpyxl does it."""
    import openpyxl

    book = openpyxl.load_workbook(path)
    book.active.append([record(0)[key] for key in record(0)])
    book.save(path)


def with_pandas(path: Path) -> None:
    """Append a row as the article does it: read, concat, save."""
    import pandas as pd

    frame = pd.read_excel(path)
    pd.concat([frame, pd.DataFrame([record(0)])]).to_excel(path, index=False)


def appends(rows: int, folder: Path) -> list[list[str]]:
    """log_run against a copy, openpyxl and pandas."""
    import experiment_sheet as es

    path = workbook(folder / f"{rows}", rows)
    other = folder / f"{rows}.xlsx"
    shutil.copy(path, other)
    log = partial(es.log_run, path, record(0))
    lines = [[f"log_run, {rows:,} rows; copy", *pairs(log, partial(copy, other), PAIRS).row]]
    for name, peer in {"openpyxl": with_openpyxl, "pandas": with_pandas}.items():
        count = 5 if rows <= 1000 else 2
        lines.append([f"log_run, {rows:,} rows; {name}", *pairs(log, partial(peer, other), count, warm=0).row])
    return lines


def changes(rows: int, folder: Path) -> list[list[str]]:
    """The change of a hot row (a run that goes on) against a copy; of a cold one against openpyxl."""
    from experiment_sheet import Sheet
    from experiment_sheet.columns import Column

    path = workbook(folder / f"change-{rows}", rows)
    other = folder / f"change-{rows}.xlsx"
    shutil.copy(path, other)
    sheet = Sheet(path)
    cold = sheet.read().index[rows // 2]
    sheet.record("rhot", {Column("run", "status"): "running"}, kind="start", wait=10)

    def hot_row() -> None:
        sheet.record("rhot", {Column("output", "val_loss_0"): random.random()}, kind="change", wait=10)

    def cold_row() -> None:
        sheet.update(cold, {"val_loss_0": random.random()})

    return [
        [f"hot row changed, {rows:,} rows; copy", *pairs(hot_row, partial(copy, other), PAIRS).row],
        [f"cold row changed, {rows:,} rows; openpyxl", *pairs(cold_row, partial(with_openpyxl, other), 2, warm=0).row],
    ]


def many_rows(folder: Path) -> list[str]:
    """10,000 rows in one append against XlsxWriter writing them as a new file."""
    import xlsxwriter

    from experiment_sheet import Sheet

    rows = [record(number) for number in range(10_000)]
    path = workbook(folder / "many", 10)
    sheet = Sheet(path)

    def theirs() -> None:
        with xlsxwriter.Workbook(folder / "writer.xlsx") as book:
            tab = book.add_worksheet()
            tab.write_row(0, 0, list(rows[0]))
            for number, row in enumerate(rows, 1):
                tab.write_row(number, 0, list(row.values()))

    return [
        "10,000 rows in one append; XlsxWriter, a new file",
        *pairs(lambda: sheet.append(rows), theirs, 5, warm=0).row,
    ]


def reading(rows: int, folder: Path) -> list[str]:
    """Sheet.read against pandas.read_excel with calamine."""
    import pandas as pd

    from experiment_sheet import Sheet

    path = workbook(folder / f"read-{rows}", rows)
    count = 7 if rows <= 10_000 else 3
    return [
        f"read {rows:,} rows; pandas.read_excel (calamine)",
        *pairs(Sheet(path).read, lambda: pd.read_excel(path, engine="calamine"), count).row,
    ]


def growth(folder: Path) -> str:
    """The file after 1,000 single appends against one append of the same rows."""
    import experiment_sheet as es

    rows = [record(number) for number in range(1000)]
    (folder / "single").mkdir()
    path = folder / "single" / "runs.xlsx"
    spent = seconds(lambda: [es.Sheet(path).append(row) for row in rows])
    (folder / "once").mkdir()
    es.Sheet(folder / "once" / "runs.xlsx").append(rows)
    single, once = path.stat().st_size, (folder / "once" / "runs.xlsx").stat().st_size
    return f"1,000 single appends: {single:,} bytes, {single / once:.2f} times one append ({once:,}); {spent:.1f} s"


def main(sizes: list[int]) -> None:
    """Measure everything, print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[list[str]] = []
        for size in sizes:
            rows += appends(size, folder)
            rows += changes(size, folder)
            rows.append(reading(size, folder))
        rows.append(many_rows(folder))
        print(table(HEADINGS, rows))
        print(growth(folder))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000])
