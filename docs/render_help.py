# ruff: noqa: INP001 - a hook of mkdocs, not a package
"""Adds the page of every command's ``--help`` to the site while it is built, so that there is one source of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from experiment_sheet.cli import main

PAGE = "help.md"
COLUMNS = 90


def on_files(files: Any, config: Any) -> Any:
    """Add the page. Called by mkdocs."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, PAGE, content=rendered()))
    return files


def rendered() -> str:
    """Return the page: what each command says of itself."""
    parts = ["# Every option\n\nWhat `--help` prints. [The command line](commands.md) has the same by example.\n"]
    settings: dict[str, Any] = {**main.context_settings, "terminal_width": COLUMNS, "max_content_width": COLUMNS}
    for words, command in commands(main, "experiment-sheet"):
        context = click.Context(command, info_name=words, **settings)
        parts.append(f"\n## {words.partition(' ')[2] or words}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def commands(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and those below it, with the words that call them."""
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(command.commands[name], f"{words} {name}")
