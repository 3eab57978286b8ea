"""``experiment-sheet template``: which templates there are, what they say, and whether one of your own is sound."""

from __future__ import annotations

from pathlib import Path

import click

from experiment_sheet import template as templates
from experiment_sheet.cli.options import json_option, print_json
from experiment_sheet.errors import UsageError


@click.group()
def template() -> None:
    """Templates: what a new sheet looks like.

    \b
    Example:
      experiment-sheet template list
      experiment-sheet template show kaggle > mine.toml
      experiment-sheet template check mine.toml
    """


@template.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the templates that are shipped.

    \b
    Example:
      experiment-sheet template list
    """
    found = {name: templates.description(templates.path_of(name)) for name in templates.names()}
    if as_json:
        print_json(found)
        return
    for name, description in found.items():
        click.echo(f"{name:<15} {description}")


@template.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a template, to be changed and used as your own.

    \b
    Example:
      experiment-sheet template show default > mine.toml
    """
    if name not in templates.names():
        raise UsageError(f"there is no template {name!r}; known are {', '.join(templates.names())}")
    click.echo(templates.path_of(name).read_text(encoding="utf-8"), nl=False)


@template.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check a template FILE; every mistake is told with its line. Exit code 1: there is one.

    \b
    Example:
      experiment-sheet template check mine.toml
    """
    look, mistakes = templates.read(file)
    if as_json:
        print_json([{"line": mistake.line, "message": mistake.message} for mistake in mistakes])
    else:
        for line in templates.told(file, mistakes):
            click.echo(line)
        if not mistakes:
            click.echo(f"{file} is sound: {len(look.columns)} columns, {_overview(look.overview is not None)}")
    if mistakes:
        raise SystemExit(1)


def _overview(there: bool) -> str:
    return "an overview" if there else "no overview"
