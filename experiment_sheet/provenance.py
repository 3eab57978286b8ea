"""Where a run comes from: the code's commit, the machine, the person, the command. Never raises, asks nothing.

`provenance` is what the row holds, and cheap. `record` writes down the rest in the run folder, for who wants to
understand or repeat the run: `code` and `system`, off the caller's path.
"""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import Final

from experiment_sheet import background, git, program
from experiment_sheet.folder import RunFolder
from experiment_sheet.machine import host_name
from experiment_sheet.masking import mask_command
from experiment_sheet.values import clean, cut

_COMMAND_LIMIT: Final = 1_000


def provenance() -> dict[str, str]:
    """Return what is known of ``git``, ``host``, ``user`` and ``command``; what is not known is not in it."""
    found = {"git": git_state(), "host": host_name(), "user": user(), "command": command_line()}
    return {key: clean(text) for key, text in found.items() if text}


def record(folder: RunFolder) -> None:
    """Write ``code/`` and ``system.json`` into the run folder, in the background; `background.settle` waits for them.

    Call it when a run begins, because code is edited while it trains.
    """
    command, script = program.command(), program.script()  # now: they may be said of the moment

    def work() -> None:
        from experiment_sheet import code, system  # most runs are one row, and need neither

        code.record(folder, command, script)
        system.record(folder)

    background.start(folder.path, "recording code and system", work)


def git_state(folder: Path | None = None) -> str | None:
    """Return the short commit of the code, with ``-dirty`` if tracked files differ from it.

    Of the running script's repository, else of the working folder's; None where there is none, or no git.
    """
    for place in [folder] if folder else program.places():
        if state := _describe(str(place.absolute())):
            return state
    return None


def command_line() -> str:
    """Return the command that started this process, as one would type it."""
    return cut(shlex.join(mask_command(program.command())), _COMMAND_LIMIT)


@cache
def _describe(folder: str) -> str | None:
    """Ask git once per folder and process: code that runs was read before."""
    return git.ask(folder, "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*") or git.ask(
        folder, "rev-parse", "--short=7", "HEAD"
    )


def user() -> str | None:
    """Return who runs this; None of a container's user without a name."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
