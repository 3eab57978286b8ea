"""``experiment-sheet demo``: a sheet of real experiments in under a minute."""

from __future__ import annotations

import click

from experiment_sheet import demo as digits
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.tables import console, print_runs, records
from experiment_sheet.sheet import Sheet

_SHOWN = ("run", "model", digits.METRIC, "val_loss", "test_acc", "duration", "hypothesis")


@click.command()
@click.option(
    "--runs",
    type=click.IntRange(1, len(digits.TRIALS)),
    default=len(digits.TRIALS),
    show_default=True,
    help="How many.",
)
@click.option("--trial", type=click.IntRange(1, len(digits.TRIALS)), help="Only this one, by its number.")
@sheet_option
@json_option
def demo(sheet: str, runs: int, trial: int | None, as_json: bool) -> None:
    """Train small models on real data and log them: a first sheet to look at.

    \b
    Example:
      experiment-sheet demo -s digits.xlsx
    """
    from rich.progress import track

    digits.require()
    trials = digits.TRIALS[trial - 1 : trial] if trial else digits.TRIALS[:runs]
    failed = 0
    for one in track(trials, "Training", console=console(stderr=True), disable=as_json):
        try:
            digits.run(one, sheet)
        except ValueError:  # one is meant to fail; its row says why
            failed += 1
    target = Sheet(sheet)
    best = target.top(digits.METRIC, count=5)
    if as_json:
        print_json({"sheet": target.name, "runs": len(trials), "failed": failed, "best": records(best)})
        return
    click.echo(f"The best of {len(trials)} runs by {digits.METRIC} ({failed} failed; its row says why):\n")
    print_runs(best, [name for name in _SHOWN if name in best])
    click.echo(f"\nAll of them: {target.name}\nOpen it, sort it, type what you think into `verdict` and `notes`.")
