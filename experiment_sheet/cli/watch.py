"""``experiment-sheet watch``: the runs, as they go on."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from experiment_sheet.cli.choice import Choice, choice_options, last_option
from experiment_sheet.cli.options import sheet_option
from experiment_sheet.cli.tables import console, runs_table
from experiment_sheet.errors import SheetError
from experiment_sheet.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, RenderableType

_GOOGLE: Final = 10.0  # seconds: 60 requests per minute and user are allowed, and others work in the sheet, too
_LOCAL: Final = 2.0
_AROUND: Final = 3  # lines of a terminal that are not runs: header, footer, the prompt


@click.command()
@click.option(
    "-n",
    "--every",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Between two looks; 2, or 10 at a Google Sheet, if you say none.",
)
@last_option("--last")
@choice_options
@sheet_option
def watch(sheet: str, every: float | None, **said: Any) -> None:
    """Show the runs in a table that follows what happens. Ctrl-C ends it.

    In a terminal the table stays in its place; in a pipe it is printed whenever something changed.

    \b
    Example:
      experiment-sheet watch --where "status == 'running'"
      experiment-sheet watch --sort val_acc --last 10 -n 5
    """
    target, choice = Sheet(sheet), Choice(**said)
    choice.of(target.read())  # what can't be meant is said at once
    pause = every or (_GOOGLE if target.target.scheme == "gsheet" else _LOCAL)
    try:
        (_live if sys.stdout.isatty() else _print)(target, choice, pause)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)


def _looks(target: Sheet, choice: Choice, pause: float) -> Iterator[tuple[pd.DataFrame | None, str]]:
    """Look again and again; None, and why, where the sheet can't be read now."""
    while True:
        try:
            frame = target.read()
            yield choice.of(frame), f"{len(frame)} runs"
        except SheetError as error:
            yield None, f"{error}; what is shown is from before"
        time.sleep(pause)


def _print(target: Sheet, choice: Choice, pause: float) -> None:
    out, before = console(), ""
    for frame, said in _looks(target, choice, pause):
        with out.capture() as captured:
            out.print(said if frame is None else _table(frame, out, choice))
        text = captured.get()
        if text != before:
            click.echo(text)
            sys.stdout.flush()
        before = text


def _live(target: Sheet, choice: Choice, pause: float) -> None:
    from rich.live import Live

    out = console()
    shown: RenderableType = ""
    with Live(shown, console=out, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
        for frame, said in _looks(target, choice, pause):
            if frame is not None:
                shown = _table(_fitting(frame, out, choice), out, choice)
            live.update(_with_footer(shown, frame, said, target), refresh=True)


def _fitting(frame: pd.DataFrame, out: Console, choice: Choice) -> pd.DataFrame:
    """As many runs as the terminal has lines: the last ones, or the first ones where they are sorted."""
    room = max(out.height - _AROUND, 1)
    return frame.head(room) if choice.sort or choice.reverse else frame.tail(room)


def _table(frame: pd.DataFrame, out: Console, choice: Choice) -> RenderableType:
    return runs_table(frame, out, list(frame.columns) if choice.columns else None)


def _with_footer(shown: RenderableType, frame: pd.DataFrame | None, said: str, target: Sheet) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    now = f"{dt.datetime.now():%H:%M:%S}"  # noqa: DTZ005 - the clock on the person's wall
    if frame is None:
        return Group(Text(f"{now}  {said}", style="bold"), shown)
    return Group(shown, Text(f"{now}  {said}  {target.name}", style="dim", no_wrap=True, overflow="ellipsis"))
