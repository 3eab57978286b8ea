"""``experiment-sheet set RUN key=value…``: change what is known of a run, afterwards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from experiment_sheet.cli.log import Value, pair_of
from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.runs import RunName, did_you_mean, find_runs
from experiment_sheet.columns import RUN_KEYS, RunId
from experiment_sheet.errors import UnknownColumn, UsageError
from experiment_sheet.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd


@click.command(name="set")
@click.argument("words", nargs=-1, required=True, type=RunName(), metavar="RUN... [KEY=VALUE]...")
@click.option("--name", help="Another name.")
@click.option("--notes", help="Whatever you want to remember.")
@click.option("--hypothesis", help="What the run is to show.")
@click.option("--verdict", help="Did the hypothesis hold? confirmed, refuted, unclear.")
@click.option("--tags", metavar="+A,-B", help="Add and take away tags; A,B sets them.")
@click.option("--new", is_flag=True, help="Make the columns that the sheet hasn't got.")
@click.option("--overwrite", is_flag=True, help="Write over what a person typed into the sheet, too.")
@sheet_option
@json_option
def set_(sheet: str, words: tuple[str, ...], tags: str | None, new: bool, as_json: bool, **said: Any) -> None:
    """Change cells of runs: inputs, outputs, notes, tags, the name, a column of your own.

    KEY= clears a cell. What a person typed into the sheet is left alone, unless you say --overwrite. Where several runs
    are named, each gets the same.

    Exit code 1: a cell was left alone, or the change waits.

    \b
    Example:
      experiment-sheet set @last val_acc=0.94 --notes "measured again"
      experiment-sheet set old-owl-2 calm-fox-1 --tags +baseline,-draft
    """
    target = Sheet(sheet)
    frame = target.read()
    runs = find_runs(frame, [word for word in words if "=" not in word])
    values = _values(words, said)
    if not runs or not (values or tags):
        raise UsageError('name a run and what to change: set RUN KEY=VALUE, or --notes "…"')
    if not new:
        _check(frame, values)
    whole = {run: _update(target, frame, run, values, tags, overwrite=said["overwrite"]) for run in runs}
    if as_json:
        print_json({"sheet": target.name, "runs": [{"run_id": run, "whole": done} for run, done in whole.items()]})
    else:
        for run in runs:
            click.echo(run)
    sys.exit(0 if all(whole.values()) else 1)


def _values(words: Sequence[str], said: dict[str, Any]) -> dict[str, Value | None]:
    pairs = dict(pair_of(word) for word in words if "=" in word)
    values: dict[str, Value | None] = {key: None if value == "" else value for key, value in pairs.items()}
    named = {"run": said["name"], **{key: said[key] for key in ("notes", "hypothesis", "verdict")}}
    return values | {key: text or None for key, text in named.items() if text is not None}


def _check(frame: pd.DataFrame, values: dict[str, Value | None]) -> None:
    """Raise UnknownColumn for a column that is probably a slip of the finger."""
    known = [str(name) for name in frame.columns]
    for key in values:
        if key not in known and key not in RUN_KEYS:
            raise UnknownColumn(f"there is no column {key!r}{did_you_mean(key, known)} --new makes it")


def _update(
    target: Sheet,
    frame: pd.DataFrame,
    run: RunId,
    values: dict[str, Value | None],
    tags: str | None,
    *,
    overwrite: bool,
) -> bool:
    whole = target.update(run, values, overwrite=overwrite) if values else True
    if tags is None:
        return whole
    there = frame.loc[[run], "tags"].iloc[0] if "tags" in frame else None
    # What was there is part of what is written, so nothing that a person typed is lost.
    return target.update(run, {"tags": changed_tags(there, tags) or None}, overwrite=True) and whole


def changed_tags(there: object, said: str) -> str:
    """Return tags after a change: ``+a`` adds, ``-b`` takes away, plain words take the place of all."""
    words = [word.strip() for word in said.split(",") if word.strip()]
    signed = [word for word in words if word[0] in "+-"]
    if len(signed) not in (0, len(words)):
        raise UsageError(f"--tags {said!r}: either all words have + or - before them, or none")
    tags = [tag.strip() for tag in there.split(",") if tag.strip()] if isinstance(there, str) and signed else []
    for word in words:
        tag = word[1:].strip() if signed else word
        if word[0] == "-":
            tags = [other for other in tags if other != tag]
        elif tag and tag not in tags:
            tags.append(tag)
    return ", ".join(tags)
