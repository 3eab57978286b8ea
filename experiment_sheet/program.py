"""The running program: its script or notebook, its command, where its code may lie."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

_said: Final[ContextVar[tuple[str, ...]]] = ContextVar("command", default=())
_said_script: Final[ContextVar[Path | None]] = ContextVar("script", default=None)


def command() -> list[str]:
    """Return the words of the command that made this process, or of what `repeated_by` says of the moment."""
    words = list(_said.get() or getattr(sys, "orig_argv", None) or sys.argv)
    words[:1] = [Path(word).name for word in words[:1]]
    return words


@contextmanager
def repeated_by(words: Sequence[str], script: Path | None = None) -> Iterator[None]:
    """Say that runs which begin in this block are each made by a command of their own, and which script it runs.

    For a program that makes many runs, one of which another command makes alone, or that watches another program.
    """
    token, script_token = _said.set(tuple(words)), _said_script.set(script)
    try:
        yield
    finally:
        _said.reset(token)
        _said_script.reset(script_token)


def script() -> Path | None:
    """Return the file of the running program or notebook; None of a console, ``-c``, an installed program."""
    main = sys.modules.get("__main__")
    named = _said_script.get() or getattr(main, "__file__", None)
    if "IPython" in sys.modules:  # VS Code tells notebooks their file, Jupyter's server tells their kernels
        named = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME") or named
    try:
        path = Path(str(named)).resolve() if named else None
        return path if path is not None and path.is_file() and not is_installed(path) else None
    except OSError:
        return None


def cells() -> str | None:
    """Return what was run so far in a notebook or IPython, a cell after the other; None elsewhere."""
    ran = getattr(sys.modules.get("__main__"), "In", None)
    if "IPython" not in sys.modules or not isinstance(ran, list):
        return None
    return "\n\n".join(f"# In [{number}]\n{cell}" for number, cell in enumerate(ran) if str(cell).strip())


def places() -> list[Path]:
    """Return where to look for the code's repository: by the script, then here."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    beside = Path(file).absolute().parent if file else None
    found = [] if beside is None or is_installed(beside) else [beside]
    folder = here()
    return found if folder is None else [*found, folder]


def here() -> Path | None:
    """Return the working folder; None if it was deleted."""
    try:
        return Path.cwd()
    except OSError:
        return None


def is_installed(path: Path) -> bool:
    """Tell what was installed (pytest, torchrun, this library) from people's own code.

    Installed programs are no one's experiment, and the folders of pyenv and Homebrew are repositories.
    """
    return any(path.is_relative_to(root) for root in _installation())


@cache
def _installation() -> frozenset[Path]:
    """Return the folders of what is installed, as they are named and as they are; asked for with every run."""
    roots = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent)
    return frozenset(roots) | {root.resolve() for root in roots}
