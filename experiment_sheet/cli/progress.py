"""A progress bar for what takes longer than a second; in a terminal alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from experiment_sheet.cli.tables import console

PATIENCE: Final = 1.0
"""Seconds before a bar is shown."""


@contextmanager
def busy(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while something goes on; yields what to tell how much of how much is done, if that is known."""
    out = console(stderr=True)
    if not out.is_terminal or out.is_dumb_terminal:  # which could not take it away again
        yield lambda *_: None
        return
    from rich.progress import Progress, TimeElapsedColumn

    bar = Progress(*Progress.get_default_columns()[:3], TimeElapsedColumn(), console=out, transient=True)
    task = bar.add_task(title, total=None)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
    finally:
        timer.cancel()
        if bar.live.is_started:
            bar.stop()
