"""``experiment-sheet copy``: runs from one sheet, or from any table of results, into another."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from experiment_sheet import transfer
from experiment_sheet.cli.options import json_option, print_json
from experiment_sheet.cli.progress import busy
from experiment_sheet.cli.tables import cell_text, console
from experiment_sheet.exports import plain

NOT_SAID: Final = 2
"""Exit code where nobody can be asked and --yes was not said."""

_SAMPLE: Final = 40  # characters of a cell that is shown
_WIDE: Final = 80  # characters of a terminal that has room for reasons
_NAMED: Final = 3  # runs whose kept cells are listed


class _Names(click.ParamType):  # type: ignore[type-arg]
    """Names with commas between."""

    name = "a,b,…"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split at commas."""
        del param, ctx
        return value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--inputs", type=_Names(), default=(), help="These columns are inputs; patterns like train/* will do.")
@click.option("--outputs", type=_Names(), default=(), help="These columns are outputs.")
@click.option("--rows/--steps", "as_runs", default=None, help="Each row is a run; or a step of one run. Else guessed.")
@click.option("--columns", type=_Names(), default=(), help="Of .json, .md and .tex: these columns, in this order.")
@click.option("--files", is_flag=True, help="Copy the run folders too, so that links lead beside DST.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask whether the columns are guessed well.")
@json_option
def copy(source: str, target: str, yes: bool, files: bool, as_json: bool, **said: Any) -> None:
    """Copy the runs of SRC into DST: from a file into a Google Sheet, back, into another format.

    DST is a sheet (.xlsx, .csv, .parquet, .ods, the address of a Google Sheet) or an export (.json, .md, .tex). What
    people typed comes along; copying twice is copying once; what was changed in DST since stays.

    SRC may also be any table of results, of MLflow, wandb, a script of yours. Then you are shown what each column
    becomes, and asked. Exit code 1: rows wait or could not be written; 2: there is nobody to ask, say --yes.

    \b
    Example:
      experiment-sheet copy runs.xlsx https://docs.google.com/spreadsheets/d/KEY/edit
      experiment-sheet copy wandb_export.csv runs.xlsx --outputs "train/*,val/loss"
      experiment-sheet copy runs.xlsx table.tex --columns run,lr,val_acc
    """
    with busy(f"Reading {source}"):
        made = transfer.plan(source, target, **said)
    ask = made.is_guessed and not yes and made.export is None
    if ask and (as_json or not _is_terminal()):
        if as_json:
            print_json(_plan_json(made) | {"written": False})
        else:
            _show_plan(made)
        click.echo(
            "Nothing was written: say --yes if the columns are guessed well, or --inputs and --outputs", err=True
        )
        sys.exit(NOT_SAID)
    if made.is_guessed and made.export is None and not as_json:
        _show_plan(made)
    if ask and not click.confirm("Write it?", default=True):
        sys.exit(NOT_SAID)
    with busy(f"Writing {len(made.rows):,} rows") as progress:
        copied = transfer.apply(made, files=files, progress=progress)
    if as_json:
        print_json(_plan_json(made) | {"written": True} | _copied_json(copied))
    else:
        _show_copied(copied)
    sys.exit(1 if copied.waiting else 0)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _show_plan(made: transfer.Plan) -> None:
    """Show what each column becomes."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    wide = out.width >= _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("column", overflow="ellipsis", no_wrap=True, min_width=12)
    table.add_column(
        "becomes", no_wrap=True, min_width=max((len(_becomes(g, made)[0]) for g in made.columns), default=0)
    )
    for title in ("because", "holds") if wide else ():
        table.add_column(title, no_wrap=True)
    table.add_column("for instance", overflow="ellipsis", no_wrap=True)
    for guess in made.columns:
        name, style = _becomes(guess, made)
        why = "it changes" if name == "output, curve" and guess.why == "rest" else _WHY[guess.why]
        example = next((cell_text(cell) for cell in guess.cells if cell is not None), "")
        more = [Text(why), Text(_holds(guess))] if wide else []
        table.add_row(Text(guess.header.strip()), Text(name, style=style), *more, Text(example[:_SAMPLE]))
    out.print(table)
    new = len(made.rows) - len(made.known)
    if made.steps:
        steps = len({step for step, _, _ in made.steps})
        rows = f"1 run with {steps:,} steps, counted by {made.step_column.strip()}; --rows makes a run of each row"
    else:
        rows = f"{_count(len(made.rows), 'run')}, {new:,} of them new"
    out.print(Text(f"\n{made.source.name} → {made.target}: {rows}"))


_WHY: Final = {
    "said": "you said so",
    "header": "its header",
    "prefix": "its prefix",
    "metric": "a metric's name",
    "rest": "",
    "as it was": "",
    "empty": "it is empty",
    "row numbers": "row numbers",
}
_COLORS: Final = {"input": "blue", "output": "green", "run": "dim", "people": "yellow"}


def _becomes(guess: Any, made: transfer.Plan) -> tuple[str, str]:
    """What a column becomes, and how that is coloured."""
    if guess.column is None:
        return "left out", "dim"
    if made.steps and guess.column.role != "run":
        if guess.header == made.step_column:
            return "the step", "dim"
        row = next(iter(made.rows.values()))
        if any(guess.column.key in values for _, _, values in made.steps):
            return "output, curve", _COLORS["output"]
        if guess.column not in row:
            return ("output" if ("output", guess.column.key) in row else "left out"), "dim"
    role, key = guess.column
    return (key if role == "run" else role), _COLORS[role]


def _holds(guess: Any) -> str:
    kinds = dict.fromkeys(_KINDS.get(type(cell).__name__, "text") for cell in guess.cells if cell is not None)
    missing = sum(cell is None for cell in guess.cells)
    return ", ".join(kinds) + (f" ({missing} blank)" if kinds and missing else "")


_KINDS: Final = {"int": "numbers", "float": "numbers", "bool": "true/false", "datetime": "times", "date": "dates",
                 "timedelta": "durations"}  # fmt: skip


def _plan_json(made: transfer.Plan) -> dict[str, object]:
    columns = [
        {
            "header": guess.header,
            "role": guess.column and guess.column.role,
            "key": guess.column and guess.column.key,
            "because": guess.why,
            "example": plain(next((cell for cell in guess.cells if cell is not None), None)),
        }
        for guess in made.columns
    ]
    known = {"rows": len(made.rows), "new": len(made.rows) - len(made.known), "steps": len(made.steps)}
    return {"source": made.source.name, "target": made.target, **known, "columns": columns}


def _copied_json(copied: transfer.Copied) -> dict[str, object]:
    names = ("added", "changed", "deleted", "waiting", "folders")
    found: dict[str, object] = {name: getattr(copied, name) for name in names}
    return found | {"kept": {run: list(keys) for run, keys in copied.kept.items()}}


def _show_copied(copied: transfer.Copied) -> None:
    parts = [f"{len(copied.added):,} added"]
    if copied.changed:
        parts.append(f"{len(copied.changed):,} there already")
    if copied.waiting:
        parts.append(f"{len(copied.waiting):,} waiting")
    if copied.folders:
        parts.append(f"{_count(copied.folders, 'run folder')} copied")
    click.echo(f"{copied.target}: {', '.join(parts)}")
    if copied.deleted:
        click.echo(f"{_count(len(copied.deleted), 'run')} stay deleted, as a person deleted them there")
    for run, keys in list(copied.kept.items())[:_NAMED]:
        click.echo(f"{', '.join(keys)} of {run} stay as a person wrote them there")
    if len(copied.kept) > _NAMED:
        click.echo(f"… and so in {_count(len(copied.kept) - _NAMED, 'more run')}")
    if copied.waiting:
        click.echo("Waiting rows arrive with `experiment-sheet sync`; the message above says what they wait for")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
