"""Where a run comes from: the code's commit, the machine, the person, the command. Never raises, asks nothing."""

from __future__ import annotations

import os
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Final

from experiment_sheet.machine import host_name
from experiment_sheet.masking import mask_command
from experiment_sheet.values import clean, cut

_PATIENCE: Final = 2.0  # seconds for git, which on a cold network disk may take long
_COMMAND_LIMIT: Final = 1_000


def provenance() -> dict[str, str]:
    """Return what is known of ``git``, ``host``, ``user`` and ``command``; what is not known is not in it."""
    found = {"git": git_state(), "host": host_name(), "user": _user(), "command": command_line()}
    return {key: clean(text) for key, text in found.items() if text}


def git_state(folder: Path | None = None) -> str | None:
    """Return the short commit of the code, with ``-dirty`` if tracked files differ from it.

    Of the running script's repository, else of the working folder's; None where there is none, or no git.
    """
    for place in [folder] if folder else _places():
        if state := _describe(str(place.absolute())):
            return state
    return None


def command_line() -> str:
    """Return the command that started this process, as one would type it."""
    words = list(getattr(sys, "orig_argv", None) or sys.argv)
    words[:1] = [Path(word).name for word in words[:1]]
    return cut(shlex.join(mask_command(words)), _COMMAND_LIMIT)


def _places() -> list[Path]:
    """Return where to look for the code's repository: by the script, then here."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    places = [Path(script).absolute().parent] if script else []
    # Installed programs (pytest, torchrun, our own) are no one's experiment, and pyenv and Homebrew are repositories.
    installed = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent)
    places = [place for place in places if not any(place.is_relative_to(root) for root in installed)]
    try:
        return [*places, Path.cwd()]
    except OSError:  # the working folder was deleted
        return places


@cache
def _describe(folder: str) -> str | None:
    """Ask git once per folder and process: code that runs was read before."""
    return _git(folder, "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*") or _git(
        folder, "rev-parse", "--short=7", "HEAD"
    )


def _git(folder: str, *words: str) -> str | None:
    import subprocess  # a tenth of the library's import time, needed once

    # Without locks a person's own git never finds the index locked by us; without prompts nothing ever waits.
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", folder, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            env=os.environ | quiet,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.decode(errors="replace").strip() or None


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return None
