"""``experiment-sheet reproduce RUN``: a folder in which a run can be made again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from experiment_sheet import rerun
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.progress import busy
from experiment_sheet.cli.runs import RunName, find_run
from experiment_sheet.cli.tables import cell_text
from experiment_sheet.errors import ExperimentSheetError
from experiment_sheet.reproduce import Restored, known, restore
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import to_json


@click.command()
@click.argument("run", type=RunName(), metavar="RUN")
@click.option("--into", required=True, type=click.Path(path_type=Path), help="The folder to make; new, or empty.")
@click.option("--repository", metavar="PATH", help="Where to get the commit, if not from where it was.")
@click.option("--run", "again", is_flag=True, help="Run it, and compare what comes out.")
@click.option("--python", metavar="PATH", help="The Python to run it with, if not this one.")
@click.option("--tolerance", default=rerun.TOLERANCE, show_default=True, help="Relative difference that is none.")
@click.option("--ignore", multiple=True, metavar="KEY", help="An output not to compare, such as *seconds.")
@sheet_option
@json_option
def reproduce(sheet: str, run: str, into: Path, again: bool, as_json: bool, **options: Any) -> None:
    """Make a folder with a run's code, packages, config and command; with --run, run it and compare its outputs.

    Says plainly what can't be restored. The run that is made again writes into its own sheet in that folder, never into
    yours. Exit code 1: it failed, or other outputs came out.

    \b
    Example:
      experiment-sheet reproduce @best --into again --run
    """
    target = Sheet(sheet)
    frame = target.read()
    facts = known(target, find_run(frame, run), frame)
    try:
        with busy(f"Restoring {run}"):
            made = restore(facts, into, repository=options["repository"])
    except OSError as error:
        if isinstance(error, ExperimentSheetError):
            raise
        raise click.ClickException(f"{into} can't be written: {error}") from error
    if not as_json:
        _say(made)
    found: dict[str, Any] = {"run_id": facts["run_id"], "folder": str(made.path), "restored": made.done}
    found |= {"missing": made.missing, "command": made.command}
    good = True
    if again:
        code = rerun.run(made, facts, python=options["python"])
        found |= {"exit_code": code} | _compared(made, facts, options, as_json=as_json)
        good = code == 0 and not found["different"] and bool(found["same"])
        if not as_json:
            click.echo(f"The command ended with exit code {code}." if code else "The command ended well.")
    if as_json:
        print_json(found)
    sys.exit(0 if good else 1)


def _say(made: Restored) -> None:
    click.echo(f"{made.path}:")
    for line in made.done:
        click.echo(f"  {line}")
    if made.missing:
        click.echo("\nCan't be restored:")
        for line in made.missing:
            click.echo(f"  {line}")
    click.echo("")


def _compared(made: Restored, facts: dict[str, Any], options: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    try:
        found = rerun.compare(made, facts, tolerance=options["tolerance"], but=options["ignore"])
    except ExperimentSheetError as error:
        if not as_json:
            click.echo(str(error))
        return {"same": [], "different": [], "error": str(error)}
    if not as_json:
        click.echo(f"The same within {options['tolerance']:g}: {', '.join(found.same) or 'nothing'}")
        for item in found.different:
            then, now = (cell_text(cell) or "not there" for cell in (item.then, item.now))
            click.echo(f"Different: {item.key} was {then}, is {now}")
    different = [{"key": d.key, "then": to_json(d.then), "now": to_json(d.now)} for d in found.different]
    return {"new_run_id": found.run_id, "same": list(found.same), "different": different}
