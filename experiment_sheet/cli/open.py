"""``experiment-sheet open``: the sheet in the person's own program."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from experiment_sheet.cli.options import sheet_option
from experiment_sheet.errors import SheetMissing, UsageError
from experiment_sheet.sheet import Sheet
from experiment_sheet.viewing import view

_OPENERS = {"darwin": "open", "cygwin": "cygstart"}  # elsewhere xdg-open; Windows has a call for it


@click.command(name="open")
@click.option("--view", "as_view", is_flag=True, help="Open a throw-away copy, so that rows still arrive in the sheet.")
@sheet_option
def open_(sheet: str, as_view: bool) -> None:
    """Open the sheet in your spreadsheet program, or a Google Sheet in your browser.

    While a workbook is open in Excel or LibreOffice, new rows wait. With --view you look at a read-only copy that
    has the waiting rows too, and the sheet stays free.

    \b
    Example:
      experiment-sheet open --view -s results/runs.xlsx
    """
    target = Sheet(sheet)
    if as_view:
        place = str(view(target))
    elif target.target.scheme == "gsheet":
        place = f"https://docs.google.com/spreadsheets/d/{target.target.path}/edit"
    elif target.target.scheme != "file":
        raise UsageError(f"{target.name} is no file that a program could open")
    elif not os.path.exists(target.target.path):  # noqa: PTH110 - as the system sees it
        raise SheetMissing(f"there is no sheet {target.name} yet; log a run to make it")
    else:
        place = target.target.path
    click.echo(place)
    _launch(place)


def _launch(place: str) -> None:
    """Hand a file or an address to the program that the person chose for it."""
    if sys.platform == "win32":
        os.startfile(place)  # noqa: S606 - what a double click does
        return
    opener = _OPENERS.get(sys.platform, "xdg-open")
    try:
        subprocess.Popen([opener, place], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise click.ClickException(f"{opener} can't be run ({error.strerror}); open {place} yourself") from error
