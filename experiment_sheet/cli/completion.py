"""``experiment-sheet completion``: what a shell needs to complete commands, runs and columns."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

_PROGRAM: Final = "experiment-sheet"
_VARIABLE: Final = "_EXPERIMENT_SHEET_COMPLETE"  # as click derives it from the program's name
_SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, run_ids, names and columns.

    \b
    Example:
      experiment-sheet completion bash >> ~/.bashrc
      experiment-sheet completion zsh >> ~/.zshrc
      experiment-sheet completion fish > ~/.config/fish/completions/experiment-sheet.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has these three
    click.echo(kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
