"""The command line: a thin layer over the public face, and the only room that prints.

One file per command; `options` has what they share, `runs` the way to name a run, `tables` what a terminal shows.
"""

from __future__ import annotations

import click

from experiment_sheet.cli.demo import demo
from experiment_sheet.cli.doctor import doctor
from experiment_sheet.cli.log import log
from experiment_sheet.cli.ls import ls
from experiment_sheet.cli.open import open_
from experiment_sheet.cli.options import Commands
from experiment_sheet.cli.reproduce import reproduce
from experiment_sheet.cli.show import show
from experiment_sheet.cli.sync import sync


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for command in (demo, doctor, log, ls, open_, reproduce, show, sync):
    main.add_command(command)
