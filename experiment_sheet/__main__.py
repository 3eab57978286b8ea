"""``python -m experiment_sheet`` is ``experiment-sheet``."""

from __future__ import annotations

from experiment_sheet.cli import main

if __name__ == "__main__":
    main(prog_name="experiment-sheet")
