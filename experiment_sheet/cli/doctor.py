"""``experiment-sheet doctor``: what may be wrong, and how to mend it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.progress import busy
from experiment_sheet.doctor import Doctor, Finding
from experiment_sheet.mending import Merged, merge, restore, unlock
from experiment_sheet.sheet import Sheet

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--restore", "runs", multiple=True, metavar="RUN|all", help="Put back the row of a missing run.")
@click.option("--merge", "copies", multiple=True, type=_A_FILE, metavar="COPY", help="Merge a conflict copy by run_id.")
@click.option("--unlock", "do_unlock", is_flag=True, help="Remove a lock whose process on another host is gone.")
@sheet_option
@json_option
def doctor(sheet: str, runs: tuple[str, ...], copies: tuple[Path, ...], do_unlock: bool, as_json: bool) -> None:
    """Look for lost rows, doubled runs, conflict copies, damaged journals and orphaned folders.

    Nothing is changed unless you ask for it. A row that you deleted is listed as missing too: only you know.
    Exit code 1: something was found.

    \b
    Example:
      experiment-sheet doctor -s results/runs.xlsx
      experiment-sheet doctor --restore all
      experiment-sheet doctor --merge "runs (Kim's conflicted copy 2026-11-23).xlsx"
    """
    target = Sheet(sheet)
    freed = unlock(Doctor(target)) if do_unlock else []
    restored = restore(Doctor(target), runs) if runs else []
    merged = {str(copy): merge(Doctor(target), copy) for copy in copies}
    with busy(f"Looking at {target.name}"):
        found = Doctor(target).findings()
    if as_json:
        done = {
            "restored": restored,
            "merged": {name: asdict(what) for name, what in merged.items()},
            "unlocked": freed,
        }
        print_json({"sheet": target.name, **done, "findings": [asdict(finding) for finding in found]})
    else:
        _print_done(restored, merged, freed)
        _print_findings(target.name, found)
    sys.exit(1 if found else 0)


def _print_done(restored: list[str], merged: dict[str, Merged], freed: list[str]) -> None:
    for holder in freed:
        click.echo(f"unlocked: {holder} holds nothing any more")
    for run in restored:
        click.echo(f"restored: {run}")
    for name, what in merged.items():
        for run in what.added:
            click.echo(f"merged from {name}: {run}")
        for run, columns in what.filled.items():
            click.echo(f"filled from {name}: {', '.join(columns)} of {run}")
        for run, columns in what.differing.items():
            click.echo(f"left alone, differs in {name}: {', '.join(columns)} of {run}")
        if what.loose:
            click.echo(f"left alone in {name}: {what.loose} rows without a run_id")


def _print_findings(name: str, found: list[Finding]) -> None:
    for finding in found:
        remedy = f" ({finding.remedy})" if finding.remedy else ""
        click.echo(f"{finding.kind}: {finding.subject} {finding.detail}{remedy}")
    click.echo(
        f"{name}: " + (f"{len(found)} findings" if len(found) != 1 else "1 finding") if found else f"{name}: all well"
    )
