"""The command line: a thin layer over the public face, and the only room that prints.

One file per command; `options` has what they share, `runs` the way to name a run, `tables` what a terminal shows.
"""

from __future__ import annotations

import click

from experiment_sheet.cli.later import Later
from experiment_sheet.cli.options import Commands

NAMES = (
    "compare",
    "completion",
    "copy",
    "delete",
    "demo",
    "doctor",
    "google",
    "history",
    "log",
    "ls",
    "new",
    "open",
    "reproduce",
    "run",
    "set",
    "show",
    "sync",
    "template",
    "watch",
)
"""Every command, by the name of its file, which is imported when the command is called."""


@click.group(
    cls=Commands,
    commands=Later(NAMES),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="experiment-sheet")
def main() -> None:
    """Log machine-learning experiments into the spreadsheet you already use.

    Every command takes -s/--sheet TARGET: a path, path#Tab, or the address of a Google Sheet. Without it, the sheet
    is $EXPERIMENT_SHEET, else runs.xlsx in this folder.

    \b
    Example:
      experiment-sheet demo
      experiment-sheet ls --sort val_acc
    """
