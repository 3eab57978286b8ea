"""What commands share: the sheet option, ``--json``, and what becomes of an error."""

from __future__ import annotations

import json
from typing import Any

import click

from experiment_sheet.errors import ExperimentSheetError, UsageError
from experiment_sheet.sheet import default_target


class Commands(click.Group):
    """A group whose commands end with a clear message: exit code 2 for a wrong call, 1 for what stands in the way."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what this library raises into a message on stderr."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error)) from error
        except ExperimentSheetError as error:
            raise click.ClickException(str(error)) from error


sheet_option = click.option(
    "-s",
    "--sheet",
    type=str,
    metavar="TARGET",
    default=default_target,
    show_default="$EXPERIMENT_SHEET, else runs.xlsx",
    help="The sheet: a path, path#Tab, or the address of a Google Sheet.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(data: object) -> None:
    """Print strict JSON, one document."""
    click.echo(json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2))
