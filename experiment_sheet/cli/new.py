"""``experiment-sheet new``: an empty sheet, as a template says."""

from __future__ import annotations

from pathlib import Path

import click

from experiment_sheet import template as templates
from experiment_sheet.sheet import Sheet, default_target


@click.command()
@click.argument("target", required=False, default=default_target)
@click.option(
    "-t",
    "--template",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="A name of `experiment-sheet template list`, a .toml file, or a workbook that you designed.",
)
def new(target: str, template: str) -> None:
    """Make an empty sheet TARGET, never over a file that is there. Without TARGET: $EXPERIMENT_SHEET, else runs.xlsx.

    A workbook as template is copied whole, the rows in it too; runs go into its table.

    \b
    Example:
      experiment-sheet new results/runs.xlsx --template kaggle
      experiment-sheet new runs.xlsx --template mine.xlsx
    """
    sheet = Sheet(target, template=template)
    sheet.create()
    click.echo(f"made {sheet.name}")
    if Path(template).suffix.lower() in templates.WORKBOOKS:
        _say_copied(sheet, template)


def _say_copied(sheet: Sheet, template: str) -> None:
    """Say what a copy holds that runs will stand below."""
    rows = len(sheet.table().rows)
    kept = {0: "", 1: "; its one row is kept"}.get(rows, f"; its {rows} rows are kept")
    click.echo(f"It is a copy of {template}{kept}. Runs are logged into its table, below what is there.")
