"""Copying runs between any two sheets, and taking in tables of results that other programs wrote.

A copy is planned first and then carried out, so that a person sees what will become of each column. Rows keep their
run_ids; a row that has none, or the one of a row above it, gets one that follows from its source and what it says
(`foreign.ids`). So copying twice changes nothing, a copy that was broken off is completed by the next, and what a
person changed in the copy stays theirs. Rows go through the journal of the target as everything does: in one write, or
they wait there.

Links into the files folder stay valid: relative to a target that is a file, else in full; with `files` the run folders
are copied beside the target and the links lead there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from experiment_sheet import contents, exports, foreign, logged
from experiment_sheet.backends.base import Table, Target
from experiment_sheet.checkpoint import Outcome
from experiment_sheet.columns import RUN_ID, Column, RunId
from experiment_sheet.errors import SheetError, SheetMissing, UsageError
from experiment_sheet.events import Event, Kind
from experiment_sheet.fold import fold
from experiment_sheet.folder import RunFolder, safe_name
from experiment_sheet.ledgers import ledger_of
from experiment_sheet.look import DEFAULT
from experiment_sheet.overlay import hide_deleted
from experiment_sheet.sheet import SYNC_WAIT, Sheet
from experiment_sheet.values import Cell, Link, to_cell, to_json
from experiment_sheet.wastebin import Wastebin

Progress = Callable[[int, int], None]
"""Told how many run folders of how many are copied."""

_PLOTS: Final = Column("run", "plots")
_OURS: Final = {Column("run", "status"), Column("run", "started"), RUN_ID}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be copied. Nothing was written yet."""

    source: Sheet
    target: str  # for people
    rows: Mapping[RunId, Mapping[Column, Cell]]
    columns: Sequence[foreign.Guess]
    is_guessed: bool  # the source is no sheet of runs: show the columns before you apply this
    known: frozenset[RunId] = frozenset()  # of `rows`, what the target has already
    steps: Sequence[tuple[float, float, Mapping[str, Cell]]] = ()  # of the one run that the rows are
    step_column: str = ""
    export: Path | None = None  # the target is no sheet, but a file to look at or to print
    shown: Sequence[Column] = ()  # there
    sheet: Sheet | None = None  # the target


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did. Rows that wait are in the journal of the target, and arrive with `sync`."""

    source: str
    target: str
    added: Sequence[RunId] = ()
    changed: Sequence[RunId] = ()  # were there, and hold now what the source says
    deleted: Sequence[RunId] = ()  # a person deleted them in the target; they stay deleted
    kept: Mapping[RunId, Sequence[str]] = field(default_factory=dict)  # cells that a person changed in the target
    waiting: Sequence[RunId] = ()
    folders: int = 0  # run folders that were copied


def copy_sheet(
    source: str | os.PathLike[str] | Target | Sheet,
    target: str | os.PathLike[str] | Target | Sheet,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    files: bool = False,
) -> Copied:
    """Copy the runs of one sheet into another, people's columns and notes included; run_ids stay, so twice is once.

    `source` may also be any table of results (CSV, .xlsx, .parquet, .ods, Google Sheet): its columns are inputs or
    outputs as `inputs` and `outputs` say (headers, or patterns), the rest by a guess. `target` may also be a .json,
    .md or .tex file. `files`: copy the run folders, too. Raises UsageError, SheetError.
    """
    return apply(plan(source, target, inputs=inputs, outputs=outputs), files=files)


def plan(
    source: str | os.PathLike[str] | Target | Sheet,
    target: str | os.PathLike[str] | Target | Sheet,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    as_runs: bool | None = None,
    columns: Sequence[str] = (),
) -> Plan:
    """Read the source, and say what would be written. `as_runs`: True for a run per row, False for one run with steps.

    `columns`: of an export, the columns to show. Raises UsageError, UnknownColumn, SheetError.
    """
    origin = source if isinstance(source, Sheet) else Sheet(source)
    table, _ = hide_deleted(origin.table())
    if not table.columns:
        raise SheetMissing(f"there is no table in {origin.name}; nothing was copied")
    is_ours = _is_ours(origin, table)
    table = _with_links(origin, table) if is_ours and origin.target.scheme == "file" else table
    if is_ours and (inputs or outputs):
        raise UsageError(f"{origin.name} is a sheet of runs: its columns are inputs and outputs as it says")
    guesses = _as_they_are(table) if is_ours else foreign.guesses(table, inputs=inputs, outputs=outputs)
    export = exports.path_of(target)
    made = _with_rows(Plan(origin, str(export), {}, guesses, not is_ours), as_runs=True if export else as_runs)
    if export:
        there = {guess.header.strip(): guess.column for guess in guesses if guess.column}
        whole = export.suffix.lower() == ".json"
        return replace(made, export=export, shown=exports.chosen(there, made.rows, columns, everything=whole))
    if columns:
        raise UsageError("columns are chosen for .json, .md and .tex; a sheet gets all of them")
    return _for_sheet(made, target if isinstance(target, Sheet) else _target(target, len(guesses)))


def apply(made: Plan, *, files: bool = False, progress: Progress | None = None) -> Copied:
    """Carry out a plan. Rows that a sheet can't take now wait in its journal; a file that can't be written raises."""
    if made.export or made.sheet is None:
        if files:
            raise UsageError(f"{made.target} is no sheet, and has no folder beside it for files")
        exports.write(made.export or Path(made.target), made.shown, made.rows)
        return Copied(made.source.name, made.target, added=tuple(made.rows))
    target = made.sheet
    if files and target.target.scheme != "file":
        raise UsageError(f"{target.name} is no file, and has no folder beside it for files")
    bin_ = Wastebin(target.files)
    binned = [run for run in made.rows if bin_.holds(run)]  # what was deleted there stays deleted
    made = replace(made, rows={run: row for run, row in made.rows.items() if run not in binned})
    moved = _Links(made.source.files, target.files, target.target.scheme == "file", files)
    folders = _copy_folders(made, target, progress) if files else 0
    if made.steps:
        _keep_steps(made, target)
    rows = made.rows
    if made.source.target.scheme == "file":  # elsewhere links are in full
        rows = {run: {column: moved.cell(column, cell) for column, cell in row.items()} for run, row in rows.items()}
    outcome = _put(target, rows)
    waiting = [run for run in target.pending() if run in rows]
    there = [run for run in rows if run not in outcome.deleted and run not in waiting]
    return Copied(
        made.source.name,
        made.target,
        added=[run for run in there if run not in made.known],
        changed=[run for run in there if run in made.known],
        deleted=[*binned, *(run for run in rows if run in outcome.deleted)],
        kept={run: [column.key for column in cells] for run, cells in outcome.kept.items()},
        waiting=waiting,
        folders=folders,
    )


def _put(sheet: Sheet, rows: Mapping[RunId, Mapping[Column, Cell]]) -> Outcome:
    """Add whole rows by run_id, or change those that are there, in one write."""
    ledger = ledger_of(sheet.target)
    name = ledger.sheet_name(sheet.target.tab)
    told = ledger.checkpoint.history(name, set(rows))
    known, here = fold(told), {event.run for event in told if event.sheet == name}
    events = []
    for run, cells in rows.items():  # one that only another tab has can't begin anew: its history is one
        kind: Kind = "end" if run in here or run not in known else "restore"
        events.append(Event(name, run, kind, cells, epoch=known[run].last.epoch + 1 if run in known else 1))
    outcome = ledger.record(events, wait=SYNC_WAIT, durable=True) if events else Outcome()
    ledger.tell(outcome, sheet.name)
    return outcome


def _is_ours(sheet: Sheet, table: Table) -> bool:
    """Whether this is a sheet of runs, and no table that another program wrote with a column ``run_id``."""
    return RUN_ID in table.columns and (set(table.columns) >= _OURS or bool(sheet.roles()))


def _with_links(sheet: Sheet, table: Table) -> Table:
    """The table with the links that a file shows by their text alone, as the journal and the run folders know them."""
    place = table.columns.index(RUN_ID)
    ledger = ledger_of(sheet.target)
    runs = {run for row in table.rows if isinstance(run := row[place], str)}
    folded = fold(ledger.checkpoint.history(ledger.sheet_name(sheet.target.tab), runs))
    links = {
        (run, column): cell
        for run, known in folded.items()
        for column, cell in known.cells.items()
        if isinstance(cell, Link)
    }
    for run in runs:
        page = f"{sheet.files.name}/{safe_name(run)}/index.html"
        if (run, _PLOTS) not in links and (sheet.files.parent / page).exists():
            links[run, _PLOTS] = Link(page, "")
    rows = [
        [_linked(cell, links.get((str(row[place]), c))) for c, cell in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    return replace(table, rows=rows)


def _linked(cell: Cell, link: Link | None) -> Cell:
    if link is None or not isinstance(cell, str) or (link.text and cell not in (link.text, link.href)):
        return cell  # a person wrote something else there
    return Link(link.href, link.text or ("open" if cell == link.href else cell))


def _as_they_are(table: Table) -> list[foreign.Guess]:
    return [
        foreign.Guess(header, column, "as it was", [row[place] for row in table.rows])
        for place, (header, column) in enumerate(zip(table.headers, table.columns, strict=True))
    ]


def _with_rows(made: Plan, *, as_runs: bool | None) -> Plan:
    place = os.path.realpath(made.source.target.path) if made.source.target.scheme == "file" else made.source.name
    counter = foreign.steps_in(made.columns) if made.is_guessed and not as_runs else None
    if as_runs is False and counter is None:
        raise UsageError(f"{made.source.name}: no column counts steps (one of {', '.join(foreign.STEPS)} that grows)")
    if counter:
        cells = {Column("run", "run"): _named_by(made.source.target), **foreign.whole_run(made.columns, counter)}
        steps = foreign.steps_of(made.columns, counter)
        return replace(made, rows={foreign.derived(place): cells}, steps=steps, step_column=counter.header)
    runs = foreign.ids(made.columns, place)
    there = [(guess.column, guess.cells) for guess in made.columns if guess.column and guess.column != RUN_ID]
    rows = {run: {c: cells[n] for c, cells in there if cells[n] is not None} for n, run in enumerate(runs)}
    return replace(made, rows=rows)


def _named_by(target: Target) -> str:
    """A name for a run that is a file of steps: the file's own, or its folder's where every run has such a file."""
    path = Path(target.path)
    return path.parent.name if path.stem in ("results", "metrics", "progress", "log", "history") else path.stem


def _target(target: str | os.PathLike[str] | Target, width: int) -> Sheet:
    return Sheet(target, template=replace(DEFAULT, max_columns=max(DEFAULT.max_columns, width)))


def _for_sheet(made: Plan, target: Sheet) -> Plan:
    if target.target == made.source.target:
        raise UsageError(f"{target.name} can't be copied into itself")
    table = target.table()
    there = set()
    if RUN_ID in table.columns:
        place = table.columns.index(RUN_ID)
        there = {row[place] for row in table.rows}
    return replace(made, sheet=target, target=target.name, known=frozenset(run for run in made.rows if run in there))


@dataclass(frozen=True, slots=True)
class _Links:
    """Where links lead after a copy."""

    source: Path  # the files folder of the source; its links are relative to the folder around it
    target: Path
    is_local: bool  # the target is a file
    copied: bool  # the run folders are copied, too

    def cell(self, column: Column, cell: Cell) -> Cell:
        """The cell, its link leading to the same file, or to the file's copy."""
        href = cell.href if isinstance(cell, Link) else cell
        inner = f"{self.source.name}/"
        if not isinstance(href, str) or not href.startswith(inner):
            return cell
        text = cell.text if isinstance(cell, Link) else "open" if column == _PLOTS else href.removeprefix(inner)
        if not self.is_local:
            return str(self.source.parent / href)
        if self.copied:
            return Link(f"{self.target.name}/{href.removeprefix(inner)}", text)
        return Link(_relative(self.source.parent / href, self.target.parent), text)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_uri()


def _copy_folders(made: Plan, target: Sheet, progress: Progress | None) -> int:
    if made.source.files == target.files:  # another tab of the same workbook
        return 0
    folders = [run for run in made.rows if (made.source.files / safe_name(run)).is_dir()]
    for number, run in enumerate(folders, 1):
        for path, place in _files_of(made.source.files / safe_name(run)):
            there = target.files / safe_name(run) / place
            if not _is_same(path, there):
                contents.put(path, there)
                os.utime(there, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        if progress:
            progress(number, len(folders))
    return len(folders)


def _files_of(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in contents.files_below(folder):
        yield path, path.relative_to(folder)


def _is_same(path: Path, there: Path) -> bool:
    try:
        one, other = path.stat(), there.stat()
    except FileNotFoundError:
        return False
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _keep_steps(made: Plan, target: Sheet) -> None:
    """Write the steps of the one run as its history, always into the same file."""
    (run,) = made.rows
    lines = [
        logged.line_of({key: to_json(to_cell(cell)) for key, cell in values.items()}, step, seconds)
        for step, seconds, values in made.steps
    ]
    try:
        RunFolder(target.files / safe_name(run)).write("history-copied.jsonl", "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise SheetError(f"the steps of {made.source.name} can't be written: {error}") from error
