"""``experiment-sheet show RUN``: all that is known of a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from experiment_sheet.cli.options import json_option, print_json, sheet_option
from experiment_sheet.cli.runs import RunName, find_run
from experiment_sheet.cli.tables import cell_text, console
from experiment_sheet.reproduce import known
from experiment_sheet.sheet import Sheet
from experiment_sheet.values import Link, from_json

_PARTS: Final = ("run", "outputs", "inputs", "people", "datasets", "models", "code", "system")
_FOLDED: Final = ("packages", "environment", "dtypes", "columns of")
_LONGEST: Final = 2_000  # characters of one value in a terminal; --json has them all


@click.command()
@click.argument("run", type=RunName(), metavar="RUN")
@click.option("--packages", is_flag=True, help="List packages and environment variables, too.")
@sheet_option
@json_option
def show(sheet: str, run: str, packages: bool, as_json: bool) -> None:
    """Show all that is known of a run: its row, its code, its data and models, the machine it ran on.

    \b
    Example:
      experiment-sheet show @best
    """
    target = Sheet(sheet)
    frame = target.read()
    facts = known(target, find_run(frame, run), frame)
    if as_json:
        print_json(facts)
        return
    from rich.table import Table
    from rich.text import Text

    out = console()
    for part in _PARTS:
        if not facts.get(part):
            continue
        out.print(Text(part.capitalize(), style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for key, text in _lines(facts[part], packages=packages):
            table.add_row(Text(key), Text(text))
        out.print(table)
    if folder := facts.get("folder"):
        out.print(Text(f"Everything else lies in {folder}", style="dim"))


def _lines(facts: Mapping[str, Any], *, packages: bool, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield names and texts of facts, nested ones by dotted names."""
    for key, value in facts.items():
        name = f"{above}{key}"
        plain = shlex.join(map(str, value)) if key == "command" and isinstance(value, list) else _plain(value)
        if value is None or value == "":
            continue
        if plain is not None:
            yield name, plain[:_LONGEST]
        elif isinstance(value, Mapping) and key in _FOLDED and not packages:
            yield name, f"{len(value)}; --packages lists them"
        elif isinstance(value, Mapping):
            yield from _lines(value, packages=packages, above=f"{name}.")
        elif isinstance(value, list) and value:
            yield name, "\n".join(_item(item) for item in value)


def _plain(value: object) -> str | None:
    try:
        cell = from_json(value)
    except (ValueError, TypeError):
        return None
    if isinstance(cell, Link):
        return cell.href
    return cell_text(cell) if not isinstance(cell, str) else cell


def _item(item: object) -> str:
    return ", ".join(f"{key} {text}" for key, text in item.items()) if isinstance(item, Mapping) else str(item)
