"""``experiment-sheet compare RUN RUN…``: what differs, in the terminal or as a workbook."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace as replace_target
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from experiment_sheet import history
from experiment_sheet.backends.base import Target
from experiment_sheet.backends.registry import parse
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.progress import busy
from experiment_sheet.cli.runs import RunName, find_run
from experiment_sheet.cli.tables import cell_text, console, table_of
from experiment_sheet.columns import RunId
from experiment_sheet.errors import SheetError, UsageError
from experiment_sheet.exports import plain
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.frames import column_names, roles_of
from experiment_sheet.ledgers import ledger_of
from experiment_sheet.locks import holding
from experiment_sheet.sheet import SYNC_WAIT, Sheet
from experiment_sheet.side_by_side import Line, Side, SideBySide, side_by_side
from experiment_sheet.values import Cell

_TAB: Final = "Comparison"
_WHOLE: Final = 64 << 20  # bytes of steps that are read whole, as for a run's own curves


@click.command()
@click.argument("runs", nargs=-1, required=True, type=RunName(), metavar="RUN RUN...")
@click.option("--to", metavar="FILE.xlsx[#TAB]", help="Make a workbook of it: differences, charts, links to plots.")
@click.option("--replace", is_flag=True, help="Replace that file if it is there.")
@sheet_option
@json_option
def compare(sheet: str, runs: tuple[str, ...], to: str | None, replace: bool, as_json: bool) -> None:
    """Compare runs: inputs that differ, results with their difference to the first run.

    With --to FILE.xlsx#TAB the comparison is added to a workbook that is there, as tabs at its end; nothing else in it
    is changed.

    \b
    Example:
      experiment-sheet compare @best old-owl-2
      experiment-sheet compare @best old-owl-2 --to compare.xlsx
      experiment-sheet compare @best old-owl-2 --to runs.xlsx#Comparison
    """
    target = Sheet(sheet)
    frame = target.read()
    chosen = [find_run(frame, run) for run in runs]
    if len(set(chosen)) < len(chosen) or len(chosen) < 2:
        twice = next((text for run, text in zip(chosen, runs, strict=True) if chosen.count(run) > 1), None)
        raise UsageError(f"{twice!r} is named twice" if twice else "name two runs or more to compare")
    place = _place(to) if to else None
    beside = Path(place.path).parent if place else Path()
    with busy("Comparing"):
        rows = _rows(target)
        sides = [_side(target, rows[run], run, beside) for run in chosen]
        compared = side_by_side(sides, {name: role for name, role in roles_of(frame).items() if name != "run"})
        if place:
            _write(place, compared, Path(target.name).name, replace=replace)
    if as_json:
        print_json(_as_json(compared) | ({"workbook": place.path} if place else {}))
    elif place:
        click.echo(place.path)
    else:
        _print(compared)


def _place(to: str) -> Target:
    """Return the file, and the tab of it, to be made. Raises UsageError for what is none."""
    target = parse(to)
    path = Path(target.path)
    is_book = path.suffix.lower() == ".xlsx" or (path.suffix.lower() == ".xlsm" and target.tab and path.exists())
    if target.scheme != "file" or not is_book:
        raise UsageError(f"--to takes the name of an .xlsx file to be made, or of a workbook and a tab, not {to!r}")
    return target


def _write(place: Target, compared: SideBySide, source: str, *, replace: bool) -> None:
    """Make a workbook, or tabs of one that is there."""
    from experiment_sheet.ooxml import graft, pages  # every other command would pay for them
    from experiment_sheet.side_by_side.pages import pages_of

    path = Path(place.path)
    if place.tab is None or not path.exists():
        pages.write(path, pages_of(compared, name=place.tab or _TAB, source=source), replace=replace)
        return
    ledger = ledger_of(replace_target(place, tab=None))
    ledger.check_open()
    lock = ledger.checkpoint.folder / "sheet.lock"
    with holding(lock, wait=SYNC_WAIT, done=lambda: False) if lock.parent.is_dir() else nullcontext():
        graft.add(path, pages_of(compared, name=place.tab, source=source))


def _rows(target: Sheet) -> dict[RunId, dict[str, Cell]]:
    """Every run's cells by name, exactly: a DataFrame can't tell a cell without a value from one that holds NaN."""
    table = target.table()
    names = column_names(table.columns)
    rows: dict[RunId, dict[str, Cell]] = {}
    for row in table.rows:
        cells = dict(zip(names.values(), row, strict=True))
        rows.setdefault(str(cells.get("run_id")), cells)  # of a row that a person copied, the first
    return rows


def _side(target: Sheet, cells: dict[str, Cell], run: RunId, beside: Path) -> Side:
    folder = RunFolder(target.files / safe_name(run))
    try:
        size = history.size(folder.path)
        steps = history.read(folder.path, thinned=1 + size // _WHOLE)
    except OSError as error:
        raise SheetError(f"the steps of {run} can't be read: {error}") from error
    page = folder.path / "index.html"
    return Side(
        run,
        str(cells.get("run") or run),
        cells,
        steps,
        _link(page, beside) if page.is_file() else None,
        {name.removeprefix("plots/"): _link(folder.path / name, beside) for name in folder.listing("plots")},
    )


def _link(path: Path, beside: Path) -> str:
    """Return the address of a file, relative to the workbook's folder where that can be."""
    try:
        return quote(Path(os.path.relpath(path, beside)).as_posix())
    except ValueError:  # on another drive
        return path.absolute().as_uri()


def _as_json(compared: SideBySide) -> dict[str, object]:
    results = {
        line.key: {
            "values": [plain(cell) for cell in line.cells],
            "difference": line.differences,
            "relative": line.relative,
        }
        for line in compared.outputs
    }
    kinds = {"inputs": compared.inputs, "people": compared.people, "about": compared.about}
    return {
        "runs": [{"run_id": side.run_id, "run": side.name} for side in compared.sides],
        "outputs": results,
        **{kind: {line.key: [plain(cell) for cell in line.cells] for line in lines} for kind, lines in kinds.items()},
        "same": {line.key: plain(line.cells[0]) for line in compared.same},
    }


def _print(compared: SideBySide) -> None:
    out = console()
    lines = [*compared.outputs, *compared.inputs, *compared.people, *(line for line in compared.about if line.differs)]
    names = [side.name for side in compared.sides]
    names = [side.run_id if names.count(side.name) > 1 else side.name for side in compared.sides]
    shown: dict[str, list[str]] = {"": [line.key for line in lines]}
    shown |= {name: [_text(line, place) for line in lines] for place, name in enumerate(names)}
    table = table_of(shown, out)
    if table.__rich_measure__(out, out.options.update(max_width=10_000)).minimum <= out.width:
        out.print(table)
    else:  # a narrow terminal: one run below the other
        width = max(map(len, names))
        for line in lines:
            out.print(line.key, style="bold", markup=False)
            for place, name in enumerate(names):
                out.print(f"  {name:<{width}}  {_text(line, place)}", markup=False)
    if compared.same:
        keys = ", ".join(f"{line.key} {cell_text(line.cells[0])}" for line in compared.same)
        out.print(f"\nthe same in all: {keys}", style="dim", markup=False)


def _text(line: Line, place: int) -> str:
    """Return a value, with its difference to the first run's."""
    cell = line.cells[place]
    text = "NaN" if cell != cell else cell_text(cell)
    difference = line.differences[place] if line.role == "output" and place else None
    return text if not difference else f"{text} ({difference:+.2g})"
