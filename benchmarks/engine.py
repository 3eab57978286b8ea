"""What one append costs at the level of the zip, against copying the same file.

Copy: read the whole file, write it beside, fsync, rename: the least that any program that saves a workbook must do.
Append: `Package.open`, `tail`, `save` of one more row, fsync and rename included. Cold: the change of a row far up. Run
interleaved, so that what else the machine does hits both; shown are medians, and the quartiles of the pairs' ratios.

    python benchmarks/engine.py [pairs]
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from experiment_sheet.ooxml.package import Grown, Laid, Package, Patched

PART = "xl/worksheets/sheet1.xml"
HEAD, END = b"<worksheet><sheetData>", b"</sheetData></worksheet>"
COLUMNS = 30
HOT, STAYS = 32_768, 16_384  # a tail above the first is cut down to the second


def row(number: int) -> bytes:
    """One row of random floats."""
    cells = "".join(f'<c r="{column}{number}"><v>{random.random()!r}</v></c>' for column in range(COLUMNS))
    return f'<row r="{number}">{cells}</row>'.encode()


def make(path: Path, rows: int) -> None:
    """A workbook in our layout with one sheet of so many rows."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name in ("[Content_Types].xml", "xl/workbook.xml", PART, "xl/styles.xml"):
            book.writestr(name, b"<x/>" * 500)
    pieces = [HEAD, *(row(number) for number in range(1, rows + 1)), END]
    cold = max(1, len(pieces) - 1 - STAYS // len(pieces[1]))
    with Package.open(path) as package:
        package.save({PART: Laid(pieces, sum(map(len, pieces[:cold])))})


def copy(path: Path) -> None:
    """The least that a program that saves must do."""
    beside = path.with_suffix(".copy")
    with path.open("rb") as source, beside.open("wb") as target:
        target.write(source.read())
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)


def append(path: Path) -> None:
    """One more row at the end."""
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail
        text = tail.text[: -len(END)] + row(1) + END
        hot = text.index(b"<row", len(text) - STAYS) if len(text) > HOT else 0
        package.save({PART: Grown(tail, text, hot)})


def change_cold(path: Path) -> None:
    """A change in the middle of the sheet."""
    with Package.open(path) as package:
        tail = package.tail(PART)
        assert tail
        package.save({PART: Patched(tail.start // 2, tail.start // 2 + 3, b"123")})


def timed(action: Callable[[Path], None], path: Path) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    action(path)
    return 1000 * (time.perf_counter() - start)


def compared(action: Callable[[Path], None], path: Path, pairs: int) -> str:
    """One row of the table."""
    measured = [(timed(copy, path), timed(action, path)) for _ in range(pairs)]
    copies, actions = zip(*measured, strict=True)
    low, middle, high = statistics.quantiles([ours / theirs for theirs, ours in measured], n=4)
    times = f"{statistics.median(copies):7.1f} | {statistics.median(actions):7.1f}"
    return f"{times} | {middle:5.2f} ({low:.2f} – {high:.2f}) | {max(actions):7.1f}"


def peak(action: str, path: Path) -> float:
    """MB that one action takes above the interpreter with its imports, in a process of its own."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import engine, pathlib\n"
        "def high():\n"
        "    lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "    return int(next(line for line in lines if line.startswith('VmHWM')).split()[1])\n"
        "before = high(); getattr(engine, sys.argv[2])(pathlib.Path(sys.argv[3])); print((high() - before) / 1024)"
    )
    here = str(Path(__file__).parent)
    run = [sys.executable, "-c", script, here, action, str(path)]
    return float(subprocess.run(run, capture_output=True, check=True, text=True).stdout)


def table(folder: Path, pairs: int) -> Iterator[str]:
    """The lines of the table."""
    yield "| rows | MB | action | copy ms | ours ms | ratio, median (quartiles) | worst ms | peak MB |"
    yield "|--:|--:|---|--:|--:|--:|--:|--:|"
    for rows in (1_000, 10_000, 100_000):
        path = folder / f"{rows}.xlsx"
        make(path, rows)
        size = path.stat().st_size / 1e6
        for action in (append, change_cold):
            line = compared(action, path, pairs)
            memory = peak(action.__name__, path) if sys.platform == "linux" else float("nan")
            yield f"| {rows:,} | {size:.1f} | {action.__name__} | {line} | {memory:.1f} |"


def growth(folder: Path, rows: int = 1_000) -> float:
    """Size after so many appends of one row, over the size of the same text laid at once."""
    many, one = folder / "many.xlsx", folder / "one.xlsx"
    make(many, 10)
    make(one, 10)
    for _ in range(rows):
        append(many)
    with Package.open(many) as package:
        text = package.read(PART)
    with Package.open(one) as package:
        package.save({PART: Laid(text, len(text) - STAYS)})
    return many.stat().st_size / one.stat().st_size


def main() -> None:
    """Print the table."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    random.seed(1)
    with tempfile.TemporaryDirectory(dir=".") as name:
        for line in table(Path(name), pairs):
            print(line, flush=True)
        print(f"\nAfter 1,000 appends of one row the file is {growth(Path(name)):.2f} times as large as made at once.")


if __name__ == "__main__":
    main()
